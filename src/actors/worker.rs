//! WorkerActor: runs jobs on one thread. It takes leased jobs from the prefetch buffer into its slots, runs each as a local
//! task, and sends resolved leases to the QueueActor in batches. It decides nothing about rows.

use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use actix::dev::{MessageResponse, OneshotSender};
use actix::{Actor, Addr, AsyncContext, Context, Handler, Message};

use super::death_watch::DeathWatch;
use super::queue::{QueueActor, Settle};
use crate::attempt::panics::caught;
use crate::attempt::{Handles, JobContext, JobFuture, TaskRegistry, execute, no_reply};
use crate::job::Task;
use crate::job_error::IntoJobResult;
use crate::leases::{Lease, LeasedJob};
use crate::prefetch::{Life, TakeJobs};
use crate::running::WorkerBoard;
use crate::shared::{Role, Shared};
use crate::spans::Span;

/// Hands a task to the application's own `Handler<T>` of the worker, with its job. Sent by the attempt, which runs on the
/// same thread. If it is lost, that attempt fails.
pub(crate) struct Perform<T> {
    pub(crate) task: T,
    pub(crate) job: JobContext,
    /// Receives the text of a panic. There is no result then.
    pub(crate) panicked: Arc<OnceLock<String>>,
    /// That of the attempt.
    pub(crate) span: Span,
}

impl<T: Message> Message for Perform<T> {
    type Result = T::Result;
}

/// Runs jobs on a thread of its own. An application may implement `Handler<T>` for it with its own message types, and
/// register them with [`SchedulerBuilder::message`](crate::SchedulerBuilder::message).
pub struct WorkerActor {
    own: Rc<WorkerShared>,
    current: Option<JobContext>,
    // Fields drop in this order: the life ends before the death is reported.
    _life: EndOfLife,
    _watch: DeathWatch,
}

impl std::fmt::Debug for WorkerActor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WorkerActor").finish_non_exhaustive()
    }
}

/// Ends the worker's life when it is dropped.
struct EndOfLife(Arc<Life>);

impl Drop for EndOfLife {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// What a worker is started with.
pub(crate) struct WorkerSetup {
    pub(crate) index: usize,
    pub(crate) handlers: Arc<TaskRegistry>,
    pub(crate) idle: Arc<AtomicUsize>,
    pub(crate) board: Arc<WorkerBoard>,
    pub(crate) life: Arc<Life>,
}

impl WorkerActor {
    pub(crate) fn new(setup: WorkerSetup, shared: &Arc<Shared>) -> Self {
        let WorkerSetup { index, handlers, idle, board, life } = setup;
        let own =
            WorkerShared { shared: Arc::clone(shared), handlers, idle, board, settled: RefCell::default() };
        let watch = DeathWatch::new(Role::Worker(index), shared);
        Self { own: Rc::new(own), current: None, _life: EndOfLife(life), _watch: watch }
    }

    /// Returns the job whose task is being handled, inside a `Handler<T>` of the application.
    ///
    /// # Panics
    ///
    /// If it is called outside of such a handler.
    #[must_use]
    #[track_caller]
    pub fn job(&self) -> JobContext {
        self.current.clone().expect("`WorkerActor::job` is for handlers of tasks, while they handle one")
    }
}

#[cfg(test)]
super::tests::panics_on_request!(WorkerActor);

impl Actor for WorkerActor {
    type Context = Context<Self>;
}

impl Handler<TakeJobs> for WorkerActor {
    type Result = ();

