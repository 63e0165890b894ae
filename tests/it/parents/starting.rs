//! Jobs that start with the end of the last job for which they waited, in the process in which it ended.

use diesel::connection::SimpleConnection;
use diesel::{RunQueryDsl, sql_query};
use mainspring::Workflow;

use super::{Place, place_and_events};
use crate::support::database::TestDatabase;
use crate::support::jobs::{Act, act, other};
use crate::support::rows::count;
use crate::support::schedulers::{SLOW_POLL, scheduler};
use crate::support::waiting::until;

#[tokio::test]
async fn each_job_of_a_chain_starts_without_being_ready_for_others() {
    let database = TestDatabase::new();
    database.write_moves_down();
    let (builder, mut started) = scheduler(&database);
    let scheduler = builder.poll_interval(SLOW_POLL).start().await.unwrap();
    let mut links = Workflow::new("chain");
    for link in 0..20 {
        links = links.job(link.to_string(), act(&link.to_string()));
        if link > 0 {
            links = links.after(link.to_string(), (link - 1).to_string());
        }
    }
    scheduler.workflows().start(links).await.unwrap();
    for link in 0..20 {
        assert_eq!(started.next().await.act, link.to_string());
    }
    until(&database, "mainspring.jobs", 0).await;
    until(&database, "mainspring.waits", 0).await;
    until(&database, "mainspring.wait_events", 0).await;
    let conn = &mut database.connection();
    // While the scheduler looks for jobs at its start, the first links may take the longer way.
    assert!(count(conn, "moves WHERE old = 'waiting' AND new = 'running'") > 10);
    assert_eq!(count(conn, "mainspring.history WHERE outcome = 'succeeded' AND attempts = 1"), 20);
    scheduler.stop().await;
}

const ENDS: &str = "WITH gone AS (DELETE FROM mainspring.jobs WHERE id = {} RETURNING id) \
    INSERT INTO mainspring.wait_events (job_id, ending) SELECT id, '{}' FROM gone RETURNING id";

/// The job ends; returns the event that tells of it.
fn end(database: &TestDatabase, id: i64, ending: &str) -> i64 {
    let conn = &mut database.connection();
    conn.batch_execute(&ENDS.replacen("{}", &id.to_string(), 1).replacen("{}", ending, 1)).unwrap();
    count(conn, "generate_series(1, (SELECT max(id) FROM mainspring.wait_events))")
}

fn free(first_event: i64, parents: &[i64]) -> String {
    let parents = parents.iter().map(i64::to_string).collect::<Vec<_>>().join(",");
    format!("mainspring.free_children({first_event}, ARRAY[{parents}]::bigint[], '{{act}}', '{{0}}', 10)")
}

/// The children that may start, and whether anything is left to `handle_wait_events`.
fn freed(database: &TestDatabase, first_event: i64, parents: &[i64]) -> String {
    let columns = "coalesce(string_agg(child || CASE WHEN events_left THEN '+' ELSE '' END, ' ' ORDER BY child), '') AS place";
    let query = format!("SELECT {columns} FROM {}", free(first_event, parents));
    sql_query(query).get_result::<Place>(&mut database.connection()).unwrap().place
}

#[test]
fn the_last_parent_frees_a_child_and_the_ones_before_do_not() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    let parents = [act("a").insert(conn).unwrap(), act("b").insert(conn).unwrap()];
    let child = act("child").after_all(parents).insert(conn).unwrap();
    let event = end(&database, parents[0], "succeeded");
    assert_eq!(freed(&database, event, &parents[..1]), "");
    assert_eq!(count(conn, "mainspring.wait_events"), 0);
    let event = end(&database, parents[1], "succeeded");
    assert_eq!(freed(&database, event, &parents[1..]), child.to_string());
    assert_eq!(count(conn, "mainspring.waits WHERE ending = 'succeeded'"), 2);
    assert_eq!(count(conn, "mainspring.wait_events"), 0);
}

