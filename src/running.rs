//! The attempts of one worker thread, as other threads see them: which run, and whose code the thread executes now. The
//! thread writes two numbers a poll; nobody else writes those. Knows no actor and no handler.

mod watch;

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

pub(crate) use self::watch::{BLOCKED_AFTER, Change, Sample, ThreadWatch};

use crate::event::JobFacts;
use crate::lock::lock;

/// An attempt that runs, and since when.
#[derive(Clone)]
pub(crate) struct Running {
    pub(crate) job: Arc<dyn Attempting>,
    pub(crate) since: Instant,
}

/// The attempts of one worker thread. It outlives the actor of the thread.
#[derive(Default)]
pub(crate) struct WorkerBoard {
    /// Above 0, the id of the job whose code is executed. Below 0, a number that is less after each such stretch.
    executing: AtomicI64,
    /// How often the thread's actor has had its turn.
    turns: AtomicU64,
    places: Mutex<Places>,
    is_blocked: AtomicBool,
    blockade: Mutex<Option<Blockade>>,
}

/// What blocks a thread, and since when.
#[derive(Debug, Clone)]
pub(crate) struct Blockade {
    /// `None` if the thread executes code of no attempt.
    pub(crate) job: Option<JobFacts>,
    since: Instant,
    /// The first job of the thread that was found to be past its time-out.
    overdue: Option<i64>,
}

/// A thread that runs jobs, as [`Workers::threads`](crate::Workers::threads) returns it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkerThread {
    /// Its place; the first is 0.
    pub index: usize,
    /// How many jobs it runs.
    pub running: usize,
    /// For how long it has made no progress, if it is blocked.
    pub blocked_for: Option<Duration>,
    /// The job whose code blocks it.
    pub blocked_by: Option<JobFacts>,
}

#[derive(Default)]
struct Places {
    taken: Vec<Option<Running>>,
    free: Vec<usize>,
}

/// A running attempt, as far as others may know it.
pub(crate) trait Attempting: Send + Sync {
    fn facts(&self) -> JobFacts;

    /// When its time-out is over, if it has one and has begun.
    fn times_out_at(&self) -> Option<Instant>;
}

impl WorkerBoard {
    /// Shows an attempt for as long as the result lives.
    pub(crate) fn enter(&self, job: Arc<dyn Attempting>, since: Instant) -> Entered<'_> {
        let mut places = lock(&self.places);
        let running = Some(Running { job, since });
        let place = match places.free.pop() {
            Some(place) => {
                places.taken[place] = running;
                place
            }
            None => {
                places.taken.push(running);
                places.taken.len() - 1
            }
        };
        Entered { board: self, place }
    }

    /// Shows that code of this job is executed for as long as the result lives. Called by the board's own thread alone.
    pub(crate) fn execute(&self, job: i64) -> Executing<'_> {
        let before = self.executing.load(Ordering::Relaxed);
        self.executing.store(job, Ordering::Relaxed);
        Executing { board: self, before }
    }

    /// Shows that the thread's actor has its turn.
    pub(crate) fn take_turn(&self) {
        self.turns.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn sample(&self) -> Sample {
        Sample { turns: self.turns.load(Ordering::Relaxed), stretch: self.executing.load(Ordering::Relaxed) }
    }

    /// The attempts that run, in no order.
    pub(crate) fn running(&self) -> Vec<Running> {
        lock(&self.places).taken.iter().flatten().cloned().collect()
    }

    /// Marks the thread as blocked by the job whose code it executes.
    pub(crate) fn block(&self, sample: Sample, since: Instant) -> Blockade {
        let id = sample.executing();
        let running = self.running().into_iter().map(|running| running.job.facts());
        let job = running.into_iter().find(|job| Some(job.id) == id);
        let blockade = Blockade { job, since, overdue: None };
        *lock(&self.blockade) = Some(blockade.clone());
        self.is_blocked.store(true, Ordering::SeqCst);
        blockade
    }

    /// Marks the thread as free again, and returns what had blocked it.
    pub(crate) fn free(&self) -> Option<Blockade> {
        self.is_blocked.store(false, Ordering::SeqCst);
        lock(&self.blockade).take()
    }

    /// Finds a job whose time-out is over and cannot act because another one blocks the thread. Returns it once in a blockade, with what
    /// blocks the thread and for how long.
    pub(crate) fn find_overdue(&self, now: Instant) -> Option<(JobFacts, Option<JobFacts>, Duration)> {
        let mut blockade = lock(&self.blockade);
        let blockade = blockade.as_mut().filter(|blockade| blockade.overdue.is_none())?;
        let is_over = |running: &Running| running.job.times_out_at().is_some_and(|at| at < now);
        let blocker = blockade.job.as_ref().map(|job| job.id);
        let mut late = self.running().into_iter().filter(is_over).map(|running| running.job.facts());
        let overdue = late.find(|job| Some(job.id) != blocker)?;
        blockade.overdue = Some(overdue.id);
        Some((overdue, blockade.job.clone(), now.saturating_duration_since(blockade.since)))
    }

    pub(crate) fn is_blocked(&self) -> bool {
        self.is_blocked.load(Ordering::SeqCst)
    }

    /// The thread as the application sees it.
    pub(crate) fn status(&self, index: usize) -> WorkerThread {
        let blockade = lock(&self.blockade).clone();
        WorkerThread {
            index,
            running: self.count(),
            blocked_for: blockade.as_ref().map(|blockade| blockade.since.elapsed()),
            blocked_by: blockade.and_then(|blockade| blockade.job),
        }
    }

    /// How many attempts run.
    pub(crate) fn count(&self) -> usize {
        let places = lock(&self.places);
        places.taken.len() - places.free.len()
    }
}

