//! What a claim must know beforehand, and no notification says: which tasks are paused, and whether jobs with flags are
//! ready. Decides nothing.

use std::collections::BTreeSet;

use diesel::sql_types::{Array, Bool, Text};

use super::statement::Statement;
use crate::error::StoreError;
use crate::store::session::AsSession;

/// What decides which jobs a claim may take.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Claimability {
    pub(crate) paused_tasks: BTreeSet<String>,
    pub(crate) flagged_jobs: bool,
}

/// Returns what decides it, at the cost of one probe of an index.
pub(crate) fn claimability(conn: &mut impl AsSession) -> Result<Claimability, StoreError> {
    let (paused, flagged_jobs): (Vec<String>, bool) = Statement::<(Array<Text>, Bool)>::new(
        "SELECT ARRAY(SELECT task FROM mainspring.paused_tasks), EXISTS (SELECT FROM mainspring.jobs \
         WHERE state = 'ready' AND flags IS NOT NULL)",
    )
    .get_result(conn)?;
    Ok(Claimability { paused_tasks: paused.into_iter().collect(), flagged_jobs })
}
