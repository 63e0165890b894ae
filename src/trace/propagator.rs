//! How the application's tracing reads and sets the contexts of spans. Mainspring names no crate of OpenTelemetry: those change
//! their API every few months.

use std::sync::OnceLock;

use super::context::{Relation, TraceContext};

/// Connects the spans of the application's tracing to contexts that travel. `examples/support/opentelemetry.rs` has one for
/// OpenTelemetry, in 30 lines to copy.
pub trait Propagator: Send + Sync + 'static {
    /// Returns the context of the span in which this is called: that of `tracing::Span::current()`. `None` if there is none.
    ///
    /// A job takes it along when it is created, by [`Enqueue::new`](crate::Enqueue::new) or [`NewJob::new`](crate::NewJob::new).
    fn current(&self) -> Option<TraceContext>;

    /// Makes `span`, which was not entered yet, refer to the context. It is called for the span of an attempt whose job has one.
    fn attach(&self, span: &tracing::Span, context: TraceContext, relation: Relation);
}

static PROPAGATOR: OnceLock<Box<dyn Propagator>> = OnceLock::new();

/// Sets the propagator of this process. It holds for all schedulers, and for jobs that are added on connections of the application.
/// Until then no job that Rust adds has a context, unless it is given one.
///
/// # Errors
///
/// The propagator, if one was set before. That one stays.
pub fn set_propagator<P: Propagator>(propagator: P) -> Result<(), P> {
    let mut offered = Some(propagator);
    PROPAGATOR.get_or_init(|| Box::new(offered.take().expect("this closure runs once")));
    offered.map_or(Ok(()), Err)
}

/// Returns the propagator, once one is set.
pub(crate) fn propagator() -> Option<&'static dyn Propagator> {
    PROPAGATOR.get().map(|propagator| &**propagator)
}
