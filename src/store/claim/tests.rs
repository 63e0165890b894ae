//! What claims and admissions cost, in blocks of the table and its indexes and not in time: nothing for what they leave alone.

use std::time::Duration;

use chrono::Utc;
use diesel::PgConnection;
use diesel::connection::SimpleConnection;

use super::*;
use crate::config::Config;
use crate::server::TestDatabase;
use crate::store::admit::{Due, admit, promote};
use crate::store::claimability::{NewerJobs, claimability};
use crate::store::connector::connect_directly as connect;
use crate::store::tests::cost_of;

mod gates;

fn request(tasks: &[&str], filtered: Option<Filtered>) -> ClaimRequest {
    let share = |task: &&str| TaskShare { task: (*task).to_owned(), version: 0, most: None, gate: None };
    let tasks = tasks.iter().map(share).collect();
    ClaimRequest { worker_id: 1, lease: 7, position: None, limit: 10, tasks, filtered }
}

fn ten_of(conn: &mut PgConnection, request: &ClaimRequest) {
    let claimed = claim(conn, request).unwrap().jobs;
    assert_eq!(claimed.len(), 10);
    assert!(claimed.iter().all(|job| ["a", "b"].contains(&job.task.as_str()) && job.flags.is_empty()));
}

fn fill(conn: &mut PgConnection, columns: &str, values: &str, rows: u32) {
    conn.batch_execute(&format!(
        "INSERT INTO mainspring.jobs (task, run_at, {columns}) SELECT 'a', mainspring.now() - interval '1 day', {values} \
         FROM generate_series(1, {rows}) AS n"
    ))
    .unwrap();
}

#[test]
fn what_is_left_alone_costs_a_claim_nothing() {
    let database = TestDatabase::new();
    let conn = &mut connect(&Config::new(database.url())).unwrap();
    fill(conn, "state, priority", "'ready', n % 3", 30);
    fill(conn, "state, queue", "'parked', 'full'", 10);
    conn.batch_execute("UPDATE mainspring.jobs SET task = 'b' WHERE id % 2 = 0").unwrap();
    let filtered = |age_every| Some(Filtered { forbidden: vec!["no".into()], age_every, flagged: true });
    let requests = [
        request(&["a"], None),
        request(&["a", "b"], None),
        request(&["a", "b"], filtered(None)),
        request(&["a", "b"], filtered(Some(Duration::from_secs(1)))),
    ];
    let known = ["a".to_owned(), "b".to_owned()];
    let admit_one = |conn: &mut PgConnection| {
        assert_eq!(admit(conn, &["full".into()], &[], &known, None).unwrap().admitted, 1);
    };
    let before: Vec<i64> = requests.iter().map(|r| cost_of(conn, |conn| ten_of(conn, r))).collect();
    let admission_before = cost_of(conn, admit_one);

    fill(conn, "state, queue", "'parked', 'full'", 50_000);
    fill(conn, "state, queue", "'parked', 'queue ' || n", 50_000);
    fill(conn, "state, flags, priority", "'ready', ARRAY['no'], -1", 20_000);
    fill(conn, "state, flags, priority", "'ready', ARRAY['a', 'no'], 1", 10_000);
    conn.batch_execute(
        "INSERT INTO mainspring.jobs (task, run_at, state) SELECT 'paused', mainspring.now(), 'ready' FROM generate_series(1, 20000); \
         INSERT INTO mainspring.queues (name) SELECT 'idle ' || n FROM generate_series(1, 100000) AS n; \
         ANALYZE mainspring.jobs, mainspring.queues",
    )
    .unwrap();
    let after: Vec<i64> = requests.iter().map(|r| cost_of(conn, |conn| ten_of(conn, r))).collect();
    let admission_after = cost_of(conn, admit_one);
    eprintln!(
        "blocks of a claim of 10: {before:?} and {after:?}; of an admission: {admission_before} and {admission_after}"
    );
    for (before, after) in before.iter().zip(&after) {
        // A larger index is a level or two higher, for each row that is written and each range that is looked for.
        assert!(*after <= before * 2 + 60, "{before} blocks before, {after} after");
    }
    assert!(
        admission_after <= admission_before * 2 + 60,
        "{admission_before} blocks, then {admission_after}"
    );
}

#[test]
fn a_claim_of_the_oldest_costs_by_priorities_and_not_by_jobs() {
    let database = TestDatabase::new();
    let conn = &mut connect(&Config::new(database.url())).unwrap();
    let oldest = request(
        &["a", "b"],
        Some(Filtered { age_every: Some(Duration::from_secs(60)), ..Filtered::default() }),
    );
    fill(conn, "state, priority", "'ready', n % 4", 40);
    let few = cost_of(conn, |conn| ten_of(conn, &oldest));
    fill(conn, "state, priority", "'ready', n % 4", 40_000);
    let many = cost_of(conn, |conn| ten_of(conn, &oldest));
    eprintln!("blocks of a claim of the oldest 10: {few} of 40 jobs, {many} of 40,000");
    assert!(many <= few * 2 + 60, "{few}, then {many}");
}

