//! Workflows and batches: jobs that are added together, and what is seen and done with them.

mod acts;
mod adding;
mod batches;
mod cancelled;
mod growing;
mod refusals;
mod retention;

use diesel::PgConnection;
use mainspring::workflows::{self, AddedWorkflow, WorkflowStatus};

/// The counts of a workflow: all jobs, those that are done, and those that are dead.
fn counts(conn: &mut PgConnection, added: &AddedWorkflow) -> (i64, i64, i64) {
    let WorkflowStatus { total, done, dead, .. } = status(conn, added);
    (total, done, dead)
}

fn status(conn: &mut PgConnection, added: &AddedWorkflow) -> WorkflowStatus {
    workflows::get(conn, added.id).unwrap().unwrap()
}
