//! Others work on both schemas while an import runs.

use std::thread;

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use mainspring::import::LeftReason;

use super::{JOBS, add, assert_count, both, left, moved};
use crate::support::rows::{WAITS_FOR_A_ROW, count};
use crate::support::waiting::block_until;

const TAKEN_BY_A_WORKER: &str = "UPDATE graphile_worker._private_jobs SET locked_at = now(), locked_by = 'w', attempts = attempts + 1 \
    WHERE id = (SELECT id FROM graphile_worker._private_jobs WHERE locked_at IS NULL ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)";

fn waits(conn: &mut PgConnection) {
    block_until("a session waits for a row", || count(conn, WAITS_FOR_A_ROW) == 1);
}

#[test]
fn a_job_that_a_worker_is_taking_stays_with_it_and_nothing_waits() {
    let (database, mut conn) = both();
    add(&mut conn, "priority", "(0), (0)");
    let mut worker = database.connection();
    worker.batch_execute(&format!("BEGIN; {TAKEN_BY_A_WORKER}")).unwrap();
    let report = moved(&mut conn);
    assert_eq!((report.moved_jobs(), left(&report)), (1, vec![(1, LeftReason::Busy)]));
    worker.batch_execute("COMMIT").unwrap();
    assert_eq!(left(&moved(&mut conn)), [(1, LeftReason::Locked)]);
}

#[test]
fn a_queue_that_a_worker_is_taking_keeps_its_jobs() {
    let (database, mut conn) = both();
    add(&mut conn, "job_queue_id", "(1), (2)");
    let mut worker = database.connection();
    worker
        .batch_execute("BEGIN; SELECT FROM graphile_worker._private_job_queues WHERE id = 1 FOR UPDATE")
        .unwrap();
    let report = moved(&mut conn);
    assert_eq!((report.moved_jobs(), report.left_in_place()), (1, 1));
    assert_count(&mut conn, "mainspring.jobs WHERE queue = 'r'", 1);
    worker.batch_execute("ROLLBACK").unwrap();
    assert_eq!(moved(&mut conn).moved_jobs(), 1);
}

#[test]
fn a_worker_finds_nothing_to_take_while_jobs_move() {
    let (database, mut conn) = both();
    add(&mut conn, "priority", "(0), (0)");
    let mut worker = database.connection();
    conn.transaction(|conn| {
        assert_eq!(moved(conn).moved_jobs(), 2);
        worker.batch_execute(TAKEN_BY_A_WORKER).unwrap();
        diesel::QueryResult::Ok(())
    })
    .unwrap();
    assert_count(&mut conn, JOBS, 0);
    assert_count(&mut conn, "mainspring.jobs WHERE state = 'ready'", 2);
}

#[test]
fn a_job_that_is_added_during_the_move_is_moved_by_the_next_one() {
    let (database, mut conn) = both();
    add(&mut conn, "key, payload", "('k', '1'::json)");
    let mut watch = database.connection();
    let url = database.url();
    let adding = conn
        .transaction(|conn| {
            assert_eq!(moved(conn).moved_jobs(), 1);
            let mut other = database.connection();
            add(&mut other, "payload", "('2'::json)");
            // As add_job does with a key: it waits for the row of the key, and finds it gone.
            let adding = thread::spawn(move || {
                let mut conn = PgConnection::establish(&url).unwrap();
                conn.batch_execute("INSERT INTO graphile_worker._private_jobs AS j (task_id, payload, key) VALUES (1, '3', 'k') \
                    ON CONFLICT (key) DO UPDATE SET payload = '3', revision = j.revision + 1")
            });
            waits(&mut watch);
            diesel::QueryResult::Ok(adding)
        })
        .unwrap();
    adding.join().unwrap().unwrap();
    let report = moved(&mut conn);
    assert_eq!(report.moved_jobs(), 1);
    assert_eq!(report.left_jobs.iter().map(|job| job.reason).collect::<Vec<_>>(), [LeftReason::KeyTaken]);
    assert_count(&mut conn, "mainspring.jobs WHERE payload IN ('1', '2')", 2);
    assert_count(&mut conn, "graphile_worker._private_jobs WHERE payload::text = '3'", 1);
}

#[test]
fn a_key_that_is_taken_here_during_the_move_keeps_its_job_there() {
    let (database, mut conn) = both();
    add(&mut conn, "key", "('k'), ('l')");
    let mut here = database.connection();
    here.batch_execute("BEGIN; SELECT mainspring.add_job('here', key => 'k')").unwrap();
    let mut watch = database.connection();
    let moving = thread::spawn(move || moved(&mut conn));
    waits(&mut watch);
    here.batch_execute("COMMIT").unwrap();
    let report = moving.join().unwrap();
    assert_eq!((report.moved_jobs(), left(&report)), (1, vec![(1, LeftReason::KeyTaken)]));
    assert_count(&mut here, "mainspring.jobs WHERE key = 'k'", 1);
    assert_count(&mut here, JOBS, 1);
}

#[test]
fn two_imports_at_once_move_each_job_once() {
    let (database, mut conn) = both();
    add(&mut conn, "priority", "(0), (0), (0)");
    let mut other = database.connection();
    conn.transaction(|conn| {
        let first = moved(conn);
        let second = moved(&mut other);
        assert_eq!((first.moved_jobs(), second.moved_jobs(), second.left_in_place()), (3, 0, 3));
        diesel::QueryResult::Ok(())
    })
    .unwrap();
    assert_count(&mut conn, "mainspring.jobs", 3);
    assert_count(&mut conn, JOBS, 0);
}

#[test]
fn an_import_that_is_rolled_back_leaves_everything_there() {
    let (_database, mut conn) = both();
    add(&mut conn, "key", "('k')");
    let undone = conn.transaction::<(), _, _>(|conn| {
        assert_eq!(moved(conn).moved_jobs(), 1);
        Err(diesel::result::Error::RollbackTransaction)
    });
    assert!(undone.is_err());
    assert_count(&mut conn, JOBS, 1);
    assert_count(&mut conn, "mainspring.jobs", 0);
}