/// An attempt that is shown. Its drop takes it away.
pub(crate) struct Entered<'a> {
    board: &'a WorkerBoard,
    place: usize,
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        let mut places = lock(&self.board.places);
        places.taken[self.place] = None;
        places.free.push(self.place);
    }
}

/// A stretch of code of one job. Its drop ends it.
pub(crate) struct Executing<'a> {
    board: &'a WorkerBoard,
    before: i64,
}

impl Drop for Executing<'_> {
    fn drop(&mut self) {
        // Inside of another stretch, that one goes on.
        let after = if self.before > 0 { self.before } else { self.before - 1 };
        self.board.executing.store(after, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Job(i64);

    impl Attempting for Job {
        fn facts(&self) -> JobFacts {
            JobFacts { id: self.0, task: "task".into(), queue: None, attempt: 1 }
        }

        fn times_out_at(&self) -> Option<Instant> {
            None
        }
    }

    #[test]
    fn a_place_is_used_again_and_each_attempt_is_shown_while_it_runs() {
        let board = WorkerBoard::default();
        let ids = || board.running().iter().map(|running| running.job.facts().id).collect::<Vec<_>>();
        let enter = |id| board.enter(Arc::new(Job(id)), Instant::now());
        let (first, second) = (enter(1), enter(2));
        assert_eq!(ids(), [1, 2]);
        drop(first);
        assert_eq!((ids(), board.count()), (vec![2], 1));
        let third = enter(3);
        assert_eq!((ids(), board.count()), (vec![3, 2], 2));
        drop((second, third));
        assert_eq!((ids(), board.count()), (vec![], 0));
    }

    #[test]
    fn two_stretches_of_one_job_differ_from_one_that_goes_on() {
        let board = WorkerBoard::default();
        let idle = board.sample();
        assert_eq!(idle.executing(), None);
        let stretch = board.execute(7);
        let inner = board.execute(7);
        let during = board.sample();
        drop(inner);
        assert_eq!((board.sample(), during.executing()), (during, Some(7)));
        drop(stretch);
        let between = board.sample();
        drop(board.execute(7));
        assert!(between != idle && between != board.sample() && between.executing().is_none());
        board.take_turn();
        assert_ne!(board.sample().turns, between.turns);
    }
}