    fn handle(&mut self, _: TakeJobs, ctx: &mut Context<Self>) {
        self.own.board.take_turn();
        let jobs = self.own.shared.prefetch.len();
        for _ in 0..jobs {
            let Some(slot) = Slot::occupy(&self.own) else { return };
            actix_rt::spawn(work(slot, Rc::new(ctx.address())));
        }
    }
}

impl<T> Handler<Perform<T>> for WorkerActor
where
    T: Message<Result: Send> + Send + 'static,
    Self: Handler<T>,
{
    type Result = Performed<T>;

    fn handle(&mut self, perform: Perform<T>, ctx: &mut Context<Self>) -> Performed<T> {
        let own = Rc::clone(&self.own);
        let _executing = (own.board.execute(perform.job.id()), perform.job.enter());
        self.current = Some(perform.job);
        let response =
            caught(|| perform.span.within(|| <Self as Handler<T>>::handle(self, perform.task, ctx)));
        self.current = None;
        Performed(response.map_err(|panic| perform.panicked.set(panic)).ok())
    }
}

/// The response of the application's handler, or none if it panicked.
pub(crate) struct Performed<T: Message>(Option<<WorkerActor as Handler<T>>::Result>)
where
    WorkerActor: Handler<T>;

impl<T> MessageResponse<WorkerActor, Perform<T>> for Performed<T>
where
    T: Message,
    WorkerActor: Handler<T>,
{
    // Without a response the sender of the reply is dropped, and the attempt looks for the panic.
    fn handle(self, ctx: &mut Context<WorkerActor>, reply: Option<OneshotSender<T::Result>>) {
        if let Some(response) = self.0 {
            response.handle(ctx, reply);
        }
    }
}

/// Handles a task by the application's own `impl Handler<T> for WorkerActor`.
pub(crate) struct ThisWorker;

impl<T> Handles<T> for ThisWorker
where
    T: Task + Message<Result: IntoJobResult + Send> + Send + 'static,
    WorkerActor: Handler<T>,
{
    fn handle(&self, task: T, job: JobContext, worker: &dyn Any) -> JobFuture {
        let worker: Option<Addr<WorkerActor>> = worker.downcast_ref().cloned();
        Box::pin(async move {
            let worker = worker.ok_or("the handler of this task runs only on a worker")?;
            let panicked = Arc::default();
            let perform =
                Perform { task, job: job.clone(), panicked: Arc::clone(&panicked), span: Span::current() };
            let reply = worker.send::<Perform<T>>(perform).await;
            match (reply, panicked.get()) {
                (Ok(result), _) => job.keep(result.into_job_result()?),
                (Err(_), Some(panic)) => Err(panic.clone().into()),
                (Err(error), None) => Err(no_reply(T::NAME, &error)),
            }
        })
    }
}

/// What the slots of one worker share. It outlives the actor for as long as any slot is at work.
struct WorkerShared {
    shared: Arc<Shared>,
    handlers: Arc<TaskRegistry>,
    idle: Arc<AtomicUsize>,
    board: Arc<WorkerBoard>,
    settled: RefCell<Vec<Lease>>,
}

impl WorkerShared {
    /// Keeps a resolved lease for the next batch. Local tasks run in turn: the task that sends the batch runs after all slots
    /// that are ready now, and takes their leases along.
    fn hand_in(self: &Rc<Self>, lease: Lease) {
        let mut settled = self.settled.borrow_mut();
        settled.push(lease);
        if settled.len() == 1 {
            let own = Rc::clone(self);
            actix_rt::spawn(async move { own.send_batch() });
        }
    }

    fn send_batch(&self) {
        let leases = self.settled.take();
        if !leases.is_empty() {
            self.shared.send::<QueueActor, _>(Settle(leases));
        }
    }
}

/// An occupied slot. Dropping it frees it.
struct Slot(Rc<WorkerShared>);

impl Slot {
    fn occupy(own: &Rc<WorkerShared>) -> Option<Self> {
        let free = |idle: usize| idle.checked_sub(1);
        own.idle.fetch_update(Ordering::SeqCst, Ordering::SeqCst, free).ok()?;
        Some(Self(Rc::clone(own)))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.idle.fetch_add(1, Ordering::SeqCst);
    }
}

// How many jobs a slot runs before other tasks of the thread have their turn.
const JOBS_BETWEEN_YIELDS: u32 = 64;

// A slot that finds the buffer empty is freed, and then reads the buffer once more. A batch that is put in between finds
// either a free slot to wake, or this one before its second read.
async fn work(slot: Slot, worker: Rc<dyn Any>) {
    let own = Rc::clone(&slot.0);
    let mut slot = Some(slot);
    let mut jobs = 0_u32;
    while slot.is_some() {
        while let Some(leased) = own.shared.prefetch.take() {
            run_one(leased, &own, &worker).await;
            jobs += 1;
            if jobs.is_multiple_of(JOBS_BETWEEN_YIELDS) {
                tokio::task::yield_now().await;
            }
        }
        drop(slot.take());
        if own.shared.prefetch.len() > 0 {
            slot = Slot::occupy(&own);
        }
    }
}

async fn run_one(leased: LeasedJob, own: &Rc<WorkerShared>, worker: &Rc<dyn Any>) {
    let lease = execute(leased, &own.shared, &own.handlers, &own.board, worker).await;
    own.hand_in(lease);
}
