//! Enqueueing: while one statement is under way, whatever arrives joins the next. One request costs one round trip when
//! the queue is idle; a thousand at once cost a few statements. Each sender gets its own answer, after the commit. Jobs for
//! which slots are free here are started by the statement that stores them. Jobs with keys may have to wait for an
//! application's transaction that has the key, for as long as that likes: then those without go on beside them.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{AsyncContext, Context, WrapFuture, fut::ActorFutureExt};
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use tokio::sync::oneshot;

use super::{Mode, QueueActor};
use crate::actors::Shared;
use crate::error::StoreError;
use crate::event::Event;
use crate::job::NewJob;
use crate::store::Durability;
use crate::store::claim::ClaimedJob;
use crate::store::enqueue::{Added, enqueue};
use crate::store::start::{Starter, may_start_at_once, start};

// The multi-row insert is at its best from a few hundred rows on; more only make the first sender wait.
const MOST_ROWS: usize = 2_000;
// The database refuses within milliseconds. What fails for want of time would only want more of it in parts.
const TIME_TO_FIND_THE_BAD: Duration = Duration::from_secs(1);
// A statement that has taken so long waits for somebody.
const LONG_WAIT: Duration = Duration::from_millis(100);
// Two of them are for enqueues.
const CONNECTIONS_FOR_TWO_ENQUEUES: u32 = 4;

#[derive(Default)]
pub(super) struct EnqueueLane {
    waiting: Vec<Request>,
    /// The statement that is under way.
    under_way: Option<UnderWay>,
    /// Whether one goes on beside it.
    beside: bool,
    /// Whether a timer tells when the one under way has taken long.
    watched: bool,
    /// How many jobs the statements under way will start here.
    pub(super) starting: usize,
}

#[derive(Clone, Copy)]
struct UnderWay {
    began: Instant,
    has_keys: bool,
}

struct Request {
    jobs: Vec<NewJob>,
    answer: Answer,
}

type Answer = oneshot::Sender<Result<Vec<i64>, StoreError>>;

impl Request {
    fn has_keys(&self) -> bool {
        self.jobs.iter().any(|job| job.options.key.is_some())
    }
}

impl EnqueueLane {
    pub(super) fn is_idle(&self) -> bool {
        self.under_way.is_none() && !self.beside && self.waiting.is_empty()
    }

    /// The next requests to store, if any may be now, and whether that is beside others.
    fn next(&mut self, now: Instant, connections: u32) -> Option<(Vec<Request>, bool)> {
        let Some(under_way) = self.under_way else {
            let batch = first_of(&mut self.waiting);
            let has_keys = batch.iter().any(Request::has_keys);
            self.under_way = (!batch.is_empty()).then_some(UnderWay { began: now, has_keys });
            return self.under_way.map(|_| (batch, false));
        };
        let waits = under_way.has_keys && now.duration_since(under_way.began) >= LONG_WAIT;
        if self.beside || !waits || connections < CONNECTIONS_FOR_TWO_ENQUEUES {
            return None;
        }
        let (with_keys, mut without) =
            std::mem::take(&mut self.waiting).into_iter().partition(Request::has_keys);
        self.waiting = with_keys;
        let batch = first_of(&mut without);
        self.waiting.append(&mut without);
        self.beside = !batch.is_empty();
        self.beside.then_some((batch, true))
    }

    fn ended(&mut self, beside: bool) {
        if beside {
            self.beside = false;
        } else {
            self.under_way = None;
        }
    }
}

// Whole requests, at least one, up to the bound.
fn first_of(waiting: &mut Vec<Request>) -> Vec<Request> {
    let mut rows = 0;
    let fits = waiting.iter().take_while(|request| {
        rows += request.jobs.len();
        rows <= MOST_ROWS
    });
    let count = fits.count().max(1);
    waiting.drain(..count.min(waiting.len())).collect()
}

