//! The client for code that is not async, in every place that such code may be called from.

use std::thread;
use std::time::Duration;

use futures_util::FutureExt;
use mainspring::{BlockingClient, Client, NewJob, Scheduler, SchedulerError, Stored, Wait, Workflow};
use serde_json::json;
use tokio::runtime::Builder;

use crate::support::database::TestDatabase;
use crate::support::jobs::act;
use crate::support::rows::count;

/// Calls every method once. Two jobs and a signal are left.
fn use_each_method(client: &BlockingClient) {
    let id = client.enqueue(act("one").key("k")).unwrap();
    assert_eq!(client.remove("k").unwrap(), Some(id));
    let ids = client.enqueue_many([NewJob::new("note", &json!({})).after(Wait::signal("go"))]).unwrap();
    assert_eq!(ids.len(), 1);
    client.signal("go", &json!(1)).unwrap();
    let workflow = Workflow::new("w").job("a", act("a"));
    assert_eq!(client.start_workflow(workflow).unwrap().jobs.len(), 1);
    assert!(matches!(client.enqueue(act("bad").queue("")), Err(SchedulerError::Store(_))));
}

fn assert_used(database: &TestDatabase, times: i64) {
    let mut conn = database.connection();
    assert_eq!(count(&mut conn, "mainspring.jobs"), times * 2);
    assert_eq!(count(&mut conn, "mainspring.signals"), 1);
}

#[test]
fn it_works_without_a_runtime_and_from_many_threads() {
    let database = TestDatabase::new();
    let client = Client::connect_blocking(database.url()).unwrap();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| client.enqueue(act("side by side")).unwrap());
        }
    });
    assert_eq!(count(&mut database.connection(), "mainspring.jobs"), 8);
}

#[test]
fn it_works_in_a_program_that_is_not_async() {
    let database = TestDatabase::new();
    use_each_method(&Client::connect_blocking(database.url()).unwrap());
    assert_used(&database, 1);
}

#[tokio::test]
async fn it_works_on_the_only_thread_of_a_runtime() {
    let database = TestDatabase::new();
    use_each_method(&Client::connect_blocking(database.url()).unwrap());
    use_each_method(&Client::connect(database.url()).await.unwrap().blocking());
    assert_used(&database, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_works_on_threads_that_may_block() {
    let database = TestDatabase::new();
    let client = Client::connect(database.url()).await.unwrap().blocking();
    let there = client.clone();
    tokio::task::spawn_blocking(move || use_each_method(&there)).await.unwrap();
    tokio::task::block_in_place(|| use_each_method(&client));
    assert_used(&database, 2);
}

#[actix_web::main]
async fn main_of_an_actix_web_application(database: &TestDatabase) {
    let client = Client::connect(database.url()).await.unwrap();
    let blocking = client.blocking();
    actix_web::web::block(move || use_each_method(&blocking)).await.unwrap();
    client.enqueue(act("awaited")).await.unwrap();
    client.remove("no such key").await.unwrap();
}

#[test]
fn both_forms_work_under_actix_web_main() {
    let database = TestDatabase::new();
    main_of_an_actix_web_application(&database);
    assert_eq!(count(&mut database.connection(), "mainspring.jobs"), 3);
}

#[test]
fn a_client_outlives_the_runtime_that_it_was_made_in() {
    let database = TestDatabase::new();
    let runtime = || Builder::new_current_thread().enable_time().build().unwrap();
    let client = runtime().block_on(Client::connect(database.url())).unwrap();
    runtime().block_on(client.enqueue(act("another runtime"))).unwrap();
    client.blocking().enqueue(act("none")).unwrap();
    assert_eq!(count(&mut database.connection(), "mainspring.jobs"), 2);
}

#[test]
fn an_async_call_without_a_runtime_names_the_blocking_one() {
    let database = TestDatabase::new();
    let refused = |error: SchedulerError| {
        assert_eq!(error.stored(), Stored::No);
        let text = error.to_string();
        assert!(text.contains("Client::blocking") && text.contains("Client::connect_blocking"), "{text}");
    };
    refused(Client::connect(database.url()).now_or_never().unwrap().unwrap_err());
    let runtime = Builder::new_current_thread().enable_time().build().unwrap();
    let client = runtime.block_on(Client::connect(database.url())).unwrap();
    refused(client.enqueue(act("a")).now_or_never().unwrap().unwrap_err());
    refused(client.enqueue_many([act("a")]).now_or_never().unwrap().unwrap_err());
    refused(client.remove("k").now_or_never().unwrap().unwrap_err());
    refused(client.signal("s", &json!(1)).now_or_never().unwrap().unwrap_err());
    refused(client.start_workflow(Workflow::new("w").member(act("a"))).now_or_never().unwrap().unwrap_err());
    assert_eq!(count(&mut database.connection(), "mainspring.jobs"), 0);
}

#[test]
fn the_builder_of_a_blocking_client_checks_its_settings() {
    let builder = Scheduler::builder("postgres://localhost/app").enqueue_timeout(Duration::ZERO);
    let wrong = builder.blocking_client().unwrap_err();
    assert!(matches!(&wrong, SchedulerError::Config(text) if text.starts_with("enqueue_timeout")), "{wrong}");
}
