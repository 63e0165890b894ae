//! What a process tells the others: that slots of a task's limit are free, and as it stops, where to look for what only it
//! knew.

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

/// Has all other processes claim jobs of these tasks, whose limits may let some through.
pub(crate) fn tell_slots_freed(conn: &mut impl AsSession, tasks: &[String]) -> Result<(), StoreError> {
    Statement::<()>::new("SELECT mainspring.tell_slots_freed({})")
        .bind::<Array<Text>, _>(tasks)
        .execute(conn)?;
    Ok(())
}
