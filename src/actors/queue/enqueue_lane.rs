//! Enqueueing: while one statement is under way, whatever arrives joins the next. One request costs one round trip when
//! the queue is idle; a thousand at once cost a few statements. Each sender gets its own answer, after the commit.

use std::future::Future;

use actix::{AsyncContext, Context, WrapFuture, fut::ActorFutureExt};
use diesel::pg::PgConnection;
use tokio::sync::oneshot;

use super::QueueActor;
use crate::error::StoreError;
use crate::job::NewJob;
use crate::store::Lane;
use crate::store::enqueue::{Added, enqueue};

// The multi-row insert is at its best from a few hundred rows on; more only make the first sender wait.
const MOST_ROWS: usize = 2_000;

#[derive(Default)]
pub(super) struct EnqueueLane {
    waiting: Vec<Request>,
    busy: bool,
}

struct Request {
    jobs: Vec<NewJob>,
    answer: oneshot::Sender<Result<Vec<i64>, StoreError>>,
}

impl EnqueueLane {
    pub(super) fn is_idle(&self) -> bool {
        !self.busy && self.waiting.is_empty()
    }

    // Whole requests, at least one, up to the bound.
    fn next_batch(&mut self) -> Vec<Request> {
        let mut rows = 0;
        let fits = self.waiting.iter().take_while(|request| {
            rows += request.jobs.len();
            rows <= MOST_ROWS
        });
        let count = fits.count().max(1);
        self.waiting.drain(..count.min(self.waiting.len())).collect()
    }
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
        if self.enqueues.busy || self.enqueues.waiting.is_empty() {
            return;
        }
        self.enqueues.busy = true;
        let (batch, answers): (Vec<_>, Vec<_>) =
            self.enqueues.next_batch().into_iter().map(|request| (request.jobs, request.answer)).unzip();
        let store = self.core.store.clone();
        let work = async move { store.run(Lane::Durable, move |conn| Ok(enqueue_each(conn, batch))).await };
        ctx.spawn(work.into_actor(self).map(|stored, queue, ctx| queue.enqueued(stored, answers, ctx)));
    }

    fn enqueued(
        &mut self,
        stored: Result<Vec<Result<Vec<Added>, StoreError>>, StoreError>,
        answers: Vec<oneshot::Sender<Result<Vec<i64>, StoreError>>>,
        ctx: &mut Context<Self>,
    ) {
        self.enqueues.busy = false;
        let each = stored.unwrap_or_else(|error| vec![Err(error); answers.len()]);
        for (result, answer) in each.into_iter().zip(answers) {
            if let Ok(added) = &result {
                added.iter().for_each(|job| self.expect_added(job));
            }
            let ids = result.map(|added| added.into_iter().map(|job| job.id).collect());
            // A sender that no longer waits has its job all the same.
            let _ = answer.send(ids);
        }
        self.pump(ctx);
    }
}

/// Stores the requests in one statement. When one of them is refused, all are: then each half is tried on its own, so
/// that only the bad request fails, at the price of a few more statements.
fn enqueue_each(
    conn: &mut PgConnection,
    mut requests: Vec<Vec<NewJob>>,
) -> Vec<Result<Vec<Added>, StoreError>> {
    let sizes: Vec<usize> = requests.iter().map(Vec::len).collect();
    let all: Vec<NewJob> = requests.iter_mut().flat_map(std::mem::take).collect();
    enqueue_parts(conn, &all, &sizes)
}

fn enqueue_parts(
    conn: &mut PgConnection,
    jobs: &[NewJob],
    sizes: &[usize],
) -> Vec<Result<Vec<Added>, StoreError>> {
    match enqueue(conn, jobs) {
        Ok(added) => {
            let mut added = added.into_iter();
            sizes.iter().map(|size| Ok(added.by_ref().take(*size).collect())).collect()
        }
        Err(StoreError::Invalid(_)) if sizes.len() > 1 => {
            let (left, right) = sizes.split_at(sizes.len() / 2);
            let (left_jobs, right_jobs) = jobs.split_at(left.iter().sum());
            let mut each = enqueue_parts(conn, left_jobs, left);
            each.extend(enqueue_parts(conn, right_jobs, right));
            each
        }
        Err(error) => vec![Err(error); sizes.len()],
    }
}
