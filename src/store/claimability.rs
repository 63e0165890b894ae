//! What a claim must know beforehand, and no notification contains: which tasks are paused, and whether jobs with flags are
//! ready. Decides nothing.

use std::collections::BTreeSet;

use diesel::sql_types::{Array, Bool, Text};

use super::statement::Statement;
use crate::error::StoreError;
use crate::store::session::AsSession;

/// What decides which jobs a claim may take.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Claimability {
    pub(crate) paused: Paused,
    pub(crate) flagged_jobs: bool,
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

/// Returns what decides it, at the cost of one probe of an index.
pub(crate) fn claimability(conn: &mut impl AsSession) -> Result<Claimability, StoreError> {
    let (tasks, all_paused, flagged_jobs): (Vec<String>, bool, bool) = Statement::<(Array<Text>, Bool, Bool)>::new(
        "SELECT ARRAY(SELECT task FROM mainspring.paused_tasks), EXISTS (SELECT FROM mainspring.all_paused), EXISTS (SELECT FROM mainspring.jobs \
         WHERE state = 'ready' AND flags IS NOT NULL)",
    )
    .get_result(conn)?;
    let paused = if all_paused { Paused::Everything } else { Paused::Tasks(tasks.into_iter().collect()) };
    Ok(Claimability { paused, flagged_jobs })
}
