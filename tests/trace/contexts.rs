//! Which trace the span of an attempt belongs to.

use std::time::Duration;

use diesel::connection::SimpleConnection;
use mainspring::tracing::info_span;
use mainspring::{Enqueue, JobContext, JobError, JobResult, Scheduler, SchedulerBuilder, Task};
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{FutureExt, SpanId};
use opentelemetry::{Context, KeyValue};
use serde::{Deserialize, Serialize};

use crate::support::database::TestDatabase;
use crate::support::rows::count;
use crate::support::waiting::until as until_rows;
use crate::traces::{Request, attribute, request, spans, until};

#[derive(Serialize, Deserialize)]
pub struct Step {
    act: String,
}
impl Task for Step {
    const NAME: &'static str = "step";
}

pub fn step(act: &str) -> Enqueue<Step> {
    Enqueue::new(Step { act: act.into() })
}

async fn perform(task: Step, job: JobContext) -> JobResult {
    info_span!("inside").in_scope(|| {});
    match task.act.as_str() {
        "retry" if job.attempt() == 1 => Err(JobError::retry_in(Duration::ZERO, "not yet")),
        "snooze" if job.snoozes() == 0 => Err(JobError::snooze(Duration::ZERO)),
        "add" => {
            job.enqueue(step("added")).await?;
            job.transaction(|conn| Ok(step("added").insert(conn).map(drop)?)).await
        }
        "block" => {
            job.block(|| info_span!("blocked").in_scope(|| {})).await;
            Ok(())
        }
        _ => Ok(()),
    }
}

pub fn scheduler(database: &TestDatabase) -> SchedulerBuilder {
    Scheduler::builder(database.url()).handler(perform).worker_threads(2)
}

/// Adds the job in the request, and runs what is ready.
async fn run(request: &Request, database: &TestDatabase, act: &str) {
    request.span.in_scope(|| step(act).insert(&mut database.connection())).unwrap();
    scheduler(database).run_once().await.unwrap();
}

#[tokio::test]
async fn the_trace_of_a_request_contains_the_span_of_its_job() {
    let (database, request) = (TestDatabase::new(), request());
    let scheduler = scheduler(&database).start().await.unwrap();
    let id = request.runs(async { scheduler.enqueue(step("nothing")).await }).await.unwrap();
    let attempt = until(|| request.spans("process step")).await.remove(0);
    assert_eq!(attempt.parent_span_id, request.id);
    assert!(attempt.parent_span_is_remote && attempt.links.is_empty());
    assert_eq!(attribute(&attempt, "messaging.message.id"), Some(id.to_string()));
    let inside = request.spans("inside").remove(0);
    assert_eq!(inside.parent_span_id, attempt.span_context.span_id());
    scheduler.stop().await;
}

#[tokio::test]
async fn code_of_a_handler_that_may_block_is_inside_of_its_span() {
    let (database, request) = (TestDatabase::new(), request());
    run(&request, &database, "block").await;
    let attempt = request.spans("process step").remove(0);
    assert_eq!(request.spans("blocked").remove(0).parent_span_id, attempt.span_context.span_id());
}

#[tokio::test]
async fn a_retry_has_a_trace_of_its_own_and_a_link() {
    let (database, request) = (TestDatabase::new(), request());
    run(&request, &database, "retry").await;
    assert_eq!(attempts(&request.spans("process step")), ["1"]);
    let retries = request.linked("process step");
    assert_eq!(attempts(&retries), ["2"]);
    assert_eq!(retries[0].parent_span_id, SpanId::INVALID);
    assert_ne!(retries[0].span_context.trace_id(), request.trace);
}

#[tokio::test]
async fn an_attempt_after_a_snooze_is_linked() {
    let (database, request) = (TestDatabase::new(), request());
    run(&request, &database, "snooze").await;
    assert_eq!(attempts(&request.spans("process step")), ["1"]);
    assert_eq!(attempts(&request.linked("process step")), ["1"]);
}

#[tokio::test]
async fn a_job_that_starts_late_is_linked() {
    let (database, request) = (TestDatabase::new(), request());
    request.span.in_scope(|| step("late").insert(&mut database.connection())).unwrap();
    let ages = "UPDATE mainspring.jobs SET created_at = created_at - interval '31 seconds'";
    database.connection().batch_execute(ages).unwrap();
    scheduler(&database).run_once().await.unwrap();
    assert_eq!(attempts(&request.linked("process step")), ["1"]);
    assert!(request.spans("process step").is_empty());
}

#[tokio::test]
async fn jobs_that_a_handler_adds_continue_the_trace_of_its_attempt() {
    let (database, request) = (TestDatabase::new(), request());
    run(&request, &database, "add").await;
    let attempts = request.spans("process step");
    let (first, added): (Vec<_>, Vec<_>) =
        attempts.iter().partition(|attempt| attempt.parent_span_id == request.id);
    assert_eq!((first.len(), added.len()), (1, 2));
    assert!(added.iter().all(|added| added.parent_span_id == first[0].span_context.span_id()));
}

#[tokio::test]
async fn a_fire_of_cron_begins_a_trace() {
    let (database, request) = (TestDatabase::new(), request());
    let scheduler =
        request.runs(scheduler(&database).crontab("* * * * * * step {act: 'fire'}").start()).await;
    until_rows(&database, "(SELECT FROM mainspring.history LIMIT 1) AS h", 1).await;
    scheduler.unwrap().stop().await;
    let fired = spans(|span| attribute(span, "messaging.destination.name").as_deref() == Some("step"));
    assert!(fired.iter().any(|span| span.parent_span_id == SpanId::INVALID && span.links.is_empty()));
    assert!(request.spans("process step").is_empty() && request.linked("process step").is_empty());
}

#[tokio::test]
async fn baggage_is_never_stored() {
    let (database, request) = (TestDatabase::new(), request());
    let in_request = request.span.in_scope(Context::current);
    let context = in_request.with_baggage([KeyValue::new("customer", "ba66a6e")]);
    async { step("carried").insert(&mut database.connection()) }.with_context(context).await.unwrap();
    let mut conn = database.connection();
    let stored = format!("mainspring.jobs WHERE trace_context LIKE '00-{}-{}-__'", request.trace, request.id);
    assert_eq!(count(&mut conn, &stored), 1, "the context itself is");
    assert_eq!(count(&mut conn, "mainspring.jobs AS j WHERE to_jsonb(j)::text ~ 'customer|ba66a6e'"), 0);
}

#[tokio::test]
async fn a_row_whose_context_is_malformed_begins_a_trace() {
    let (database, request) = (TestDatabase::new(), request());
    request.span.in_scope(|| step("damaged").insert(&mut database.connection())).unwrap();
    let damage = "UPDATE mainspring.jobs SET trace_context = overlay(trace_context PLACING 'zz' FROM 4)";
    database.connection().batch_execute(damage).unwrap();
    assert!(scheduler(&database).run_once().await.unwrap().to_string().contains("1 succeeded"));
    assert!(request.spans("process step").is_empty() && request.linked("process step").is_empty());
}

fn attempts(spans: &[opentelemetry_sdk::trace::SpanData]) -> Vec<String> {
    spans.iter().filter_map(|span| attribute(span, "mainspring.attempt")).collect()
}
