//! Where a job stands: its time, pauses, its end, its place among others, and who holds its row.

use diesel::PgConnection;
use diesel::connection::SimpleConnection;
use mainspring::jobs::{self, Reason};

use super::{assert_says, job, only, ready, reasons, served};

#[test]
fn a_job_that_is_not_due_names_its_time() {
    let (_database, mut conn) = served();
    let id = job(&mut conn, "run_at", "'scheduled', '2100-01-01 09:00+00'");
    let why = only(&mut conn, id);
    assert_says(&why, Reason::NotDue, "It is not due until 2100-01-01T09:00:00Z.");
    assert_eq!(why.until.unwrap().timestamp(), 4_102_477_200);
    assert_eq!(why.details["run_at"], "2100-01-01T09:00:00Z");
}

#[test]
fn a_job_that_failed_names_its_next_attempt_and_its_error() {
    let (_database, mut conn) = served();
    let columns = "run_at, attempts, max_attempts, last_error";
    let id = job(&mut conn, columns, "'scheduled', '2100-01-01 09:00+00', 2, 9, 'no route'");
    let why = only(&mut conn, id);
    assert_says(
        &why,
        Reason::WaitsForRetry,
        "failed 2 of 9 times, and is tried again at 2100-01-01T09:00:00Z",
    );
    assert!(why.until.is_some() && why.details["last_error"] == "no route", "{why:?}");
}

#[test]
fn each_pause_is_named_and_since_when() {
    let (_database, mut conn) = served();
    conn.batch_execute(
        "INSERT INTO mainspring.all_paused (paused_at) VALUES ('2026-01-01 00:00+00'); \
         INSERT INTO mainspring.paused_tasks VALUES ('t', '2026-01-02 00:00+00'), ('other', now()); \
         INSERT INTO mainspring.queues (name, paused) VALUES ('q', true), ('other', true)",
    )
    .unwrap();
    let id = job(&mut conn, "queue, run_at", "'parked', 'q', now()");
    let found = jobs::explain(&mut conn, id).unwrap();
    // A queue that is paused has room all the same.
    let [everything, task, queue] = &found[..] else { panic!("{found:?}") };
    assert_says(everything, Reason::EverythingPaused, "Everything is paused since 2026-01-01T00:00:00Z.");
    assert_says(task, Reason::TaskPaused, "Its task `t` is paused since 2026-01-02T00:00:00Z.");
    assert_says(queue, Reason::QueuePaused, "Its queue `q` is paused.");
    // They will hold it up as well that is not due.
    let later = job(&mut conn, "queue, run_at", "'scheduled', 'q', now() + interval '1 hour'");
    let meant = [Reason::NotDue, Reason::EverythingPaused, Reason::TaskPaused, Reason::QueuePaused];
    assert_eq!(reasons(&mut conn, later), meant);
}

#[test]
fn a_running_job_names_its_worker_and_a_lost_worker_is_named_as_such() {
    let (_database, mut conn) = served();
    conn.batch_execute(
        "INSERT INTO mainspring.workers (name, tasks, timeout, heartbeat_at) \
         VALUES ('silent', '{t}', '4 seconds', '2026-01-01 00:00+00')",
    )
    .unwrap();
    let columns = "run_at, lease, worker_id, locked_at, attempts, progress";
    let id = job(&mut conn, columns, "'running', now(), 7, 1, '2026-01-01 00:00+00', 1, 40");
    let why = only(&mut conn, id);
    assert_says(&why, Reason::Running, "It runs since 2026-01-01T00:00:00Z in the worker 1, `able`.");
    assert_eq!(why.details["progress"], 40);
    for (worker, words) in
        [(2, "the last heartbeat came at 2026-01-01T00:00:00Z"), (99, "is not registered any more")]
    {
        let held = format!("'running', now(), 7, {worker}, now(), 1");
        let id = job(&mut conn, "run_at, lease, worker_id, locked_at, attempts", &held);
        let why = only(&mut conn, id);
        assert_says(&why, Reason::WorkerLost, words);
        assert_eq!(why.details["living_workers"], 1);
    }
}

#[test]
fn a_job_that_is_to_end_names_why() {
    let (_database, mut conn) = served();
    let columns = "run_at, lease, worker_id, locked_at, attempts, cancel_reason";
    let id = job(&mut conn, columns, "'running', now(), 7, 1, now(), 1, 'ordered twice'");
    assert_eq!(reasons(&mut conn, id), [Reason::Running, Reason::Cancelling]);
    assert_eq!(jobs::explain(&mut conn, id).unwrap()[1].details["reason"], "ordered twice");
}

#[test]
fn an_ended_job_names_its_end_and_an_unknown_one_has_no_reason() {
    let (_database, mut conn) = served();
    let columns = "run_at, updated_at, attempts, max_attempts, last_error";
    let dead = job(&mut conn, columns, "'dead', now(), '2026-01-01 00:00+00', 2, 2, 'no route'");
    let why = only(&mut conn, dead);
    assert_says(&why, Reason::Dead, "It is dead since 2026-01-01T00:00:00Z, after 2 of 2 attempts.");
    assert_eq!(why.details["last_error"], "no route");
    let (cancelled, succeeded) = (ready(&mut conn), ready(&mut conn));
    jobs::cancel(&mut conn, &[cancelled], Some("ordered twice")).unwrap();
    jobs::complete(&mut conn, &[succeeded], None).unwrap();
    let why = only(&mut conn, cancelled);
    assert_says(&why, Reason::Cancelled, "It was cancelled at ");
    assert_eq!(why.details["reason"], "ordered twice");
    assert_says(&only(&mut conn, succeeded), Reason::Succeeded, "It has succeeded at ");
    assert_eq!(jobs::explain(&mut conn, 4_711).unwrap(), []);
}

