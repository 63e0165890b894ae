//! What each way to end means for the jobs that wait.

use std::sync::Arc;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use mainspring::{Enqueue, OnFailure, Wait};
use tokio::sync::Semaphore;

use super::{place_of, until_place};
use crate::support::database::TestDatabase;
use crate::support::jobs::{Act, act};
use crate::support::rows::count;
use crate::support::schedulers::{SLOW_POLL, scheduler};
use crate::support::waiting::until;

const ALL: [OnFailure; 3] = [OnFailure::Hold, OnFailure::Cancel, OnFailure::Run];

/// A parent, and a child of it for each of [`ALL`].
fn family(database: &TestDatabase, parent: Enqueue<Act>) -> (i64, [i64; 3]) {
    let conn = &mut database.connection();
    // Together, so that the parent does not end before it has its children.
    conn.batch_execute("BEGIN").unwrap();
    let parent = parent.insert(conn).unwrap();
    let child = |on_failure| act("child").after(Wait::job(parent).on_failure(on_failure));
    let children = ALL.map(|on_failure| child(on_failure).insert(conn).unwrap());
    conn.batch_execute("COMMIT").unwrap();
    (parent, children)
}

async fn assert_failed(database: &TestDatabase, [held, cancelled, run]: [i64; 3]) {
    until_place(database, run, "succeeded").await;
    until_place(database, cancelled, "cancelled").await;
    assert_eq!(place_of(database, held), "waiting");
}

#[tokio::test]
async fn a_parent_that_dies_or_is_cancelled_acts_as_its_child_says() {
    let database = TestDatabase::new();
    let (builder, _started) = scheduler(&database);
    let scheduler = builder.poll_interval(SLOW_POLL).start().await.unwrap();
    for (ends, max_attempts) in [("discard", 25), ("fail", 1), ("panic", 1), ("cancel", 25)] {
        let (_, children) = family(&database, act(ends).max_attempts(max_attempts));
        assert_failed(&database, children).await;
    }
    scheduler.stop().await;
}

#[tokio::test]
async fn what_a_person_does_to_a_parent_ends_it_for_its_children() {
    let database = TestDatabase::new();
    let (builder, _started) = scheduler(&database);
    let scheduler = builder.poll_interval(SLOW_POLL).start().await.unwrap();
    let later = || act("parent").run_in(Duration::from_secs(3_600));
    for done in
        ["cancel_jobs(ARRAY[{}])", "fail_jobs(ARRAY[{}])", "delete_jobs(ARRAY[{}])", "remove_job('key {}')"]
    {
        let (parent, children) = family(&database, later());
        let conn = &mut database.connection();
        conn.batch_execute(&format!("UPDATE mainspring.jobs SET key = 'key {parent}' WHERE id = {parent}"))
            .unwrap();
        let done = done.replace("{}", &parent.to_string());
        conn.batch_execute(&format!("SELECT mainspring.{done}")).unwrap();
        assert_failed(&database, children).await;
    }
    let (parent, children) = family(&database, later());
    scheduler.jobs().complete([parent], None).await.unwrap();
    for child in children {
        until_place(&database, child, "succeeded").await;
    }
    scheduler.stop().await;
}

#[tokio::test]
async fn a_dead_parent_that_retention_deletes_leaves_its_held_child_to_people() {
    let database = TestDatabase::new();
    let (builder, mut started) = scheduler(&database);
    let scheduler = builder.poll_interval(SLOW_POLL).start().await.unwrap();
    let (parent, [held, ..]) = family(&database, act("discard"));
    until_place(&database, parent, "dead").await;
    until(&database, "mainspring.wait_events", 0).await;
    let conn = &mut database.connection();
    conn.batch_execute("SELECT mainspring.delete_dead_jobs('0 s')").unwrap();
    until(&database, "mainspring.waits WHERE ending = 'deleted'", 1).await;
    let reasons = scheduler.jobs().explain(held).await.unwrap();
    assert!(reasons[0].sentence.contains("was deleted"), "{reasons:?}");
    let acts = scheduler.jobs().release([held, parent]).await.unwrap();
    assert_eq!(acts.iter().map(|act| act.result.was_done()).collect::<Vec<_>>(), [true, false]);
    while started.next().await.id != held {}
    until(&database, "mainspring.waits", 0).await;
    scheduler.stop().await;
}

#[tokio::test]
async fn a_retried_parent_releases_the_child_that_it_held() {
    let database = TestDatabase::new();
    let (builder, mut started) = scheduler(&database);
    let scheduler = builder.poll_interval(SLOW_POLL).start().await.unwrap();
    let (parent, [held, ..]) = family(&database, act("fail").max_attempts(1));
    until_place(&database, parent, "dead").await;
    let change = format!("UPDATE mainspring.jobs SET payload = '{{\"act\": \"go\"}}' WHERE id = {parent}");
    database.connection().batch_execute(&change).unwrap();
    scheduler.jobs().retry([parent], None).await.unwrap();
    while started.next().await.id != held {}
    until_place(&database, held, "succeeded").await;
    scheduler.stop().await;
}

#[tokio::test]
async fn a_cancellation_reaches_every_descendant_that_asks_for_it() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    let first = act("discard").insert(conn).unwrap();
    let mut last = first;
    for _ in 0..20 {
        last = act("child").after(Wait::job(last).on_failure(OnFailure::Cancel)).insert(conn).unwrap();
    }
    let (builder, _started) = scheduler(&database);
    let scheduler = builder.poll_interval(SLOW_POLL).start().await.unwrap();
    until_place(&database, last, "cancelled").await;
    assert_eq!(count(conn, "mainspring.history WHERE outcome = 'cancelled'"), 20);
    let because = format!(
        "mainspring.history WHERE id = {} AND reason LIKE 'job {first}, for which it waited, is dead'",
        first + 1
    );
    assert_eq!(count(conn, &because), 1);
    until(&database, "mainspring.waits", 0).await;
    scheduler.stop().await;
}

#[tokio::test]
async fn a_running_parent_that_is_cancelled_and_one_that_is_superseded_fail() {
    let database = TestDatabase::new();
    let (builder, mut started) = scheduler(&database);
    let gate = Arc::new(Semaphore::new(0));
    let scheduler = builder.poll_interval(SLOW_POLL).app_data(Arc::clone(&gate)).start().await.unwrap();
    let (superseded, of_superseded) = family(&database, act("at gate, then fail").key("k"));
    assert_eq!(started.next().await.id, superseded);
    act("newer").key("k").run_in(Duration::from_secs(3_600)).insert(&mut database.connection()).unwrap();
    gate.add_permits(1);
    assert_failed(&database, of_superseded).await;
    let (cancelled, of_cancelled) = family(&database, act("at gate, then fail"));
    while started.next().await.id != cancelled {}
    scheduler.jobs().cancel([cancelled], None).await.unwrap();
    gate.add_permits(1);
    assert_failed(&database, of_cancelled).await;
    scheduler.stop().await;
}
