//! Which attempt's code runs on a thread, for loggers and for code that is passed no context; and how that goes along to threads
//! that may block.

use std::cell::RefCell;

use chrono::{DateTime, Utc};

use super::JobContext;
use crate::spans::Span;
use crate::store::pool::blocking;
use crate::trace::TraceContext;

thread_local! {
    static CURRENT: RefCell<Option<JobContext>> = const { RefCell::new(None) };
}

/// Makes the attempt that was current before current again when it is dropped.
pub(crate) struct Entered(Option<JobContext>);

impl Drop for Entered {
    fn drop(&mut self) {
        let before = self.0.take();
        // The thread may be about to end.
        let _ = CURRENT.try_with(|current| current.replace(before));
    }
}

/// An attempt and the span inside of it, on their way to another thread.
pub(super) struct Carried {
    job: JobContext,
    span: Span,
}

impl Carried {
    pub(super) fn run<R>(&self, work: impl FnOnce(&JobContext) -> R) -> R {
        let _entered = self.job.enter();
        self.span.within(|| work(&self.job))
    }
}

impl JobContext {
    /// Returns the job whose handler or middleware runs on this thread: in the body of an async function, in
    /// [`block`](Self::block) and in [`transaction`](Self::transaction). `None` elsewhere, such as in a task that a handler has
    /// spawned.
    ///
    /// A logger calls it to give each line of a handler the job's id, see [Observe it](crate::guide::observability).
    ///
    /// ```
    /// fn prefix() -> String {
    ///     mainspring::JobContext::current().map_or(String::new(), |job| format!("[job {}] ", job.id()))
    /// }
    /// assert_eq!(prefix(), "", "no handler runs here");
    /// ```
    #[must_use]
    pub fn current() -> Option<Self> {
        CURRENT.try_with(|current| current.borrow().clone()).ok().flatten()
    }

    /// The context of the span that has added the job, if it came with one. The handler's own spans need it only where the feature
    /// `tracing` is off.
    #[must_use]
    pub fn trace_context(&self) -> Option<TraceContext> {
        self.0.job.origin.trace_context.as_deref().and_then(TraceContext::parse)
    }

    /// The version of the task that the payload is of, as the job stores it: that of the program that has added the job, as a rule. The
    /// handler gets the payload upgraded to its own.
    #[must_use]
    pub fn version(&self) -> i32 {
        self.0.job.origin.version()
    }

    /// When the job was added; `None` if no span has added it.
    pub(crate) fn created_at(&self) -> Option<DateTime<Utc>> {
        self.0.job.origin.created_at.map(DateTime::from)
    }

    /// Makes the job current on this thread, until what is returned is dropped.
    pub(crate) fn enter(&self) -> Entered {
        Entered(CURRENT.replace(Some(self.clone())))
    }

    pub(super) fn carried(&self) -> Carried {
        Carried { job: self.clone(), span: Span::current() }
    }

    /// Runs `work` on a thread that may block, and waits for it without holding up the other jobs of this worker's
    /// thread. The thread cannot be stopped: when the job is interrupted, `work` runs on unheard.
    pub async fn block<R, W>(&self, work: W) -> R
    where
        R: Send + 'static,
        W: FnOnce() -> R + Send + 'static,
    {
        let carried = self.carried();
        // An error comes only at the very end of the process, where no one waits for this job any more.
        let Ok(done) = blocking(move || Ok(carried.run(|_| work()))).await else {
            std::future::pending().await
        };
        done
    }
}
