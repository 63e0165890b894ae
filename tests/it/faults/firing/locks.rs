//! A lock that the application holds delays the fire that needs it, and no other.

use super::*;

// Longer than the ten seconds after which a fire counts as missed where no scheduler runs.
const LONG: i64 = 12;

/// Three schedules and a line fire each second, by two processes, while the application holds what `blocked` needs.
async fn blocked_alone(hold: &str, more: &str, reason: &str) {
    let database = TestDatabase::new();
    let (mut conn, mut application) = (database.connection(), database.connection());
    make(&mut conn, "blocked", "* * * * * *", more);
    for name in ["b", "c", "d"] {
        make(&mut conn, name, "* * * * * *", "");
    }
    let start = || Scheduler::builder(database.url()).crontab("* * * * * * kept ?id=line").start();
    let schedulers = [start().await.unwrap(), start().await.unwrap()];
    for name in ["blocked", "b", "c", "d", "line"] {
        until_at_least(&database, &fires(name, "true"), 1).await;
    }
    application.batch_execute(&format!("BEGIN; {hold}")).unwrap();
    let held = now(&mut conn);
    for name in ["b", "c", "d", "line"] {
        until_at_least(&database, &fires(name, &format!("due_at > '{held}'")), LONG).await;
    }
    let on_time = format!("due_at > '{held}' AND fired_at - due_at < interval '5 seconds'");
    for name in ["b", "c", "d", "line"] {
        assert!(count(&mut conn, &fires(name, &on_time)) >= LONG, "{name} was late");
    }
    let status = mainspring::status::read(&mut conn).unwrap();
    assert!(matches!(&status.schedules[..], [one] if one.name == "blocked"), "{:?}", status.schedules);
    if !reason.is_empty() {
        let seen = format!(
            "mainspring.schedules_view WHERE name = 'blocked' AND late_since IS NOT NULL AND late_reason LIKE '{reason}'"
        );
        assert_eq!(count(&mut conn, &seen), 1);
    }
    application.batch_execute("COMMIT").unwrap();
    until(&database, "mainspring.schedules WHERE next_fire_at > now() AND late_since IS NULL", 5).await;
    for scheduler in schedulers {
        scheduler.stop().await;
    }
    assert_eq!(count(&mut conn, "mainspring.schedule_fires WHERE outcome = 'missed'"), 0);
    let gaps = "(SELECT due_at - lag(due_at) OVER (PARTITION BY schedule ORDER BY due_at) AS gap \
                FROM mainspring.schedule_fires) AS gaps WHERE gap <> interval '1 second'";
    assert_eq!(count(&mut conn, gaps), 0, "each fire of each, once");
    assert_eq!(count(&mut conn, "mainspring.jobs WHERE payload #>> '{_cron,backfilled}' = 'true'"), 0);
}

#[tokio::test]
async fn an_open_transaction_with_the_key_of_one_schedule_delays_only_its_fires() {
    let hold = "SELECT mainspring.add_job('kept', '{}', key => 'schedule:blocked', run_at => now() + interval '1 hour')";
    blocked_alone(hold, "overlap := 'replace'", "%holds a lock%").await;
}

#[tokio::test]
async fn an_open_transaction_with_the_row_of_one_schedule_delays_only_its_fires() {
    blocked_alone("SELECT FROM mainspring.schedules WHERE name = 'blocked' FOR UPDATE", "", "").await;
}

async fn fires_behind_a_locked_table_are_not_missed(lock: &str) {
    let database = TestDatabase::new();
    let (mut conn, mut application) = (database.connection(), database.connection());
    make(&mut conn, "a", "* * * * * *", "");
    let builder = Scheduler::builder(database.url()).crontab("* * * * * * kept ?id=line");
    let scheduler = builder.start().await.unwrap();
    for name in ["a", "line"] {
        until_at_least(&database, &fires(name, "true"), 1).await;
    }
    application.batch_execute(&format!("BEGIN; LOCK TABLE {lock}")).unwrap();
    let held = now(&mut conn);
    // The length of the lock is the law: fires that are due in it are late.
    let over = format!("(SELECT WHERE clock_timestamp() > '{held}'::timestamptz + interval '12 s') AS t");
    until(&database, &over, 1).await;
    application.batch_execute("COMMIT").unwrap();
    for name in ["a", "line"] {
        until_at_least(&database, &fires(name, &format!("due_at > '{held}'")), LONG).await;
    }
    scheduler.stop().await;
    assert_eq!(count(&mut conn, "mainspring.schedule_fires WHERE outcome = 'missed'"), 0);
}

#[tokio::test]
async fn a_lock_on_the_whole_table_of_jobs_delays_fires_that_are_not_missed() {
    fires_behind_a_locked_table_are_not_missed("mainspring.jobs IN SHARE MODE").await;
}

#[tokio::test]
async fn a_lock_on_the_whole_table_of_schedules_makes_no_fire_missed() {
    fires_behind_a_locked_table_are_not_missed("mainspring.schedules IN ACCESS EXCLUSIVE MODE").await;
}

#[tokio::test]
async fn a_line_whose_row_is_held_at_the_start_holds_up_no_other_line() {
    let database = TestDatabase::new();
    let mut application = database.connection();
    let crontab = "* * * * * * kept ?id=held\n* * * * * * kept ?id=free";
    let first = Scheduler::builder(database.url()).crontab(crontab).start().await.unwrap();
    until_at_least(&database, &fires("held", "true"), 1).await;
    first.stop().await;
    application
        .batch_execute("BEGIN; SELECT FROM mainspring.schedules WHERE name = 'held' FOR UPDATE")
        .unwrap();
    let held = now(&mut database.connection());
    let second = Scheduler::builder(database.url()).crontab(crontab).start().await.unwrap();
    until_at_least(&database, &fires("free", &format!("due_at > '{held}'")), 2).await;
    application.batch_execute("COMMIT").unwrap();
    until_at_least(&database, &fires("held", &format!("due_at > '{held}'")), 1).await;
    second.stop().await;
}
