//! What becomes of each job.

use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use mainspring::import::LeftReason;
use mainspring::{JobContext, JobResult, Scheduler, Task};
use serde::{Deserialize, Serialize};

use super::{JOBS, add, assert_count, both, left, moved, preview};
use crate::support::waiting::reports;

#[test]
fn a_job_keeps_everything_but_its_id() {
    let (_database, mut conn) = both();
    add(
        &mut conn,
        "job_queue_id, payload, priority, run_at, attempts, max_attempts, last_error, created_at, key, revision, flags",
        "(1, '{\"n\": 1}'::json, -5, '2100-01-01 09:00+00'::timestamptz, 3, 7, 'no route', '2026-01-02 03:04+00'::timestamptz, 'k', 4, \
         '{\"b\": true, \"a\": true}'::jsonb)",
    );
    let report = moved(&mut conn);
    assert_eq!((report.moved_jobs(), report.left_in_place()), (1, 0));
    assert_eq!((&*report.moved[0].task, &*report.moved[0].state), ("a", "scheduled"));
    let kept = "mainspring.jobs WHERE task = 'a' AND queue = 'q' AND payload = '{\"n\": 1}' AND priority = -5 \
        AND run_at = '2100-01-01 09:00+00' AND attempts = 3 AND max_attempts = 7 AND last_error = 'no route' \
        AND created_at = '2026-01-02 03:04+00' AND key = 'k' AND revision = 4 AND flags = '{a,b}' AND state = 'scheduled'";
    assert_count(&mut conn, kept, 1);
    assert_count(&mut conn, JOBS, 0);
}

#[test]
fn jobs_wait_where_their_time_and_queue_let_them_and_keep_their_order() {
    let (_database, mut conn) = both();
    add(
        &mut conn,
        "job_queue_id, run_at",
        "(NULL, now() - interval '1 day'), (1, now() - interval '1 day'), (NULL, now() + interval '1 day'), (2, now() + interval '1 day')",
    );
    conn.batch_execute("UPDATE graphile_worker._private_jobs SET payload = to_json(id)").unwrap();
    let states: Vec<(String, i64)> =
        moved(&mut conn).moved.into_iter().map(|row| (row.state, row.count)).collect();
    assert_eq!(states, [("parked".into(), 1), ("ready".into(), 1), ("scheduled".into(), 2)]);
    let in_order = "(SELECT payload::text::int AS n, row_number() OVER (ORDER BY id) AS place FROM mainspring.jobs) AS j WHERE n = place";
    assert_count(&mut conn, in_order, 4);
}

#[test]
fn a_job_whose_attempts_are_spent_becomes_a_dead_one() {
    let (_database, mut conn) = both();
    add(&mut conn, "attempts, max_attempts, key, last_error", "(25, 25, 'k', 'boom'), (9, 3, NULL, 'bang')");
    conn.batch_execute("SELECT mainspring.add_job('b', key => 'k')").unwrap();
    let report = moved(&mut conn);
    assert_eq!((report.moved_jobs(), report.left_in_place()), (2, 0));
    assert_count(
        &mut conn,
        "mainspring.jobs WHERE state = 'dead' AND key = 'k' AND attempts = 25 AND last_error = 'boom'",
        1,
    );
    assert_count(&mut conn, "mainspring.jobs WHERE state = 'dead' AND attempts = 3 AND max_attempts = 3", 1);
    // Its retention begins now.
    assert_count(&mut conn, "mainspring.jobs WHERE updated_at < now() - interval '1 minute'", 0);
}

#[test]
fn locked_jobs_and_those_of_their_queues_stay_and_are_named() {
    let (_database, mut conn) = both();
    conn.batch_execute(
        "UPDATE graphile_worker._private_job_queues SET locked_at = '2026-11-30 10:00+00', locked_by = 'worker-q' WHERE id = 1",
    )
    .unwrap();
    add(
        &mut conn,
        "job_queue_id, locked_at, locked_by, attempts",
        "(1, '2026-11-30 10:00+00'::timestamptz, 'worker-q', 1), (1, NULL, NULL, 0), (2, NULL, NULL, 0), \
         (NULL, '2026-11-30 11:00+00', 'worker-2', 25), (1, NULL, NULL, 25)",
    );
    let report = moved(&mut conn);
    let (locked, queue) = (LeftReason::Locked, LeftReason::QueueLocked);
    assert_eq!(left(&report), [(1, locked), (2, queue), (4, locked)]);
    let by: Vec<&str> = report.left_jobs.iter().map(|job| job.locked_by.as_deref().unwrap()).collect();
    assert_eq!(by, ["worker-q", "worker-q", "worker-2"]);
    assert_eq!(report.left_jobs[2].locked_at.unwrap().to_rfc3339(), "2026-11-30T11:00:00+00:00");
    // A dead job runs beside nothing.
    assert_count(&mut conn, "mainspring.jobs", 2);
    conn.batch_execute(
        "UPDATE graphile_worker._private_job_queues SET locked_at = NULL; UPDATE graphile_worker._private_jobs SET locked_at = NULL",
    )
    .unwrap();
    assert_eq!((moved(&mut conn).moved_jobs(), moved(&mut conn).moved_jobs()), (3, 0));
}

