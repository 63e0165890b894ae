//! Claiming: asks for as many jobs as would start soon, from where the last ones were found, and only while there is
//! reason to believe that there are any.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{AsyncContext, Context, WrapFuture, fut::ActorFutureExt};
use diesel::pg::PgConnection;

use super::choice::{Asked, Choice};
use super::full_looks::Rest;
use super::low_water::LowWater;
use super::pace::Pace;
use super::{Mode, QueueActor};
use crate::actors::payload::fetch_and_offer;
use crate::error::StoreError;
use crate::store::Durability;
use crate::store::claim::{ClaimRequest, ClaimedJob, Position, claim};
use crate::store::claimability::claimability;

// A thousand rows a statement is where its fixed cost stops to matter.
const MOST_A_CLAIM: usize = 1_000;
// While there are more jobs than one claim takes, the next begins before the last has come: a server with more than one
// CPU works on both.
const MOST_CLAIMS: usize = 2;
// Three of them serve claims and outcomes: an outcome must not wait for a connection.
const CONNECTIONS_FOR_TWO_CLAIMS: u32 = 5;
// A scan from the very beginning looks for the few that came late and were not announced ..
const MOST_A_FULL_SCAN: usize = 10;
// .. and where many dead entries are there it takes long: then other claims go on beside it.
const LONG_SCAN: Duration = Duration::from_millis(20);
pub(super) const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(500);

pub(super) struct ClaimLane {
    pub(super) choice: Choice,
    /// How many claims are under way.
    under_way: usize,
    /// How many jobs they may bring.
    asked: usize,
    /// Since when one of them scans from the very beginning though there is a mark, and how many jobs it may bring.
    full_scan: Option<(Instant, usize)>,
    /// Whether something else is done in the place of claims, which wait for its end.
    pub(super) closed: bool,
    /// Whether there may be jobs to claim.
    hungry: bool,
    /// Whether the last claim took as many as it might: then there are more, as it seems.
    more_waits: bool,
    /// Whether a poll is the only reason.
    only_polled: bool,
    water: LowWater,
    /// Leases whose claim failed and which are being taken back, in case it had succeeded.
    pub(super) taking_back: usize,
    failing: bool,
    pub(super) watching_prefetch: bool,
    pub(super) pace: Pace,
}

impl ClaimLane {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            choice: Choice::default(),
            under_way: 0,
            asked: 0,
            full_scan: None,
            closed: false,
            hungry: false,
            more_waits: false,
            only_polled: false,
            water: LowWater::default(),
            taking_back: 0,
            failing: false,
            watching_prefetch: false,
            pace: Pace::new(now),
        }
    }

    /// Whether no claim is under way whose jobs, or whose lost answer, would still have to be given back.
    pub(super) fn is_idle(&self) -> bool {
        self.under_way == 0 && !self.closed && self.taking_back == 0
    }

    fn long_scan(&self) -> Option<usize> {
        self.full_scan.filter(|(began, _)| began.elapsed() > LONG_SCAN).map(|(_, asked)| asked)
    }

    /// How many jobs are about to come.
    fn expected(&self) -> usize {
        self.asked - self.long_scan().unwrap_or_default()
    }

    // The first of several is told.
    fn log_failure(&mut self, error: &StoreError) {
        if !std::mem::replace(&mut self.failing, true) {
            log::error!("cannot claim jobs, trying again: {error}");
        }
    }

    /// Where jobs begin, as far as is known.
    pub(super) fn position(&self) -> Option<Position> {
        self.water.position()
    }

    /// Whether no job is known to wait.
    pub(super) fn expects_nothing(&self) -> bool {
        self.is_idle() && !self.hungry
    }

    /// Jobs may be found from this mark on, or anywhere.
    pub(super) fn announce(&mut self, position: Option<Position>) {
        self.expect_some();
        self.water.announce(position);
        self.choice.look |= position.is_none();
    }

    /// There may be jobs, and none before the mark.
    pub(super) fn expect_some(&mut self) {
        self.hungry = true;
        self.only_polled = false;
    }

    /// Jobs that were left alone may be claimed now, wherever they are.
    pub(super) fn announce_passed_over(&mut self) {
        self.expect_some();
        self.water.announce(None);
    }

    /// Nobody has told of jobs that were not found, and still some may be there.
    pub(super) fn poll(&mut self, rest: Rest) {
        let for_nothing_else = !self.hungry;
        self.expect_some();
        self.water.doubt(rest);
        self.choice.look = true;
        self.only_polled = for_nothing_else;
    }
}

