//! Moves the jobs of another queue into Mainspring's schema. Each verb joins the caller's transaction, if there is one.
//!
//! The other queue is Graphile Worker 0.16 to 0.18, in a schema of the same database. [The guide](crate::guide::migrating) has the
//! order of a move.
//!
//! ```no_run
//! use mainspring::{Schema, import};
//!
//! # fn main() -> Result<(), mainspring::StoreError> {
//! let mut conn = mainspring::database::connect("postgres://localhost/app")?;
//! let report = import::graphile(&mut conn, &Schema::new("graphile_worker")?)?;
//! println!("moved {} jobs, left {}", report.moved_jobs(), report.left_in_place());
//! # Ok(())
//! # }
//! ```

mod report;
mod source;

use diesel::sql_types::{Bool, Nullable, Text};
use serde::Deserialize;
use serde::de::DeserializeOwned;

pub use self::report::{LeftCount, LeftJob, LeftLine, LeftReason, MovedJobs, Report};
use self::source::{Busy, Source};
use super::json_rows::decoded;
use super::session::Session;
use super::statement::Statement;
use crate::error::{Problem, StoreError};
use crate::schema::Schema;
use crate::store::session::AsSession;

/// Moves the waiting and dead jobs of Graphile Worker, and the crontab lines that it knows, from the schema `from`. All of it happens
/// in one transaction. What was moved is deleted there, so that a second call moves nothing twice.
///
/// - A job keeps its task, payload, queue, priority, `run_at`, attempts, key, flags, revision, `created_at` and last error. It gets a
///   new id. Jobs that are equally due keep their order.
/// - A job whose attempts are spent becomes a dead one.
/// - These stay, and are in the report: jobs that a worker has locked, and those of their queues; jobs whose key a living job of
///   Mainspring has; jobs that break a limit of Mainspring; jobs that another transaction holds. The call waits for no lock of theirs.
/// - A crontab line that is registered afterwards goes on behind its last execution.
///
/// The role must own both schemas. The server does the work, whatever the number of jobs is.
///
/// # Errors
///
/// [`StoreError::NotFound`] when there is no such schema. [`StoreError::Invalid`] when its tables are not those of Graphile Worker 0.16
/// to 0.18. [`StoreError::Denied`] when row-level security hides rows from the role. [`StoreError::Database`] when the database refuses for
/// another reason. Nothing is moved then.
pub fn graphile(conn: &mut impl AsSession, from: &Schema) -> Result<Report, StoreError> {
    let source = Source::new(from);
    planned(conn, |session| {
        verify(session, &source)?;
        let Moved { moved } = read(session, source.move_jobs())?;
        let Lines { lines } = read(session, source.move_lines())?;
        Ok(left(session, &source, Busy::IsLeft)?.with(moved, lines))
    })
}

/// Returns what [`graphile`] would report now, and changes nothing.
///
/// # Errors
///
/// As [`graphile`].
pub fn preview_graphile(conn: &mut impl AsSession, from: &Schema) -> Result<Report, StoreError> {
    let source = Source::new(from);
    planned(conn, |session| {
        verify(session, &source)?;
        let Moved { moved } = read(session, source.preview_jobs())?;
        let Lines { lines } = read(session, source.preview_lines())?;
        Ok(left(session, &source, Busy::CanMove)?.with(moved, lines))
    })
}

// The planner expects few rows of tables that were never analysed, and would compare each row of one with each of another.
const PLANNER: [(&str, &str); 2] = [("enable_nestloop", "off"), ("enable_hashjoin", "on")];

/// Does the work in a transaction, with joins that suit any number of rows. A transaction of the caller gets its settings back.
fn planned<T>(
    conn: &mut impl AsSession,
    work: impl FnOnce(&mut Session<'_>) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    conn.as_session().transaction(|session| {
        let mut before = String::new();
        for (name, value) in PLANNER {
            let current = Statement::<(Text,)>::new(format!("SELECT current_setting('{name}')"));
            let (current,): (String,) = current.get_result(session)?;
            before.push_str(&format!("SET LOCAL {name} = {current};"));
            session.run(&format!("SET LOCAL {name} = {value}"))?;
        }
        let done = work(session)?;
        session.run(&before)?;
        Ok(done)
    })
}

#[derive(Deserialize)]
struct Moved {
    moved: Vec<MovedJobs>,
}

#[derive(Deserialize)]
struct Lines {
    lines: i64,
}

#[derive(Deserialize)]
struct LeftJobs {
    left: Vec<LeftCount>,
    left_jobs: Vec<LeftJob>,
}

#[derive(Deserialize)]
struct LeftLines {
    left_lines: Vec<LeftLine>,
}

struct Left(LeftJobs, LeftLines);

impl Left {
    fn with(self, moved: Vec<MovedJobs>, lines: i64) -> Report {
        let Self(LeftJobs { left, left_jobs }, LeftLines { left_lines }) = self;
        Report { moved, lines, left, left_jobs, left_lines }
    }
}

fn left(session: &mut Session<'_>, source: &Source<'_>, busy: Busy) -> Result<Left, StoreError> {
    Ok(Left(read(session, source.left_jobs(busy))?, read(session, source.left_lines(busy))?))
}

fn read<T: DeserializeOwned>(session: &mut Session<'_>, text: String) -> Result<T, StoreError> {
    let (found,): (String,) = Statement::<(Text,)>::new(text).get_result(session)?;
    decoded(&found)
}

const EXPECTED: &str = "must hold the tables of Graphile Worker 0.16 to 0.18";

fn verify(session: &mut Session<'_>, source: &Source<'_>) -> Result<(), StoreError> {
    let layout = Statement::<(Nullable<Text>, Bool, Nullable<Text>)>::new(include_str!("layout.sql"));
    let layout = layout.text("schema", source.name()).text("schema", source.name());
    let (missing, is_there, hidden): (Option<String>, bool, Option<String>) = layout.get_result(session)?;
    if !is_there {
        return Err(StoreError::NotFound { what: "schema".into(), name: source.name().to_owned() });
    }
    if let Some(missing) = missing {
        return Err(Problem::new("schema", EXPECTED, missing).into());
    }
    if let Some(table) = hidden {
        let rows =
            format!("the rows of {}.{table}: let the role that owns the table run this", source.name());
        return Err(StoreError::Denied(rows));
    }
    let newer = Statement::<(Nullable<Text>,)>::new(source.newer_migration());
    match newer.get_result(session)? {
        (None::<String>,) => Ok(()),
        (Some(id),) => Err(Problem::new("schema", EXPECTED, format_args!("migration {id}")).into()),
    }
}
