//! What a waiting job keeps: its key, its waits, and its place, whatever is done to it.

use std::time::Duration;

use diesel::connection::SimpleConnection;
use mainspring::jobs::{ActResult, Reschedule};
use mainspring::{KeyMode, OnFailure, Wait};

use super::{place_of, until_place};
use crate::support::database::TestDatabase;
use crate::support::jobs::act;
use crate::support::rows::count;
use crate::support::schedulers::{SLOW_POLL, scheduler};
use crate::support::waiting::until;

#[tokio::test]
async fn a_waiting_job_that_is_replaced_under_its_key_goes_on_waiting() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    let parents = [act("one").insert(conn).unwrap(), act("two").insert(conn).unwrap()];
    let child = act("old").key("k").after(parents[0]).insert(conn).unwrap();
    assert_eq!(act("new").key("k").after(parents[1]).insert(conn).unwrap(), child);
    assert_eq!(act("newest").key("k").insert(conn).unwrap(), child);
    assert_eq!(count(conn, &format!("mainspring.waits WHERE child = {child}")), 2);
    assert_eq!(place_of(&database, child), "waiting");
    // One that waits for its time waits for another job from then on.
    let late = act("late").key("late").run_in(Duration::from_secs(3_600)).insert(conn).unwrap();
    assert_eq!(act("late").key("late").after(child).insert(conn).unwrap(), late);
    let (builder, mut started) = scheduler(&database);
    let scheduler = builder.concurrency(1).start().await.unwrap();
    let acts = [started.next().await.act, started.next().await.act, started.next().await.act];
    assert_eq!(acts, ["one", "two", "newest"]);
    assert_eq!(started.next().await.id, late);
    scheduler.stop().await;
}

#[test]
fn a_job_that_is_found_under_its_key_waits_for_nothing_new() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    let parent = act("parent").insert(conn).unwrap();
    let found = act("found").key("k").insert(conn).unwrap();
    let again = act("again").key("k").key_mode(KeyMode::UnsafeDedupe).after(parent);
    assert_eq!(again.insert(conn).unwrap(), found);
    assert_eq!((place_of(&database, found).as_str(), count(conn, "mainspring.waits")), ("ready", 0));
    let fresh = act("fresh").key("l").key_mode(KeyMode::UnsafeDedupe).after(parent).insert(conn).unwrap();
    assert_eq!(place_of(&database, fresh), "waiting");
}

#[tokio::test]
async fn a_waiting_job_is_rescheduled_without_being_released() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    let child = act("child").after(Wait::signal("go")).insert(conn).unwrap();
    let (builder, mut started) = scheduler(&database);
    let scheduler = builder.poll_interval(SLOW_POLL).start().await.unwrap();
    let changes = Reschedule::new().run_at(chrono::Utc::now()).priority(-3);
    let acts = scheduler.jobs().reschedule([child], changes).await.unwrap();
    assert_eq!(acts[0].result, ActResult::Rescheduled);
    assert_eq!(count(conn, "mainspring.jobs WHERE state = 'waiting' AND priority = -3"), 1);
    assert_eq!(scheduler.jobs().retry([child], None).await.unwrap()[0].result, ActResult::Waiting);
    assert_eq!(scheduler.jobs().release([child]).await.unwrap()[0].result, ActResult::Released);
    assert_eq!(started.next().await.id, child);
    until_place(&database, child, "succeeded").await;
    let over = scheduler.jobs().release([child, 999]).await.unwrap();
    assert_eq!([over[0].result, over[1].result], [ActResult::Finished, ActResult::Unknown]);
    scheduler.stop().await;
}

#[tokio::test]
async fn a_waiting_job_that_a_person_ends_leaves_nothing_behind() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    let parent = act("parent").run_in(Duration::from_secs(3_600)).insert(conn).unwrap();
    let children: Vec<i64> = (0..4).map(|_| act("child").after(parent).insert(conn).unwrap()).collect();
    let grandchild = act("grandchild").after(children[1]).insert(conn).unwrap();
    conn.batch_execute(&format!(
        "SELECT mainspring.cancel_jobs(ARRAY[{}]); SELECT mainspring.complete_jobs(ARRAY[{}]); \
         SELECT mainspring.delete_jobs(ARRAY[{}]); SELECT mainspring.fail_jobs(ARRAY[{}])",
        children[0], children[1], children[2], children[3]
    ))
    .unwrap();
    let (builder, mut started) = scheduler(&database);
    let scheduler = builder.start().await.unwrap();
    assert_eq!(started.next().await.id, grandchild);
    // The dead one may be retried, so its row stays.
    until(&database, "mainspring.waits", 1).await;
    assert_eq!(place_of(&database, children[3]), "dead");
    scheduler.jobs().complete([parent], None).await.unwrap();
    until(&database, "mainspring.wait_events", 0).await;
    assert_eq!(place_of(&database, children[3]), "dead");
    scheduler.stop().await;
}

#[tokio::test]
async fn an_ending_of_which_no_process_was_notified_is_found_by_a_poll() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    let parent = act("parent").run_in(Duration::from_secs(3_600)).insert(conn).unwrap();
    let child = act("child").after(parent).insert(conn).unwrap();
    let (builder, mut started) = scheduler(&database);
    let scheduler = builder.poll_interval(Duration::from_millis(200)).start().await.unwrap();
    // What a process has stored that was killed before it went on.
    conn.batch_execute(&format!(
        "BEGIN; DELETE FROM mainspring.jobs WHERE id = {parent}; \
         INSERT INTO mainspring.wait_events (job_id, ending) VALUES ({parent}, 'succeeded'); COMMIT"
    ))
    .unwrap();
    assert_eq!(started.next().await.id, child);
    scheduler.stop().await;
}

#[tokio::test]
async fn jobs_that_were_deleted_by_hand_are_made_up_for() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    let parents: Vec<i64> = (0..3).map(|_| act("parent").insert(conn).unwrap()).collect();
    let run = Wait::job(parents[0]).on_failure(OnFailure::Run);
    let child = act("child").after(run).insert(conn).unwrap();
    let gone = act("gone").after(parents[1]).insert(conn).unwrap();
    let held = act("held").after(parents[2]).insert(conn).unwrap();
    let by_hand = format!("DELETE FROM mainspring.jobs WHERE id IN ({}, {gone}, {})", parents[0], parents[2]);
    conn.batch_execute(&by_hand).unwrap();
    assert_eq!(count(conn, "mainspring.repair_waits() AS missing WHERE missing = 3"), 1);
    conn.batch_execute("SELECT mainspring.handle_wait_events(10)").unwrap();
    assert_eq!([place_of(&database, child), place_of(&database, held)], ["ready", "waiting"]);
    assert_eq!(count(conn, &format!("mainspring.waits WHERE child = {gone}")), 0);
    assert_eq!(count(conn, "mainspring.repair_waits(1) AS missing WHERE missing = 0"), 1);
}
