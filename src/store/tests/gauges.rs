//! The sampler: exact where little is there, bounded where much is, and once for all processes.

use std::collections::HashMap;
use std::sync::Barrier;

use diesel::PgConnection;
use diesel::connection::SimpleConnection;
use diesel::sql_types::{BigInt, Text};

use super::{TestDatabase, cost_of};
use crate::config::Config;
use crate::lifecycle::JobState;
use crate::rows::count;
use crate::store::connector;
use crate::store::gauges::{Gauges, Measured, read, store};
use crate::store::statement::Statement;

// A job of each state is added under a number: all that the constraints of the table ask for.
const ADD: &str = "CREATE FUNCTION add(state mainspring.job_state, task text, queue text, jobs bigint) RETURNS void \
    LANGUAGE sql AS $$ INSERT INTO mainspring.jobs (state, task, queue, run_at, attempts, lease, worker_id, locked_at) \
        SELECT state, task, queue, mainspring.now() - interval '1 hour', 0, r.lease, r.lease, r.at \
        FROM generate_series(1, jobs) AS n LEFT JOIN (SELECT 1 AS lease, mainspring.now() AS at) AS r ON state = 'running' $$";

fn connect(database: &TestDatabase) -> PgConnection {
    connector::connect_directly(&Config::new(database.url())).unwrap()
}

fn prepared() -> (TestDatabase, PgConnection) {
    let database = TestDatabase::new();
    database.connection().batch_execute(ADD).unwrap();
    database
        .connection()
        .batch_execute("ALTER TABLE mainspring.jobs SET (autovacuum_enabled = off)")
        .unwrap();
    let conn = connect(&database);
    (database, conn)
}

fn add(conn: &mut PgConnection, state: JobState, task: &str, queue: Option<&str>, jobs: i64) {
    let queue = queue.map_or("NULL".to_owned(), |queue| format!("'{queue}'"));
    let state = serde_json::to_value(state).unwrap();
    let state = state.as_str().unwrap();
    conn.batch_execute(&format!("SELECT add('{state}', '{task}', {queue}, {jobs})")).unwrap();
}

fn sampled(conn: &mut PgConnection) -> Gauges {
    conn.batch_execute("UPDATE mainspring.sample SET sampled_at = 'epoch'").unwrap();
    store(conn, &[], &[]).unwrap().unwrap()
}

fn by_task(gauges: &Gauges) -> HashMap<(JobState, &str), i64> {
    let named = gauges.jobs.iter().filter(|gauge| gauge.task != Gauges::OTHERS);
    named.map(|gauge| ((gauge.state, gauge.task.as_str()), gauge.jobs)).collect()
}

#[test]
fn few_jobs_are_counted_one_by_one() {
    let (_database, mut conn) = prepared();
    let conn = &mut conn;
    let mut expected = HashMap::new();
    let mut random = fastrand::Rng::with_seed(7);
    for state in JobState::ALL {
        for task in ["mail", "export", "with ' quote"] {
            let jobs = random.i64(0..40);
            let queue = (state == JobState::Parked).then_some("tenant:1");
            add(conn, state, &task.replace('\'', "''"), queue, jobs);
            if jobs > 0 {
                expected.insert((state, task), jobs);
            }
        }
    }
    let gauges = sampled(conn);
    assert_eq!(by_task(&gauges), expected);
    assert!(gauges.jobs.iter().all(|gauge| gauge.measured == Measured::Exact), "{gauges:?}");
    let parked: i64 =
        expected.iter().filter(|((state, _), _)| *state == JobState::Parked).map(|(_, jobs)| jobs).sum();
    let queue = gauges.parked.iter().find(|gauge| gauge.queue == "tenant:1").unwrap();
    assert_eq!((queue.jobs, gauges.jobs_in(JobState::Parked)), (parked, parked));
    let ready = expected.keys().filter(|(state, _)| *state == JobState::Ready).count();
    assert_eq!(gauges.oldest_ready.len(), ready);
    assert!(gauges.oldest_ready.iter().all(|age| (3_600.0..3_700.0).contains(&age.seconds)), "{gauges:?}");
    assert_eq!(read(conn).unwrap().unwrap(), gauges);
}

