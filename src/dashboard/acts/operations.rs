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

pub(super) async fn pause(visit: &Visit) -> Result<String, Failure> {
    let change = |conn: &mut Session<'_>, id| operations::pause(conn, id);
    act(visit, Deed::PauseOperation, "paused", change, "It does not run.").await
}

pub(super) async fn resume(visit: &Visit) -> Result<String, Failure> {
    let change = |conn: &mut Session<'_>, id| operations::resume(conn, id);
    act(visit, Deed::ResumeOperation, "resumed", change, "It runs, or has ended.").await
}

pub(super) async fn stop(visit: &Visit) -> Result<String, Failure> {
    let change = |conn: &mut Session<'_>, id| operations::stop(conn, id);
    act(visit, Deed::StopOperation, "stopped", change, "It has ended already.").await
}

async fn act(
    visit: &Visit,
    deed: Deed,
    did: &str,
    change: fn(&mut Session<'_>, i64) -> Result<bool, StoreError>,
    refused: &str,
) -> Result<String, Failure> {
    let Of { id } = visit.query()?;
    let found = visit.scheduler().operation(id).await?;
    let found = found.ok_or_else(|| Failure::NotFound(format!("There is no operation {id}.")))?;
    permit(visit, act_named(&found.act)?)?;
    let entry = visit.entry(deed, "operation", id.to_string(), did);
    let change = move |conn: &mut Session<'_>| {
        let changed = change(conn, id)?;
        if changed {
            audit::add(conn, &entry)?;
        }
        Ok(changed)
    };
    if visit.scheduler().act(change).await? {
        return Ok(link("operation", &[("id", &id.to_string()), ("did", &format!("operation-{did}"))]));
    }
    Err(Failure::NotDone { why: refused.to_owned(), back: links::operation(id) })
}