/// What a claim found.
struct Found {
    jobs: usize,
    first: Option<Position>,
    /// Whether any had flags.
    flagged: bool,
    /// Whether they came in another order than that of the marks.
    aged: bool,
    /// Whether their payloads could not be fetched, perhaps because the connection was lost.
    in_doubt: bool,
    /// How long the claim took, without its payloads.
    took: Duration,
}

impl Found {
    fn new(claimed: &[ClaimedJob], took: Duration) -> Self {
        Self {
            jobs: claimed.len(),
            first: claimed.first().map(ClaimedJob::position),
            flagged: claimed.iter().any(|job| job.flagged),
            aged: claimed.iter().any(|job| job.aged),
            in_doubt: false,
            took,
        }
    }
}

impl QueueActor {
    /// How many leased jobs are running or about to.
    fn active(&self) -> usize {
        (self.shared.leases.count() + self.enqueues.starting).saturating_sub(self.settles.unsettled())
    }

    /// How many more jobs could start at once.
    pub(super) fn free_slots(&self) -> usize {
        self.shared.config.concurrency.saturating_sub(self.active())
    }

    // Nothing is claimed ahead in small portions: either a slot is free, or half of the prefetch is used up.
    fn wanted(&self) -> usize {
        let ahead = self.claims.pace.ahead();
        let room =
            (self.shared.config.concurrency + ahead).saturating_sub(self.active() + self.claims.expected());
        let worth_it = self.free_slots() > 0 || room * 2 >= ahead.max(1);
        if worth_it { room.min(MOST_A_CLAIM) } else { 0 }
    }

    // At rest the claim of a poll comes after the round at the gates: one connection does for both. The end of the round
    // starts it, however the round ends.
    fn claim_can_wait(&self) -> bool {
        let at_rest = self.shared.leases.count() == 0 && self.enqueues.is_idle();
        self.claims.only_polled && self.gates.busy && at_rest
    }

    pub(super) fn start_claim(&mut self, ctx: &mut Context<Self>) {
        while self.start_one_claim(ctx) {}
    }

    // Beside another one only a claim that asks for a full batch, or that would have to wait for a long scan; and of jobs
    // that nobody has to count first.
    fn may_claim(&self, limit: usize) -> bool {
        let claims = &self.claims;
        let config = &self.shared.config;
        let plain = claims.choice.is_plain() && config.task_limits.is_empty() && config.age_every.is_none();
        let worth_it =
            (claims.more_waits && limit == MOST_A_CLAIM) || (claims.hungry && claims.long_scan().is_some());
        let beside = (1..MOST_CLAIMS).contains(&claims.under_way)
            && plain
            && worth_it
            && claims.water.position().is_some()
            && config.pool_size >= CONNECTIONS_FOR_TWO_CLAIMS;
        let alone = claims.under_way == 0 && claims.hungry && !self.claim_can_wait();
        let open = !claims.closed && claims.taking_back == 0 && self.mode == Mode::Active;
        open && limit > 0 && (alone || beside)
    }