#[test]
fn a_job_that_nothing_hinders_names_how_many_come_before_it() {
    let (_database, mut conn) = served();
    conn.batch_execute(
        "INSERT INTO mainspring.queues (name, concurrency) VALUES ('q', 5); \
         INSERT INTO mainspring.jobs (task, state, run_at, flags, queue) VALUES \
             ('t', 'ready', now() - interval '2 hours', NULL, NULL), ('u', 'ready', now() - interval '2 hours', NULL, NULL), \
             ('t', 'ready', now() - interval '2 hours', '{big}', NULL), ('t', 'ready', now(), '{big}', NULL), \
             ('t', 'parked', now() - interval '3 hours', NULL, 'q'), ('t', 'parked', now() - interval '2 hours', NULL, 'q')",
    )
    .unwrap();
    let plain = ready(&mut conn);
    let flagged = job(&mut conn, "run_at, flags", "'ready', now() - interval '1 hour', '{big}'");
    let parked = job(&mut conn, "run_at, queue", "'parked', now() - interval '1 hour', 'q'");
    let late = job(&mut conn, "run_at", "'scheduled', now() - interval '1 hour'");
    for (id, state, before) in
        [(plain, "ready", 1), (flagged, "ready", 3), (parked, "parked", 2), (late, "scheduled", 0)]
    {
        let why = only(&mut conn, id);
        assert_says(&why, Reason::NothingHinders, &format!("it is {state} since "));
        assert!(
            why.details["before"] == before && why.sentence.contains(&format!("Jobs before it: {before}.")),
            "{why:?}"
        );
    }
}

#[test]
fn a_row_that_a_transaction_holds_names_its_session() {
    let (database, mut conn) = served();
    let (id, other) = (ready(&mut conn), ready(&mut conn));
    let columns = "run_at, lease, worker_id, locked_at, attempts";
    let running = job(&mut conn, columns, "'running', now(), 7, 1, now(), 1");
    let mut holder = database.connection();
    // A subtransaction has a number of its own.
    holder
        .batch_execute(&format!(
            "SET application_name = 'the holder'; BEGIN; SELECT FROM mainspring.jobs WHERE id = {id} FOR UPDATE; SAVEPOINT s; \
             UPDATE mainspring.jobs SET updated_at = now() WHERE id = {running}"
        ))
        .unwrap();
    let why = only(&mut conn, id);
    assert_says(&why, Reason::Locked, "The transaction of the session ");
    assert_eq!(why.details["application_name"], "the holder");
    assert!(why.details["pid"].is_i64() && why.details["since"].is_string(), "{why:?}");
    assert_eq!(reasons(&mut conn, running), [Reason::Running, Reason::Locked]);
    assert_eq!(reasons(&mut conn, other), [Reason::NothingHinders]);
    holder.batch_execute("ROLLBACK").unwrap();
    assert_eq!(reasons(&mut conn, id), [Reason::NothingHinders]);
    assert_eq!(reasons(&mut conn, running), [Reason::Running]);
}

#[test]
fn a_row_that_several_sessions_share_names_each_of_them_once() {
    let (database, mut conn) = served();
    let (shared, other) = (ready(&mut conn), ready(&mut conn));
    let mut sessions: Vec<_> = ["KEY SHARE", "SHARE", "KEY SHARE"]
        .into_iter()
        .zip(["first", "second", "third"])
        .map(|(strength, name)| {
            let mut session = database.connection();
            session
                .batch_execute(&format!(
                    "SET application_name = '{name}'; BEGIN; \
                     SELECT FROM mainspring.jobs WHERE id = {shared} FOR {strength}"
                ))
                .unwrap();
            session
        })
        .collect();
    assert_eq!(holders(&mut conn, shared), ["first", "second", "third"]);
    assert_eq!(reasons(&mut conn, other), [Reason::NothingHinders]);
    // A subtransaction that locks it more strongly is of the same session.
    sessions.remove(1).batch_execute("COMMIT").unwrap();
    sessions.remove(1).batch_execute("ROLLBACK").unwrap();
    let stronger = format!("SAVEPOINT s; SELECT FROM mainspring.jobs WHERE id = {shared} FOR UPDATE");
    sessions[0].batch_execute(&stronger).unwrap();
    assert_eq!(holders(&mut conn, shared), ["first"]);
    sessions.remove(0).batch_execute("COMMIT").unwrap();
    assert_eq!(reasons(&mut conn, shared), [Reason::NothingHinders]);
}

#[test]
fn of_many_sessions_that_share_a_row_ten_are_named() {
    let (database, mut conn) = served();
    let shared = ready(&mut conn);
    let share = format!("BEGIN; SELECT FROM mainspring.jobs WHERE id = {shared} FOR KEY SHARE");
    let mut sessions: Vec<_> = (0..12).map(|_| database.connection()).collect();
    sessions.iter_mut().for_each(|session| session.batch_execute(&share).unwrap());
    assert_eq!(reasons(&mut conn, shared), [Reason::Locked; 10]);
}

/// The names of the sessions that hold the row of a job that nothing else hinders.
fn holders(conn: &mut PgConnection, id: i64) -> Vec<String> {
    let found = jobs::explain(conn, id).unwrap();
    assert!(found.iter().all(|why| why.reason == Reason::Locked), "{found:?}");
    found.iter().map(|why| why.details["application_name"].as_str().unwrap().to_owned()).collect()
}
