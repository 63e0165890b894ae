//! The gates: admits parked jobs of queues that have room, promotes scheduled jobs when they are due, and polls. Due
//! times are timers; a poll is only the safety net.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use actix::{AsyncContext, Context, SpawnHandle, WrapFuture, fut::ActorFutureExt};
use diesel::pg::PgConnection;

use super::full_looks::{self, FullLooks};
use super::low_water::ParkedMarks;
use super::{Mode, QueueActor};
use crate::actors::locked;
use crate::error::StoreError;
use crate::store::Lane;
use crate::store::admit::{Admission, Promotion, admit, promote, queues_with_parked_jobs, wake};
use crate::store::claim::Mark;
use crate::store::enqueue::Added;

const MOST_PROMOTED: i64 = 1_000;
// A job whose enqueue committed after it was due: this is how late it may be and still be found at once. For those that
// came later still there are full looks.
const SLACK: Duration = Duration::from_millis(500);
const MOST_QUEUES: usize = 1_000;
// Another session is admitting to the same queue, which takes it a millisecond.
const PAUSE_WHEN_BUSY: Duration = Duration::from_millis(5);
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(500);
// While notifications cannot be received, polls are how jobs of other processes are found.
const POLL_WITHOUT_LISTEN: Duration = Duration::from_secs(1);

#[derive(Default)]
pub(super) struct GateLane {
    /// Queues that may have room for a parked job.
    pub(super) to_admit: BTreeSet<String>,
    /// Where the parked jobs of queues begin.
    parked: Arc<Mutex<ParkedMarks>>,
    /// Whether scheduled jobs may be due, or their earliest time unknown.
    pub(super) look_for_due: bool,
    look_for_parked: bool,
    /// When a promotion began that left nothing due.
    promoted_at: Option<Instant>,
    full_looks: FullLooks,
    pub(super) busy: bool,
    paused: bool,
    failing: bool,
    next_due: Option<Instant>,
    /// When the rates of queues let their next jobs through.
    tokens_due: BTreeSet<(Instant, String)>,
    timer: Option<SpawnHandle>,
    timer_for: Option<Instant>,
}

/// What one round at the gates did.
#[derive(Default)]
struct Round {
    admission: Admission,
    promotion: Option<Promotion>,
    promotion_took: Duration,
}

impl GateLane {
    /// A job will be due after the delay.
    pub(super) fn look_at(&mut self, delay: Duration) {
        if let Some(due) = Instant::now().checked_add(delay) {
            self.next_due = Some(self.next_due.map_or(due, |next| next.min(due)));
        }
    }

    /// A queue may have parked jobs from the mark on, or anywhere.
    pub(super) fn expect_parked(&mut self, queue: String, mark: Option<Mark>) {
        locked(&self.parked).announce(&queue, mark);
        self.to_admit.insert(queue);
    }

    /// For how long jobs may have become due that nobody has promoted; `None` where it has to be looked for at all.
    fn since(&mut self, now: Instant) -> Option<Duration> {
        let fresh = self.promoted_at.filter(|_| !self.full_looks.are_due(now));
        if fresh.is_none() {
            self.full_looks.begin(now);
        }
        fresh.map(|last| now.duration_since(last) + SLACK)
    }

    // Queues whose next token is there.
    fn take_tokens_due(&mut self, now: Instant) {
        while self.tokens_due.first().is_some_and(|(due, _)| *due <= now)
            && let Some((_, queue)) = self.tokens_due.pop_first()
        {
            self.to_admit.insert(queue);
        }
    }

    fn next_moment(&self) -> Option<Instant> {
        self.tokens_due.first().map(|(due, _)| *due).into_iter().chain(self.next_due).min()
    }

    fn has_work(&self) -> bool {
        self.look_for_due || self.look_for_parked || !self.to_admit.is_empty()
    }
}

impl QueueActor {
    /// A job was stored by this process.
    pub(super) fn expect_added(&mut self, job: &Added) {
        if job.scheduled {
            self.gates.look_at(job.due_in);
        } else if let Some(queue) = &job.queue {
            let mark = Mark { priority: job.priority, turn_at: job.run_at };
            self.gates.expect_parked(queue.clone(), Some(mark));
        } else {
            self.claims.choice.flagged |= job.flagged;
            self.claims.announce(Some(Mark { priority: job.priority, turn_at: job.run_at }));
        }
    }

