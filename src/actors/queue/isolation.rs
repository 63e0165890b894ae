//! Goes on with the other jobs when the server has refused a statement that moves many. Jobs whose data it refuses are set
//! apart. Any other job that cannot be moved is left out, and tried again with the next statement.

use crate::engine::{AdmissionPlan, MAX_PROMOTED};
use crate::error::StoreError;
use crate::lock::lock;
use crate::shared::Shared;
use crate::store::Session;
use crate::store::admit::{Admission, AdmissionHint, Due, Promotion, admit, promote};
use crate::store::claim::{ClaimRequest, Claimed, claim, claim_of};
use crate::store::unmovable::{Fate, Tried, try_due, try_parked, try_ready};
use crate::text::one_line;

// Those of a queue that may stand before the first one that can be admitted.
const MAX_PARKED: i64 = 1_000;
// More than a claim takes: it may choose by flags or age, and others.
const MAX_READY: i64 = 1_000;
// Beyond it, some jobs are reported a second time.
const MAX_REPORTED: usize = 10_000;

/// Promotes jobs that are due, as [`promote`] does.
pub(super) fn promote_movable(
    conn: &mut Session<'_>,
    shared: &Shared,
    due: Due<'_>,
) -> Result<Promotion, StoreError> {
    let limit = MAX_PROMOTED as i64;
    match promote(conn, limit, due) {
        Err(error) if error.is_refusal() => {
            let tried = try_due(conn, limit)?;
            report(shared, &tried, &error)?;
            promote(conn, limit, Due::Of(&tried.movable))
        }
        promotion => promotion,
    }
}

/// Claims jobs, as [`claim`] does.
pub(super) fn claim_movable(
    conn: &mut Session<'_>,
    shared: &Shared,
    request: &ClaimRequest,
) -> Result<Claimed, StoreError> {
    match claim(conn, request) {
        Err(error) if error.is_refusal() => {
            let mut tried = try_ready(conn, &request.tasks, MAX_READY)?;
            report(shared, &tried, &error)?;
            tried.movable.truncate(usize::try_from(request.limit).unwrap_or(usize::MAX));
            claim_of(conn, request, &tried.movable)
        }
        claimed => claimed,
    }
}

/// Admits jobs of the queues, as [`admit`] does. A queue that cannot be admitted from counts as locked by another session.
pub(super) fn admit_movable(
    conn: &mut Session<'_>,
    shared: &Shared,
    plan: &AdmissionPlan,
    queues: &[String],
    hints: &[AdmissionHint],
) -> Result<Admission, StoreError> {
    match admit(conn, queues, hints, &shared.tasks, plan.ready_from) {
        Err(error) if error.is_refusal() => match queues {
            [queue] => admit_from_one(conn, shared, plan, queue, &error),
            _ => {
                let middle = queues.len() / 2;
                let (hints, other_hints) = hints.split_at(middle.min(hints.len()));
                let mut admission = admit_movable(conn, shared, plan, &queues[..middle], hints)?;
                admission.add(admit_movable(conn, shared, plan, &queues[middle..], other_hints)?);
                Ok(admission)
            }
        },
        admission => admission,
    }
}

fn admit_from_one(
    conn: &mut Session<'_>,
    shared: &Shared,
    plan: &AdmissionPlan,
    queue: &String,
    error: &StoreError,
) -> Result<Admission, StoreError> {
    let tried = try_parked(conn, queue, MAX_PARKED)?;
    report(shared, &tried, error)?;
    match admit(conn, std::slice::from_ref(queue), &[], &shared.tasks, plan.ready_from) {
        Err(error) if error.is_refusal() => Ok(Admission::of_locked(queue)),
        admission => admission,
    }
}

// Logs each job once. If no job stands in the way, the error has another cause, and is returned.
fn report(shared: &Shared, tried: &Tried, error: &StoreError) -> Result<(), StoreError> {
    if tried.unmovable.is_empty() {
        return Err(error.clone());
    }
    for job in &tried.unmovable {
        let (id, task, problem) = (job.id, &job.task, &job.problem);
        let mut reported = lock(&shared.unmovable_jobs);
        if reported.len() >= MAX_REPORTED {
            reported.clear();
        }
        let is_new = reported.insert(id);
        match job.fate {
            Fate::SetApart => {
                log::error!("job {id} `{task}` is set apart, since it cannot be moved: {}", one_line(problem))
            }
            Fate::Kept if is_new => {
                log::error!(
                    "job {id} `{task}` cannot be moved now, and is tried again: {}",
                    one_line(problem)
                );
            }
            Fate::Kept => {}
        }
    }
    Ok(())
}
