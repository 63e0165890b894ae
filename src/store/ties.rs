//! What ties a job to others: those for which it waits, and those that wait for it. For people, so both lists end early.

use serde::Deserialize;

use diesel::sql_types::BigInt;

use super::json_rows::rows;
use super::statement::Statement;
use crate::error::StoreError;
use crate::store::session::AsSession;

/// How many ties of each kind are returned.
pub(crate) const MOST: usize = 100;

/// One of the ties of a job. They are there until the job that waits has ended.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Tie {
    pub(crate) end: End,
    /// The other job; 0 for a signal.
    pub(crate) job: i64,
    /// The signal; empty for a job.
    pub(crate) signal: String,
    /// What becomes of the job that waits if the other one does not succeed.
    pub(crate) on_failure: String,
    /// How the job that is waited for has ended, as far as that was carried over.
    pub(crate) ending: Option<String>,
    /// The task and the state of the other job; `None` if it is not stored any more.
    pub(crate) task: Option<String>,
    pub(crate) state: Option<String>,
}

/// What is at the other end of a tie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum End {
    /// What the job waits for.
    Parent,
    /// A job that waits for it.
    Child,
}

/// Returns the ties of a job, at most one more of each kind than [`MOST`]: those parents that were
/// added last, because the first ones mostly end first, and any children.
pub(crate) fn of(conn: &mut impl AsSession, id: i64) -> Result<Vec<Tie>, StoreError> {
    let limit = MOST + 1;
    let text = format!(
        "SELECT row_to_json(t)::text FROM ( \
             SELECT w.*, j.task, j.state FROM ( \
                 (SELECT 'parent' AS end, parent AS job, signal, on_failure, ending FROM mainspring.waits \
                     WHERE child = {{}} ORDER BY parent DESC, signal DESC LIMIT {limit}) \
                 UNION ALL (SELECT 'child', child, signal, on_failure, ending FROM mainspring.waits \
                     WHERE parent = {{}} AND parent > 0 LIMIT {limit}) \
             ) AS w LEFT JOIN LATERAL ( \
                 SELECT v.task, v.state FROM mainspring.jobs_view AS v WHERE v.id = w.job LIMIT 1) AS j ON true \
             ORDER BY w.end DESC, w.job, w.signal \
         ) AS t"
    );
    rows(conn, Statement::new(text).bind::<BigInt, _>(id).bind::<BigInt, _>(id))
}
