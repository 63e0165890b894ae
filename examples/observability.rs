//! A web application whose traces go on in its jobs. `cargo run --example observability`, then
//!
//! - `curl -X POST localhost:8080/mails` replies with the id of the trace and of the job,
//! - `curl localhost:8080/traces/TRACE` lists the spans of that trace: the request, the job, and what is inside of the job.
//!
//! Each log line is a line of JSON with the job it belongs to. With `LOGGER=log` the crate `log` alone writes it, without spans, by
//! env_logger. Otherwise `tracing-log` hands it to the subscriber of `tracing`, which also exports the spans.
//!
//! `DATABASE_URL` names the database; without it a private PostgreSQL starts under `target/`. `PORT` is the port (default 8080).

#[path = "support/opentelemetry.rs"]
mod propagation;
#[path = "support/same_origin.rs"]
mod same_origin;

use std::io::{self, Write};
use std::net::TcpListener;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::{Next, from_fn};
use actix_web::{App, HttpServer, Responder, get, post, web};
use log::kv::{Error as KeyError, Key, Value as LogValue, VisitSource};
use mainspring::embedded::{EmbeddedOptions, database_url};
use mainspring::trace::{Propagator, Relation, TraceContext, set_propagator};
use mainspring::{Enqueue, JobContext, JobResult, Redacted, Scheduler, Task};
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tracing::Instrument;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use self::propagation::OpenTelemetry;
use self::same_origin::is_permitted;

#[derive(Serialize, Deserialize)]
struct SendMail {
    user: i64,
    /// In no line and no span.
    address: Redacted<String>,
}
impl Task for SendMail {
    const NAME: &'static str = "mail.send";
}

async fn send_mail(task: SendMail, _: JobContext) -> JobResult {
    let render = tracing::info_span!("render", user = task.user);
    render.in_scope(|| log::info!("sending a mail to user {}", task.user));
    Ok(())
}

#[post("/mails", guard = "is_permitted")]
async fn post_mail(scheduler: web::Data<Scheduler>) -> actix_web::Result<impl Responder> {
    let mail = SendMail { user: 7, address: Redacted::new("ada@example.com".to_owned()) };
    let id = scheduler.enqueue(Enqueue::new(mail)).await?;
    let trace = OpenTelemetry.current().map(|context| format!("{:032x}", context.trace_id()));
    Ok(web::Json(json!({"jobId": id, "traceId": trace})))
}

/// The spans of a trace, in the order of their ends. An application sends them to a collector instead, by `opentelemetry-otlp`.
#[get("/traces/{trace}")]
async fn get_trace(trace: web::Path<String>, spans: web::Data<InMemorySpanExporter>) -> impl Responder {
    let spans = spans.get_finished_spans().unwrap_or_default().into_iter();
    let shown = spans.filter(|span| span.span_context.trace_id().to_string() == **trace).map(|span| {
        let (id, parent) = (span.span_context.span_id().to_string(), span.parent_span_id.to_string());
        json!({"name": span.name, "id": id, "parent": parent})
    });
    web::Json(shown.collect::<Vec<_>>())
}

/// Opens a span for each request, which continues the trace of the caller.
async fn traced(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> actix_web::Result<ServiceResponse<impl MessageBody>> {
    let name = format!("{} {}", request.method(), request.path());
    let span = tracing::info_span!("request", otel.name = name, otel.kind = "server");
    let header = request.headers().get("traceparent").and_then(|header| header.to_str().ok());
    if let Some(context) = header.and_then(TraceContext::parse) {
        OpenTelemetry.attach(&span, context, Relation::Parent);
    }
    next.call(request).instrument(span).await
}

/// Writes lines as JSON, through `tracing-log`, and exports spans.
fn trace_to(exporter: &InMemorySpanExporter) {
    let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
    let spans = tracing_opentelemetry::layer().with_tracer(provider.tracer("observability"));
    let lines = tracing_subscriber::fmt::layer().json().with_current_span(false);
    let info = LevelFilter::INFO;
    tracing_subscriber::registry().with(spans.with_filter(info)).with(lines.with_filter(info)).init();
    assert!(set_propagator(OpenTelemetry).is_ok(), "it is set once");
}

/// Writes lines as JSON with the fields that they have, and those of the job whose code logs.
fn log_as_json() {
    let line = |out: &mut env_logger::fmt::Formatter, record: &log::Record<'_>| {
        let mut line = Line(json!({"level": record.level().as_str(), "message": record.args().to_string()}));
        if let Some(job) = JobContext::current() {
            line.0["job"] = job.id().into();
            line.0["task"] = job.task().into();
            line.0["attempt"] = job.attempt().into();
        }
        record.key_values().visit(&mut line).map_err(io::Error::other)?;
        writeln!(out, "{}", line.0)
    };
    env_logger::Builder::new().filter_level(log::LevelFilter::Info).format(line).init();
}

struct Line(Value);

impl<'kvs> VisitSource<'kvs> for Line {
    fn visit_pair(&mut self, key: Key<'kvs>, value: LogValue<'kvs>) -> Result<(), KeyError> {
        let number = value.to_i64().map(Value::from).or_else(|| value.to_f64().map(Value::from));
        self.0[key.as_str()] = number.unwrap_or_else(|| value.to_string().into());
        Ok(())
    }
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let exporter = web::Data::new(InMemorySpanExporter::default());
    match std::env::var("LOGGER").as_deref() {
        Ok("log") => log_as_json(),
        _ => trace_to(&exporter),
    }
    let address = format!("127.0.0.1:{}", std::env::var("PORT").unwrap_or_else(|_| "8080".into()));
    let listener = TcpListener::bind(&address)?;
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/target/mainspring-observability");
    let database = database_url(EmbeddedOptions::kept_in(folder))?;
    let scheduler = Scheduler::builder(database.url()).handler(send_mail).start().await?;
    let shared = web::Data::new(scheduler.clone());
    let app = move || {
        let data = App::new().app_data(shared.clone()).app_data(exporter.clone());
        data.wrap(from_fn(traced)).service((post_mail, get_trace))
    };
    HttpServer::new(app).workers(2).listen(listener)?.run().await?;
    scheduler.stop().await;
    Ok(())
}
