//! Rescues read the jobs of lost workers, and nothing of what living workers have done. They wait for no lock.

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;

use super::*;
use crate::config::Config;
use crate::server::TestDatabase;
use crate::store::connector::connect;
use crate::store::tests::cost_of;

fn leave_behind(conn: &mut PgConnection, lost: bool) {
    let row = "INSERT INTO mainspring.workers (name, tasks, heartbeat_at, timeout) \
               VALUES ('lost', '{a}', mainspring.now() - interval '1 hour', interval '1 second')";
    let worker =
        if lost { format!("WITH w AS ({row} RETURNING id)") } else { "WITH w(id) AS (SELECT 900)".into() };
    conn.batch_execute(&format!(
        "{worker} INSERT INTO mainspring.jobs (task, run_at, state, attempts, lease, worker_id, locked_at) \
         SELECT 'a', mainspring.now(), 'running', 1, 1, id, mainspring.now() FROM w"
    ))
    .unwrap();
}

#[test]
fn a_rescue_reads_nothing_of_what_living_workers_have_done() {
    let database = TestDatabase::new();
    let conn = &mut connect(&Config::new(database.url())).unwrap();
    let me = register(conn, "me", &["a".to_owned()], &[], Duration::from_secs(30)).unwrap();
    let rescue_one = |conn: &mut PgConnection| {
        leave_behind(conn, true);
        assert_eq!(rescue(conn, me).unwrap().len(), 1);
    };
    let rescue_orphan = |conn: &mut PgConnection| {
        leave_behind(conn, false);
        assert_eq!(rescue_orphans(conn).unwrap().jobs, 1);
    };
    let before = [cost_of(conn, rescue_one), cost_of(conn, rescue_orphan)];
    // An old snapshot keeps what this worker has done.
    let mut other = database.connection();
    other.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1").unwrap();
    conn.batch_execute(&format!(
        "INSERT INTO mainspring.jobs (task, run_at, state, attempts, lease, worker_id, locked_at) \
         SELECT 'a', mainspring.now(), 'running', 1, n, {me}, mainspring.now() FROM generate_series(1, 20000) AS n; \
         DELETE FROM mainspring.jobs"
    ))
    .unwrap();
    let after = [cost_of(conn, rescue_one), cost_of(conn, rescue_orphan)];
    eprintln!("blocks of a rescue, and of one of orphans: {before:?}, then {after:?}");
    for (before, after) in before.iter().zip(&after) {
        assert!(*after <= before * 2 + 40, "{before} blocks before, {after} after");
    }
}

#[test]
fn a_row_that_an_application_holds_is_rescued_later_than_the_others() {
    let database = TestDatabase::new();
    let conn = &mut connect(&Config::new(database.url())).unwrap();
    // A statement that waits fails.
    conn.batch_execute("SET lock_timeout = '1ms'").unwrap();
    let me = register(conn, "me", &["a".to_owned()], &[], Duration::from_secs(30)).unwrap();
    for lost in [true, true, false, false] {
        leave_behind(conn, lost);
    }
    let mut application = database.connection();
    application
        .batch_execute("BEGIN; UPDATE mainspring.jobs SET payload = '[]' WHERE id IN (SELECT min(id) FROM mainspring.jobs GROUP BY worker_id = 900)")
        .unwrap();
    assert_eq!(rescue(conn, me).unwrap().len(), 1);
    assert_eq!(rescue_orphans(conn).unwrap().jobs, 1);
    assert_eq!((rescue(conn, me).unwrap().len(), rescue_orphans(conn).unwrap().jobs), (0, 0));
    application.batch_execute("COMMIT").unwrap();
    // One of them was of a worker whose row is gone by now.
    assert_eq!((rescue(conn, me).unwrap().len(), rescue_orphans(conn).unwrap().jobs), (0, 2));
    assert_eq!(leased_to_anyone(conn), 0);
}

fn leased_to_anyone(conn: &mut PgConnection) -> i64 {
    Statement::<(BigInt,)>::new("SELECT count(*) FROM mainspring.jobs WHERE worker_id IS NOT NULL")
        .get_result::<(i64,)>(conn)
        .unwrap()
        .0
}
