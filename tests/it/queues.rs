//! Admission: never more of a queue's jobs let through than its limit.

use diesel::connection::SimpleConnection;
use std::sync::Barrier;
use std::thread;

use crate::enqueue::note;
use crate::migrations::count;
use crate::server::TestDatabase;

const LET_THROUGH: &str = "mainspring.jobs WHERE queue = 'q' AND state = 'ready'";

#[test]
fn eight_that_admit_at_once_let_one_job_through() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    (0..12).for_each(|_| assert!(note("a").queue("q").insert(&mut conn).unwrap() > 0));
    assert_eq!(count(&mut conn, LET_THROUGH), 0);
    let start = Barrier::new(8);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut conn = database.connection();
                start.wait();
                conn.batch_execute("SELECT * FROM mainspring.admit(ARRAY['q'])").unwrap();
            });
        }
    });
    assert_eq!(count(&mut conn, LET_THROUGH), 1);
}

#[test]
fn a_held_queue_row_makes_admission_answer_busy_at_once() {
    let database = TestDatabase::new();
    let (mut conn, mut holder) = (database.connection(), database.connection());
    note("a").queue("q").insert(&mut conn).unwrap();
    conn.batch_execute("INSERT INTO mainspring.queues (name) VALUES ('q')").unwrap();
    holder.batch_execute("BEGIN").unwrap();
    holder.batch_execute("SELECT 1 FROM mainspring.queues FOR UPDATE").unwrap();
    assert_eq!(count(&mut conn, "mainspring.admit(ARRAY['q']) WHERE busy AND admitted = 0"), 1);
    holder.batch_execute("ROLLBACK").unwrap();
    assert_eq!(count(&mut conn, "mainspring.admit(ARRAY['q']) WHERE NOT busy AND admitted = 1"), 1);
}

#[test]
fn limit_and_pause_of_a_queue_are_obeyed() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    (0..5).for_each(|_| assert!(note("a").queue("q").insert(&mut conn).unwrap() > 0));
    conn.batch_execute("INSERT INTO mainspring.queues (name, concurrency, paused) VALUES ('q', 3, true)")
        .unwrap();
    conn.batch_execute("SELECT * FROM mainspring.admit(ARRAY['q'])").unwrap();
    assert_eq!(count(&mut conn, LET_THROUGH), 0);
    conn.batch_execute("UPDATE mainspring.queues SET paused = false").unwrap();
    conn.batch_execute("SELECT * FROM mainspring.admit(ARRAY['q'])").unwrap();
    assert_eq!(count(&mut conn, LET_THROUGH), 3);
}
