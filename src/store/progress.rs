//! Writes the progress of running jobs, all in one statement. A job whose lease is no longer held is left alone.

use diesel::sql_types::{Array, BigInt, SmallInt, Text};

use super::statement::Statement;
use crate::error::StoreError;
use crate::store::session::AsSession;

/// How far a job has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Progress {
    pub(crate) id: i64,
    pub(crate) lease: i64,
    pub(crate) percent: i16,
    pub(crate) note: String,
}

/// Writes the progress of the jobs.
pub(crate) fn write_progress(conn: &mut impl AsSession, news: &[Progress]) -> Result<(), StoreError> {
    // In the order of ids, as every statement locks rows.
    let mut news: Vec<&Progress> = news.iter().collect();
    news.sort_unstable_by_key(|progress| progress.id);
    Statement::<()>::new(
        "UPDATE mainspring.jobs AS j SET progress = s.percent, progress_note = nullif(s.note, ''), \
         updated_at = mainspring.now() FROM unnest({}, {}, {}, {}) AS s(id, lease, percent, note) \
         WHERE j.id = s.id AND j.lease = s.lease",
    )
    .bind::<Array<BigInt>, _>(news.iter().map(|progress| progress.id).collect::<Vec<_>>())
    .bind::<Array<BigInt>, _>(news.iter().map(|progress| progress.lease).collect::<Vec<_>>())
    .bind::<Array<SmallInt>, _>(news.iter().map(|progress| progress.percent).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(news.iter().map(|progress| progress.note.as_str()).collect::<Vec<_>>())
    .execute(conn)?;
    Ok(())
}
