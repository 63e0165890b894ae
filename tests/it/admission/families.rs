//! Families of queues: the limits of all queues whose names begin with a prefix.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::*;

fn limits(conn: &mut diesel::PgConnection, queue: &str) -> (i32, Option<i32>, String) {
    let shown = queues::show(conn, queue).unwrap();
    (shown.concurrency, shown.rate_limit, shown.source)
}

fn from(concurrency: i32, source: &str) -> (i32, Option<i32>, String) {
    (concurrency, None, source.to_owned())
}

fn admit(conn: &mut diesel::PgConnection, queue: &str, jobs: usize) {
    (0..jobs).for_each(|_| assert!(act("s").queue(queue).insert(conn).unwrap() > 0));
    conn.batch_execute(&format!("SELECT * FROM mainspring.admit(ARRAY['{queue}'])")).unwrap();
}

#[test]
fn of_own_limits_and_families_the_most_specific_count() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    let set = |conn: &mut _, family, jobs| {
        queues::set_family(conn, family, &QueueSettings::concurrency(jobs)).unwrap();
    };
    admit(conn, "tenant:1", 1);
    queues::set(conn, "tenant:own", &QueueSettings::concurrency(9)).unwrap();
    assert_eq!(limits(conn, "tenant:1"), from(1, "default"));
    set(conn, "tenant:*", 3);
    set(conn, "tenant:a:*", 5);
    set(conn, "*", 2);
    let expected = |conn: &mut _, expected: &[(&str, i32, &str)]| {
        for (queue, concurrency, source) in expected {
            assert_eq!(limits(conn, queue), from(*concurrency, source), "{queue}");
        }
    };
    let now = [
        ("tenant:1", 3, "tenant:*"),
        ("tenant:a:2", 5, "tenant:a:*"),
        ("tenant:a", 3, "tenant:*"),
        ("mails", 2, "*"),
        ("tenant:own", 9, "own"),
    ];
    expected(conn, &now);
    // The same once they have rows.
    for queue in ["tenant:a:2", "tenant:a", "mails"] {
        admit(conn, queue, 1);
        assert_eq!(count(conn, &format!("mainspring.queues WHERE name = '{queue}'")), 1);
    }
    expected(conn, &now);
    set(conn, "tenant:a:*", 6);
    assert!(queues::remove(conn, "tenant:own").unwrap());
    assert!(
        queues::remove_family(conn, "tenant:*").unwrap() && !queues::remove_family(conn, "tenant:*").unwrap()
    );
    expected(conn, &[("tenant:1", 2, "*"), ("tenant:a:2", 6, "tenant:a:*"), ("tenant:own", 2, "*")]);
    let families = queues::families(conn).unwrap();
    let names: Vec<_> = families.iter().map(|family| (family.family.as_str(), family.concurrency)).collect();
    assert_eq!(names, [("*", 2), ("tenant:a:*", 6)]);
    assert!(!queues::set_family_if_absent(conn, "*", &QueueSettings::concurrency(7)).unwrap());
    assert!(queues::set_family_if_absent(conn, "mail*", &QueueSettings::concurrency(7)).unwrap());
    expected(conn, &[("mails", 7, "mail*")]);
    let listed = queues::list(conn).unwrap();
    assert_eq!(listed.iter().find(|queue| queue.name == "mails").unwrap().source, "mail*");
}

#[test]
fn a_pause_stays_and_limits_that_are_set_later_are_the_queues_own() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    queues::set_family(conn, "tenant:*", &QueueSettings::concurrency(3)).unwrap();
    queues::pause(conn, "tenant:1").unwrap();
    assert_eq!(limits(conn, "tenant:1"), from(3, "tenant:*"));
    queues::set_family(conn, "tenant:*", &QueueSettings::concurrency(4)).unwrap();
    assert_eq!(limits(conn, "tenant:1"), from(4, "tenant:*"));
    assert!(queues::show(conn, "tenant:1").unwrap().paused);
    conn.batch_execute("UPDATE mainspring.queues SET concurrency = 8").unwrap();
    queues::set_family(conn, "tenant:*", &QueueSettings::concurrency(5)).unwrap();
    assert_eq!(limits(conn, "tenant:1"), from(8, "own"));
    assert!(!queues::set_if_absent(conn, "tenant:1", &QueueSettings::concurrency(2)).unwrap());
    assert!(queues::set_if_absent(conn, "tenant:2", &QueueSettings::concurrency(2)).unwrap());
    assert_eq!(limits(conn, "tenant:2"), from(2, "own"));
}

