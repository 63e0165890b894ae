//! Limits that an application sets at its start, and that an operator may have set before.

use std::sync::Barrier;
use std::thread;

use diesel::PgConnection;
use mainspring::queues::TaskLimit;

use super::*;
use crate::support::schedulers::scheduler;

#[test]
fn limits_are_set_if_absent_and_stay_as_an_operator_set_them() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let at_start = QueueSettings::concurrency(5).rate(10, Duration::from_secs(1));
    assert!(queues::set_if_absent(&mut conn, "mails", &at_start).unwrap());
    queues::set(&mut conn, "mails", &QueueSettings::concurrency(2)).unwrap();
    assert!(!queues::set_if_absent(&mut conn, "mails", &at_start).unwrap());
    let mails = queues::list(&mut conn).unwrap().remove(0);
    assert_eq!((mails.concurrency, mails.rate_limit, mails.source.as_str()), (2, None, "own"));
    assert!(queues::remove(&mut conn, "mails").unwrap());
    assert!(!queues::remove(&mut conn, "mails").unwrap());
    let sql =
        "(SELECT mainspring.set_queue_if_absent('mails', 5, 10, '1 second') AS is_set) AS s WHERE s.is_set";
    assert_eq!(count(&mut conn, sql), 1);
    assert_eq!(count(&mut conn, sql), 0);
}

#[test]
fn limits_are_absent_where_only_an_admission_or_a_pause_made_the_row() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let wide = QueueSettings::concurrency(3);
    act("s").queue("used").insert(&mut conn).unwrap();
    conn.batch_execute("SELECT * FROM mainspring.admit(ARRAY['used'])").unwrap();
    queues::pause(&mut conn, "paused").unwrap();
    assert_eq!(count(&mut conn, "mainspring.queues WHERE source = 'default'"), 2);
    for queue in ["used", "paused"] {
        assert!(queues::set_if_absent(&mut conn, queue, &wide).unwrap(), "{queue}");
        assert!(!queues::set_if_absent(&mut conn, queue, &wide).unwrap(), "{queue}");
    }
    assert_eq!(count(&mut conn, "mainspring.queues WHERE name = 'paused' AND paused AND concurrency = 3"), 1);
}

#[test]
fn limits_that_a_statement_set_count_as_set_and_so_do_defaults() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    conn.batch_execute(
        "INSERT INTO mainspring.queues (name, concurrency) VALUES ('inserted', 2); \
         INSERT INTO mainspring.queues (name) VALUES ('updated'); \
         UPDATE mainspring.queues SET concurrency = 4 WHERE name = 'updated'",
    )
    .unwrap();
    queues::set(&mut conn, "one at a time", &QueueSettings::default()).unwrap();
    for queue in ["inserted", "updated", "one at a time"] {
        assert!(!queues::set_if_absent(&mut conn, queue, &QueueSettings::concurrency(9)).unwrap(), "{queue}");
    }
    assert_eq!(queues::remove_unused(&mut conn).unwrap(), 0, "people have set all of them");
    assert_eq!(queues::list(&mut conn).unwrap().len(), 3);
}

#[test]
fn a_release_replaces_the_limits_of_the_one_before_and_no_persons() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    let (old, new) =
        (QueueSettings::concurrency(5), QueueSettings::concurrency(5).rate(10, Duration::from_secs(1)));
    let limit = |jobs| TaskLimit::new().concurrency(jobs);
    let release = |conn: &mut PgConnection, settings: &QueueSettings, jobs| {
        [
            queues::set_if_absent(conn, "mails", settings).unwrap(),
            queues::set_family_if_absent(conn, "tenant:*", settings).unwrap(),
            queues::set_task_limit_if_absent(conn, "act", &limit(jobs)).unwrap(),
        ]
    };
    assert_eq!(release(conn, &old, 1), [true; 3]);
    assert_eq!(release(conn, &old, 1), [false; 3], "the same release starts again");
    assert_eq!(release(conn, &new, 2), [true; 3]);
    assert_eq!(queues::show(conn, "mails").unwrap().rate_limit, Some(10));
    assert_eq!(queues::task_limits(conn).unwrap()[0].concurrency, Some(2));

    queues::set(conn, "mails", &new).unwrap();
    queues::set_family(conn, "tenant:*", &new).unwrap();
    queues::set_task_limit(conn, "act", &limit(2)).unwrap();
    assert_eq!(release(conn, &old, 1), [false; 3], "a person has set them, though to the same values");
    assert!(queues::remove(conn, "mails").unwrap() && queues::remove_family(conn, "tenant:*").unwrap());
    assert!(queues::remove_task_limit(conn, "act").unwrap());
    assert_eq!(release(conn, &old, 1), [true; 3]);
    conn.batch_execute(
        "UPDATE mainspring.queues SET concurrency = 7; UPDATE mainspring.queue_families SET concurrency = 7; \
         UPDATE mainspring.task_limits SET concurrency = 7",
    )
    .unwrap();
    assert_eq!(release(conn, &new, 2), [false; 3], "a statement has changed them");
}

#[tokio::test]
async fn limits_of_the_builder_are_there_before_the_first_job_runs() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    for tenant in ["tenant:1", "tenant:1", "tenant:2"] {
        act("go").queue(tenant).insert(&mut conn).unwrap();
    }
    let builder = |jobs: u32| {
        let (builder, started) = scheduler(&database);
        let builder = builder
            .queue_if_absent("mails", QueueSettings::concurrency(jobs))
            .queue_family_if_absent("tenant:*", QueueSettings::concurrency(jobs))
            .task_limit_if_absent::<Act>(TaskLimit::new().concurrency(jobs));
        (builder, started)
    };
    let refused = builder(0).0.start().await.unwrap_err();
    assert!(refused.to_string().starts_with("concurrency must be"), "{refused}");
    assert_eq!(count(&mut conn, "mainspring.workers"), 0);
    assert_eq!(builder(4).0.run_once().await.unwrap().succeeded, 3);
    assert_eq!(queues::show(&mut conn, "mails").unwrap().concurrency, 4);
    assert_eq!(queues::show(&mut conn, "tenant:1").unwrap().source, "tenant:*");
    assert_eq!(queues::task_limits(&mut conn).unwrap()[0].concurrency, Some(4));
    builder(6).0.run_once().await.unwrap();
    assert_eq!(queues::show(&mut conn, "tenant:3").unwrap().concurrency, 6);
}

#[test]
fn of_eight_that_set_absent_limits_at_once_one_is_told_so() {
    let database = TestDatabase::new();
    let start = Barrier::new(8);
    let set = || {
        let mut conn = database.connection();
        start.wait();
        queues::set_if_absent(&mut conn, "mails", &QueueSettings::concurrency(5)).unwrap()
    };
    let told = thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(set)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).filter(|is_set| *is_set).count()
    });
    assert_eq!(told, 1);
}

#[tokio::test]
async fn absent_limits_take_effect_at_once_in_all_instances() {
    before_any_poll(async || {
        let database = TestDatabase::new();
        let pair = Pair::start(&database).await;
        for what in ["at gate", "beside"] {
            pair.one.enqueue(act(what).queue("mails")).await.unwrap();
        }
        parked(&database, "mails", 1).await;
        let wide = QueueSettings::concurrency(2);
        assert!(pair.two.queues().set_if_absent("mails", wide).await.unwrap());
        assert!(!pair.one.queues().set_if_absent("mails", wide).await.unwrap());
        until(&database, "mainspring.jobs", 1).await;
        pair.gate.add_permits(1);
        until(&database, "mainspring.jobs", 0).await;
        pair.stop().await;
    })
    .await;
}