#[test]
fn the_last_two_parents_that_end_at_the_same_time_free_their_child_once() {
    let database = TestDatabase::new();
    let (mut one, mut two) = (database.connection(), database.connection());
    let parents = [act("a").insert(&mut one).unwrap(), act("b").insert(&mut one).unwrap()];
    let child = act("child").after_all(parents).insert(&mut one).unwrap();
    let events = parents.map(|parent| end(&database, parent, "succeeded"));
    one.batch_execute(&format!("BEGIN; SELECT FROM {}", free(events[0], &parents[..1]))).unwrap();
    // The first one holds the child, so the second one leaves it and its own event alone, without a wait.
    assert_eq!(freed(&database, events[1], &parents[1..]), "");
    one.batch_execute("COMMIT").unwrap();
    assert_eq!(place_and_events(&database, child), ("waiting".to_owned(), 1));
    two.batch_execute("SELECT mainspring.handle_wait_events(10)").unwrap();
    assert_eq!(place_and_events(&database, child), ("ready".to_owned(), 0));
}

#[test]
fn children_that_need_more_than_a_slot_are_left_to_the_release() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    let parent = act("parent").insert(conn).unwrap();
    let plain = act("plain").after(parent).insert(conn).unwrap();
    act("queued").queue("q").after(parent).insert(conn).unwrap();
    act("flagged").flags(["gpu"]).after(parent).insert(conn).unwrap();
    act("late").run_in(std::time::Duration::from_secs(3_600)).after(parent).insert(conn).unwrap();
    act("signal").after(parent).after(mainspring::Wait::signal("go")).insert(conn).unwrap();
    other().after(parent).insert(conn).unwrap();
    let event = end(&database, parent, "succeeded");
    assert_eq!(freed(&database, event, &[parent]), format!("{plain}+"));
    conn.batch_execute("SELECT mainspring.handle_wait_events(10)").unwrap();
    let by_state = "string_agg(state::text, ' ' ORDER BY id) AS place FROM mainspring.jobs";
    let states = sql_query(format!("SELECT {by_state}")).get_result::<Place>(conn).unwrap().place;
    // The plain one is `running` once it is claimed. Here it is not, so that the release finds it too.
    assert_eq!(states, "ready parked ready scheduled waiting ready");
}

#[test]
fn a_parent_that_has_not_succeeded_frees_no_child() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    for ending in ["cancelled", "deleted", "dead"] {
        let parent = act("parent").insert(conn).unwrap();
        act("child").after(parent).insert(conn).unwrap();
        let event = end(&database, parent, ending);
        assert_eq!(freed(&database, event, &[parent]), "", "{ending}");
        assert_eq!(count(conn, &format!("mainspring.wait_events WHERE id = {event}")), 1, "{ending}");
    }
}

#[test]
fn no_more_children_start_than_there_is_room_for() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    let parent = act("parent").insert(conn).unwrap();
    let children: Vec<i64> = (0..12).map(|_| act("child").after(parent).insert(conn).unwrap()).collect();
    let event = end(&database, parent, "succeeded");
    let expected: Vec<String> = children[..10].iter().map(|child| format!("{child}+")).collect();
    assert_eq!(freed(&database, event, &[parent]), expected.join(" "));
    conn.batch_execute("SELECT mainspring.handle_wait_events(10)").unwrap();
    assert_eq!(count(conn, "mainspring.jobs WHERE state = 'ready'"), 12);
    assert_eq!(count(conn, "mainspring.wait_events"), 0);
}

#[tokio::test]
async fn a_child_starts_at_once_though_its_payload_is_large() {
    let database = TestDatabase::new();
    let (builder, mut started) = scheduler(&database);
    let scheduler = builder.poll_interval(SLOW_POLL).start().await.unwrap();
    let parent =
        scheduler.enqueue(act("parent").run_in(std::time::Duration::from_millis(300))).await.unwrap();
    let large = "x".repeat(100_000);
    let child = mainspring::Enqueue::new(Act { act: large.clone(), millis: 0 }).after(parent);
    let child = scheduler.enqueue(child).await.unwrap();
    assert_eq!(started.next().await.id, parent);
    let next = started.next().await;
    assert_eq!((next.id, next.act), (child, large));
    scheduler.stop().await;
}
