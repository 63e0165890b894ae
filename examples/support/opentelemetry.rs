//! Connects Mainspring with OpenTelemetry. Copy this file, with `opentelemetry` and `tracing-opentelemetry` among your dependencies:
//! their versions change often, and so they are none of Mainspring's.

use mainspring::trace::{Propagator, Relation, TraceContext};
use mainspring::tracing::Span;
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, TraceContextExt, TraceFlags, TraceState};
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// The contexts of OpenTelemetry's spans. Neither baggage nor `tracestate` travels.
#[derive(Debug)]
pub(crate) struct OpenTelemetry;

impl Propagator for OpenTelemetry {
    fn current(&self) -> Option<TraceContext> {
        let context = Context::current();
        let span = context.span().span_context().clone();
        let trace_id = u128::from_be_bytes(span.trace_id().to_bytes());
        let span_id = u64::from_be_bytes(span.span_id().to_bytes());
        TraceContext::new(trace_id, span_id, span.trace_flags().to_u8())
    }

    fn attach(&self, span: &Span, context: TraceContext, relation: Relation) {
        let (trace_id, span_id) = (context.trace_id().into(), context.span_id().into());
        let flags = TraceFlags::new(context.flags());
        let remote = SpanContext::new(trace_id, span_id, flags, true, TraceState::NONE);
        match relation {
            // An error means that no layer of OpenTelemetry takes the span.
            Relation::Parent => drop(span.set_parent(Context::new().with_remote_span_context(remote))),
            _ => span.add_link(remote),
        }
    }
}
