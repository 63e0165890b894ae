//! One admission pass over a connection: promotes scheduled jobs that are due, then admits parked jobs of the queues that
//! may have room, and wakes other processes for what this one cannot run at once.

use std::sync::MutexGuard;
use std::time::Instant;

use super::isolation::{admit_movable, promote_movable};
use crate::store::Session;

use crate::engine::{AdmissionPlan, DueScan, MAX_QUEUES, ParkedCursors, ParkedScan, Passed};
use crate::error::StoreError;
use crate::job::KnownTasks;
use crate::lock::lock;
use crate::shared::Shared;
use crate::store::admit::{Admission, Due, Promotion, lower, queues_with_parked_jobs, wake};
use crate::store::claim::Position;

/// Performs the plan. Queues are admitted from although the promotion failed.
pub(super) fn pass(
    conn: &mut Session<'_>,
    plan: &AdmissionPlan,
    shared: &Shared,
) -> Result<Passed, StoreError> {
    let mut passed = Passed::default();
    let mut queues = plan.queues.clone();
    let began = Instant::now();
    let promoted = promote_due(conn, plan.due, shared);
    passed.promotion = promoted.as_ref().map_or(None, Clone::clone);
    passed.promotion_took = began.elapsed();
    for (queue, first) in passed.promotion.iter().flat_map(|promotion| &promotion.queues) {
        cursors(plan).announce(queue, Some(*first));
        queues.push(queue.clone());
    }
    if plan.parked == ParkedScan::AllQueues {
        let began = Instant::now();
        queues.extend(all_parked(conn)?);
        passed.parked_scan_took = Some(began.elapsed());
    }
    passed.admission = admit_from(conn, queues, plan, shared)?;
    let position = match &promoted {
        Ok(_) => {
            // A process that stops claims none of them.
            let free_slots = if shared.is_stopping() { 0 } else { plan.free_slots };
            help_wanted(&passed, free_slots, &shared.known)
        }
        // The engine will know nothing of this pass: everybody is notified, this process too.
        Err(_) => passed.admission.position,
    };
    position.map_or(Ok(()), |position| wake(conn, position, &[]))?;
    promoted.map(|_| passed)
}

fn promote_due(
    conn: &mut Session<'_>,
    due: DueScan,
    shared: &Shared,
) -> Result<Option<Promotion>, StoreError> {
    let due = match due {
        DueScan::None => return Ok(None),
        DueScan::Within(since) => Due::Within(since),
        DueScan::Full => Due::All,
    };
    promote_movable(conn, shared, due).map(Some)
}

fn admit_from(
    conn: &mut Session<'_>,
    mut queues: Vec<String>,
    plan: &AdmissionPlan,
    shared: &Shared,
) -> Result<Admission, StoreError> {
    if queues.is_empty() {
        return Ok(Admission::default());
    }
    queues.sort_unstable();
    queues.dedup();
    let began = Instant::now();
    let hints = cursors(plan).start(&queues, began);
    let admission = admit_movable(conn, shared, plan, &queues, &hints)?;
    let now = shared.now();
    cursors(plan).advance(&admission.results, now.instant, now.utc, began.elapsed());
    Ok(admission)
}

fn all_parked(conn: &mut Session<'_>) -> Result<Vec<String>, StoreError> {
    let mut names: Vec<String> = Vec::new();
    loop {
        let after = names.last().cloned().unwrap_or_default();
        let more = queues_with_parked_jobs(conn, &after, MAX_QUEUES as i64)?;
        let is_full = more.len() == MAX_QUEUES;
        names.extend(more);
        if !is_full {
            return Ok(names);
        }
    }
}

// Where other processes must look for jobs whose tasks or versions this one cannot run, or for which it has no free slots.
fn help_wanted(passed: &Passed, free_slots: usize, known: &KnownTasks) -> Option<Position> {
    let promotion = passed.promotion.as_ref().filter(|promotion| promotion.position.is_some());
    let moved = promotion.map_or(0, |promotion| promotion.promoted) + passed.admission.admitted;
    let tasks = promotion.iter().flat_map(|promotion| &promotion.tasks).chain(&passed.admission.tasks);
    let newest = promotion.map_or(0, |promotion| promotion.newest).max(passed.admission.newest);
    let any_unknown = tasks.into_iter().any(|task| known.version_of(task).is_none_or(|own| own < newest));
    let position = lower(promotion.and_then(|promotion| promotion.position), passed.admission.position);
    position.filter(|_| any_unknown || moved > free_slots)
}

fn cursors(plan: &AdmissionPlan) -> MutexGuard<'_, ParkedCursors> {
    lock(&plan.cursors)
}
