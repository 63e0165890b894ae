//! Claiming: asks for as many jobs as would start soon, from where the last ones were found, and only while there is
//! reason to believe that there are any.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{AsyncContext, Context, WrapFuture, fut::ActorFutureExt};
use diesel::pg::PgConnection;

use super::choice::{Asked, Choice};
use super::low_water::LowWater;
use super::pace::Pace;
use super::{Mode, QueueActor};
use crate::actors::payload::fetch_and_supply;
use crate::error::StoreError;
use crate::store::Lane;
use crate::store::claim::{ClaimRequest, ClaimedJob, Mark, claim};
use crate::store::settle::take_back_lease;

// A thousand rows a statement is where its fixed cost stops to matter.
const MOST_A_CLAIM: usize = 1_000;
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(500);
// A job that nobody started for this long is better off with another process.
const STALE_AFTER: Duration = Duration::from_millis(250);
const LOOK_FOR_STALE_EVERY: Duration = Duration::from_millis(100);

pub(super) struct ClaimLane {
    pub(super) choice: Choice,
    pub(super) busy: bool,
    /// Whether there may be jobs to claim.
    hungry: bool,
    /// Whether a poll is the only reason.
    only_polled: bool,
    water: LowWater,
    /// Leases whose claim failed and which are being taken back, in case it had succeeded.
    taking_back: usize,
    failing: bool,
    watching_tray: bool,
    pub(super) pace: Pace,
}

impl ClaimLane {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            choice: Choice::default(),
            busy: false,
            hungry: false,
            only_polled: false,
            water: LowWater::default(),
            taking_back: 0,
            failing: false,
            watching_tray: false,
            pace: Pace::new(now),
        }
    }

    /// Whether no claim is under way whose jobs, or whose lost answer, would still have to be given back.
    pub(super) fn is_idle(&self) -> bool {
        !self.busy && self.taking_back == 0
    }

    /// Where the next scan starts.
    pub(super) fn mark(&self) -> Option<Mark> {
        self.water.mark()
    }

    /// Whether no job is known to wait.
    pub(super) fn expects_nothing(&self) -> bool {
        self.is_idle() && !self.hungry
    }

    /// Jobs may be found from this mark on, or anywhere.
    pub(super) fn announce(&mut self, mark: Option<Mark>) {
        self.expect_some();
        self.water.announce(mark);
        self.choice.look |= mark.is_none();
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
    pub(super) fn poll(&mut self) {
        let for_nothing_else = !self.hungry;
        self.announce(None);
        self.only_polled = for_nothing_else;
    }
}

/// What a claim found.
struct Found {
    jobs: usize,
    first: Option<Mark>,
    /// Whether any had flags.
    flagged: bool,
    /// Whether they came in another order than that of the marks.
    lifted: bool,
    /// Whether their payloads could not be fetched, perhaps because the connection was lost.
    in_doubt: bool,
}

impl Found {
    fn new(claimed: &[ClaimedJob]) -> Self {
        Self {
            jobs: claimed.len(),
            first: claimed.first().map(ClaimedJob::mark),
            flagged: claimed.iter().any(|job| job.flagged),
            lifted: claimed.iter().any(|job| job.lifted),
            in_doubt: false,
        }
    }
}

impl QueueActor {
    /// How many leased jobs are running or about to.
    fn active(&self) -> usize {
        (self.core.leases.count() + self.enqueues.starting).saturating_sub(self.settles.unsettled())
    }

    /// How many more jobs could start at once.
    pub(super) fn free_slots(&self) -> usize {
        self.core.config.concurrency.saturating_sub(self.active())
    }

    // Nothing is claimed ahead in small portions: either a slot is free, or half of the prefetch is used up.
    fn wanted(&self) -> usize {
        let ahead = self.claims.pace.ahead();
        let room = (self.core.config.concurrency + ahead).saturating_sub(self.active());
        let worth_it = self.free_slots() > 0 || room * 2 >= ahead.max(1);
        if worth_it { room.min(MOST_A_CLAIM) } else { 0 }
    }

    // At rest the claim of a poll comes after the round at the gates: one connection does for both. The end of the round
    // starts it, however the round ends.
    fn claim_can_wait(&self) -> bool {
        let at_rest = self.core.leases.count() == 0 && self.enqueues.is_idle();
        self.claims.only_polled && self.gates.busy && at_rest
    }

