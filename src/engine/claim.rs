//! Plans claims: as many jobs as would start soon, read from where the last ones were found, and only while there is
//! a reason to expect any. Before a claim it plans the lookup of pauses, limits and flags when they may have changed.

use std::time::{Duration, Instant};

use super::claim_plan::{ClaimPlan, Found};
use super::claim_state::{Backlog, Demand, Lookup, RunningClaim, Scan, Shares};
use super::cursor::{Cooldown, ScanCursor};
use super::eligibility::{Eligibility, FlaggedJobs};
use super::facts::{Capacity, Now, PauseChange, Settings};
use super::gate_seen::FoundOrder;
use super::outage::{Failure, Outage, PAUSE_AFTER_ERROR};
use super::task_gates::Gated;
use super::throughput::ThroughputEstimate;
use crate::leases::LeaseTable;
use crate::store::claim::Position;
use crate::store::claimability::Claimability;

// From a thousand rows on, the fixed cost of a statement no longer matters.
pub(super) const MAX_JOBS_PER_CLAIM: usize = 1_000;
// While more jobs wait than one claim takes, the next claim starts before the last one has returned: a server with
// more than one core works on both.
const MAX_CLAIMS: usize = 2;
// Claims and outcomes share three of these: an outcome must not wait for a connection.
const MIN_CONNECTIONS_FOR_TWO_CLAIMS: u32 = 5;
// A full scan looks for the few jobs that came late without a notification ..
pub(super) const MAX_JOBS_PER_FULL_SCAN: usize = 10;
// .. and is slow where many dead index entries lie: after this time other claims continue beside it.
pub(super) const SLOW_SCAN: Duration = Duration::from_millis(20);

/// Decides when to claim, how many jobs, and from where.
#[derive(Debug)]
pub(super) struct ClaimPlanner {
    pub(super) eligibility: Eligibility,
    pub(super) throughput: ThroughputEstimate,
    running: Vec<RunningClaim>,
    lookup: Lookup,
    demand: Demand,
    /// Why there may be jobs of tasks with limits over all processes, which running claims leave out.
    left_out: Demand,
    backlog: Backlog,
    cursor: ScanCursor,
    /// No claim starts before.
    rests_until: Option<Instant>,
    outage: Outage,
}

