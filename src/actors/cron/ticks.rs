//! The rounds of the CronActor: what is marked is planned, what is due is fired, and what could not be fired is tried again by
//! itself. A round that fails as a whole is the caller's to repeat.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::announce;
use super::holders::announce_late;
use super::registration::{MAX_SLEEP, Registration};
use crate::cron::{ClockMove, LateSchedules, Watch};
use crate::error::StoreError;
use crate::shared::Shared;
use crate::store::Durability;
use crate::store::schedules::{
    CheckedPage, Fired, LateFire, Look, Planned, Which, Work, check_next_fires, fire_due, held_rows, look,
    plan_marked, still_waiting,
};

// While another process fires what is due here too, the next tick follows after this time, then after twice this time.
const MIN_PAUSE: Duration = Duration::from_millis(25);
const MAX_PAUSE: Duration = Duration::from_secs(1);
// How many schedules one transaction fires, so that none holds its locks for long.
const MAX_SCHEDULES_AT_ONCE: i64 = 500;
// Between two portions of these, what is due now is fired.
const MAX_MAKING_UP_AT_ONCE: i64 = 5;
// Each may wait a moment for its lock, and what is due now waits behind them.
const MAX_LATE_AT_ONCE: usize = 4;

// A tick that failed after a longer time was not held up by a lock: the machine slept.
const MAX_SPENT: Duration = Duration::from_secs(8);

/// Fires whatever is due, again and again.
pub(super) struct Ticks {
    shared: Arc<Shared>,
    /// The names of the program's crontab lines.
    lines: Arc<[String]>,
    registration: Registration,
    /// When to look again for what another process is firing.
    pause: Duration,
    watch: Watch,
    last_look: Instant,
    late: LateSchedules,
    check: Check,
}

/// Whether the stored next fires are to be compared with what this program computes: once after its start, and after the clock was
/// turned back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Check {
    /// Those after this id are.
    From(i64),
    Done,
}

/// What one round did.
struct Round {
    planned: Planned,
    fired: Vec<Fired>,
    look: Look,
}

