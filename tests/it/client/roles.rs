//! A client whose role may only add jobs, and one whose role may not even do that.

use mainspring::{Client, NewJob, Scheduler, SchedulerError, StoreError, Wait, Workflow};
use serde_json::json;

use crate::roles::Role;
use crate::support::database::TestDatabase;
use crate::support::jobs::act;
use crate::support::rows::count;

#[tokio::test]
async fn a_role_that_may_only_add_jobs_suffices_for_every_call() {
    let database = TestDatabase::new();
    let role = Role::granted(&database, "enqueue");
    let client = Client::connect(role.url()).await.unwrap();
    let parent = client.enqueue(act("typed").key("k").queue("q").flags(["big"])).await.unwrap();
    client.enqueue(act("again").key("k")).await.unwrap();
    client.enqueue(NewJob::new("note", &json!({})).after(parent).after(Wait::signal("go"))).await.unwrap();
    client.enqueue_many([NewJob::new("note", &json!({})), NewJob::new("note", &json!({}))]).await.unwrap();
    client.start_workflow(Workflow::new("w").job("a", act("a")).member(act("b"))).await.unwrap();
    assert!(client.signal("go", &json!(null)).await.unwrap());
    assert_eq!(client.remove("k").await.unwrap(), Some(parent));
    client.blocking().enqueue(act("blocking")).unwrap();
    assert_eq!(count(&mut database.connection(), "mainspring.jobs"), 6);
}

fn denied(error: SchedulerError, what: &str) {
    let SchedulerError::Store(error) = error else { panic!("{error}") };
    assert!(matches!(error, StoreError::Denied(_)), "{error}");
    assert!(error.to_string().contains(what), "{error}");
}

#[tokio::test]
async fn such_a_role_reads_nothing_through_a_connected_scheduler() {
    let database = TestDatabase::new();
    let role = Role::granted(&database, "enqueue");
    let scheduler = Scheduler::builder(role.url()).connect().await.unwrap();
    let id = scheduler.enqueue(act("a")).await.unwrap();
    denied(scheduler.jobs().payload(id).await.unwrap_err(), "jobs");
    denied(scheduler.jobs().delete([id]).await.unwrap_err(), "delete_jobs");
    denied(scheduler.queues().pause("q").await.unwrap_err(), "pause_queue");
}

#[tokio::test]
async fn a_role_without_the_grant_is_refused_with_what_it_lacks() {
    let database = TestDatabase::new();
    let stranger = Role::new(&database, "stranger");
    denied(Client::connect(stranger.url()).await.unwrap_err(), "no privilege on the schema");
    let reader = Role::granted(&database, "read");
    let client = Client::connect(reader.url()).await.unwrap();
    denied(client.enqueue(act("a")).await.unwrap_err(), "enqueue_jobs");
    assert_eq!(count(&mut database.connection(), "mainspring.jobs"), 0);
}