impl ClaimPlanner {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            eligibility: Eligibility::default(),
            throughput: ThroughputEstimate::new(now),
            running: Vec::with_capacity(MAX_CLAIMS),
            lookup: Lookup::Idle,
            demand: Demand::None,
            left_out: Demand::None,
            backlog: Backlog::None,
            cursor: ScanCursor::default(),
            rests_until: None,
            outage: Outage::default(),
        }
    }

    /// Plans the lookup of pauses, limits and flags, where a claim needs it first.
    pub(super) fn next_lookup(&mut self, now: Now, capacity: Capacity, settings: &Settings) -> bool {
        let is_stale = self.eligibility.is_stale() && self.lookup != Lookup::Enough;
        let needed = is_stale && self.may_claim(now, capacity, settings).is_some();
        if needed {
            self.lookup = self.lookup.begun();
            self.eligibility.lookup_began();
        }
        needed
    }

    /// No claim can follow the last lookup now.
    pub(super) fn forget_lookup(&mut self) {
        self.lookup = self.lookup.forgotten();
    }

    /// Plans the next claim, if one may start.
    pub(super) fn next(
        &mut self,
        now: Now,
        capacity: Capacity,
        settings: &Settings,
        leases: &LeaseTable,
        lease: impl FnOnce() -> i64,
    ) -> Option<ClaimPlan> {
        let limit = self.may_claim(now, capacity, settings);
        self.forget_lookup();
        let limit = limit?;
        let from =
            if self.running.is_empty() { self.cursor.start(now.instant) } else { self.cursor.position() };
        let (limit, scan) = match (from, self.cursor.position()) {
            (Some(_), _) => (limit, Scan::FromCursor),
            (None, None) => (limit, Scan::First),
            (None, Some(_)) => (limit.min(MAX_JOBS_PER_FULL_SCAN), Scan::Full),
        };
        let gated = self.gated();
        let demand = std::mem::take(&mut self.demand);
        // What changed during the lookups has its own lookup, and a claim after it.
        if self.eligibility.is_stale() {
            self.demand = demand;
        }
        if gated == Gated::LeftOut {
            self.left_out = self.left_out.max(demand);
        }
        let filter = self.eligibility.take_filter(settings, leases, gated, now.instant);
        let (lease, flagged) = (lease(), filter.flagged);
        let is_limited = filter.tasks.iter().any(|share| share.most.is_some() || share.gate.is_some());
        let shares = if is_limited { Shares::Limited } else { Shares::Unlimited };
        self.running.push(RunningClaim { lease, limit, began: now.instant, scan, flagged, shares, gated });
        Some(ClaimPlan { lease, from, limit, filter })
    }

    /// Returns the number of jobs to claim, if a claim may start.
    fn may_claim(&self, now: Now, capacity: Capacity, settings: &Settings) -> Option<usize> {
        let limit = self.wanted(now, capacity);
        let may_start = match self.running.len() {
            0 => self.demand > Demand::None,
            running => running < MAX_CLAIMS && self.may_run_beside(now, limit, settings),
        };
        let rests = self.rests_until.is_some_and(|until| now.instant < until);
        (!self.lookup.blocks(now.instant) && !rests && may_start && limit > 0).then_some(limit)
    }

    // A second claim runs only for a full batch or during a slow full scan, and never when jobs must be counted.
    fn may_run_beside(&self, now: Now, limit: usize, settings: &Settings) -> bool {
        let full_batch = self.backlog == Backlog::Some && limit == MAX_JOBS_PER_CLAIM;
        let slow_scan = self.demand > Demand::None && self.slow_scan(now.instant).is_some();
        (full_batch || slow_scan)
            && self.eligibility.is_plain(settings)
            && self.eligibility.any_without_gate(settings)
            && self.cursor.position().is_some()
            && settings.connections >= MIN_CONNECTIONS_FOR_TWO_CLAIMS
    }

    // Jobs are not claimed ahead in small portions: either a slot is free, or half of the prefetch is used up.
    fn wanted(&self, now: Now, capacity: Capacity) -> usize {
        let prefetch = self.throughput.prefetch_size();
        let expected = self.expected(now.instant);
        let taken = capacity.active + expected;
        let room = (capacity.concurrency + prefetch).saturating_sub(taken);
        let is_worth_it = capacity.free_slots() > 0 || room * 2 >= prefetch.max(1);
        let left = capacity.claims_left.saturating_sub(expected);
        if is_worth_it { room.min(MAX_JOBS_PER_CLAIM).min(left) } else { 0 }
    }

    /// How many jobs the running claims are about to bring. A slow full scan brings its few later.
    fn expected(&self, now: Instant) -> usize {
        let asked: usize = self.running.iter().map(|claim| claim.limit).sum();
        asked - self.slow_scan(now).map_or(0, |claim| claim.limit)
    }

    fn slow_scan(&self, now: Instant) -> Option<&RunningClaim> {
        self.running.iter().find(|claim| claim.scan == Scan::Full && now >= claim.began + SLOW_SCAN)
    }

    pub(super) fn looked_up(&mut self, found: Claimability) -> PauseChange {
        self.lookup = if self.eligibility.is_stale() { self.lookup.outrun() } else { Lookup::Idle };
        self.eligibility.looked_up(found)
    }

    pub(super) fn lookup_failed(&mut self, now: Now) -> Failure {
        self.lookup = Lookup::Paused(now.instant + PAUSE_AFTER_ERROR);
        self.eligibility.outdated();
        self.outage.failed(now.instant, PAUSE_AFTER_ERROR)
    }

    /// Ends a claim that succeeded. Returns `true` if claims had failed before.
    pub(super) fn claimed(&mut self, lease: i64, found: &Found, now: Now) -> bool {
        let Some(claim) = self.remove(lease) else { return false };
        if claim.scan != Scan::FromCursor {
            self.cursor.full_scan_ended(now.instant, found.took);
        }
        let is_full = found.jobs == claim.limit;
        if is_full {
            self.expect();
        }
        self.backlog = if is_full { Backlog::Some } else { Backlog::None };
        self.rests_until =
            self.eligibility.rest_after(found.took).filter(|_| !is_full).map(|r| now.instant + r);
        let passed_over = claim.shares == Shares::Limited && found.jobs > 0;
        for gate in &found.gates {
            self.eligibility.gates.seen(gate, claim.limit, found.order, found.took, now);
        }
        let more_flagged = is_full || found.flagged == FlaggedJobs::Some || passed_over;
        if claim.flagged == FlaggedJobs::Some && more_flagged {
            self.eligibility.expect_flagged();
        }
        if found.order == FoundOrder::ByPosition {
            self.cursor.advance(found.first, now.utc);
        }
        self.outage.recovered()
    }

    /// Ends a claim whose reply was lost. What it took in the database must be reclaimed.
    pub(super) fn failed(&mut self, lease: i64, now: Now) -> Failure {
        self.remove(lease);
        self.backlog = Backlog::None;
        self.announce(None);
        self.outage.failed(now.instant, PAUSE_AFTER_ERROR)
    }

    fn remove(&mut self, lease: i64) -> Option<RunningClaim> {
        let place = self.running.iter().position(|claim| claim.lease == lease)?;
        let claim = self.running.swap_remove(place);
        if claim.gated == Gated::Included {
            self.demand = self.demand.max(std::mem::take(&mut self.left_out));
        }
        Some(claim)
    }

    // Two claims would find each other's gates locked, and have one cursor.
    fn gated(&self) -> Gated {
        let is_taken = self.running.iter().any(|claim| claim.gated == Gated::Included);
        if is_taken { Gated::LeftOut } else { Gated::Included }
    }

    /// Jobs may be found from this position on, or anywhere.
    pub(super) fn announce(&mut self, from: Option<Position>) {
        self.expect();
        self.cursor.announce(from);
        self.eligibility.gates.announce(from);
        if from.is_none() {
            self.eligibility.outdated();
        }
    }

    /// A job of a task that has a limit over all processes has ended in one of them.
    pub(super) fn task_slot_freed(&mut self, task: &str) {
        if self.eligibility.gates.slot_freed(task) {
            self.gates_opened();
        }
    }

    /// Tries tasks again whose limits may let jobs through by now.
    pub(super) fn open_due_gates(&mut self, now: Instant) {
        if self.eligibility.gates.open_due(now) {
            self.gates_opened();
        }
    }

    fn gates_opened(&mut self) {
        self.expect();
        self.eligibility.limit_freed();
    }

    /// Jobs that claims passed over, because their task was at its limit, may be claimed now.
    pub(super) fn limit_freed(&mut self) {
        self.gates_opened();
        self.cursor.announce(None);
    }

    /// There may be jobs to claim, and none of them before the cursor.
    pub(super) fn expect(&mut self) {
        self.demand = Demand::Expected;
    }

    /// Jobs with flags may be ready. Their index has no cursor.
    pub(super) fn flagged_ready(&mut self) {
        self.eligibility.outdated();
        self.expect();
    }

    /// Looks for jobs that were not announced.
    pub(super) fn poll(&mut self, cooldown: Cooldown) {
        self.demand = self.demand.max(Demand::Polled);
        self.cursor.request_full_scan(cooldown);
        self.eligibility.gates.poll(cooldown);
        self.eligibility.outdated();
    }

    /// Where ready jobs begin, as far as is known.
    pub(super) fn position(&self) -> Option<Position> {
        self.cursor.position()
    }

    /// Returns `true` while neither a claim nor a lookup runs.
    pub(super) fn is_idle(&self) -> bool {
        self.running.is_empty() && !self.lookup.is_running()
    }

    /// Returns `true` if no ready job is known to wait.
    pub(super) fn expects_none(&self) -> bool {
        self.is_idle() && self.demand == Demand::None && !self.eligibility.gates.wait_for_a_row()
    }

    /// Returns `true` if a poll is the only reason for the next claim, whose lookup is still to come.
    pub(super) fn is_only_polled(&self) -> bool {
        self.demand == Demand::Polled && !self.lookup.has_run()
    }

    /// The next time at which a claim may become possible without an input.
    pub(super) fn wake_at(&self) -> impl Iterator<Item = Instant> + '_ {
        let slow = self.running.iter().filter(|claim| claim.scan == Scan::Full);
        let slow = slow.map(|claim| claim.began + SLOW_SCAN);
        slow.chain(self.lookup.paused_until()).chain(self.rests_until).chain(self.eligibility.gates.wake_at())
    }
}
