//! One poll of a handler. Every poll of every handler's future passes here: its panic is caught, and the thread's board
//! shows whose code is executed meanwhile. The job is the current one then.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::context::JobContext;
use super::handler::JobFuture;
use super::panics::CatchPanic;
use crate::job_error::JobResult;
use crate::running::WorkerBoard;

/// A handler's future. Its panics are returned as errors.
pub(super) struct Polled<'a> {
    work: CatchPanic<dyn Future<Output = JobResult>>,
    board: &'a WorkerBoard,
    job: &'a JobContext,
}

impl<'a> Polled<'a> {
    pub(super) fn new(work: JobFuture, board: &'a WorkerBoard, job: &'a JobContext) -> Self {
        Self { work: CatchPanic(work), board, job }
    }
}

impl Future for Polled<'_> {
    type Output = JobResult;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<JobResult> {
        let _executing = (self.board.execute(self.job.id()), self.job.enter());
        let ended = Pin::new(&mut self.work).poll(cx);
        ended.map(|ended| ended.unwrap_or_else(|panic| Err(panic.into())))
    }
}
