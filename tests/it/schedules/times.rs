//! When schedules fire: after a downtime, with a jitter, after a pause, at their ends.

use super::*;

#[tokio::test]
async fn missed_fires_are_made_up_for_as_each_schedule_says() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let policies = [("none", CatchUp::None), ("last", CatchUp::Last), ("three", CatchUp::All(3))];
    for (name, catch_up) in policies {
        create(&mut conn, &new(name, "0 * * * *").catch_up(catch_up)).unwrap();
        overdue(&mut conn, name, "date_trunc('hour', now()) - interval '5 hours'");
    }
    create(&mut conn, &new("skip", "0 * * * *").catch_up(CatchUp::All(9)).overlap(Overlap::Skip)).unwrap();
    overdue(&mut conn, "skip", "date_trunc('hour', now()) - interval '2 hours'");
    create(&mut conn, &new("replace", "0 * * * *").catch_up(CatchUp::All(9)).overlap(Overlap::Replace))
        .unwrap();
    overdue(&mut conn, "replace", "date_trunc('hour', now()) - interval '2 hours'");

    let (builder, _ticks) = ticking(&database);
    let scheduler = builder.start().await.unwrap();
    until(&database, "mainspring.schedules WHERE next_fire_at > now()", 5).await;
    let mut outcomes = |name: &str| -> Vec<(String, i64)> {
        let history = fires(&mut conn, name, 10).unwrap();
        let hours_ago = |due: DateTime<Utc>| (Utc::now() - due).num_hours();
        history.into_iter().rev().map(|fire| (fire.outcome, hours_ago(fire.due_at))).collect()
    };
    let expected = |list: &[(&str, i64)]| -> Vec<(String, i64)> {
        list.iter().map(|(outcome, ago)| ((*outcome).to_owned(), *ago)).collect()
    };
    assert_eq!(outcomes("none"), expected(&[("missed", 5)]));
    assert_eq!(sorted(outcomes("last")), expected(&[("enqueued", 0), ("missed", 5)]));
    assert_eq!(
        sorted(outcomes("three")),
        expected(&[("enqueued", 0), ("enqueued", 1), ("enqueued", 2), ("missed", 5)])
    );
    assert_eq!(sorted(outcomes("skip")), expected(&[("enqueued", 2), ("skipped", 0), ("skipped", 1)]));
    assert_eq!(sorted(outcomes("replace")), expected(&[("enqueued", 0), ("replaced", 1), ("replaced", 2)]));
    scheduler.stop().await;
}

fn sorted(mut outcomes: Vec<(String, i64)>) -> Vec<(String, i64)> {
    outcomes.sort();
    outcomes
}

#[tokio::test]
async fn a_schedule_that_is_over_fires_no_more_and_one_that_has_not_begun_waits() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let hour = TimeDelta::hours(1);
    create(&mut conn, &new("over", EACH_SECOND)).unwrap();
    let past = Some(Utc::now() - hour);
    assert!(
        refusal(&mut conn, new("past", EACH_SECOND).ends_at(past)).contains("ends_at must be in the future")
    );
    update(&mut conn, "over", &ScheduleChanges::new().ends_at(past)).unwrap();
    create(&mut conn, &new("later", EACH_SECOND).starts_at(Some(Utc::now() + hour))).unwrap();
    let (builder, _ticks) = ticking(&database);
    let scheduler = builder.start().await.unwrap();
    until(&database, "mainspring.schedules WHERE plan_after IS NULL", 2).await;
    assert!(get(&mut conn, "over").unwrap().unwrap().next_fires.is_empty());
    assert!(
        get(&mut conn, "later").unwrap().unwrap().next_fires[0] > Utc::now() + hour - TimeDelta::minutes(1)
    );
    let planned = "mainspring.schedules WHERE (name = 'over') = (next_fire_at IS NULL) AND error IS NULL";
    assert_eq!(count(&mut conn, planned), 2);
    scheduler.stop().await;
}

#[tokio::test]
async fn jitter_delays_the_job_of_a_fire_and_keeps_the_time_of_the_fire() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    for n in 0..20 {
        create(&mut conn, &new(&format!("s{n}"), "0 * * * *").jitter_seconds(3600)).unwrap();
        overdue(&mut conn, &format!("s{n}"), "date_trunc('hour', now())");
    }
    let (builder, _ticks) = ticking(&database);
    let scheduler = builder.start().await.unwrap();
    until(&database, "mainspring.schedule_fires", 20).await;
    scheduler.stop().await;
    let later = "(SELECT DISTINCT run_at FROM mainspring.jobs WHERE run_at > (payload #>> '{_cron,ts}')::timestamptz \
                 AND run_at <= (payload #>> '{_cron,ts}')::timestamptz + interval '1 hour') AS times";
    assert!(count(&mut conn, later) + count(&mut conn, "mainspring.history") >= 18, "they are spread");
}

#[tokio::test]
async fn pause_and_resume_do_not_make_up_for_what_was_due_meanwhile() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    create(&mut conn, &new("a", "0 * * * *").catch_up(CatchUp::All(100))).unwrap();
    overdue(&mut conn, "a", "date_trunc('hour', now()) - interval '5 hours'");
    pause(&mut conn, "a").unwrap();
    resume(&mut conn, "a").unwrap();
    let (builder, _ticks) = ticking(&database);
    let scheduler = builder.start().await.unwrap();
    until(&database, "mainspring.schedules WHERE next_fire_at > now()", 1).await;
    assert_eq!(count(&mut conn, "mainspring.schedule_fires"), 0);
    delete(&mut conn, "a").unwrap();
    scheduler.stop().await;
}

#[tokio::test]
async fn without_notifications_a_change_is_found_by_polling_within_a_second() {
    let database = TestDatabase::new();
    let (builder, mut ticks) = ticking(&database);
    let scheduler = builder.without_listen().start().await.unwrap();
    let made = Instant::now();
    create(&mut database.connection(), &new("a", EACH_SECOND)).unwrap();
    ticks.next().await;
    assert!(made.elapsed() < Duration::from_secs(20), "{:?}", made.elapsed());
    scheduler.stop().await;
}

#[tokio::test]
async fn fires_past_their_retention_are_deleted_but_for_the_last_one() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    create(&mut conn, &new("a", NEVER_IN_A_TEST)).unwrap();
    for _ in 0..3 {
        trigger(&mut conn, "a").unwrap();
    }
    conn.batch_execute(
        "UPDATE mainspring.schedule_fires SET fired_at = fired_at - interval '2 days' \
                        WHERE ctid IN (SELECT ctid FROM mainspring.schedule_fires LIMIT 2)",
    )
    .unwrap();
    let (builder, _ticks) = ticking(&database);
    let scheduler = builder.start().await.unwrap();
    until(&database, "mainspring.schedule_fires", 1).await;
    scheduler.stop().await;
    assert!(get(&mut conn, "a").unwrap().unwrap().last_fire_at.is_some());
}
