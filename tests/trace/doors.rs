//! Each way to add a job takes the context along.

use diesel::connection::SimpleConnection;
use mainspring::jobs::insert_many;
use mainspring::trace::TraceContext;
use mainspring::{EnqueueMany, NewJob};
use serde_json::json;

use crate::contexts::{scheduler, step};
use crate::support::database::TestDatabase;
use crate::support::rows::count;
use crate::traces::{Request, attribute, request, until};

fn in_trace(database: &TestDatabase, request: &Request) -> i64 {
    let of_request =
        format!("mainspring.jobs WHERE trace_context LIKE '00-{}-{}-__'", request.trace, request.id);
    count(&mut database.connection(), &of_request)
}

fn named() -> NewJob {
    NewJob::new("step", &json!({"act": "named"}))
}

#[tokio::test]
async fn jobs_that_are_stored_carry_the_span_in_which_they_were_made() {
    let (database, request) = (TestDatabase::new(), request());
    let mut conn = database.connection();
    request.span.in_scope(|| step("inserted").insert(&mut conn).unwrap());
    request.span.in_scope(|| step("keyed").key("k").insert(&mut conn).unwrap());
    request.span.in_scope(|| insert_many(&mut conn, &[named(), named().queue("q")]).unwrap());
    assert_eq!(in_trace(&database, &request), 4);
    request.span.in_scope(|| insert_many(&mut conn, &[named().trace_context(None)]).unwrap());
    step("outside").insert(&mut conn).unwrap();
    assert_eq!(count(&mut conn, "mainspring.jobs WHERE trace_context IS NULL"), 2);
}

#[tokio::test]
async fn a_replacement_brings_its_own_context() {
    let (database, request) = (TestDatabase::new(), request());
    let mut conn = database.connection();
    step("first").key("k").insert(&mut conn).unwrap();
    request.span.in_scope(|| step("second").key("k").insert(&mut conn).unwrap());
    assert_eq!(in_trace(&database, &request), 1);
    step("third").key("k").insert(&mut conn).unwrap();
    assert_eq!(in_trace(&database, &request), 0);
}

// Where a slot is free the scheduler stores a job as running, and else as waiting.
#[tokio::test]
async fn jobs_that_are_sent_as_messages_carry_it_too() {
    let (database, request) = (TestDatabase::new(), request());
    let scheduler = scheduler(&database).start().await.unwrap();
    let queue = scheduler.queue_actor().unwrap();
    let send = async {
        queue.send(step("sent")).await.unwrap().unwrap();
        let jobs =
            vec![step("keyed").key("k").try_into().unwrap(), step("queued").queue("q").try_into().unwrap()];
        queue.send(EnqueueMany { jobs }).await.unwrap().unwrap();
        scheduler
            .enqueue_many(vec![named(), NewJob::new("step", &json!({"act": "x".repeat(400)}))])
            .await
            .unwrap();
    };
    request.runs(send).await;
    until(|| Some(request.spans("process step")).filter(|spans| spans.len() == 5).unwrap_or_default()).await;
    scheduler.stop().await;
    // One for each message, and for the call.
    let sent =
        until(|| Some(request.spans("send step")).filter(|spans| spans.len() >= 3).unwrap_or_default()).await;
    let counts = sent.iter().map(|span| attribute(span, "messaging.batch.message_count"));
    assert_eq!(counts.collect::<Vec<_>>(), [None, Some("2".to_owned()), Some("2".to_owned())]);
    assert!(sent.iter().all(|span| span.parent_span_id == request.id), "{sent:?}");
    assert!(attribute(&sent[0], "messaging.message.id").is_some());
}

#[tokio::test]
async fn a_program_may_hand_on_the_header_of_a_request() {
    let (database, request) = (TestDatabase::new(), request());
    let header = TraceContext::parse(&format!("00-{}-{}-01", request.trace, request.id));
    step("handed on").trace_context(header).insert(&mut database.connection()).unwrap();
    let sql = "SELECT mainspring.add_job('step', '{\"act\": \"sql\"}', trace_context => '00-TRACE-SPAN-01')";
    let sql = sql.replace("TRACE", &request.trace.to_string()).replace("SPAN", &request.id.to_string());
    database.connection().batch_execute(&sql).unwrap();
    scheduler(&database).run_once().await.unwrap();
    assert_eq!(request.spans("process step").len(), 2);
}