#[test]
fn a_key_that_a_living_job_here_has_keeps_both_jobs_as_they_are() {
    let (_database, mut conn) = both();
    conn.batch_execute(
        "SELECT mainspring.add_job('here', key => 'taken'); SELECT mainspring.add_job('here', key => 'dead'); \
         SELECT mainspring.fail_jobs(ARRAY(SELECT id FROM mainspring.jobs WHERE key = 'dead'), 'x')",
    )
    .unwrap();
    add(&mut conn, "key", "('taken'), ('dead'), ('free')");
    let report = moved(&mut conn);
    assert_eq!(left(&report), [(1, LeftReason::KeyTaken)]);
    let [job] = &report.left_jobs[..] else { unreachable!() };
    assert!(
        job.detail.ends_with("of Mainspring has its key") && job.key.as_deref() == Some("taken"),
        "{job:?}"
    );
    assert_count(&mut conn, "mainspring.jobs WHERE key = 'taken' AND task = 'here'", 1);
    assert_count(
        &mut conn,
        "mainspring.jobs WHERE task = 'a' AND key IN ('dead', 'free') AND state <> 'dead'",
        2,
    );
}

#[test]
fn what_breaks_a_limit_stays_with_the_reason_and_the_rest_moves() {
    let (_database, mut conn) = both();
    let bad = [
        ("payload", "'{\"secret\": \"\\u0000value-5tapl3\"}'::json", "JSON that PostgreSQL can hold"),
        ("payload", "'{\"secret\": 1e400}'::json", "64-bit floating point"),
        ("payload", "(repeat('[', 200) || repeat(']', 200))::json", "nested at most 127 deep"),
        ("payload", "to_json(repeat('value-5tapl3', 100000))", "at most 1048576 bytes, got 1200002"),
        ("attempts", "-1", "attempts must be 0 to 32767, got -1"),
        ("run_at", "'infinity'::timestamptz", "run_at must be in the years 1 to 9999"),
        ("flags", "'[1]'::jsonb", "flags must be an object, got array"),
        (
            "flags",
            "(SELECT jsonb_object_agg(n, true) FROM generate_series(1, 33) AS n)",
            "at most 32 labels, got 33",
        ),
        ("key", "repeat('k', 513)", "key must be 1 to 512 characters, got 513"),
        ("job_queue_id", "99", "queue must have a row, got the id 99"),
    ];
    for (column, value, _) in bad {
        add(&mut conn, column, &format!("({value})"));
    }
    conn.batch_execute(
        "INSERT INTO graphile_worker._private_jobs (task_id) VALUES (99); \
        INSERT INTO graphile_worker._private_tasks (identifier) VALUES (''); \
        INSERT INTO graphile_worker._private_jobs (task_id) VALUES (3)",
    )
    .unwrap();
    add(&mut conn, "payload", "('{\"good\": \"\\u00e9\"}'::json)");
    let report = moved(&mut conn);
    assert_eq!((report.moved_jobs(), report.left_in_place()), (1, 12));
    let words =
        bad.iter().map(|(_, _, words)| *words).chain(["got none", "task must be 1 to 128 characters, got 0"]);
    for (job, words) in report.left_jobs.iter().zip(words) {
        assert!(job.detail.contains(words) && job.reason == LeftReason::Invalid, "{words}: {job:?}");
        assert!(!job.detail.contains("5tapl3"), "{job:?}");
    }
}