impl Ticks {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let lines = shared.config.lines().into();
        Self {
            shared,
            lines,
            registration: Registration::default(),
            pause: MIN_PAUSE,
            watch: Watch::default(),
            last_look: Instant::now(),
            late: LateSchedules::default(),
            check: Check::From(0),
        }
    }

    /// Fires whatever is due. Returns how long nothing will be.
    pub(super) async fn next(&mut self) -> Result<Duration, StoreError> {
        self.registration.store(&self.shared, Instant::now()).await?;
        let mut look = self.look().await?;
        while look.work == Work::Now {
            let round = self.round().await?;
            let is_done =
                round.planned.count == 0 && round.fired.iter().all(|fired| fired.handled.is_empty());
            look = round.look;
            self.report(&round);
            if is_done {
                break;
            }
        }
        self.check_some().await?;
        self.try_late().await?;
        if look.work == Work::Now {
            self.find_held_rows().await?;
        }
        let news = self.late.news(Instant::now());
        if !news.is_empty() {
            actix_rt::spawn(announce_late(Arc::clone(&self.shared), news));
        }
        Ok(self.rest(&look))
    }

    /// Records how long the actor rests before the next tick.
    pub(super) fn rests(&mut self, rest: Duration) {
        self.watch.rests(rest);
    }

    /// Records that a tick failed, and when the next one follows. A database that replied was there, and so was this scheduler.
    pub(super) fn failed(&mut self, error: &StoreError, spent: Duration) {
        // Where no connection was lost, the pool was only busy.
        if error.is_reply() || !self.shared.store.lost_a_connection_since(self.last_look) {
            self.watch.rests(spent.min(MAX_SPENT));
        } else {
            self.watch.ended();
        }
    }

    // A query writes nothing, and a scheduler at rest makes it on the connection that it has.
    async fn look(&mut self) -> Result<Look, StoreError> {
        let (lines, late) = (Arc::clone(&self.lines), self.late.ids());
        let found = self.shared.store.run(Durability::Relaxed, move |conn| look(conn, &lines, &late)).await?;
        self.saw(&found);
        Ok(found)
    }

    fn saw(&mut self, look: &Look) {
        self.last_look = Instant::now();
        if self.watch.looked(look.now) == ClockMove::Back {
            log::warn!(
                "the database's clock was turned back: the next fires of all schedules are found again"
            );
            self.check = Check::From(0);
        }
        if look.work == Work::Paused {
            self.watch.ended();
        }
    }

    async fn round(&mut self) -> Result<Round, StoreError> {
        let (lines, late, watch) = (Arc::clone(&self.lines), self.late.ids(), self.watch);
        let round = self.shared.store.run(Durability::Durable, move |conn| {
            let planned = plan_marked(conn, &lines, &late, MAX_SCHEDULES_AT_ONCE)?;
            let which = [
                Which::Now { except: &late },
                Which::Behind { except: &late },
                Which::MakingUp { except: &late },
            ];
            let limits = [MAX_SCHEDULES_AT_ONCE, MAX_SCHEDULES_AT_ONCE, MAX_MAKING_UP_AT_ONCE];
            let fired = which.into_iter().zip(limits);
            let fired = fired.map(|(which, limit)| fire_due(conn, &lines, which, &watch, limit));
            Ok(Round { planned, fired: fired.collect::<Result<_, _>>()?, look: look(conn, &lines, &late)? })
        });
        let round = round.await?;
        self.saw(&round.look);
        Ok(round)
    }

    /// Compares some stored next fires with what this program computes.
    async fn check_some(&mut self) -> Result<(), StoreError> {
        let Check::From(after) = self.check else { return Ok(()) };
        let lines = Arc::clone(&self.lines);
        let page = self.shared.store.run(Durability::Durable, move |conn| {
            check_next_fires(conn, &lines, after, MAX_SCHEDULES_AT_ONCE)
        });
        let CheckedPage { mended, last_id } = page.await?;
        announce::mended(&mended);
        self.check = last_id.map_or(Check::Done, Check::From);
        Ok(())
    }

    /// Tries some of the late schedules again.
    async fn try_late(&mut self) -> Result<(), StoreError> {
        let ids = self.late.due(Instant::now(), MAX_LATE_AT_ONCE);
        if ids.is_empty() {
            return Ok(());
        }
        let others: Vec<i64> = self.late.ids().into_iter().filter(|id| !ids.contains(id)).collect();
        let (lines, tried, watch) = (Arc::clone(&self.lines), ids.clone(), self.watch);
        let (round, waiting) = self
            .shared
            .store
            .run(Durability::Durable, move |conn| {
                let planned = plan_marked(conn, &lines, &others, MAX_SCHEDULES_AT_ONCE)?;
                let fired =
                    fire_due(conn, &lines, Which::Late { ids: &tried }, &watch, MAX_SCHEDULES_AT_ONCE)?;
                let waiting = still_waiting(conn, &tried)?;
                Ok((Round { planned, fired: vec![fired], look: look(conn, &lines, &tried)? }, waiting))
            })
            .await?;
        self.saw(&round.look);
        self.report(&round);
        let failed: Vec<i64> = round.late().map(|late| late.id).collect();
        for id in waiting.iter().filter(|id| !failed.contains(id)) {
            self.late.still_held(*id, Instant::now());
        }
        let ended = ids.into_iter().filter(|id| !waiting.contains(id)).filter_map(|id| self.late.ended(id));
        announce::late_no_more(&ended.collect::<Vec<_>>());
        Ok(())
    }

    /// Finds the schedules that are due and whose rows another transaction holds.
    async fn find_held_rows(&mut self) -> Result<(), StoreError> {
        let (lines, late) = (Arc::clone(&self.lines), self.late.ids());
        let found =
            self.shared.store.run(Durability::Relaxed, move |conn| held_rows(conn, &lines, &late)).await?;
        self.fell_behind(&found);
        Ok(())
    }

    fn fell_behind<'a>(&mut self, late: impl IntoIterator<Item = &'a LateFire>) {
        for LateFire { id, name, reason } in late {
            self.late.failed(*id, name, reason, Instant::now());
        }
    }

    fn report(&mut self, round: &Round) {
        announce::faulty(&round.planned.faulty);
        for fired in &round.fired {
            announce::faulty(&fired.faulty);
            announce::left_out(&fired.left_out);
            announce::fires(&self.shared, fired);
        }
        self.fell_behind(round.late());
    }

    /// How long nothing is to do. What another process fires is looked for again, less often each time.
    fn rest(&mut self, look: &Look) -> Duration {
        if self.check != Check::Done {
            return Duration::ZERO;
        }
        let now = Instant::now();
        let mut rest = look.until_next.unwrap_or(MAX_SLEEP).min(self.registration.until_next(now));
        rest = rest.min(self.late.until_next(now).unwrap_or(MAX_SLEEP));
        if look.work != Work::Now {
            self.pause = MIN_PAUSE;
            return rest;
        }
        let pause = self.pause;
        self.pause = (pause * 2).min(MAX_PAUSE);
        rest.min(pause)
    }
}

impl Round {
    fn late(&self) -> impl Iterator<Item = &LateFire> {
        self.planned.late.iter().chain(self.fired.iter().flat_map(|fired| &fired.late))
    }
}