impl QueueActor {
    /// Takes jobs in; the answer comes when they are stored.
    pub(super) fn accept(
        &mut self,
        jobs: Vec<NewJob>,
        ctx: &mut Context<Self>,
    ) -> impl Future<Output = Result<Vec<i64>, StoreError>> + use<> {
        let (answer, stored) = oneshot::channel();
        self.enqueues.waiting.push(Request { jobs, answer });
        self.pump(ctx);
        async move {
            let lost = || StoreError::Connect("the scheduler stopped before it could store the job".into());
            stored.await.unwrap_or_else(|_| Err(lost()))
        }
    }

    pub(super) fn start_enqueue(&mut self, ctx: &mut Context<Self>) {
        while self.start_one_enqueue(ctx) {}
    }

    fn start_one_enqueue(&mut self, ctx: &mut Context<Self>) -> bool {
        let Some((batch, beside)) = self.enqueues.next(Instant::now(), self.shared.config.pool_size) else {
            return false;
        };
        self.watch_enqueue(ctx);
        let (batch, answers): (Vec<_>, Vec<_>) =
            batch.into_iter().map(|request| (request.jobs, request.answer)).unzip();
        let starter = self.starter_of(&batch);
        let starting = if starter.is_some() { batch.iter().map(Vec::len).sum() } else { 0 };
        self.enqueues.starting += starting;
        let (store, shared) = (self.shared.store.clone(), Arc::clone(&self.shared));
        let add = move |conn: &mut PgConnection| add(conn, &shared, starter, batch);
        let work = async move { store.run_checked(Durability::Durable, add, Stored::leaves_doubt).await };
        ctx.spawn(work.into_actor(self).map(move |stored, queue, ctx| {
            queue.enqueues.ended(beside);
            queue.enqueues.starting -= starting;
            match stored {
                Ok(Stored::Waiting(each)) => queue.enqueued(each, answers),
                Ok(Stored::Started(ids, sizes)) => queue.started(&ids, &sizes, answers, ctx),
                Err(error) => {
                    // The answer may have been lost after the database had committed.
                    starter.iter().for_each(|starter| queue.take_back(starter.lease, ctx));
                    queue.enqueued(vec![Err(error); answers.len()], answers);
                }
            }
            queue.pump(ctx);
        }));
        true
    }

    // One timer for all, since there may be thousands of statements a second.
    fn watch_enqueue(&mut self, ctx: &mut Context<Self>) {
        let has_keys = self.enqueues.under_way.is_some_and(|under_way| under_way.has_keys);
        if has_keys && !std::mem::replace(&mut self.enqueues.watched, true) {
            ctx.run_later(LONG_WAIT, |queue, ctx| {
                queue.enqueues.watched = false;
                queue.watch_enqueue(ctx);
                queue.pump(ctx);
            });
        }
    }

    // Jobs are started by the statement that stores them when slots are free for all of them and none waits that
    // might be better.
    fn starter_of(&self, batch: &[Vec<NewJob>]) -> Option<Starter> {
        let mut jobs = batch.iter().flatten();
        let nothing_waits =
            self.mode == Mode::Active && self.claims.expects_nothing() && self.shared.prefetch.len() == 0;
        let room = batch.iter().map(Vec::len).sum::<usize>() <= self.free_slots();
        let may_start = nothing_waits
            && room
            && jobs
                .all(|job| may_start_at_once(job) && self.claims.choice.may_start(job.task(), &self.shared));
        may_start.then(|| Starter { worker_id: self.shared.worker_id(), lease: fastrand::i64(1..) })
    }

    fn enqueued(&mut self, each: Vec<Result<Vec<Added>, StoreError>>, answers: Vec<Answer>) {
        for (result, answer) in each.into_iter().zip(answers) {
            if let Ok(added) = &result {
                added.iter().for_each(|job| self.expect_added(job));
            }
            let ids = result.map(|added| added.into_iter().map(|job| job.id).collect());
            // A sender that no longer waits has its job all the same.
            let _ = answer.send(ids);
        }
    }

