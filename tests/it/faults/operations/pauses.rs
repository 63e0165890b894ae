//! The pause of everything: a copy of production that must not run anything.

use std::time::Duration;

use diesel::connection::SimpleConnection;
use mainspring::{NewSchedule, queues, schedules, status};

use crate::support::database::TestDatabase;
use crate::support::jobs::act;
use crate::support::rows::count;
use crate::support::schedulers::{SLOW_POLL, scheduler};
use crate::support::waiting::until;

/// What could start: a ready job, one with flags, one of a queue, a due one, and a schedule that is due.
const WORK: &str = "
    SELECT mainspring.add_job('act', '{\"act\": \"ready\"}');
    SELECT mainspring.add_job('act', '{\"act\": \"flagged\"}', flags => '{f}');
    SELECT mainspring.add_job('act', '{\"act\": \"parked\"}', queue => 'q');
    INSERT INTO mainspring.jobs (task, payload, state, run_at)
        VALUES ('act', '{\"act\": \"due\"}', 'scheduled', now() - interval '1 minute');
    UPDATE mainspring.schedules SET next_fire_at = now() - interval '1 minute', plan_after = NULL;";
const UNTOUCHED: &str = "mainspring.jobs WHERE (state, payload->>'act') IN \
    (('ready', 'ready'), ('ready', 'flagged'), ('parked', 'parked'), ('scheduled', 'due')) AND attempts = 0";

#[tokio::test]
async fn nothing_starts_in_a_database_that_is_paused_and_all_of_it_once_resumed() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    assert!(queues::pause_all(&mut conn).unwrap() && !queues::pause_all(&mut conn).unwrap());
    schedules::create(&mut conn, &NewSchedule::new("due", "act", "0 0 1 1 *").payload(act_payload()))
        .unwrap();
    conn.batch_execute(WORK).unwrap();
    let (builder, mut started) = scheduler(&database);
    let builder =
        builder.poll_interval(Duration::from_millis(20)).heartbeat_timeout(Duration::from_millis(1_500));
    let scheduler = builder.start().await.unwrap();
    let mine = scheduler.enqueue(act("mine")).await.unwrap();
    // Several heartbeats, and dozens of polls.
    let alive = "mainspring.workers WHERE heartbeat_at > started_at + interval '0.5 seconds'";
    until(&database, alive, 1).await;
    assert_eq!(count(&mut conn, UNTOUCHED), 4);
    assert_eq!(count(&mut conn, &format!("mainspring.jobs WHERE id = {mine} AND state = 'ready'")), 1);
    assert_eq!(count(&mut conn, "mainspring.schedule_fires"), 0);
    assert!(started.try_next().is_none());
    assert!(status::read(&mut conn).unwrap().paused_since.is_some());

    assert!(queues::resume_all(&mut conn).unwrap() && !queues::resume_all(&mut conn).unwrap());
    let mut acts = Vec::new();
    while acts.len() < 6 {
        acts.push(started.next().await.act);
    }
    acts.sort_unstable();
    assert_eq!(acts, ["due", "fired", "flagged", "mine", "parked", "ready"]);
    assert!(status::read(&mut conn).unwrap().paused_since.is_none());
    scheduler.stop().await;
}

fn act_payload() -> serde_json::Value {
    serde_json::json!({"act": "fired"})
}

#[tokio::test]
async fn a_pause_reaches_running_processes_and_their_own_enqueues_at_once() {
    let database = TestDatabase::new();
    let (builder, mut started) = scheduler(&database);
    let scheduler = builder.poll_interval(SLOW_POLL).start().await.unwrap();
    scheduler.enqueue(act("before")).await.unwrap();
    assert_eq!(started.next().await.act, "before");
    assert!(scheduler.queues().pause_all().await.unwrap());
    let id = scheduler.enqueue(act("after")).await.unwrap();
    let mut conn = database.connection();
    assert_eq!(count(&mut conn, &format!("mainspring.jobs WHERE id = {id} AND state = 'ready'")), 1);
    assert!(started.try_next().is_none());
    assert!(scheduler.queues().resume_all().await.unwrap());
    assert_eq!(started.next().await.act, "after");
    scheduler.stop().await;
}

#[tokio::test]
async fn a_task_paused_for_itself_stays_paused_when_everything_is_resumed() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    queues::pause_task(&mut conn, "act").unwrap();
    queues::pause_all(&mut conn).unwrap();
    let (builder, mut started) = scheduler(&database);
    let scheduler = builder.start().await.unwrap();
    scheduler.enqueue(act("kept")).await.unwrap();
    queues::resume_all(&mut conn).unwrap();
    assert_eq!(queues::paused_tasks(&mut conn).unwrap(), ["act"]);
    queues::resume_task(&mut conn, "act").unwrap();
    assert_eq!(started.next().await.act, "kept");
    scheduler.stop().await;
}

#[tokio::test]
async fn a_pause_reaches_a_process_without_notifications_with_its_next_poll() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let (builder, mut started) = scheduler(&database);
    let builder = builder.without_listen().poll_interval(Duration::from_millis(200));
    let scheduler = builder.crontab("* * * * * * act ?id=line {act:'fired'}").start().await.unwrap();
    assert_eq!(started.next().await.act, "fired");
    queues::pause_all(&mut conn).unwrap();
    // What the process knew before the pause may still start: two polls suffice to know of it, with time for a busy machine.
    tokio::time::sleep(Duration::from_secs(2)).await;
    while started.try_next().is_some() {}
    let fires = count(&mut conn, "mainspring.schedule_fires");
    conn.batch_execute("SELECT mainspring.add_job('act', '{\"act\": \"waits\"}')").unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(started.try_next().is_none());
    assert_eq!(count(&mut conn, "mainspring.schedule_fires"), fires);
    queues::resume_all(&mut conn).unwrap();
    for expected in ["waits", "fired"] {
        while started.next().await.act != expected {}
    }
    scheduler.stop().await;
}
