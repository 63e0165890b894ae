//! The spans that the process has exported so far, and the spans of requests in which a test adds jobs.

use std::sync::LazyLock;

use mainspring::trace::set_propagator;
use mainspring::tracing::{Instrument, Span, info_span};
use opentelemetry::trace::{SpanId, TraceContextExt, TraceId, TracerProvider};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::opentelemetry::OpenTelemetry;
use crate::support::waiting::PATIENCE;

static EXPORTED: LazyLock<InMemorySpanExporter> = LazyLock::new(|| {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
    tracing_subscriber::registry().with(layer).init();
    set_propagator(OpenTelemetry).unwrap();
    exporter
});

/// The span of a request that a test plays, in a trace of its own.
pub struct Request {
    pub span: Span,
    pub trace: TraceId,
    pub id: SpanId,
}

pub fn request() -> Request {
    LazyLock::force(&EXPORTED);
    let span = info_span!(parent: None, "request");
    let context = span.context().span().span_context().clone();
    Request { span, trace: context.trace_id(), id: context.span_id() }
}

impl Request {
    pub async fn runs<F: Future>(&self, work: F) -> F::Output {
        work.instrument(self.span.clone()).await
    }

    /// The spans of its trace of that name.
    pub fn spans(&self, name: &str) -> Vec<SpanData> {
        spans(|span| span.name == name && span.span_context.trace_id() == self.trace)
    }

    /// The spans of other traces that are linked with it.
    pub fn linked(&self, name: &str) -> Vec<SpanData> {
        spans(|span| {
            let is_linked = |link: &opentelemetry::trace::Link| link.span_context.span_id() == self.id;
            span.name == name && span.links.iter().any(is_linked)
        })
    }
}

/// The exported spans for which that holds, in the order of their ends.
pub fn spans(holds: impl Fn(&SpanData) -> bool) -> Vec<SpanData> {
    let all = EXPORTED.get_finished_spans().unwrap();
    all.into_iter().filter(holds).collect()
}

/// Waits until there are spans of that kind: a span ends a little after what it stands for.
pub async fn until(some: impl Fn() -> Vec<SpanData>) -> Vec<SpanData> {
    let deadline = std::time::Instant::now() + PATIENCE;
    loop {
        let found = some();
        if !found.is_empty() {
            return found;
        }
        assert!(std::time::Instant::now() < deadline, "no such span came: {:#?}", spans(|_| true));
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

/// The value of an attribute as text.
pub fn attribute(span: &SpanData, key: &str) -> Option<String> {
    let found = span.attributes.iter().find(|attribute| attribute.key.as_str() == key);
    found.map(|attribute| attribute.value.to_string())
}
