//! Pauses and resumes queues.

use serde::Deserialize;

use crate::dashboard::failure::Failure;
use crate::dashboard::links::{self, link};
use crate::dashboard::routes::Deed;
use crate::dashboard::visit::Visit;
use crate::store::{Session, audit, queues};

#[derive(Deserialize)]
struct Of {
    name: String,
}

pub(super) async fn pause(visit: &Visit) -> Result<String, Failure> {
    let Of { name } = visit.query()?;
    let changed = change(visit, Deed::PauseQueue, &name).await?;
    done(&name, changed, "queue-paused", "The queue was paused already.")
}

pub(super) async fn resume(visit: &Visit) -> Result<String, Failure> {
    let Of { name } = visit.query()?;
    let changed = change(visit, Deed::ResumeQueue, &name).await?;
    done(&name, changed, "queue-resumed", "The queue was not paused.")
}

/// Pauses a queue or resumes it, and returns whether that was a change.
pub(in crate::dashboard) async fn change(visit: &Visit, deed: Deed, name: &str) -> Result<bool, Failure> {
    let result = if deed == Deed::PauseQueue { "paused" } else { "resumed" };
    let (name, entry) = (name.to_owned(), visit.entry(deed, "queue", name, result));
    let change = move |conn: &mut Session<'_>| {
        let pauses = deed == Deed::PauseQueue;
        let changed = if pauses { queues::pause(conn, &name)? } else { queues::resume(conn, &name)? };
        if changed {
            audit::add(conn, &entry)?;
        }
        Ok(changed)
    };
    Ok(visit.scheduler().act(change).await?)
}

fn done(name: &str, changed: bool, did: &str, why: &str) -> Result<String, Failure> {
    if changed {
        return Ok(link("queue", &[("name", name), ("did", did)]));
    }
    Err(Failure::NotDone { why: why.to_owned(), back: links::queue(name) })
}
