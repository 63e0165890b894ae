//! Pauses and resumes queues.

use serde::Deserialize;

use crate::dashboard::failure::Failure;
use crate::dashboard::links::{self, link};
use crate::dashboard::visit::Visit;

#[derive(Deserialize)]
struct Of {
    name: String,
}

pub(super) async fn pause(visit: &Visit) -> Result<String, Failure> {
    let Of { name } = visit.query()?;
    let changed = visit.scheduler().queues().pause(&*name).await?;
    done(&name, changed, "queue-paused", "The queue was paused already.")
}

pub(super) async fn resume(visit: &Visit) -> Result<String, Failure> {
    let Of { name } = visit.query()?;
    let changed = visit.scheduler().queues().resume(&*name).await?;
    done(&name, changed, "queue-resumed", "The queue was not paused.")
}

fn done(name: &str, changed: bool, did: &str, why: &str) -> Result<String, Failure> {
    if changed {
        return Ok(link("queue", &[("name", name), ("did", did)]));
    }
    Err(Failure::NotDone { why: why.to_owned(), back: links::queue(name) })
}