#[test]
fn a_smaller_limit_of_a_family_parks_what_no_worker_has_claimed() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    queues::set_family(conn, "t:*", &QueueSettings::concurrency(5)).unwrap();
    for queue in ["t:1", "t:2"] {
        admit(conn, queue, 6);
    }
    let ready = "mainspring.jobs WHERE state = 'ready'";
    assert_eq!(count(conn, ready), 10);
    queues::set_family(conn, "t:*", &QueueSettings::concurrency(2)).unwrap();
    assert_eq!(count(conn, ready), 4);
    queues::remove_family(conn, "t:*").unwrap();
    assert_eq!(count(conn, ready), 2);
}

#[test]
fn an_unused_row_of_a_family_goes_when_its_bucket_is_full() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    queues::set_family(conn, "t:*", &QueueSettings::concurrency(5).rate(2, Duration::from_secs(60))).unwrap();
    admit(conn, "t:1", 2);
    conn.batch_execute("DELETE FROM mainspring.jobs").unwrap();
    assert_eq!(queues::remove_unused(conn).unwrap(), 0, "a new row would have a full bucket");
    conn.batch_execute("UPDATE mainspring.queues SET tokens_at = tokens_at - interval '1 minute'").unwrap();
    assert_eq!(queues::remove_unused(conn).unwrap(), 1);
    assert_eq!(limits(conn, "t:1").1, Some(2));
}

#[test]
fn rows_that_are_made_while_a_family_changes_have_its_last_limits() {
    let database = TestDatabase::new();
    let (is_over, has_begun) = (AtomicBool::new(false), Barrier::new(4));
    thread::scope(|scope| {
        for creator in 0..3 {
            let (database, is_over, has_begun) = (&database, &is_over, &has_begun);
            scope.spawn(move || {
                let mut conn = database.connection();
                for n in 0.. {
                    if is_over.load(Ordering::SeqCst) {
                        break;
                    }
                    let insert = format!("INSERT INTO mainspring.queues (name) VALUES ('t:{creator}:{n}')");
                    conn.batch_execute(&insert).unwrap();
                    if n == 0 {
                        has_begun.wait();
                    }
                }
            });
        }
        let conn = &mut database.connection();
        has_begun.wait();
        for jobs in 2..=40 {
            queues::set_family(conn, "t:*", &QueueSettings::concurrency(jobs)).unwrap();
        }
        is_over.store(true, Ordering::SeqCst);
    });
    let conn = &mut database.connection();
    assert_eq!(count(conn, "mainspring.queues WHERE concurrency <> 40 OR source <> 't:*'"), 0);
    assert!(count(conn, "mainspring.queues") > 0);
}

#[test]
fn while_a_change_of_families_is_open_an_admission_does_not_wait_for_it() {
    let database = TestDatabase::new();
    let (conn, holder) = (&mut database.connection(), &mut database.connection());
    admit(conn, "t:used", 1);
    act("s").queue("t:new").insert(conn).unwrap();
    act("s").queue("t:used").insert(conn).unwrap();
    conn.batch_execute("DELETE FROM mainspring.jobs WHERE state = 'ready'").unwrap();
    holder.batch_execute("BEGIN; SELECT mainspring.set_queue_family('other:*', 2)").unwrap();
    conn.batch_execute("SET statement_timeout = '10s'").unwrap();
    assert_eq!(count(conn, "mainspring.admit(ARRAY['t:new', 't:used']) WHERE locked OR admitted = 1"), 2);
    assert_eq!(count(conn, "mainspring.jobs WHERE state = 'ready' AND queue = 't:used'"), 1);
    holder.batch_execute("COMMIT").unwrap();
    assert_eq!(count(conn, "mainspring.admit(ARRAY['t:new']) WHERE admitted = 1"), 1);
}

