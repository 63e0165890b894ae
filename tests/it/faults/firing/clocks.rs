//! A clock that ran ahead and was set back silences no line and no schedule, and makes no fire come twice.

use super::*;

const EACH_SECOND: &str = "* * * * * * kept ?id=line";
const AHEAD: &str = "UPDATE mainspring.schedules SET plan_after = NULL, \
        next_fire_at = date_trunc('second', now()) + interval '1 hour', \
        last_fire_at = date_trunc('second', now()) + interval '59 minutes'; \
    INSERT INTO mainspring.schedule_fires (fired_at, due_at, job_id, triggered, owner, schedule, outcome) \
        SELECT now() + interval '59 minutes', date_trunc('second', now()) + interval '8 seconds', 1, false, owner, name, 'enqueued' \
        FROM mainspring.schedules";

#[tokio::test]
async fn what_fired_by_a_clock_that_ran_ahead_goes_on_and_fires_nothing_twice() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    make(&mut conn, "schedule", "* * * * * *", "");
    let start = || Scheduler::builder(database.url()).crontab(EACH_SECOND).start();
    let scheduler = start().await.unwrap();
    for name in ["schedule", "line"] {
        until_at_least(&database, &fires(name, "true"), 1).await;
    }
    scheduler.stop().await;
    conn.batch_execute(AHEAD).unwrap();
    let then = now(&mut conn);
    let status = mainspring::status::read(&mut conn).unwrap();
    assert!(
        status.schedules.iter().all(|schedule| schedule.problem.contains("ahead of the database's clock"))
    );
    assert_eq!(status.schedules.len(), 2);
    let scheduler = start().await.unwrap();
    for name in ["schedule", "line"] {
        let later = format!("due_at > '{then}'::timestamptz + interval '9 seconds' AND job_id <> 1");
        until_at_least(&database, &fires(name, &later), 2).await;
    }
    scheduler.stop().await;
    let twice =
        "(SELECT FROM mainspring.schedule_fires GROUP BY schedule, due_at HAVING count(*) > 1) AS twice";
    assert_eq!(count(&mut conn, twice), 0);
    let skipped = format!(
        "(SELECT due_at - lag(due_at) OVER (PARTITION BY schedule ORDER BY due_at) AS gap FROM mainspring.schedule_fires \
          WHERE due_at > '{then}'::timestamptz + interval '5 seconds') AS gaps WHERE gap <> interval '1 second'"
    );
    assert_eq!(count(&mut conn, &skipped), 0);
}

#[tokio::test]
async fn a_next_fire_that_is_not_of_the_expression_is_found_anew_at_the_start() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    for (name, next) in [
        ("other zone data", "date_trunc('hour', now()) + interval '61 minutes 5 seconds'"),
        ("far", "now() + interval '9 years'"),
        ("infinite", "'infinity'"),
        ("none", "NULL"),
    ] {
        make(&mut conn, name, "0 * * * *", "");
        let store = "UPDATE mainspring.schedules SET plan_after = NULL, next_fire_at =";
        conn.batch_execute(&format!("{store} {next} WHERE name = '{name}'")).unwrap();
    }
    let scheduler = Scheduler::builder(database.url()).start().await.unwrap();
    let right = "mainspring.schedules WHERE next_fire_at = date_trunc('hour', now()) + interval '1 hour'";
    until(&database, right, 4).await;
    scheduler.stop().await;
}

#[tokio::test]
async fn a_jitter_that_is_longer_than_the_period_ends_before_the_next_fire() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    make(&mut conn, "a", "* * * * * *", "jitter_seconds := 3600");
    let scheduler = Scheduler::builder(database.url()).start().await.unwrap();
    until_at_least(&database, "mainspring.jobs", 4).await;
    scheduler.stop().await;
    let delay = "run_at - (payload #>> '{_cron,ts}')::timestamptz";
    assert_eq!(count(&mut conn, &format!("mainspring.jobs WHERE {delay} >= interval '1 second'")), 0);
    assert!(count(&mut conn, &format!("mainspring.jobs WHERE {delay} > interval '0'")) > 0);
}