#[test]
fn names_beyond_the_fifty_most_common_are_counted_together() {
    let (_database, mut conn) = prepared();
    let conn = &mut conn;
    conn.batch_execute(
        "SELECT add('ready', 'task ' || n, NULL, 1), add('parked', 'p', 'queue ' || n, 1) FROM generate_series(1, 1200) AS n",
    )
    .unwrap();
    add(conn, JobState::Ready, "common", None, 9);
    let gauges = sampled(conn);
    assert_eq!(gauges.jobs_in(JobState::Ready), 1209);
    assert_eq!(by_task(&gauges).len(), 50);
    assert_eq!((by_task(&gauges)[&(JobState::Ready, "common")], gauges.parked.len()), (9, 51));
    assert_eq!(gauges.parked.iter().map(|gauge| gauge.jobs).sum::<i64>(), 1200);
    assert!(gauges.oldest_ready.len() <= 50);
}

// Of each state many times what is counted, and of tasks and queues some.
const MANY: &str = "SELECT add(s.state, t.task, t.queue, t.share * 2000) \
    FROM (VALUES ('waiting'::mainspring.job_state), ('scheduled'), ('parked'), ('ready'), ('running'), ('held'), ('dead')) AS s(state) \
    CROSS JOIN (VALUES ('bulk', 'a', 9), ('mail', 'b', 3), ('export', 'c', 1)) AS t(task, queue, share)";

#[test]
fn a_sample_reads_no_more_however_many_jobs_there_are() {
    let (_database, mut conn) = prepared();
    let conn = &mut conn;
    let mut before = 2_000;
    for round in 1..=3 {
        conn.batch_execute(MANY).unwrap();
        conn.batch_execute("VACUUM ANALYZE mainspring.jobs").unwrap();
        let cost = cost_of(conn, |conn| drop(sampled(conn)));
        // At first, a few indexes are small enough to be read up to the limit.
        assert!(cost <= before, "{cost} blocks of our tables in round {round}, {before} before");
        before = cost + 50;
        let gauges = sampled(conn);
        assert!(gauges.jobs.iter().all(|gauge| gauge.measured == Measured::Estimated), "{gauges:?}");
        for state in JobState::ALL {
            let within = |found: i64, real: i64| (found - real).abs() * 10 <= real;
            let found = by_task(&gauges);
            assert!(within(gauges.jobs_in(state), 26_000 * round), "{state:?}: {gauges:?}");
            assert!(within(found[&(state, "bulk")], 18_000 * round), "{state:?}: {gauges:?}");
        }
        let parked = gauges.parked.iter().find(|gauge| gauge.queue == "a").unwrap();
        assert!((parked.jobs - 18_000 * round).abs() < 1_800 * round, "{gauges:?}");
    }
}

#[test]
fn jobs_that_the_planner_does_not_know_of_are_not_all_read() {
    let (_database, mut conn) = prepared();
    let conn = &mut conn;
    conn.batch_execute("ANALYZE mainspring.jobs").unwrap();
    conn.batch_execute(MANY).unwrap();
    let cost = cost_of(conn, |conn| drop(sampled(conn)));
    // Each row that is counted costs a block, and some of the indexes.
    assert!(cost < 8 * 5_000 * 2, "{cost} blocks");
    let gauges = sampled(conn);
    for state in JobState::ALL {
        assert!(gauges.jobs_in(state) >= 5_000, "{state:?}: {gauges:?}");
    }
    assert!(gauges.jobs.iter().all(|gauge| gauge.measured == Measured::Estimated), "{gauges:?}");
}

fn plan(conn: &mut PgConnection, text: &str) -> String {
    let rows: Vec<(String,)> = Statement::<(Text,)>::new(format!("EXPLAIN {text}")).load(conn).unwrap();
    rows.into_iter().map(|row| row.0 + "\n").collect()
}

