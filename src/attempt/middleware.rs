//! Code of the application around every handler, in the style of actix-web's `wrap`. Without any, nothing of this runs.

use std::future::Future;
use std::sync::Arc;

use super::context::JobContext;
use super::handler::{Begin, JobFuture};
use super::panics::CatchPanic;
use crate::job_error::{JobError, JobResult};

/// Code around every handler; see [`SchedulerBuilder::wrap`](crate::SchedulerBuilder::wrap). Every async function of the job and
/// [`Next`] is one. A type of your own implements it to carry settings:
///
/// ```
/// use std::time::{Duration, Instant};
/// use mainspring::{JobContext, JobFuture, Middleware, Next};
///
/// struct WarnAfter(Duration);
///
/// impl Middleware for WarnAfter {
///     fn handle(&self, job: JobContext, next: Next) -> JobFuture {
///         let limit = self.0;
///         Box::pin(async move {
///             let started = Instant::now();
///             let result = next.call().await;
///             if started.elapsed() > limit {
///                 log::warn!(target: job.log_target(), "took {:?}", started.elapsed());
///             }
///             result
///         })
///     }
/// }
/// let builder = mainspring::Scheduler::builder("postgres://localhost/app").wrap(WarnAfter(Duration::from_secs(5)));
/// # let _ = builder;
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no middleware",
    label = "not an async function of `JobContext` and `Next` that returns a `JobResult`",
    note = "write `async fn name(job: JobContext, next: Next) -> JobResult`, or implement `Middleware`"
)]
pub trait Middleware: Send + Sync + 'static {
    /// Handles an attempt: usually does something, calls [`Next::call`], and looks at the result. The future stays on its
    /// thread, and is dropped when the attempt ends otherwise.
    fn handle(&self, job: JobContext, next: Next) -> JobFuture;
}

impl<F, Work> Middleware for F
where
    F: Fn(JobContext, Next) -> Work + Send + Sync + 'static,
    Work: Future<Output = JobResult> + 'static,
{
    fn handle(&self, job: JobContext, next: Next) -> JobFuture {
        Box::pin(self(job, next))
    }
}

/// One middleware, and what is inside of it.
pub(crate) struct Layer {
    middleware: Box<dyn Middleware>,
    inner: Option<Arc<Layer>>,
}

impl Layer {
    pub(super) fn new(middleware: impl Middleware, inner: Option<Arc<Self>>) -> Self {
        Self { middleware: Box::new(middleware), inner }
    }
}

/// The rest of an attempt: the middleware inside, and then the handler.
#[must_use = "the handler does not run unless `call` is called and awaited"]
pub struct Next {
    layer: Option<Arc<Layer>>,
    job: JobContext,
    begin: Begin,
}

impl Next {
    pub(super) fn new(outermost: Arc<Layer>, job: JobContext, begin: Begin) -> Self {
        Self { layer: Some(outermost), job, begin }
    }

    /// Runs the rest, and returns its result. A panic, and a payload that does not fit its task, are errors here. The handler
    /// does not start before this is awaited.
    ///
    /// # Errors
    ///
    /// The error of the handler, or of the middleware inside.
    pub async fn call(self) -> JobResult {
        let returned = CatchPanic(Box::pin(self.run())).await;
        returned.unwrap_or_else(|panic| Err(JobError::from(panic)))
    }

    async fn run(self) -> JobResult {
        let Self { layer, job, begin } = self;
        match layer {
            Some(layer) => {
                let next = Self { layer: layer.inner.clone(), job: job.clone(), begin };
                layer.middleware.handle(job, next).await
            }
            None => begin().await,
        }
    }
}

impl std::fmt::Debug for Next {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Next").field("job", &self.job).finish_non_exhaustive()
    }
}