    fn started(&mut self, ids: &[i64], sizes: &[usize], answers: Vec<Answer>, ctx: &mut Context<Self>) {
        let mut ids = ids.iter().copied();
        for (size, answer) in sizes.iter().zip(answers) {
            let _ = answer.send(Ok(ids.by_ref().take(*size).collect()));
        }
        self.watch_prefetch(ctx);
    }
}

/// What became of a batch of requests.
enum Stored {
    /// The jobs wait, each request with an answer of its own.
    Waiting(Vec<Result<Vec<Added>, StoreError>>),
    /// All jobs are leased to this process and on their way to its workers: their ids, and how many are of each request.
    Started(Vec<i64>, Vec<usize>),
}

impl Stored {
    // Whether the connection may be lost.
    fn leaves_doubt(&self) -> bool {
        let doubtful = |result: &Result<_, _>| matches!(result, Err(StoreError::Database(_)));
        matches!(self, Self::Waiting(each) if each.iter().any(doubtful))
    }
}

// As at a claim, jobs are handed on by the blocking thread.
fn add(
    conn: &mut PgConnection,
    shared: &Shared,
    starter: Option<Starter>,
    requests: Vec<Vec<NewJob>>,
) -> Result<Stored, StoreError> {
    let sizes: Vec<usize> = requests.iter().map(Vec::len).collect();
    let jobs: Vec<NewJob> = requests.into_iter().flatten().collect();
    if let Some(starter) = starter {
        let started = start_or_refuse(conn, starter, &jobs)?;
        if !started.is_empty() {
            let ids: Vec<i64> = started.iter().map(|job| job.id).collect();
            publish_enqueued(shared, &jobs, ids.iter().copied());
            shared.offer(shared.open(started, starter.lease));
            return Ok(Stored::Started(ids, sizes));
        }
    }
    let stored = enqueue_parts(conn, &jobs, &sizes, Instant::now() + TIME_TO_FIND_THE_BAD);
    let mut rest = jobs.as_slice();
    for (size, result) in sizes.iter().zip(&stored) {
        let (own, others) = rest.split_at(*size);
        rest = others;
        if let Ok(added) = result {
            publish_enqueued(shared, own, added.iter().map(|job| job.id));
        }
    }
    Ok(Stored::Waiting(stored))
}

fn publish_enqueued(shared: &Shared, jobs: &[NewJob], ids: impl Iterator<Item = i64>) {
    for (job, id) in jobs.iter().zip(ids) {
        shared.events.publish(|| Event::JobEnqueued { id, task: job.task().to_owned() });
    }
}

// A connection that still answers has refused and started nothing, as where a job is not as it should be: the way of all
// other jobs says of each what is wrong. One that is lost may have started all.
fn start_or_refuse(
    conn: &mut PgConnection,
    starter: Starter,
    jobs: &[NewJob],
) -> Result<Vec<ClaimedJob>, StoreError> {
    match start(conn, starter, jobs) {
        Err(_) if conn.batch_execute("SELECT 1").is_ok() => Ok(Vec::new()),
        started => started,
    }
}

/// Stores the requests in one statement. When one of them is refused, all are: then each half is tried on its own, so
/// that only the bad request fails, at the price of a few more statements.
fn enqueue_parts(
    conn: &mut PgConnection,
    jobs: &[NewJob],
    sizes: &[usize],
    deadline: Instant,
) -> Vec<Result<Vec<Added>, StoreError>> {
    match enqueue(conn, jobs) {
        Ok(added) => {
            let mut added = added.into_iter();
            sizes.iter().map(|size| Ok(added.by_ref().take(*size).collect())).collect()
        }
        Err(_) if sizes.len() > 1 && Instant::now() < deadline => {
            let (left, right) = sizes.split_at(sizes.len() / 2);
            let (left_jobs, right_jobs) = jobs.split_at(left.iter().sum());
            let mut each = enqueue_parts(conn, left_jobs, left, deadline);
            each.extend(enqueue_parts(conn, right_jobs, right, deadline));
            each
        }
        Err(error) => vec![Err(error); sizes.len()],
    }
}
