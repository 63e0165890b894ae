//! What a claim must know beforehand, and no notification contains: which tasks are paused or have limits over all processes,
//! whether jobs with flags are ready, and whether some may be of newer versions. Decides nothing.

use std::collections::{BTreeMap, BTreeSet};

use diesel::Queryable;
use diesel::sql_types::{Array, Bool, Integer, Text};

use super::claim::Counts;
use super::statement::Statement;
use crate::error::StoreError;
use crate::store::session::AsSession;

/// What decides which jobs a claim may take.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Claimability {
    pub(crate) paused: Paused,
    pub(crate) flagged_jobs: bool,
    /// The tasks that have limits over all processes.
    pub(crate) limited: BTreeMap<String, Counts>,
    pub(crate) newer: NewerJobs,
}

/// Whether jobs that this process cannot read, because their versions are newer, are among the first ready ones of a task.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum NewerJobs {
    #[default]
    None,
    Ahead,
}

impl From<bool> for NewerJobs {
    fn from(are_ahead: bool) -> Self {
        if are_ahead { Self::Ahead } else { Self::None }
    }
}

/// What is paused, besides queues.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Paused {
    /// No process claims jobs of these tasks.
    Tasks(BTreeSet<String>),
    /// No process claims, admits, promotes or fires.
    Everything,
}

impl Default for Paused {
    fn default() -> Self {
        Self::Tasks(BTreeSet::new())
    }
}

#[derive(Queryable)]
struct Row {
    paused_tasks: Vec<String>,
    all_paused: bool,
    flagged_jobs: bool,
    with_slots: Vec<String>,
    with_tokens: Vec<String>,
    #[diesel(deserialize_as = bool)]
    newer: NewerJobs,
}

/// Returns what decides it for a process with these tasks, in the versions of the same order, at the cost of one probe of an index.
pub(crate) fn claimability(
    conn: &mut impl AsSession,
    tasks: &[String],
    versions: &[i32],
) -> Result<Claimability, StoreError> {
    let row: Row = Statement::<(Array<Text>, Bool, Bool, Array<Text>, Array<Text>, Bool)>::new(
        "SELECT ARRAY(SELECT task FROM mainspring.paused_tasks), EXISTS (SELECT FROM mainspring.all_paused), EXISTS (SELECT FROM mainspring.jobs \
         WHERE state = 'ready' AND flags IS NOT NULL), \
         ARRAY(SELECT task FROM mainspring.task_limits WHERE concurrency IS NOT NULL), \
         ARRAY(SELECT task FROM mainspring.task_limits WHERE concurrency IS NULL), \
         EXISTS (SELECT FROM mainspring.tasks AS t \
            CROSS JOIN LATERAL (SELECT ({}::integer[])[array_position({}::text[], t.name)] AS version) AS own \
            CROSS JOIN LATERAL (SELECT j.version FROM mainspring.jobs AS j \
                WHERE t.newest > own.version AND j.state = 'ready' AND j.flags IS NULL AND j.task = t.name \
                ORDER BY j.priority, coalesce(j.turn_at, j.run_at), j.id LIMIT 100) AS first \
            WHERE t.newest > 0 AND first.version > own.version)",
    )
    .bind::<Array<Integer>, _>(versions)
    .bind::<Array<Text>, _>(tasks)
    .get_result(conn)?;
    let tasks = row.paused_tasks.into_iter().collect();
    let with = |tasks: Vec<String>, counts| tasks.into_iter().map(move |task| (task, counts));
    let limited = with(row.with_slots, Counts::Slots).chain(with(row.with_tokens, Counts::Tokens)).collect();
    let paused = if row.all_paused { Paused::Everything } else { Paused::Tasks(tasks) };
    Ok(Claimability { paused, flagged_jobs: row.flagged_jobs, limited, newer: row.newer })
}
