//! What the spans of Mainspring say: the attributes of OpenTelemetry for messaging.

use mainspring::{Enqueue, NewJob};
use mainspring::{JobContext, JobResult, Redacted, Scheduler, Task};
use opentelemetry::trace::{SpanKind, Status};
use opentelemetry_sdk::trace::SpanData;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::contexts::{scheduler, step};
use crate::support::database::TestDatabase;
use crate::traces::{attribute, request, spans, until};

#[derive(Serialize, Deserialize)]
struct Charge {}
impl Task for Charge {
    const NAME: &'static str = "charge";
    const QUEUE: Option<&'static str> = Some("cards");
    const MAX_ATTEMPTS: Option<i16> = Some(1);
}

async fn charge(_: Charge, _: JobContext) -> JobResult {
    Err("the card is\nexpired")?
}

fn attributes<const N: usize>(span: &SpanData, names: [&str; N]) -> [Option<String>; N] {
    names.map(|name| attribute(span, name))
}

fn texts<const N: usize>(texts: [&str; N]) -> [Option<String>; N] {
    texts.map(|text| Some(text.to_owned()))
}

#[tokio::test]
async fn the_span_of_an_attempt_has_the_attributes_of_messaging() {
    let (database, request) = (TestDatabase::new(), request());
    let id = request.span.in_scope(|| Enqueue::new(Charge {}).insert(&mut database.connection())).unwrap();
    Scheduler::builder(database.url()).handler(charge).run_once().await.unwrap();
    let span = request.spans("process charge").remove(0);
    assert_eq!(span.span_kind, SpanKind::Consumer);
    let names = ["messaging.system", "messaging.operation.name", "messaging.operation.type"];
    assert_eq!(attributes(&span, names), texts(["mainspring", "process", "process"]));
    let names =
        ["messaging.destination.name", "messaging.message.id", "mainspring.attempt", "mainspring.queue"];
    assert_eq!(attributes(&span, names), texts(["charge", &id.to_string(), "1", "cards"]));
    assert_eq!(attributes(&span, ["mainspring.outcome", "error.type"]), texts(["failed", "failed"]));
    assert_eq!(span.status, Status::error("the card is\\nexpired"));
}

#[tokio::test]
async fn the_span_of_an_enqueue_is_in_the_trace_and_names_the_job() {
    let (database, request) = (TestDatabase::new(), request());
    let scheduler = scheduler(&database).start().await.unwrap();
    let id = request.runs(scheduler.enqueue(step("one"))).await.unwrap();
    let jobs = vec![NewJob::new("a", &json!({})), NewJob::new("b", &json!({}))];
    request.runs(scheduler.enqueue_many(jobs)).await.unwrap();
    scheduler.stop().await;
    request.runs(scheduler.enqueue(step("none"))).await.unwrap_err();
    let one = until(|| request.spans("send step")).await;
    assert_eq!((one[0].parent_span_id, one[0].span_kind.clone()), (request.id, SpanKind::Client));
    let names = ["messaging.operation.type", "messaging.destination.name", "messaging.message.id"];
    assert_eq!(attributes(&one[0], names), texts(["send", "step", &id.to_string()]));
    let many = request.spans("send").remove(0);
    assert_eq!(attributes(&many, ["messaging.batch.message_count"]), texts(["2"]));
    assert!(one.iter().all(|span| span.status == Status::Unset));
}

#[tokio::test]
async fn claims_and_settles_have_spans_that_count_jobs() {
    let (database, request) = (TestDatabase::new(), request());
    let jobs = vec![NewJob::new("step", &json!({"act": "counted"})); 17];
    mainspring::jobs::insert_many(&mut database.connection(), &jobs).unwrap();
    scheduler(&database).concurrency(20).run_once().await.unwrap();
    let counted = |name: &str| {
        let counts = spans(|span| span.name == name && span.span_kind == SpanKind::Client);
        counts
            .iter()
            .filter_map(|span| attribute(span, "messaging.batch.message_count")?.parse::<i64>().ok())
            .sum::<i64>()
    };
    assert!(counted("receive") >= 17 && counted("settle") >= 17);
    assert!(request.spans("receive").is_empty());
}

#[derive(Serialize, Deserialize)]
struct Pay {
    user: String,
    card: Redacted<String>,
}
impl Task for Pay {
    const NAME: &'static str = "trace.pay";
    const MAX_ATTEMPTS: Option<i16> = Some(1);
}

async fn pay(task: Pay, _: JobContext) -> JobResult {
    Err(format!("no reply for {}", task.card))?
}

#[tokio::test]
async fn no_span_has_a_value_of_a_payload() {
    let (database, request) = (TestDatabase::new(), request());
    let scheduler = Scheduler::builder(database.url()).handler(pay).start().await.unwrap();
    let card = Redacted::new("value-5tapl3".to_owned());
    let pay = Pay { user: "open-w0rd".into(), card };
    // A job belongs to the trace in which it is created.
    let job = request.span.in_scope(|| Enqueue::new(pay));
    request.runs(scheduler.enqueue(job)).await.unwrap();
    // Past the door that would refuse it.
    let misfit = json!({"user": "open-w0rd", "card": {"value-5tapl3": 7}});
    let misfit = request.span.in_scope(|| NewJob::new(Pay::NAME, &misfit));
    misfit.insert(&mut database.connection()).unwrap();
    let both =
        || Some(request.spans("process trace.pay")).filter(|found| found.len() == 2).unwrap_or_default();
    let processed = until(both).await;
    assert!(processed.iter().any(|span| span.status == Status::error("no reply for [redacted]")));
    let all = format!("{:?}", spans(|span| span.span_context.trace_id() == request.trace));
    assert!(!all.contains("value-5tapl3") && !all.contains("open-w0rd"), "{all}");
    scheduler.stop().await;
}
