//! Lists jobs, for people and their programs. Returns no payload unless it is requested, and offers no list that a huge
//! table of jobs could make slow.

use diesel::sql_types::{BigInt, Text};

use super::conditions::Source;
use super::filter::JobFilter;
use super::found::Job;
use crate::error::StoreError;
use crate::store::json_rows::rows;
use crate::store::session::AsSession;
use crate::store::statement::Statement;

// As `find_job` returns a job.
pub(in crate::store) const STORED: &str = "j.id, j.task, j.queue, j.state, j.priority, j.run_at, j.attempts, j.max_attempts, j.deaths, j.snoozes, j.key, \
    j.flags, j.revision, j.created_at, j.updated_at, j.locked_at AS started_at, \
    CASE j.state WHEN 'dead' THEN j.updated_at END AS finished_at, j.worker_id, j.progress, j.progress_note, j.last_error, \
    NULL AS reason, j.errors, j.trace_context, j.version";
pub(super) const FINISHED: &str = "h.id, h.task, h.queue, h.outcome AS state, h.priority, h.run_at, h.attempts, NULL AS max_attempts, h.deaths, \
    NULL AS snoozes, h.key, NULL AS flags, NULL AS revision, h.created_at, h.finished_at AS updated_at, h.started_at, h.finished_at, \
    h.worker_id, NULL AS progress, NULL AS progress_note, NULL AS last_error, h.reason, h.errors, NULL AS trace_context, NULL AS version";

/// Returns the jobs that the filter admits, in the order of their ids. With [`StateFilter::All`](super::StateFilter::All) it is one list of
/// living, dead and finished jobs.
///
/// A page of stored jobs costs little where a state is given, or where most jobs are admitted. A key is looked up by
/// an index. A task or queue that few jobs of a large table have costs a scan of all.
///
/// The history has no index by task, queue or time, so that writing it is cheap. A page with finished jobs reads all days that are
/// kept, about a second for some million lines, or those from `changed_since` on.
///
/// # Errors
///
/// [`StoreError::Database`] when the database refuses, [`StoreError::SchemaMissing`] where the schema is missing.
pub fn list(conn: &mut impl AsSession, filter: &JobFilter) -> Result<Vec<Job>, StoreError> {
    let page = filter.page();
    let shape = |source: Source<'_>, chosen: &str| match source {
        Source::Jobs | Source::Range | Source::Among(_) => format!(
            "SELECT {STORED} FROM (SELECT id {chosen} {page}) AS chosen JOIN mainspring.jobs_view AS j ON j.id = chosen.id"
        ),
        Source::History | Source::Lines(_) => {
            format!("SELECT {FINISHED} FROM (SELECT * {chosen} {page}) AS h")
        }
    };
    rows(conn, filter.statement("SELECT row_to_json(v)::text FROM", shape, &format!("AS v {page}")))
}

/// Returns the ids of the jobs that the filter admits, in their order, for an act on all of them.
///
/// ```no_run
/// use mainspring::jobs::{self, JobFilter, JobStatus};
///
/// # fn main() -> Result<(), mainspring::StoreError> {
/// let mut conn = mainspring::database::connect("postgres://localhost/app")?;
/// let mut dead = JobFilter::new();
/// dead.state = JobStatus::Dead.into();
/// dead.task = Some("invoice.send".into());
/// dead.limit = 1_000;
/// while let ids = jobs::ids(&mut conn, &dead)? && !ids.is_empty() {
///     jobs::retry(&mut conn, &ids, None)?;
///     dead.after_id = ids.last().copied();
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// As [`list`].
pub fn ids(conn: &mut impl AsSession, filter: &JobFilter) -> Result<Vec<i64>, StoreError> {
    let page = filter.page();
    let shape = |_: Source<'_>, chosen: &str| format!("(SELECT id {chosen} {page})");
    let statement = filter.statement::<(BigInt,)>("SELECT id FROM", shape, &format!("AS v {page}"));
    let rows: Vec<(i64,)> = statement.load(conn)?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// Returns how many jobs the filter admits, whatever its `limit` is. It reads all of them.
///
/// # Errors
///
/// As [`list`].
pub fn count(conn: &mut impl AsSession, filter: &JobFilter) -> Result<i64, StoreError> {
    let shape = |_: Source<'_>, chosen: &str| format!("SELECT count(*) AS jobs {chosen}");
    let statement = filter.statement::<(BigInt,)>("SELECT sum(jobs)::bigint FROM", shape, "AS v");
    Ok(statement.get_result::<(i64,)>(conn)?.0)
}

/// Returns the payload of the job with this id as JSON text, or `None` when there is no such job. No other function
/// returns payloads.
///
/// # Errors
///
/// As [`list`].
pub fn payload(conn: &mut impl AsSession, id: i64) -> Result<Option<String>, StoreError> {
    let text = "SELECT payload::text FROM mainspring.jobs WHERE id = {}";
    let rows: Vec<(String,)> = Statement::<(Text,)>::new(text).bind::<BigInt, _>(id).load(conn)?;
    Ok(rows.into_iter().next().map(|row| row.0))
}
