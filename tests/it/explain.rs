//! Why a job does not run: a test for each reason, and several reasons at once.

use diesel::PgConnection;
use diesel::connection::SimpleConnection;
use diesel::sql_types::BigInt;
use diesel::{QueryableByName, RunQueryDsl, sql_query};
use mainspring::jobs::{self, Explanation, Reason};

use crate::support::database::TestDatabase;

mod cost;
mod limits;
mod live;
mod program;
mod standing;
mod workers;

/// A worker that lives, knows the task `t` and has room.
const WORKER: &str = "INSERT INTO mainspring.workers (name, tasks, timeout, concurrency) VALUES ('able', '{t}', '1 hour', 100);";

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = BigInt)]
    id: i64,
}

/// A database with a worker that could take jobs of the task `t`.
fn served() -> (TestDatabase, PgConnection) {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    conn.batch_execute(WORKER).unwrap();
    (database, conn)
}

/// Adds a job of the task `t` with these columns, and returns its id.
fn job(conn: &mut PgConnection, columns: &str, values: &str) -> i64 {
    let insert = format!(
        "INSERT INTO mainspring.jobs (task, state, {columns}) VALUES ('t', {values}) RETURNING id::bigint AS id"
    );
    sql_query(insert).get_result::<Id>(conn).unwrap().id
}

/// A job that is ready since an hour ago.
fn ready(conn: &mut PgConnection) -> i64 {
    job(conn, "run_at", "'ready', now() - interval '1 hour'")
}

fn reasons(conn: &mut PgConnection, id: i64) -> Vec<Reason> {
    jobs::explain(conn, id).unwrap().iter().map(|why| why.reason).collect()
}

/// The one reason that there is.
fn only(conn: &mut PgConnection, id: i64) -> Explanation {
    let mut found = jobs::explain(conn, id).unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

fn assert_says(why: &Explanation, reason: Reason, words: &str) {
    assert!(why.reason == reason && why.sentence.contains(words), "{why:?}");
}

#[test]
fn a_job_is_held_up_for_three_reasons_at_once() {
    let (_database, mut conn) = served();
    conn.batch_execute(
        "INSERT INTO mainspring.paused_tasks (task) VALUES ('t'); \
         INSERT INTO mainspring.task_limits (task, concurrency, last_slot) VALUES ('t', 1, 1); \
         INSERT INTO mainspring.queues (name, last_slot) VALUES ('q', 1); \
         INSERT INTO mainspring.task_slots VALUES ('t', 1, 1, 7)",
    )
    .unwrap();
    let holds = "state, queue, slot, run_at, lease, worker_id, locked_at, attempts";
    let holds = format!(
        "INSERT INTO mainspring.jobs (task, {holds}) VALUES ('t', 'running', 'q', 1, now(), 7, 1, now(), 1)"
    );
    conn.batch_execute(&holds).unwrap();
    let id = job(&mut conn, "queue, run_at", "'parked', 'q', now()");
    let meant = [Reason::TaskPaused, Reason::QueueFull, Reason::TaskLimitReached];
    assert_eq!(reasons(&mut conn, id), meant);
    conn.batch_execute("DELETE FROM mainspring.paused_tasks; DELETE FROM mainspring.task_slots").unwrap();
    assert_eq!(reasons(&mut conn, id), [Reason::QueueFull]);
}
