//! Jobs and crontab lines of Graphile Worker move here. The tables are those that an import reads; `live` has the real ones.

use diesel::PgConnection;
use diesel::connection::SimpleConnection;
use mainspring::Schema;
use mainspring::import::{self, LeftReason, Report};

use crate::support::database::TestDatabase;
use crate::support::rows::count;

mod at_once;
mod commands;
mod crontab;
mod functions;
mod jobs;
mod live;
mod refused;

const JOBS: &str = "graphile_worker._private_jobs";

/// A database with both schemas.
fn both() -> (TestDatabase, PgConnection) {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    conn.batch_execute(include_str!("graphile/tables.sql")).unwrap();
    (database, conn)
}

/// Adds jobs of the task `a`, each described by the values of these columns.
fn add(conn: &mut PgConnection, columns: &str, values: &str) {
    conn.batch_execute(&format!(
        "INSERT INTO {JOBS} (task_id, {columns}) SELECT 1, v.* FROM (VALUES {values}) AS v"
    ))
    .unwrap();
}

fn graphile() -> Schema {
    Schema::new("graphile_worker").unwrap()
}

fn moved(conn: &mut PgConnection) -> Report {
    import::graphile(conn, &graphile()).unwrap()
}

fn preview(conn: &mut PgConnection) -> Report {
    import::preview_graphile(conn, &graphile()).unwrap()
}

/// The jobs that were left: their ids and reasons.
fn left(report: &Report) -> Vec<(i64, LeftReason)> {
    report.left_jobs.iter().map(|job| (job.id, job.reason)).collect()
}

fn assert_count(conn: &mut PgConnection, from: &str, expected: i64) {
    assert_eq!(count(conn, from), expected, "{from}");
}