    /// Nothing is known of what waits: look at all of it.
    pub(super) fn look_everywhere(&mut self) {
        self.claims.announce(None);
        self.gates.look_for_due = true;
        self.gates.promoted_at = None;
        self.gates.look_for_parked = true;
        locked(&self.gates.parked).forget();
    }

    // Nobody has told of anything, and still some jobs may be there.
    fn poll(&mut self) {
        self.claims.poll();
        self.gates.look_for_due = true;
        self.gates.full_looks.doubt();
        self.gates.look_for_parked = true;
        locked(&self.gates.parked).doubt_all();
    }

    pub(super) fn schedule_poll(&mut self, ctx: &mut Context<Self>) {
        let listening = *self.core.listening.borrow();
        let usual = self.core.config.poll_interval();
        let interval = if listening { usual } else { usual.min(POLL_WITHOUT_LISTEN) };
        // Up to a tenth sooner, so that many processes do not poll in step.
        let interval = interval.mul_f64(1.0 - 0.1 * fastrand::f64());
        ctx.run_later(interval, |queue, ctx| {
            queue.poll();
            queue.pump(ctx);
            queue.schedule_poll(ctx);
        });
    }

    pub(super) fn start_gates(&mut self, ctx: &mut Context<Self>) {
        let due = self.gates.next_due.is_some_and(|due| due <= Instant::now());
        self.gates.look_for_due |= due;
        self.gates.take_tokens_due(Instant::now());
        if self.gates.busy || self.gates.paused || self.mode != Mode::Active || !self.gates.has_work() {
            self.set_timer(ctx);
            return;
        }
        self.gates.busy = true;
        let queues: Vec<String> = take_some(&mut self.gates.to_admit);
        let look_for_due = std::mem::take(&mut self.gates.look_for_due);
        let look_for_parked = std::mem::take(&mut self.gates.look_for_parked);
        if look_for_due {
            // The answer brings the next due time; what is announced meanwhile is kept.
            self.gates.next_due = None;
        }
        let began = Instant::now();
        let since = if look_for_due { self.gates.since(began) } else { None };
        let (known, room, floor) = (self.core.registry.tasks(), self.free_slots(), self.claims.mark());
        let (store, tried, marks) = (self.core.store.clone(), queues.clone(), Arc::clone(&self.gates.parked));
        let work = async move {
            store
                .run(Lane::Relaxed, move |conn| {
                    let mut queues = queues;
                    let promotes = Instant::now();
                    let promotion =
                        if look_for_due { Some(promote(conn, MOST_PROMOTED, since)?) } else { None };
                    let promotion_took = promotes.elapsed();
                    for (queue, first) in promotion.iter().flat_map(|promotion| &promotion.queues) {
                        locked(&marks).announce(queue, Some(*first));
                        queues.push(queue.clone());
                    }
                    if look_for_parked {
                        queues.extend(all_parked(conn)?);
                    }
                    let admission = admit_from(conn, queues, &marks, &known, floor)?;
                    let round = Round { admission, promotion, promotion_took };
                    round.help_wanted(&known, room).map_or(Ok(()), |mark| wake(conn, mark, &[]))?;
                    Ok(round)
                })
                .await
        };
        ctx.spawn(work.into_actor(self).map(move |round, queue, ctx| {
            queue.gates.busy = false;
            match round {
                Ok(round) => queue.passed_gates(round, began, since, ctx),
                Err(error) => queue.gates_failed(tried, &error, ctx),
            }
            queue.pump(ctx);
        }));
    }

    fn passed_gates(
        &mut self,
        round: Round,
        began: Instant,
        since: Option<Duration>,
        ctx: &mut Context<Self>,
    ) {
        self.gates.failing = false;
        let Round { admission, promotion, promotion_took } = round;
        if let Some(promotion) = promotion {
            let more = promotion.promoted == MOST_PROMOTED as usize;
            self.gates.look_for_due |= more;
            self.gates.promoted_at = (!more).then_some(began);
            if since.is_some() {
                self.gates.look_at(full_looks::EVERY);
            } else {
                self.gates.full_looks.end(Instant::now(), promotion_took);
            }
            if let Some(due_in) = promotion.next_due_in {
                self.gates.look_at(due_in.max(Duration::from_millis(1)));
            }
            self.claims.choice.flagged |= promotion.flagged;
            self.announce_found(promotion.mark);
        }
        self.claims.choice.flagged |= admission.flagged;
        self.announce_found(admission.mark);
        for (queue, token_in) in admission.tokens_in {
            let due = Instant::now().checked_add(token_in);
            self.gates.tokens_due.extend(due.map(|due| (due, queue)));
        }
        if !admission.busy.is_empty() {
            self.gates.to_admit.extend(admission.busy);
            self.pause_gates(PAUSE_WHEN_BUSY, ctx);
        }
    }

