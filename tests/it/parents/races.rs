//! Endings, additions and acts that happen at the same time.

use std::time::Duration;

use diesel::connection::SimpleConnection;

use super::{place_and_events, place_of, until_place};
use crate::support::database::TestDatabase;
use crate::support::jobs::act;
use crate::support::rows::WAITS_FOR_A_ROW;
use crate::support::schedulers::{SLOW_POLL, scheduler};
use crate::support::waiting::until;

#[tokio::test]
async fn the_last_two_parents_may_end_in_overlapping_transactions() {
    let database = TestDatabase::new();
    let (mut one, mut two) = (database.connection(), database.connection());
    let later = || act("parent").run_in(Duration::from_secs(3_600));
    let parents = [later().insert(&mut one).unwrap(), later().insert(&mut two).unwrap()];
    let child = act("child").after_all(parents).insert(&mut one).unwrap();
    let (builder, mut started) = scheduler(&database);
    let scheduler = builder.poll_interval(SLOW_POLL).start().await.unwrap();
    one.batch_execute(&format!("BEGIN; SELECT mainspring.complete_jobs(ARRAY[{}])", parents[0])).unwrap();
    two.batch_execute(&format!("BEGIN; SELECT mainspring.complete_jobs(ARRAY[{}])", parents[1])).unwrap();
    one.batch_execute("COMMIT").unwrap();
    assert_eq!(place_of(&database, child), "waiting");
    two.batch_execute("COMMIT").unwrap();
    assert_eq!(started.next().await.id, child);
    scheduler.stop().await;
}

#[test]
fn two_calls_that_carry_endings_to_one_child_lose_none() {
    let database = TestDatabase::new();
    let (mut one, mut two) = (database.connection(), database.connection());
    let parents = [act("a").insert(&mut one).unwrap(), act("b").insert(&mut one).unwrap()];
    let child = act("child").after_all(parents).insert(&mut one).unwrap();
    one.batch_execute(&format!("SELECT mainspring.complete_jobs(ARRAY[{}])", parents[0])).unwrap();
    one.batch_execute("BEGIN; SELECT mainspring.handle_wait_events(10)").unwrap();
    two.batch_execute(&format!("SELECT mainspring.complete_jobs(ARRAY[{}])", parents[1])).unwrap();
    // The first call holds the child, so this one leaves its event for later.
    two.batch_execute("SELECT mainspring.handle_wait_events(10)").unwrap();
    one.batch_execute("COMMIT").unwrap();
    assert_eq!(place_and_events(&database, child), ("waiting".to_owned(), 1));
    two.batch_execute("SELECT mainspring.handle_wait_events(10)").unwrap();
    assert_eq!(place_and_events(&database, child), ("ready".to_owned(), 0));
}

#[tokio::test]
async fn a_child_that_is_added_while_its_parent_ends_is_not_forgotten() {
    let database = TestDatabase::new();
    let mut adding = database.connection();
    let (builder, mut started) = scheduler(&database);
    let scheduler = builder.poll_interval(SLOW_POLL).start().await.unwrap();
    for round in 0..3 {
        let parent = act("parent").run_in(Duration::from_secs(3_600)).insert(&mut adding).unwrap();
        if round > 0 {
            // A parent that has a child already is shared by those that add more.
            act("first").after(parent).insert(&mut adding).unwrap();
        }
        adding.batch_execute("BEGIN").unwrap();
        let child = act("child").after(parent).insert(&mut adding).unwrap();
        let completing = scheduler.jobs();
        let completed = tokio::spawn(async move { completing.complete([parent], None).await });
        until(&database, WAITS_FOR_A_ROW, 1).await;
        adding.batch_execute("COMMIT").unwrap();
        completed.await.unwrap().unwrap();
        while started.next().await.id != child {}
    }
    scheduler.stop().await;
}

#[tokio::test]
async fn a_transaction_that_holds_a_child_holds_up_no_outcome() {
    let database = TestDatabase::new();
    let mut holder = database.connection();
    let (builder, mut started) = scheduler(&database);
    let scheduler = builder.poll_interval(SLOW_POLL).start().await.unwrap();
    let parent = act("parent").run_in(Duration::from_millis(100)).insert(&mut holder).unwrap();
    let child = act("child").after(parent).insert(&mut holder).unwrap();
    holder
        .batch_execute(&format!("BEGIN; SELECT FROM mainspring.jobs WHERE id = {child} FOR UPDATE"))
        .unwrap();
    assert_eq!(started.next().await.id, parent);
    until_place(&database, parent, "succeeded").await;
    let other = scheduler.enqueue(act("other")).await.unwrap();
    assert_eq!(started.next().await.id, other);
    until_place(&database, other, "succeeded").await;
    holder.batch_execute("COMMIT").unwrap();
    assert_eq!(started.next().await.id, child);
    scheduler.stop().await;
}

#[tokio::test]
async fn a_parent_that_is_retried_while_its_child_is_cancelled_ends_in_peace() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    let (builder, _started) = scheduler(&database);
    let scheduler = builder.poll_interval(SLOW_POLL).start().await.unwrap();
    let parent = act("discard").insert(conn).unwrap();
    let child = act("child").after(parent).insert(conn).unwrap();
    until_place(&database, parent, "dead").await;
    conn.batch_execute(&format!(
        "UPDATE mainspring.jobs SET payload = '{{\"act\": \"go\"}}' WHERE id = {parent}"
    ))
    .unwrap();
    let (jobs, again) = (scheduler.jobs(), scheduler.jobs());
    let (cancelled, retried) = tokio::join!(jobs.cancel([child], None), again.retry([parent], None));
    assert!(cancelled.unwrap()[0].result.was_done() || place_of(&database, child) == "succeeded");
    assert!(retried.unwrap()[0].result.was_done());
    until(&database, "mainspring.jobs", 0).await;
    until(&database, "mainspring.waits", 0).await;
    scheduler.stop().await;
}