#[test]
fn counts_and_ages_read_jobs_by_their_indexes_alone() {
    let (_database, mut conn) = prepared();
    let conn = &mut conn;
    for round in 0..2 {
        for name in ["count_jobs", "oldest_ready"] {
            let body: (String,) = Statement::<(Text,)>::new(
                "SELECT prosrc FROM pg_proc WHERE proname = {} AND pronamespace = 'mainspring'::regnamespace",
            )
            .bind::<Text, _>(name)
            .get_result(conn)
            .unwrap();
            let body = body.0.replace("(states)", "('{ready,dead}'::text[])").replace("may_walk", "true");
            let plan = plan(conn, body.trim_end().trim_end_matches(';'));
            assert!(plan.contains("Index") && !plan.contains("Seq Scan on jobs"), "{name}: {plan}");
            assert!(!plan.contains("Sort Key: j."), "{name}, round {round}: {plan}");
        }
        conn.batch_execute(MANY).unwrap();
        conn.batch_execute("VACUUM ANALYZE mainspring.jobs").unwrap();
    }
}

#[test]
fn of_processes_that_come_together_one_samples() {
    let (database, mut conn) = prepared();
    database
        .connection()
        .batch_execute(
            "CREATE SEQUENCE samples; CREATE FUNCTION counted() RETURNS trigger LANGUAGE plpgsql AS \
                $$ BEGIN PERFORM nextval('public.samples'); RETURN NULL; END $$; \
             CREATE TRIGGER counted AFTER UPDATE ON mainspring.sample FOR EACH ROW WHEN (new.sampled_at > 'epoch') \
                EXECUTE FUNCTION counted()",
        )
        .unwrap();
    let barrier = Barrier::new(4);
    for round in 1..=5 {
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let mut conn = connect(&database);
                    barrier.wait();
                    store(&mut conn, &[], &[]).unwrap();
                });
            }
        });
        let taken: (i64,) =
            Statement::<(BigInt,)>::new("SELECT last_value FROM samples").get_result(&mut conn).unwrap();
        assert_eq!(taken.0, round);
        conn.batch_execute("UPDATE mainspring.sample SET sampled_at = 'epoch'").unwrap();
    }
    // One that began before the sample of another, and comes after it, finds it.
    conn.batch_execute("UPDATE mainspring.sample SET sampled_at = mainspring.now() + interval '1 second'")
        .unwrap();
    store(&mut conn, &[], &[]).unwrap();
    assert_eq!(count(&mut conn, "samples WHERE last_value = 6"), 1, "that of the update alone");
    // A clock that is set back stops nothing.
    conn.batch_execute("UPDATE mainspring.sample SET sampled_at = mainspring.now() + interval '1 year'")
        .unwrap();
    let gauges = store(&mut conn, &[], &[]).unwrap().unwrap();
    assert!(
        count(
            &mut conn,
            &format!("(SELECT WHERE mainspring.now() >= '{}') AS past", gauges.sampled_at.to_rfc3339())
        ) == 1
    );
}

#[test]
fn the_horizon_has_the_age_of_what_holds_it() {
    let (database, mut conn) = prepared();
    let conn = &mut conn;
    let mut holder = database.connection();
    holder
        .batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM mainspring.jobs")
        .unwrap();
    add(conn, JobState::Ready, "a", None, 1);
    add(conn, JobState::Ready, "a", None, 1);
    let first = sampled(conn);
    assert!(first.horizon_transactions >= 2 && first.horizon_seconds < 60.0, "{first:?}");
    conn.batch_execute("UPDATE mainspring.sample SET horizon_since = horizon_since - interval '1 hour'")
        .unwrap();
    let held = sampled(conn);
    assert!(
        held.horizon_seconds >= 3_600.0 && held.horizon_transactions > first.horizon_transactions,
        "{held:?}"
    );
    holder.batch_execute("COMMIT").unwrap();
    let free = sampled(conn);
    assert!(free.horizon_seconds < 60.0, "{free:?}");
}
