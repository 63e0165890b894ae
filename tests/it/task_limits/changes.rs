//! Limits of tasks that are set, changed and removed at run time.

use super::*;

/// Two schedulers that poll no more while the trial runs, and whose jobs wait at a gate.
async fn pair(database: &TestDatabase, gate: &Arc<Semaphore>) -> (Scheduler, Scheduler) {
    let builder = || -> SchedulerBuilder { gauged(database, &Arc::default()).app_data(Arc::clone(gate)) };
    install_gate(&mut database.connection(), NONE);
    let pair = (builder().start().await.unwrap(), builder().start().await.unwrap());
    until_polled(database, 2).await;
    pair
}

#[tokio::test]
async fn a_limit_is_noticed_at_once_when_it_is_widened_and_removed() {
    before_any_poll(async || {
        let database = TestDatabase::new();
        let gate = Arc::new(Semaphore::new(0));
        // A process that does not know of a new limit yet may start one more job, so this one is there before.
        limit(&database, TaskLimit::new().concurrency(1));
        let (one, two) = pair(&database, &gate).await;
        let mut conn = database.connection();
        for _ in 0..12 {
            two.enqueue(act("at gate")).await.unwrap();
        }
        until(&database, RUNNING, 1).await;
        queues::set_task_limit(&mut conn, "act", &TaskLimit::new().concurrency(3)).unwrap();
        until(&database, RUNNING, 3).await;
        conn.batch_execute("BEGIN; SELECT mainspring.set_task_limit('act', 5)").unwrap();
        assert_eq!(count(&mut conn, RUNNING), 3);
        conn.batch_execute("COMMIT").unwrap();
        until(&database, RUNNING, 5).await;
        assert!(two.queues().remove_task_limit("act").await.unwrap());
        until(&database, RUNNING, 12).await;
        gate.add_permits(12);
        until(&database, "mainspring.jobs", 0).await;
        one.stop().await;
        two.stop().await;
    })
    .await;
}

#[tokio::test]
async fn jobs_that_run_when_a_limit_is_set_count_and_finish() {
    let database = TestDatabase::new();
    let gate = Arc::new(Semaphore::new(0));
    let builder = || gauged(&database, &Arc::default()).app_data(Arc::clone(&gate));
    let (one, two) = (builder().start().await.unwrap(), builder().start().await.unwrap());
    let mut conn = database.connection();
    for n in 0..8 {
        (if n % 2 == 0 { &one } else { &two }).enqueue(act("at gate")).await.unwrap();
    }
    until(&database, RUNNING, 8).await;
    assert!(one.queues().set_task_limit_if_absent("act", TaskLimit::new().concurrency(2)).await.unwrap());
    assert!(!two.queues().set_task_limit_if_absent("act", TaskLimit::new().concurrency(2)).await.unwrap());
    for _ in 0..4 {
        act("at gate").insert(&mut conn).unwrap();
    }
    for left in (2..8).rev() {
        gate.add_permits(1);
        until(&database, RUNNING, left).await;
        assert_eq!(count(&mut conn, "mainspring.jobs WHERE state = 'ready'"), 4);
    }
    gate.add_permits(1);
    until(&database, "mainspring.jobs WHERE state = 'ready'", 3).await;
    assert_eq!(count(&mut conn, RUNNING), 2);
    let seen = one.queues().task_limits().await.unwrap().remove(0);
    assert_eq!(
        (seen.task.as_str(), seen.concurrency, seen.running, seen.ready),
        ("act", Some(2), Some(2), 3)
    );
    gate.add_permits(12);
    until(&database, "mainspring.jobs", 0).await;
    one.stop().await;
    two.stop().await;
}

#[tokio::test]
async fn while_a_transaction_holds_a_limit_other_tasks_are_claimed() {
    before_any_poll(async || {
        let database = TestDatabase::new();
        limit(&database, TaskLimit::new().concurrency(1));
        install_gate(&mut database.connection(), NONE);
        let scheduler = gauged(&database, &Arc::default()).handler(behave_too).start().await.unwrap();
        until_polled(&database, 1).await;
        let mut holder = database.connection();
        holder.batch_execute("BEGIN; SELECT mainspring.set_task_limit('act', 2)").unwrap();
        for _ in 0..5 {
            scheduler.enqueue(act("limited")).await.unwrap();
            scheduler.enqueue(other()).await.unwrap();
        }
        until(&database, "mainspring.history WHERE task = 'other'", 5).await;
        assert_eq!(count(&mut database.connection(), "mainspring.jobs WHERE state = 'ready'"), 5);
        holder.batch_execute("ROLLBACK").unwrap();
        until(&database, "mainspring.jobs", 0).await;
        scheduler.stop().await;
    })
    .await;
}

#[test]
fn a_wrong_limit_of_a_task_is_refused_with_its_field_limit_and_value() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let second = Duration::from_secs(1);
    let long = "x".repeat(129);
    for (task, limit, told) in [
        ("act", TaskLimit::new(), "concurrency must be given unless rate_limit is, got neither"),
        ("act", TaskLimit::new().concurrency(0), "concurrency must be 1 to 1000000, got 0"),
        ("", TaskLimit::new().concurrency(1), "task must be 1 to 128 characters, got 0"),
        (&long, TaskLimit::new().concurrency(1), "task must be 1 to 128 characters, got 129"),
        ("a\0b", TaskLimit::new().concurrency(1), "task must not contain the character NUL, got one"),
        ("act", TaskLimit::new().rate(0, second), "rate_limit must be 1 to 1000000, got 0"),
        (
            "act",
            TaskLimit::new().rate(1, Duration::ZERO),
            "rate_period must be 1 millisecond to 366 days, got 00:00:00",
        ),
    ] {
        match queues::set_task_limit(&mut conn, task, &limit) {
            Err(error @ StoreError::Invalid { .. }) => assert_eq!(error.to_string(), told),
            other => panic!("{told}: {other:?}"),
        }
    }
    for row in [
        "(task) VALUES ('t')",
        "(task, concurrency) VALUES ('t', 0)",
        "(task, concurrency) VALUES ('', 1)",
        "(task, rate_limit) VALUES ('t', 1)",
        "(task, rate_limit, rate_period) VALUES ('t', 0, '1 second')",
        "(task, rate_limit, rate_period) VALUES ('t', 1, '0 seconds')",
    ] {
        assert!(conn.batch_execute(&format!("INSERT INTO mainspring.task_limits {row}")).is_err(), "{row}");
    }
    assert_eq!(count(&mut conn, "mainspring.task_limits"), 0);
    assert!(!queues::remove_task_limit(&mut conn, "act").unwrap());
}
