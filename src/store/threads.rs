//! Threads for work that blocks. Nothing waits for them, neither the end of a runtime nor a stop, so a thread that sits in
//! libpq holds up nobody. Their number is bounded. Knows no database and no clock but that of idle threads.

use std::any::Any;
use std::collections::VecDeque;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::gate::Gate;
use crate::lock::lock;

// As long as tokio keeps the threads of its own pool.
const KEPT_IDLE: Duration = Duration::from_secs(10);
// Threads that were given up may sit in libpq for as long as something acknowledges their packets. Beyond so many, no work is
// accepted until one comes back.
const MOST_GIVEN_UP: isize = 64;

/// A bounded pool of detached threads. Clones share it.
#[derive(Clone)]
pub(crate) struct Threads(Arc<Inner>);

struct Inner {
    most: usize,
    pool: Mutex<Pool>,
    wake: Condvar,
}

#[derive(Default)]
struct Pool {
    waiting: VecDeque<Arc<dyn Run>>,
    /// Those that take work, idle ones included.
    threads: usize,
    idle: usize,
    /// Idle threads that were woken and have not noticed yet.
    woken: usize,
    /// Threads that nobody waits for any more, and that still run.
    given_up: isize,
    life: Life,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Life {
    #[default]
    Open,
    /// Threads end instead of resting.
    Closed,
}

/// No thread can take the work: too many are given up, or the system has no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoThread;

impl Threads {
    /// At most so many threads take work at once. None is started yet.
    pub(crate) fn new(most: usize) -> Self {
        Self(Arc::new(Inner { most, pool: Mutex::default(), wake: Condvar::new() }))
    }

    /// Runs `work` on one of the threads, also when the reply is dropped.
    pub(crate) fn start<T, W>(&self, work: W) -> Result<Reply<W, T>, NoThread>
    where
        T: Send + 'static,
        W: FnOnce(&Gate) -> T + Send + 'static,
    {
        let task = Arc::new(Task { slot: Mutex::new(Slot::new(work)), gate: Gate::default() });
        self.0.submit(Arc::clone(&task) as Arc<dyn Run>)?;
        Ok(Reply { task, threads: Arc::clone(&self.0) })
    }

    /// Ends the threads that are idle, and the others when their work is done.
    pub(crate) fn close(&self) {
        lock(&self.0.pool).life = Life::Closed;
        self.0.wake.notify_all();
    }
}

impl Inner {
    fn submit(self: &Arc<Self>, task: Arc<dyn Run>) -> Result<(), NoThread> {
        let mut pool = lock(&self.pool);
        if pool.given_up >= MOST_GIVEN_UP {
            return Err(NoThread);
        }
        pool.waiting.push_back(task);
        if pool.idle > 0 {
            pool.idle -= 1;
            pool.woken += 1;
            // A thread that wakes while this one holds the lock would go back to sleep at once.
            drop(pool);
            self.wake.notify_one();
        } else if pool.threads < self.most {
            let own = Arc::clone(self);
            let started =
                std::thread::Builder::new().name("mainspring-store".into()).spawn(move || own.work());
            if started.is_ok() {
                pool.threads += 1;
            } else if pool.threads == 0 {
                pool.waiting.pop_back();
                return Err(NoThread);
            }
        }
        Ok(())
    }

    fn work(&self) {
        let mut pool = lock(&self.pool);
        loop {
            while let Some(task) = pool.waiting.pop_front() {
                drop(pool);
                let ended = task.run();
                drop(task);
                pool = lock(&self.pool);
                if ended == Ended::GivenUp {
                    pool.given_up -= 1;
                    return;
                }
            }
            pool.idle += 1;
            loop {
                if pool.woken > 0 {
                    pool.woken -= 1;
                    break;
                }
                if pool.life == Life::Closed {
                    return pool.end_idle();
                }
                let (next, waited) = self
                    .wake
                    .wait_timeout(pool, KEPT_IDLE)
                    .unwrap_or_else(std::sync::PoisonError::into_inner);
                pool = next;
                if waited.timed_out() && pool.woken == 0 {
                    return pool.end_idle();
                }
            }
        }
    }

    // Another thread may take the place of the one that was given up.
    fn give_up(&self) {
        let mut pool = lock(&self.pool);
        pool.threads -= 1;
        pool.given_up += 1;
    }
}

impl Pool {
    fn end_idle(&mut self) {
        self.idle -= 1;
        self.threads -= 1;
    }
}

/// Waits for the work.
pub(crate) struct Reply<W, T> {
    task: Arc<Task<W, T>>,
    threads: Arc<Inner>,
}

/// What became of the work when its caller wanted to wait no longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GivenUp {
    /// It had not begun, and never will.
    NotBegun,
    /// It runs on, and its result is dropped.
    Running,
    /// It has a result, or has passed the gate: wait for it.
    Never,
}

impl<W, T> Reply<W, T> {
    /// Gives the work up, unless it has passed its gate.
    pub(crate) fn give_up(&self) -> GivenUp {
        let mut slot = lock(&self.task.slot);
        match &slot.state {
            State::Waiting(_) => {
                slot.state = State::Over;
                GivenUp::NotBegun
            }
            State::Running if self.task.gate.shut() => {
                drop(slot);
                self.threads.give_up();
                GivenUp::Running
            }
            State::Running | State::Done(_) | State::Over => GivenUp::Never,
        }
    }

    /// Gives work up that has passed its gate. What it had to hand on then, its caller must have received.
    pub(crate) fn leave(&self) -> GivenUp {
        let slot = lock(&self.task.slot);
        if !matches!(slot.state, State::Running) || !self.task.gate.leave() {
            return GivenUp::Never;
        }
        drop(slot);
        self.threads.give_up();
        GivenUp::Running
    }
}

impl<W, T> Future for Reply<W, T> {
    type Output = Result<T, Box<dyn Any + Send>>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut slot = lock(&self.task.slot);
        match std::mem::replace(&mut slot.state, State::Over) {
            State::Done(result) => Poll::Ready(result),
            state => {
                slot.state = state;
                if !slot.waker.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
                    slot.waker = Some(context.waker().clone());
                }
                Poll::Pending
            }
        }
    }
}

struct Task<W, T> {
    slot: Mutex<Slot<W, T>>,
    gate: Gate,
}

struct Slot<W, T> {
    state: State<W, T>,
    waker: Option<Waker>,
}

enum State<W, T> {
    Waiting(W),
    Running,
    Done(Result<T, Box<dyn Any + Send>>),
    /// The result was taken, or will never be.
    Over,
}

impl<W, T> Slot<W, T> {
    fn new(work: W) -> Self {
        Self { state: State::Waiting(work), waker: None }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    Awaited,
    GivenUp,
}

trait Run: Send + Sync {
    fn run(&self) -> Ended;
}

impl<T, W> Run for Task<W, T>
where
    T: Send,
    W: FnOnce(&Gate) -> T + Send,
{
    fn run(&self) -> Ended {
        let begun = {
            let mut slot = lock(&self.slot);
            match std::mem::replace(&mut slot.state, State::Running) {
                State::Waiting(work) => work,
                state => {
                    slot.state = state;
                    return Ended::Awaited;
                }
            }
        };
        let result = catch_unwind(AssertUnwindSafe(|| begun(&self.gate)));
        let mut slot = lock(&self.slot);
        if self.gate.is_given_up() {
            return Ended::GivenUp;
        }
        slot.state = State::Done(result);
        let waker = slot.waker.take();
        drop(slot);
        waker.into_iter().for_each(Waker::wake);
        Ended::Awaited
    }
}

#[cfg(test)]
mod tests;