    pub(super) fn start_claim(&mut self, ctx: &mut Context<Self>) {
        if !self.claims.is_idle() || self.mode != Mode::Active || !self.claims.hungry || self.claim_can_wait()
        {
            return;
        }
        let limit = self.wanted();
        if limit == 0 {
            return;
        }
        let (lease, worker_id) = (fastrand::i64(1..), self.core.worker_id());
        let mark = self.claims.water.start(Instant::now());
        self.claims.busy = true;
        self.claims.hungry = false;
        let (choice, core) = (self.claims.choice.take(), Arc::clone(&self.core));
        let work = async move {
            let Asked { tasks, wide, choice } = choice.ask(&core).await?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let request = ClaimRequest { worker_id, lease, mark, limit, tasks, wide };
            let store = core.store.clone();
            // Jobs are handed on by the blocking thread, which saves the wake-up of this one on their way, and which runs to
            // its end: were the queue to die meanwhile, none would be lost.
            let claim_and_supply = move |conn: &mut PgConnection| {
                let claimed = claim(conn, &request)?;
                let mut found = Found::new(&claimed);
                let leased = core.open(claimed, lease);
                found.in_doubt = fetch_and_supply(conn, &core, leased, lease).is_err();
                Ok(found)
            };
            let found =
                store.run_with_doubts(Lane::Relaxed, claim_and_supply, |found| found.in_doubt).await?;
            Ok((found, choice))
        };
        ctx.spawn(work.into_actor(self).map(move |claimed: Result<_, StoreError>, queue, ctx| {
            queue.claims.busy = false;
            match claimed {
                Ok((found, choice)) => queue.claimed(&found, choice, limit, ctx),
                Err(error) => queue.claim_failed(&error, lease, ctx),
            }
            queue.pump(ctx);
        }));
    }

    fn claimed(&mut self, found: &Found, choice: Choice, limit: usize, ctx: &mut Context<Self>) {
        if std::mem::take(&mut self.claims.failing) {
            log::info!("claiming jobs again");
        }
        // A full batch means that there may be more.
        let full = found.jobs == limit;
        self.claims.hungry |= full;
        let more_flagged = choice.flagged && (full || found.flagged);
        self.claims.choice.learn(choice, more_flagged);
        if !found.lifted {
            self.claims.water.advance(found.first);
        }
        self.watch_tray(ctx);
    }

    fn claim_failed(&mut self, error: &StoreError, lease: i64, ctx: &mut Context<Self>) {
        if !std::mem::replace(&mut self.claims.failing, true) {
            log::error!("cannot claim jobs, trying again: {error}");
        }
        self.claims.announce(None);
        self.take_back(lease, ctx);
    }

    /// The answer to a statement that leases jobs may have been lost after the database had committed: what it took is
    /// taken back, however long the database is away, and nothing is claimed before that.
    pub(super) fn take_back(&mut self, lease: i64, ctx: &mut Context<Self>) {
        self.claims.taking_back += 1;
        let (store, worker_id) = (self.core.store.clone(), self.core.worker_id());
        let take_back = async move {
            actix_rt::time::sleep(PAUSE_AFTER_ERROR).await;
            store.run(Lane::Relaxed, move |conn| take_back_lease(conn, worker_id, lease)).await
        };
        ctx.spawn(take_back.into_actor(self).map(move |taken, queue, ctx| {
            queue.claims.taking_back -= 1;
            match taken {
                Ok(taken) => {
                    if taken > 0 {
                        queue.claims.announce(None);
                    }
                    queue.pump(ctx);
                }
                Err(_) => queue.take_back(lease, ctx),
            }
        }));
    }

    pub(super) fn watch_tray(&mut self, ctx: &mut Context<Self>) {
        if self.claims.watching_tray || self.core.tray.len() == 0 {
            return;
        }
        self.claims.watching_tray = true;
        ctx.run_later(LOOK_FOR_STALE_EVERY, |queue, ctx| {
            queue.claims.watching_tray = false;
            let stale = queue.core.tray.take_stale(STALE_AFTER);
            if !stale.is_empty() {
                queue.claims.pace.reset(Instant::now());
                queue.settles.waiting.extend(stale);
                queue.pump(ctx);
            }
            queue.watch_tray(ctx);
        });
    }
}