    fn announce_found(&mut self, mark: Option<Mark>) {
        if mark.is_some() {
            self.claims.announce(mark);
        }
    }

    fn gates_failed(&mut self, tried: Vec<String>, error: &StoreError, ctx: &mut Context<Self>) {
        if !std::mem::replace(&mut self.gates.failing, true) {
            log::error!("cannot look for jobs that are due, trying again: {error}");
        }
        tried.iter().for_each(|queue| locked(&self.gates.parked).doubt(queue));
        self.gates.to_admit.extend(tried);
        self.gates.look_for_due = true;
        self.gates.full_looks.doubt();
        self.pause_gates(PAUSE_AFTER_ERROR, ctx);
    }

    fn pause_gates(&mut self, pause: Duration, ctx: &mut Context<Self>) {
        self.gates.paused = true;
        ctx.run_later(pause, |queue, ctx| {
            queue.gates.paused = false;
            queue.pump(ctx);
        });
    }

    fn set_timer(&mut self, ctx: &mut Context<Self>) {
        let Some(due) = self.gates.next_moment() else { return };
        if self.gates.timer_for == Some(due) {
            return;
        }
        if let Some(timer) = self.gates.timer.take() {
            ctx.cancel_future(timer);
        }
        self.gates.timer_for = Some(due);
        let wait = due.saturating_duration_since(Instant::now());
        self.gates.timer = Some(ctx.run_later(wait, |queue, ctx| {
            queue.gates.timer_for = None;
            queue.gates.timer = None;
            queue.pump(ctx);
        }));
    }
}

impl Round {
    // Others must be told of jobs that this process does not know how to run, or has no room for.
    fn help_wanted(&self, known: &[String], room: usize) -> Option<Mark> {
        let promoted = self.promotion.as_ref().filter(|promotion| promotion.mark.is_some());
        let moved = promoted.map_or(0, |promotion| promotion.promoted) + self.admission.admitted;
        let tasks = promoted.iter().flat_map(|promotion| &promotion.tasks).chain(&self.admission.tasks);
        let unknown = tasks.into_iter().any(|task| known.binary_search(task).is_err());
        let mark =
            crate::store::admit::lower(promoted.and_then(|promotion| promotion.mark), self.admission.mark);
        mark.filter(|_| unknown || moved > room)
    }
}

fn admit_from(
    conn: &mut PgConnection,
    mut queues: Vec<String>,
    marks: &Mutex<ParkedMarks>,
    known: &[String],
    floor: Option<Mark>,
) -> Result<Admission, StoreError> {
    if queues.is_empty() {
        return Ok(Admission::default());
    }
    queues.sort_unstable();
    queues.dedup();
    let began = Instant::now();
    let hints = locked(marks).start(&queues, began);
    let admission = admit(conn, &queues, &hints, known, floor)?;
    let (now, took) = (Instant::now(), began.elapsed());
    let mut marks = locked(marks);
    for (queue, _) in queues.iter().zip(&hints).filter(|(_, hint)| hint.parked_from.is_none()) {
        marks.full_scan_took(queue, now, took);
    }
    marks.advance(&admission.seen);
    Ok(admission)
}

fn all_parked(conn: &mut PgConnection) -> Result<Vec<String>, StoreError> {
    let mut names: Vec<String> = Vec::new();
    loop {
        let after = names.last().cloned().unwrap_or_default();
        let more = queues_with_parked_jobs(conn, &after, MOST_QUEUES as i64)?;
        let full = more.len() == MOST_QUEUES;
        names.extend(more);
        if !full {
            return Ok(names);
        }
    }
}

fn take_some(names: &mut BTreeSet<String>) -> Vec<String> {
    let mut taken = Vec::new();
    while taken.len() < MOST_QUEUES
        && let Some(name) = names.pop_first()
    {
        taken.push(name);
    }
    taken
}
