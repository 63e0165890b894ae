//! What rescues read: the jobs of those who are gone, and nothing of what living workers have done.

use diesel::connection::SimpleConnection;

use super::*;
use crate::config::Config;
use crate::server::TestDatabase;
use crate::store::pool::connect;
use crate::store::tests::cost_of;

fn leave_behind(conn: &mut PgConnection, lost: bool) {
    let row = "INSERT INTO mainspring.workers (name, tasks, heartbeat_at, timeout) \
               VALUES ('lost', '{a}', now() - interval '1 hour', interval '1 second')";
    let worker =
        if lost { format!("WITH w AS ({row} RETURNING id)") } else { "WITH w(id) AS (SELECT 900)".into() };
    conn.batch_execute(&format!(
        "{worker} INSERT INTO mainspring.jobs (task, run_at, state, attempts, lease, worker_id, locked_at) \
         SELECT 'a', now(), 'running', 1, 1, id, now() FROM w"
    ))
    .unwrap();
}

#[test]
fn a_rescue_reads_nothing_of_what_living_workers_have_done() {
    let database = TestDatabase::new();
    let conn = &mut connect(&Config::new(database.url())).unwrap();
    let me = register(conn, "me", &["a".to_owned()], Duration::from_secs(30)).unwrap();
    let rescue_one = |conn: &mut PgConnection| {
        leave_behind(conn, true);
        assert_eq!(rescue(conn, me).unwrap().len(), 1);
    };
    let rescue_orphan = |conn: &mut PgConnection| {
        leave_behind(conn, false);
        assert_eq!(rescue_orphans(conn).unwrap(), 1);
    };
    let before = [cost_of(conn, rescue_one), cost_of(conn, rescue_orphan)];
    // Somebody's snapshot keeps what this worker has done.
    let mut other = database.connection();
    other.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1").unwrap();
    conn.batch_execute(&format!(
        "INSERT INTO mainspring.jobs (task, run_at, state, attempts, lease, worker_id, locked_at) \
         SELECT 'a', now(), 'running', 1, n, {me}, now() FROM generate_series(1, 20000) AS n; \
         DELETE FROM mainspring.jobs"
    ))
    .unwrap();
    let after = [cost_of(conn, rescue_one), cost_of(conn, rescue_orphan)];
    eprintln!("blocks of a rescue, and of one of orphans: {before:?}, then {after:?}");
    for (before, after) in before.iter().zip(&after) {
        assert!(*after <= before * 2 + 40, "{before} blocks before, {after} after");
    }
}
