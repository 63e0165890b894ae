//! What a claim must know beforehand, and no notification contains: which tasks are paused or have limits over all processes,
//! and whether jobs with flags are ready. Decides nothing.

use std::collections::{BTreeMap, BTreeSet};

use diesel::Queryable;
use diesel::sql_types::{Array, Bool, Text};

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
}

/// Returns what decides it, at the cost of one probe of an index.
pub(crate) fn claimability(conn: &mut impl AsSession) -> Result<Claimability, StoreError> {
    let row: Row = Statement::<(Array<Text>, Bool, Bool, Array<Text>, Array<Text>)>::new(
        "SELECT ARRAY(SELECT task FROM mainspring.paused_tasks), EXISTS (SELECT FROM mainspring.all_paused), EXISTS (SELECT FROM mainspring.jobs \
         WHERE state = 'ready' AND flags IS NOT NULL), \
         ARRAY(SELECT task FROM mainspring.task_limits WHERE concurrency IS NOT NULL), \
         ARRAY(SELECT task FROM mainspring.task_limits WHERE concurrency IS NULL)",
    )
    .get_result(conn)?;
    let tasks = row.paused_tasks.into_iter().collect();
    let with = |tasks: Vec<String>, counts| tasks.into_iter().map(move |task| (task, counts));
    let limited = with(row.with_slots, Counts::Slots).chain(with(row.with_tokens, Counts::Tokens)).collect();
    let paused = if row.all_paused { Paused::Everything } else { Paused::Tasks(tasks) };
    Ok(Claimability { paused, flagged_jobs: row.flagged_jobs, limited })
}