#[test]
fn a_preview_reports_what_the_move_then_does_and_changes_nothing() {
    let (_database, mut conn) = both();
    conn.batch_execute("SELECT mainspring.add_job('here', key => 'k1')").unwrap();
    add(
        &mut conn,
        "key, job_queue_id, locked_at, locked_by, attempts, run_at, payload",
        "('k1', NULL, NULL::timestamptz, NULL, 0, now(), '1'::json), ('k2', 1, NULL, NULL, 0, now(), '1'), \
         (NULL, 2, now(), 'w', 1, now(), '1'), (NULL, NULL, NULL, NULL, 25, now(), '1'), \
         (NULL, NULL, NULL, NULL, 0, 'infinity', '1'), (NULL, NULL, NULL, NULL, 0, '2100-01-01', '1')",
    );
    conn.batch_execute(
        "INSERT INTO graphile_worker._private_known_crontabs VALUES ('a', now(), NULL), (repeat('x', 200), now(), now())",
    )
    .unwrap();
    let all = "SELECT md5(string_agg(r::text, ',' ORDER BY r::text)) FROM (SELECT j.ctid, j.* FROM mainspring.jobs AS j) AS r";
    let unchanged = format!("(SELECT 1) AS x WHERE ({all}) = (SELECT h FROM before)");
    conn.batch_execute(&format!("CREATE TEMP TABLE before AS SELECT ({all}) AS h")).unwrap();
    let told = preview(&mut conn);
    assert_eq!((told.moved_jobs(), told.left_in_place(), told.lines, told.left_lines.len()), (3, 3, 1, 1));
    assert_count(&mut conn, &unchanged, 1);
    assert_count(&mut conn, JOBS, 6);
    assert_eq!(preview(&mut conn), told);
    assert_eq!(moved(&mut conn), told);
    let again = moved(&mut conn);
    assert_eq!((again.moved.len(), again.lines, &again.left_jobs), (0, 0, &told.left_jobs));
}

#[derive(Serialize, Deserialize)]
struct Letter {
    n: i32,
}

impl Task for Letter {
    const NAME: &'static str = "a";
}

async fn send(letter: Letter, job: JobContext) -> JobResult {
    let _ = job.data::<tokio::sync::mpsc::UnboundedSender<i32>>().send(letter.n);
    Ok(())
}

#[tokio::test]
async fn workers_start_what_was_moved_without_waiting_for_a_poll() {
    let (database, mut conn) = both();
    let (sender, mut letters) = reports::<i32>(&database.url());
    let poll = Duration::from_secs(15);
    let builder = Scheduler::builder(database.url()).handler(send).app_data(sender).poll_interval(poll);
    let scheduler = builder.start().await.unwrap();
    let mut watch = database.connection();
    let trial = async || {
        let began = Instant::now();
        let jobs = "(NULL, '{\"n\": 1}'::json, NULL::jsonb), (1, '{\"n\": 2}', NULL), (NULL, '{\"n\": 3}', '{\"f\": true}')";
        add(&mut watch, "job_queue_id, payload, flags", jobs);
        assert_eq!(moved(&mut conn).moved_jobs(), 3);
        let mut sent = [letters.next().await, letters.next().await, letters.next().await];
        sent.sort_unstable();
        assert_eq!(sent, [1, 2, 3]);
        began.elapsed() < poll / 5
    };
    in_time(trial).await;
    scheduler.stop().await;
}

// One trial of three that is in time: a poll would have to come three times within a fifth of its interval.
async fn in_time(mut trial: impl AsyncFnMut() -> bool) {
    let mut trials = 0;
    while !trial().await {
        trials += 1;
        assert!(trials < 3, "each trial waited for a poll");
    }
}

#[test]
fn fifty_thousand_jobs_move_in_one_statement() {
    let (_database, mut conn) = both();
    conn.batch_execute(
        "INSERT INTO graphile_worker._private_jobs (task_id, payload, key, job_queue_id, priority) \
         SELECT 1 + n % 2, json_build_object('n', n, 'text', repeat('x', 200)), CASE WHEN n % 3 = 0 THEN 'k' || n END, \
             CASE WHEN n % 4 = 0 THEN 1 + n % 2 END, n % 10 FROM generate_series(1, 50000) AS n",
    )
    .unwrap();
    let began = Instant::now();
    let report = moved(&mut conn);
    assert_eq!((report.moved_jobs(), report.left_in_place()), (50_000, 0));
    // It takes two to four seconds. Row by row, or by a plan that compares all with all, it takes minutes.
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    assert_count(&mut conn, "mainspring.jobs WHERE key IS NOT NULL", 16_666);
}
