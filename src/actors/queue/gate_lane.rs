//! The gates: admits parked jobs of queues that have room, promotes scheduled jobs when they are due, and polls. Due
//! times are timers; a poll is only the safety net.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use actix::{AsyncContext, Context, SpawnHandle, WrapFuture, fut::ActorFutureExt};

use super::ask_again::AskAgain;
use super::full_looks::{self, FullLooks, Rest};
use super::gate_round::{Looks, MOST_PROMOTED, MOST_QUEUES, Round};
use super::low_water::ParkedMarks;
use super::{Mode, QueueActor};
use crate::actors::locked;
use crate::error::StoreError;
use crate::store::Durability;
use crate::store::admit::wake;
use crate::store::claim::Position;
use crate::store::enqueue::Added;

// A job whose enqueue committed after it was due: this is how late it may be and still be found at once. For those that
// came later still there are full looks.
const SLACK: Duration = Duration::from_millis(500);
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
    /// Those for parked jobs of any queue.
    parked_looks: FullLooks,
    pub(super) busy: bool,
    paused: bool,
    failing: bool,
    next_due: Option<Instant>,
    ask_again: AskAgain,
    timer: Option<SpawnHandle>,
    timer_for: Option<Instant>,
}

impl GateLane {
    /// A job will be due after the delay.
    pub(super) fn look_at(&mut self, delay: Duration) {
        if let Some(due) = Instant::now().checked_add(delay) {
            self.next_due = Some(self.next_due.map_or(due, |next| next.min(due)));
        }
    }

    /// A queue may have parked jobs from the mark on, or anywhere.
    pub(super) fn expect_parked(&mut self, queue: String, position: Option<Position>) {
        locked(&self.parked).announce(&queue, position);
        self.to_admit.insert(queue);
    }

    /// What the round that begins is to look for.
    fn begin_looks(&mut self, now: Instant) -> Looks {
        let for_due = std::mem::take(&mut self.look_for_due);
        let for_parked = std::mem::take(&mut self.look_for_parked);
        if for_due {
            // The answer brings the next due time; what is announced meanwhile is kept.
            self.next_due = None;
        }
        if for_parked {
            self.parked_looks.begin(now);
        }
        Looks { for_due, due_since: if for_due { self.since(now) } else { None }, for_parked }
    }

    fn since(&mut self, now: Instant) -> Option<Duration> {
        let fresh = self.promoted_at.filter(|_| !self.full_looks.are_due(now));
        if fresh.is_none() {
            self.full_looks.begin(now);
        }
        fresh.map(|last| now.duration_since(last) + SLACK)
    }

    fn take_those_to_ask_again(&mut self, now: Instant) {
        while let Some(queue) = self.ask_again.take(now) {
            self.to_admit.insert(queue);
        }
    }

    fn next_moment(&self) -> Option<Instant> {
        self.ask_again.next().into_iter().chain(self.next_due).min()
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
            let position = Position { priority: job.priority, turn_at: job.run_at };
            self.gates.expect_parked(queue.clone(), Some(position));
        } else {
            self.claims.choice.flagged |= job.flagged;
            self.claims.announce(Some(Position { priority: job.priority, turn_at: job.run_at }));
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
        let rest = if *self.shared.listening.borrow() { Rest::Long } else { Rest::Short };
        self.claims.poll(rest);
        self.gates.look_for_due = true;
        self.gates.full_looks.doubt(rest);
        self.gates.parked_looks.doubt(rest);
        self.gates.look_for_parked |= self.gates.parked_looks.are_due(Instant::now());
        locked(&self.gates.parked).doubt_all(rest);
    }

    pub(super) fn schedule_poll(&mut self, ctx: &mut Context<Self>) {
        let listening = *self.shared.listening.borrow();
        let usual = self.shared.config.poll_interval();
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
        self.gates.take_those_to_ask_again(Instant::now());
        if self.gates.busy || self.gates.paused || self.mode != Mode::Active || !self.gates.has_work() {
            self.set_timer(ctx);
            return;
        }
        self.gates.busy = true;
        let queues: Vec<String> = take_some(&mut self.gates.to_admit);
        let began = Instant::now();
        let looks = self.gates.begin_looks(began);
        let (known, room, floor) = (self.shared.registry.tasks(), self.free_slots(), self.claims.position());
        let (store, tried, marks) =
            (self.shared.store.clone(), queues.clone(), Arc::clone(&self.gates.parked));
        let work = async move {
            store
                .run(Durability::Relaxed, move |conn| {
                    let round = Round::go(conn, looks, queues, &marks, &known, floor)?;
                    round.help_wanted(&known, room).map_or(Ok(()), |position| wake(conn, position, &[]))?;
                    Ok(round)
                })
                .await
        };
        ctx.spawn(work.into_actor(self).map(move |round, queue, ctx| {
            queue.gates.busy = false;
            match round {
                Ok(round) => queue.passed_gates(round, began, looks),
                Err(error) => queue.gates_failed(tried, looks, &error, ctx),
            }
            queue.pump(ctx);
        }));
    }

    fn passed_gates(&mut self, round: Round, began: Instant, looks: Looks) {
        self.gates.failing = false;
        let Round { admission, promotion, promotion_took, parked_look_took } = round;
        if let Some(promotion) = promotion {
            let more = promotion.promoted == MOST_PROMOTED as usize;
            self.gates.look_for_due |= more;
            self.gates.promoted_at = (!more).then_some(began);
            if looks.due_since.is_some() {
                self.gates.look_at(full_looks::EVERY);
            } else {
                self.gates.full_looks.end(Instant::now(), promotion_took);
            }
            if let Some(due_in) = promotion.next_due_in {
                self.gates.look_at(due_in.max(Duration::from_millis(1)));
            }
            self.claims.choice.flagged |= promotion.flagged;
            self.announce_found(promotion.position);
        }
        if let Some(took) = parked_look_took {
            self.gates.parked_looks.end(Instant::now(), took);
        }
        self.claims.choice.flagged |= admission.flagged;
        self.announce_found(admission.position);
        let now = Instant::now();
        self.gates.ask_again.free(&admission.results);
        admission
            .tokens_in
            .into_iter()
            .for_each(|(queue, pause)| self.gates.ask_again.after(queue, now, pause));
        admission.busy.into_iter().for_each(|queue| self.gates.ask_again.held(queue, now));
    }

    fn announce_found(&mut self, position: Option<Position>) {
        if position.is_some() {
            self.claims.announce(position);
        }
    }

    fn gates_failed(
        &mut self,
        tried: Vec<String>,
        looks: Looks,
        error: &StoreError,
        ctx: &mut Context<Self>,
    ) {
        if !std::mem::replace(&mut self.gates.failing, true) {
            log::error!("cannot look for jobs that are due, trying again: {error}");
        }
        tried.iter().for_each(|queue| locked(&self.gates.parked).doubt(queue));
        self.gates.to_admit.extend(tried);
        self.gates.look_for_due = true;
        self.gates.look_for_parked |= looks.for_parked;
        self.gates.full_looks.doubt(Rest::Long);
        self.pause_gates(ctx);
    }

    fn pause_gates(&mut self, ctx: &mut Context<Self>) {
        self.gates.paused = true;
        ctx.run_later(PAUSE_AFTER_ERROR, |queue, ctx| {
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

fn take_some(names: &mut BTreeSet<String>) -> Vec<String> {
    let mut taken = Vec::new();
    while taken.len() < MOST_QUEUES
        && let Some(name) = names.pop_first()
    {
        taken.push(name);
    }
    taken
}
