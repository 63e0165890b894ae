//! Writes the progress of running jobs, all in one statement. A job whose lease is no longer held is left alone.

use diesel::connection::SimpleConnection;
use diesel::sql_types::{Array, BigInt, SmallInt, Text};

use super::statement::Statement;
use crate::error::StoreError;
use crate::store::session::AsSession;
use crate::text::in_ascii;

/// How far a job has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Progress {
    pub(crate) id: i64,
    pub(crate) lease: i64,
    pub(crate) percent: i16,
    pub(crate) note: String,
}

// In characters, see the table of jobs.
const MAX_NOTE: usize = 1_000;

// Those that are left out have newer reports soon.
const MAX_ALONE: usize = 100;

/// Writes the progress of the jobs. If the server refuses one report, each is written by itself, without the characters that
/// the server's encoding lacks. The error is that of a report that could not be written.
pub(crate) fn write_progress(conn: &mut impl AsSession, news: &[Progress]) -> Result<(), StoreError> {
    // In the order of ids, as every statement locks rows.
    let mut news: Vec<&Progress> = news.iter().collect();
    news.sort_unstable_by_key(|progress| progress.id);
    let Err(error) = write_all(conn, &news) else { return Ok(()) };
    if conn.as_session().batch_execute("SELECT 1").is_err() {
        return Err(error);
    }
    let mut done = Ok(());
    for one in news.iter().take(MAX_ALONE) {
        let mut note = in_ascii(&one.note);
        note.truncate(MAX_NOTE);
        let plain = Progress { note, ..(*one).clone() };
        if let Err(error) = write_all(conn, &[one]).or_else(|_| write_all(conn, &[&plain])) {
            done = Err(error);
        }
    }
    done
}

fn write_all(conn: &mut impl AsSession, news: &[&Progress]) -> Result<(), StoreError> {
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
