//! Making up for thousands of missed fires holds up no other schedule, and what is left out is never left out in silence.

use super::*;

#[tokio::test]
async fn schedules_that_make_up_for_thousands_of_fires_hold_up_no_other() {
    in_time_once(others_are_in_time).await;
}

async fn others_are_in_time() -> bool {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    for n in 0..3 {
        make(&mut conn, &format!("hog{n}"), "* * * * * *", "catch_up := 1500");
    }
    conn.batch_execute(
        "UPDATE mainspring.schedules SET plan_after = NULL, next_fire_at = date_trunc('second', now()) - interval '1 year'",
    )
    .unwrap();
    make(&mut conn, "innocent", "* * * * * *", "");
    let builder = Scheduler::builder(database.url()).crontab("* * * * * * kept ?id=line");
    let scheduler = builder.start().await.unwrap();
    until_at_least(&database, "mainspring.schedules WHERE making_up_until IS NOT NULL", 1).await;
    let mut late = 0;
    for name in ["innocent", "line"] {
        until_at_least(&database, &fires(name, "outcome = 'enqueued'"), 3).await;
        late += count(&mut conn, &fires(name, "fired_at - due_at > interval '5 seconds'"));
    }
    let behind =
        "mainspring.schedules WHERE making_up_until IS NOT NULL OR next_fire_at < now() - interval '5 s'";
    until(&database, behind, 0).await;
    scheduler.stop().await;
    let gaps = "(SELECT due_at - lag(due_at) OVER (PARTITION BY schedule ORDER BY due_at) AS gap \
                FROM mainspring.schedule_fires WHERE outcome = 'enqueued') AS gaps WHERE gap <> interval '1 second'";
    assert_eq!(count(&mut conn, gaps), 0, "each fire of each, once");
    for n in 0..3 {
        assert_eq!(count(&mut conn, &fires(&format!("hog{n}"), "outcome = 'missed'")), 1);
        assert!(count(&mut conn, &fires(&format!("hog{n}"), "outcome = 'enqueued'")) >= 1_500);
    }
    late == 0
}

/// A line that fired last 1,500 minutes ago.
async fn fill(options: &str) -> (i64, i64) {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let crontab = format!("* * * * * kept ?id=line{options}");
    let start = || Scheduler::builder(database.url()).crontab(&crontab).start();
    start().await.unwrap().stop().await;
    until_at_least(&database, "mainspring.schedules", 1).await;
    conn.batch_execute(
        "UPDATE mainspring.schedules SET created_at = now() - interval '9 days', next_fire_at = NULL, plan_after = NULL, \
         last_fire_at = date_trunc('minute', now()) - interval '1500 minutes'",
    )
    .unwrap();
    let scheduler = start().await.unwrap();
    until_at_least(
        &database,
        "mainspring.schedules WHERE next_fire_at > now() AND last_fire_at > now() - interval '2 minutes'",
        1,
    )
    .await;
    scheduler.stop().await;
    (
        count(&mut conn, "mainspring.jobs"),
        count(&mut conn, "mainspring.schedule_fires WHERE outcome = 'missed'"),
    )
}

#[tokio::test]
async fn fill_is_what_it_says_and_what_a_number_leaves_out_is_recorded() {
    let (jobs, missed) = fill("&fill=2d").await;
    assert!((1_500..=1_502).contains(&jobs) && missed == 0, "{jobs} jobs, {missed} missed");
    let (jobs, missed) = fill("&fill=2d&catchup=5").await;
    assert!((5..=7).contains(&jobs) && missed == 1, "{jobs} jobs, {missed} missed");
}
