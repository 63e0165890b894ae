//! Pauses, resumes and stops operations. Each needs the right of what the operation does.

use serde::Deserialize;

use super::many::permit;
use crate::dashboard::failure::Failure;
use crate::dashboard::links::{self, link};
use crate::dashboard::many_act::act_named;
use crate::dashboard::routes::Deed;
use crate::dashboard::visit::Visit;
use crate::error::StoreError;
use crate::store::{Session, audit, operations};

#[derive(Deserialize)]
struct Of {
    id: i64,
}

/// What is done to an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::dashboard) enum Change {
    Pause,
    Resume,
    Stop,
}

impl Change {
    pub(in crate::dashboard) const fn deed(self) -> Deed {
        match self {
            Self::Pause => Deed::PauseOperation,
            Self::Resume => Deed::ResumeOperation,
            Self::Stop => Deed::StopOperation,
        }
    }

    /// What was done, in a word.
    const fn done(self) -> &'static str {
        match self {
            Self::Pause => "paused",
            Self::Resume => "resumed",
            Self::Stop => "stopped",
        }
    }

    /// Why it is refused.
    const fn refused(self) -> &'static str {
        match self {
            Self::Pause => "It does not run.",
            Self::Resume => "It runs, or has ended.",
            Self::Stop => "It has ended already.",
        }
    }

    fn make(self, conn: &mut Session<'_>, id: i64) -> Result<bool, StoreError> {
        match self {
            Self::Pause => operations::pause(conn, id),
            Self::Resume => operations::resume(conn, id),
            Self::Stop => operations::stop(conn, id),
        }
    }
}

pub(super) async fn act(visit: &Visit, change: Change) -> Result<String, Failure> {
    let Of { id } = visit.query()?;
    if make(visit, change, id).await? {
        let did = format!("operation-{}", change.done());
        return Ok(link("operation", &[("id", &id.to_string()), ("did", &did)]));
    }
    Err(Failure::NotDone { why: change.refused().to_owned(), back: links::operation(id) })
}

/// Changes an operation, with a line in the audit log, and returns whether that was a change.
pub(in crate::dashboard) async fn make(visit: &Visit, change: Change, id: i64) -> Result<bool, Failure> {
    permit(visit, act_named(&visit.operation(id).await?.act)?)?;
    let entry = visit.entry(change.deed(), "operation", id.to_string(), change.done());
    let make = move |conn: &mut Session<'_>| {
        let changed = change.make(conn, id)?;
        if changed {
            audit::add(conn, &entry)?;
        }
        Ok(changed)
    };
    Ok(visit.scheduler().act(make).await?)
}
