//! Pauses and resumes queues.

use serde::Deserialize;

use crate::dashboard::failure::Failure;
use crate::dashboard::links::{self, link};
use crate::dashboard::routes::Deed;
use crate::dashboard::visit::Visit;
use crate::error::StoreError;
use crate::store::{Session, audit, queues};

#[derive(Deserialize)]
struct Of {
    name: String,
}

pub(super) async fn pause(visit: &Visit) -> Result<String, Failure> {
    let Of { name } = visit.query()?;
    let changed =
        change(visit, Deed::PauseQueue, &name, "paused", |conn, name| queues::pause(conn, name)).await?;
    done(&name, changed, "queue-paused", "The queue was paused already.")
}

pub(super) async fn resume(visit: &Visit) -> Result<String, Failure> {
    let Of { name } = visit.query()?;
    let changed =
        change(visit, Deed::ResumeQueue, &name, "resumed", |conn, name| queues::resume(conn, name)).await?;
    done(&name, changed, "queue-resumed", "The queue was not paused.")
}

async fn change(
    visit: &Visit,
    deed: Deed,
    name: &str,
    result: &str,
    change: fn(&mut Session<'_>, &str) -> Result<bool, StoreError>,
) -> Result<bool, Failure> {
    let (name, entry) = (name.to_owned(), visit.entry(deed, "queue", name, result));
    let change = move |conn: &mut Session<'_>| {
        let changed = change(conn, &name)?;
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