    fn start_one_claim(&mut self, ctx: &mut Context<Self>) -> bool {
        let limit = self.wanted();
        if !self.may_claim(limit) {
            return false;
        }
        if self.claims.choice.look {
            self.start_look(ctx);
            return false;
        }
        let (lease, worker_id) = (fastrand::i64(1..), self.shared.worker_id());
        let beside = self.claims.under_way > 0;
        let water = &mut self.claims.water;
        let now = Instant::now();
        let position = if beside { water.position() } else { water.start(now) };
        let full_scan = position.is_none() && water.position().is_some();
        let limit = if full_scan { limit.min(MOST_A_FULL_SCAN) } else { limit };
        self.claims.under_way += 1;
        self.claims.asked += limit;
        self.claims.full_scan = self.claims.full_scan.or(full_scan.then_some((now, limit)));
        self.claims.hungry = false;
        if full_scan {
            ctx.run_later(LONG_SCAN, Self::pump);
        }
        let (choice, shared) = (self.claims.choice.take(), Arc::clone(&self.shared));
        let work = async move {
            let (flagged, Asked { tasks, filtered }) = (choice.flagged, choice.ask(&shared).await);
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let request = ClaimRequest { worker_id, lease, position, limit, tasks, filtered };
            let store = shared.store.clone();
            // Jobs are handed on by the blocking thread, which saves the wake-up of this one on their way, and which runs to
            // its end: were the queue to die meanwhile, none would be lost.
            let claim_and_offer = move |conn: &mut PgConnection| {
                let began = Instant::now();
                let claimed = claim(conn, &request)?;
                let mut found = Found::new(&claimed, began.elapsed());
                let leased = shared.open(claimed, lease);
                found.in_doubt = fetch_and_offer(conn, &shared, leased, lease).is_err();
                Ok(found)
            };
            let found =
                store.run_checked(Durability::Relaxed, claim_and_offer, |found| found.in_doubt).await?;
            Ok((found, flagged))
        };
        ctx.spawn(work.into_actor(self).map(move |claimed: Result<_, StoreError>, queue, ctx| {
            queue.claims.under_way -= 1;
            queue.claims.asked -= limit;
            if full_scan {
                queue.claims.full_scan = None;
            }
            match claimed {
                Ok((found, flagged)) => {
                    if position.is_none() {
                        queue.claims.water.full_scan_took(Instant::now(), found.took);
                    }
                    queue.claimed(&found, flagged, limit, ctx);
                }
                Err(error) => queue.claim_failed(&error, lease, ctx),
            }
            queue.pump(ctx);
        }));
        true
    }

    // What may have changed since the last claim is looked up before the next.
    fn start_look(&mut self, ctx: &mut Context<Self>) {
        self.claims.closed = true;
        self.claims.choice.look = false;
        let store = self.shared.store.clone();
        let look = async move {
            let found = store.run(Durability::Relaxed, claimability).await;
            if found.is_err() {
                actix_rt::time::sleep(PAUSE_AFTER_ERROR).await;
            }
            found
        };
        ctx.spawn(look.into_actor(self).map(|found, queue, ctx| {
            queue.claims.closed = false;
            match found {
                Ok(found) => queue.claims.choice.learn(found),
                Err(error) => {
                    queue.claims.log_failure(&error);
                    queue.claims.choice.look = true;
                }
            }
            queue.pump(ctx);
        }));
    }

    fn claimed(&mut self, found: &Found, flagged: bool, limit: usize, ctx: &mut Context<Self>) {
        if std::mem::take(&mut self.claims.failing) {
            log::info!("claiming jobs again");
        }
        // A full batch means that there may be more.
        let full = found.jobs == limit;
        self.claims.hungry |= full;
        self.claims.more_waits = full;
        self.claims.choice.flagged |= flagged && (full || found.flagged);
        if !found.aged {
            self.claims.water.advance(found.first);
        }
        self.watch_prefetch(ctx);
    }

    fn claim_failed(&mut self, error: &StoreError, lease: i64, ctx: &mut Context<Self>) {
        self.claims.log_failure(error);
        self.claims.more_waits = false;
        self.claims.announce(None);
        self.take_back(lease, ctx);
    }
}
