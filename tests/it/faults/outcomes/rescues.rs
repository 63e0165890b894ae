//! A lost worker's jobs are rescued although one of them cannot be moved.

use diesel::connection::SimpleConnection;

use super::ending;
use crate::support::database::TestDatabase;
use crate::support::rows::count;
use crate::support::waiting::until;

/// Five running jobs of a lost worker, of a task that nobody here runs.
const LOST: &str = "
    INSERT INTO mainspring.workers (name, tasks, timeout, heartbeat_at)
        VALUES ('gone', '{gone}', '1 s', now() - interval '1 hour');
    INSERT INTO mainspring.jobs (id, task, state, run_at, attempts, lease, worker_id, locked_at)
        SELECT n, 'gone', 'running', now(), 1, 7, max(w.id), now()
        FROM generate_series(1, 5) AS n, mainspring.workers AS w GROUP BY n";

const REFUSE_READY: &str = "ALTER TABLE mainspring.jobs ADD CHECK (id <> 3 OR state IN ('running', 'dead'))";
const REFUSE_ALL: &str = "ALTER TABLE mainspring.jobs ADD CHECK (id <> 3) NOT VALID";

#[actix_web::test]
async fn one_bad_row_keeps_no_other_job_of_a_lost_worker() {
    for (trouble, state) in [(REFUSE_READY, "dead"), (REFUSE_ALL, "running")] {
        let database = TestDatabase::new();
        let conn = &mut database.connection();
        conn.batch_execute(LOST).unwrap();
        conn.batch_execute(trouble).unwrap();
        let scheduler = ending(&database).start().await.unwrap();
        until(&database, "mainspring.jobs WHERE state = 'ready'", 4).await;
        assert_eq!(count(conn, &format!("mainspring.jobs WHERE id = 3 AND state = '{state}'")), 1);
        scheduler.stop().await;
    }
}

#[actix_web::test]
async fn one_bad_row_keeps_no_other_job_of_a_worker_without_a_row() {
    for (trouble, state) in [(REFUSE_READY, "dead"), (REFUSE_ALL, "running")] {
        let database = TestDatabase::new();
        let conn = &mut database.connection();
        conn.batch_execute(LOST).unwrap();
        conn.batch_execute(trouble).unwrap();
        conn.batch_execute("DELETE FROM mainspring.workers").unwrap();
        // Maintenance looks for such jobs when it starts.
        let scheduler = ending(&database).start().await.unwrap();
        until(&database, "mainspring.jobs WHERE state = 'ready'", 4).await;
        assert_eq!(count(conn, &format!("mainspring.jobs WHERE id = 3 AND state = '{state}'")), 1);
        scheduler.stop().await;
    }
}
