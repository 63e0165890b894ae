//! What a process that stops tells the others. It no longer claims, admits or promotes, so that they must look for what only
//! it knew.

use diesel::sql_types::{Array, Bool, Text};

use super::session::{AsSession, Session};
use super::statement::Statement;
use crate::error::StoreError;

/// Whether jobs are due before the next slow poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DueSoon {
    No,
    Yes,
}

/// Has all other processes look for jobs everywhere, as they do when other tasks are paused than before.
pub(crate) fn announce_departure(conn: &mut Session<'_>) -> Result<(), StoreError> {
    conn.run("SELECT mainspring.tell_tasks_changed()")
}

/// Has all other processes admit jobs of these queues, and look at what is due soon.
pub(crate) fn announce_ended(
    conn: &mut impl AsSession,
    queues: &[String],
    soon: DueSoon,
) -> Result<(), StoreError> {
    Statement::<()>::new("SELECT mainspring.wake(0, mainspring.now(), {}, {}, false)")
        .bind::<Array<Text>, _>(queues)
        .bind::<Bool, _>(soon == DueSoon::Yes)
        .execute(conn)?;
    Ok(())
}