#[tokio::test]
async fn a_change_of_a_family_is_noticed_at_once_by_all_instances() {
    before_any_poll(async || {
        let database = TestDatabase::new();
        let pair = Pair::start(&database).await;
        let wide = QueueSettings::concurrency(2);
        pair.one.queues().set_family("tenant:*", wide).await.unwrap();
        for _ in 0..4 {
            pair.two.enqueue(act("at gate").queue("tenant:1")).await.unwrap();
        }
        let running = "mainspring.jobs WHERE state = 'running'";
        until(&database, running, 2).await;
        let mut conn = database.connection();
        queues::set_family(&mut conn, "tenant:*", &QueueSettings::concurrency(3)).unwrap();
        until(&database, running, 3).await;
        conn.batch_execute(
            "INSERT INTO mainspring.queue_families (prefix, concurrency) VALUES ('tenant:1', 4)",
        )
        .unwrap();
        until(&database, running, 4).await;
        assert!(pair.two.queues().remove_family("tenant:1*").await.unwrap());
        assert_eq!(pair.two.queues().show("tenant:1").await.unwrap().concurrency, 3);
        pair.gate.add_permits(4);
        until(&database, "mainspring.jobs", 0).await;
        pair.stop().await;
    })
    .await;
}

#[test]
fn a_wrong_family_is_refused() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    let long = format!("{}*", "x".repeat(128));
    for (family, settings, told) in [
        (
            "tenant:",
            QueueSettings::default(),
            "family must be a prefix of 0 to 127 characters that ends with *, got tenant:",
        ),
        (
            "",
            QueueSettings::default(),
            "family must be a prefix of 0 to 127 characters that ends with *, got none",
        ),
        (
            &long,
            QueueSettings::default(),
            "family must be a prefix of 0 to 127 characters that ends with *, got xxx",
        ),
        ("t*", QueueSettings::concurrency(0), "concurrency must be 1 to 1000000, got 0"),
        ("a\0*", QueueSettings::default(), "family must not contain the character NUL, got one"),
    ] {
        match queues::set_family(conn, family, &settings) {
            Err(error @ StoreError::Invalid { .. }) => {
                assert!(error.to_string().starts_with(told), "{error}")
            }
            other => panic!("{told}: {other:?}"),
        }
    }
    assert!(matches!(queues::remove_family(conn, "tenant:"), Err(StoreError::Invalid { .. })));
    for row in ["(prefix, concurrency) VALUES ('t', 0)", "(prefix, rate_limit) VALUES ('t', 1)"] {
        let insert = format!("INSERT INTO mainspring.queue_families {row}");
        assert!(conn.batch_execute(&insert).is_err(), "{row}");
    }
}

#[test]
fn a_rate_that_changes_begins_with_a_full_bucket_however_it_changes() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let empty = "SET tokens = 0, tokens_at = mainspring.now() WHERE rate_limit IS NOT NULL";
    for (table, same, others) in [
        (
            "queues",
            "SELECT mainspring.set_queue('q', 1, 5, '1 minute')",
            [
                "SELECT mainspring.set_queue('q', 1, 6, '1 minute')",
                "UPDATE mainspring.queues SET rate_limit = 7",
            ],
        ),
        (
            "task_limits",
            "SELECT mainspring.set_task_limit('t', 1, 5, '1 minute')",
            [
                "SELECT mainspring.set_task_limit('t', 1, 5, '2 minutes')",
                "UPDATE mainspring.task_limits SET rate_limit = 7",
            ],
        ),
    ] {
        conn.batch_execute(same).unwrap();
        let empty = format!("UPDATE mainspring.{table} {empty}");
        let is_empty = format!("mainspring.{table} WHERE tokens = 0");
        conn.batch_execute(&format!("{empty}; {same}")).unwrap();
        assert_eq!(count(&mut conn, &is_empty), 1, "{same}");
        for other in others {
            conn.batch_execute(&format!("{empty}; {other}")).unwrap();
            assert_eq!(count(&mut conn, &is_empty), 0, "{other}");
        }
    }
}
