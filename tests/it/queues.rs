//! Admission: never more of a queue's jobs let through than its limit.

use diesel::connection::SimpleConnection;
use std::sync::Barrier;
use std::thread;

use crate::support::database::TestDatabase;
use crate::support::jobs::act;
use crate::support::rows::count;

const LET_THROUGH: &str = "mainspring.jobs WHERE queue = 'q' AND state = 'ready'";

#[test]
fn eight_that_admit_at_once_let_one_job_through() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    (0..12).for_each(|_| assert!(act("a").queue("q").insert(&mut conn).unwrap() > 0));
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
fn an_admission_returns_locked_where_a_transaction_holds_the_queue() {
    let acts = [
        ("SELECT mainspring.set_queue('q', 2)", "SELECT FROM mainspring.queues FOR UPDATE"),
        ("SELECT mainspring.set_queue('q', 2)", "SELECT mainspring.set_queue('q', 3)"),
        ("SELECT mainspring.set_queue('q', 2)", "DELETE FROM mainspring.queues"),
        ("SELECT 1", "SELECT mainspring.set_queue('q', 2)"),
    ];
    for (before, change) in acts {
        let database = TestDatabase::new();
        let (mut conn, mut holder) = (database.connection(), database.connection());
        act("a").queue("q").insert(&mut conn).unwrap();
        conn.batch_execute(before).unwrap();
        holder.batch_execute("BEGIN").unwrap();
        holder.batch_execute(change).unwrap();
        // One that waits would wait for ever.
        conn.batch_execute("SET statement_timeout = '10s'").unwrap();
        assert_eq!(
            count(&mut conn, "mainspring.admit(ARRAY['q']) WHERE locked AND admitted = 0"),
            1,
            "{change}"
        );
        holder.batch_execute("COMMIT").unwrap();
        assert_eq!(
            count(&mut conn, "mainspring.admit(ARRAY['q']) WHERE NOT locked AND admitted = 1"),
            1,
            "{change}"
        );
    }
}

#[test]
fn limit_and_pause_of_a_queue_are_obeyed() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    (0..5).for_each(|_| assert!(act("a").queue("q").insert(&mut conn).unwrap() > 0));
    conn.batch_execute("INSERT INTO mainspring.queues (name, concurrency, paused) VALUES ('q', 3, true)")
        .unwrap();
    conn.batch_execute("SELECT * FROM mainspring.admit(ARRAY['q'])").unwrap();
    assert_eq!(count(&mut conn, LET_THROUGH), 0);
    conn.batch_execute("UPDATE mainspring.queues SET paused = false").unwrap();
    conn.batch_execute("SELECT * FROM mainspring.admit(ARRAY['q'])").unwrap();
    assert_eq!(count(&mut conn, LET_THROUGH), 3);
}