#[test]
fn age_lifts_by_one_priority_for_each_step_and_claims_come_in_that_order() {
    let database = TestDatabase::new();
    let conn = &mut connect(&Config::new(database.url())).unwrap();
    conn.batch_execute(
        "INSERT INTO mainspring.jobs (task, priority, run_at, state) SELECT 'a', p, mainspring.now() - w * interval '1 minute', 'ready' \
         FROM (VALUES (0, 0), (5, 4), (5, 6), (-3, 0), (100, 99)) AS v(p, w)",
    )
    .unwrap();
    let filtered = Filtered { age_every: Some(Duration::from_secs(60)), ..Filtered::default() };
    let claimed = claim(conn, &ClaimRequest { limit: 4, ..request(&["a"], Some(filtered)) }).unwrap().jobs;
    let order: Vec<(i16, i64)> =
        claimed.iter().map(|job| (job.priority, (Utc::now() - job.run_at).num_minutes())).collect();
    assert_eq!(order, [(-3, 0), (5, 6), (0, 0), (5, 4)]);
}

#[test]
fn a_promotion_reads_neither_future_jobs_nor_promoted_ones() {
    let database = TestDatabase::new();
    let conn = &mut connect(&Config::new(database.url())).unwrap();
    let since = Due::Within(Duration::from_secs(2));
    let due = |conn: &mut PgConnection| {
        conn.batch_execute(
            "INSERT INTO mainspring.jobs (task, run_at, state) SELECT 'a', mainspring.now(), 'scheduled' FROM generate_series(1, 10)",
        )
        .unwrap();
        assert_eq!(promote(conn, 1_000, since).unwrap().promoted, 10);
    };
    let before = cost_of(conn, due);
    // An old snapshot keeps what was promoted an hour ago in the index.
    let mut other = database.connection();
    other.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1").unwrap();
    conn.batch_execute(
        "INSERT INTO mainspring.jobs (task, run_at, state) SELECT 'a', mainspring.now() - interval '1 hour', 'scheduled' \
         FROM generate_series(1, 20000); DELETE FROM mainspring.jobs; \
         INSERT INTO mainspring.jobs (task, run_at, state) SELECT 'a', mainspring.now() + interval '1 hour', 'scheduled' \
         FROM generate_series(1, 20000)",
    )
    .unwrap();
    let after = cost_of(conn, due);
    eprintln!("blocks of a promotion of 10: {before} and {after}");
    assert!(after <= before * 2 + 60, "{before} blocks before, {after} after");
}

#[test]
fn a_compressed_payload_that_expands_is_not_written_by_a_claim() {
    let database = TestDatabase::new();
    let conn = &mut connect(&Config::new(database.url())).unwrap();
    let payloads = "CASE n WHEN 1 THEN ('[' || repeat('1e131071, ', 6000) || '1]')::jsonb \
        WHEN 2 THEN to_jsonb(repeat('x', 5000)) ELSE to_jsonb(n) END";
    fill(conn, "state, payload", &format!("'ready', {payloads}"), 3);
    conn.batch_execute("DO $$ BEGIN ASSERT (SELECT pg_column_size(payload) FROM mainspring.jobs ORDER BY id LIMIT 1) < 2000; END $$")
        .unwrap();
    let began = std::time::Instant::now();
    let claimed = claim(conn, &request(&["a"], None)).unwrap().jobs;
    // Its text has 786 MB, which take seconds.
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    let here: Vec<bool> = claimed.iter().map(|job| job.payload.is_some()).collect();
    assert_eq!(here, [false, true, true]);
}

#[test]
fn newer_jobs_among_the_first_ready_ones_are_noticed() {
    let database = TestDatabase::new();
    let conn = &mut connect(&Config::new(database.url())).unwrap();
    let tasks = ["a".to_owned(), "b".to_owned()];
    let newer = |conn: &mut PgConnection, own| claimability(conn, &tasks, &[own, 0]).unwrap().newer;
    let publish = |conn: &mut PgConnection, version: i32| {
        let tasks = format!("[{{\"name\": \"a\", \"version\": {version}}}]");
        conn.batch_execute(&format!("SELECT mainspring.publish_tasks('w', '{tasks}', interval '0')"))
            .unwrap();
    };
    fill(conn, "state, version", "'ready', 2", 1);
    assert_eq!(newer(conn, 1), NewerJobs::None, "nothing is read before a newer version was published");
    publish(conn, 2);
    assert_eq!(newer(conn, 1), NewerJobs::Ahead);
    assert_eq!(newer(conn, 2), NewerJobs::None);
    // After a deploy that was taken back, its jobs are left.
    publish(conn, 1);
    assert_eq!(newer(conn, 1), NewerJobs::Ahead);
    fill(conn, "state, priority", "'ready', -1", 100);
    assert_eq!(newer(conn, 1), NewerJobs::None, "it is behind a hundred others");
}
