//! Performs one step of the engine: a statement or two on a connection of Mainspring's own. Leases that a step carries fall
//! back into the lease table if the QueueActor dies on the way.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use crate::store::Session;
use tokio::sync::oneshot;

use super::admission_pass::pass;
use super::forbidden_flags::forbidden_flags;
use super::handover::Handover;
use super::isolation::claim_movable;
use super::requests::{leaves_doubt, release_late, store_requests};
use crate::attempt::payload::{self, Withheld, fetch_and_offer};
use crate::engine::outage::{Failure, PAUSE_AFTER_ERROR};
use crate::engine::{
    AdmissionPlan, ChildrenPlan, ClaimFilter, ClaimPlan, Done, EnqueuePlan, FlaggedJobs, Found, LockedRows,
    Passed, SettlePlan, Step, Written,
};
use crate::error::StoreError;
use crate::leases::LeasedJob;
use crate::lifecycle::Outcome;
use crate::lock::lock;
use crate::shared::Shared;
use crate::spans::Span;
use crate::store::Durability;
use crate::store::admit::wake;
use crate::store::claim::{
    Carried, ChildrenRequest, ClaimRequest, Claimed, ClaimedJob, Counts, Filtered, TaskShare, claim_children,
};
use crate::store::claimability::claimability;
use crate::store::gate::Gate;
use crate::store::handover::tell_slots_freed;
use crate::store::progress::write_progress;
use crate::store::settings::REPLY_TIMEOUT;
use crate::store::settle::{
    Isolated, Reclaimed, Settlement, leased_to, reclaim_lease, settle, settle_isolating, stored_before,
};
use crate::store::start::Starter;
use crate::store::waits::handle_wait_events;
use crate::text::one_line;

/// Where the ids of one enqueue request go.
pub(super) type Reply = oneshot::Sender<Result<Vec<i64>, StoreError>>;

/// Performs a step and returns how it ended.
pub(super) async fn perform(step: Step, shared: Arc<Shared>) -> Done {
    match step {
        Step::Enqueue(plan) => store_jobs(plan, &shared).await,
        Step::Settle(plan) => store_outcomes(plan, &shared).await,
        Step::Admit(plan) => Done::Admit(admit_jobs(plan, &shared).await),
        Step::LookUp => {
            let _under_way = shared.vitals.claim();
            let own = Arc::clone(&shared);
            let look = move |conn: &mut Session<'_>| claimability(conn, &own.tasks, &own.known.versions());
            Done::LookUp(shared.store.run(Durability::Relaxed, look).await)
        }
        Step::Claim(plan) => {
            let _under_way = shared.vitals.claim();
            Done::Claim(plan.lease, claim_jobs(plan, &shared).await)
        }
        Step::ClaimChildren(plan) => {
            let _under_way = shared.vitals.claim();
            Done::ClaimChildren(plan.lease, claim_children_of(plan, &shared).await)
        }
        Step::Reclaim(lease) => {
            let (worker_ids, history) = (shared.fence.ids(), shared.config.history());
            let reclaim = move |conn: &mut Session<'_>| reclaim_lease(conn, &worker_ids, lease, history);
            Done::Reclaim(lease, shared.store.run(Durability::Relaxed, reclaim).await)
        }
        Step::Reconcile => Done::Reconcile(reconcile(&shared).await),
        Step::Release => {
            Done::Release(shared.store.run(Durability::Relaxed, |conn| handle_wait_events(conn)).await)
        }
        Step::WriteProgress => Done::WriteProgress(store_progress(&shared).await),
    }
}

async fn store_jobs(plan: EnqueuePlan, shared: &Arc<Shared>) -> Done {
    let EnqueuePlan { slot, requests, start_as, timeout } = plan;
    let starter = start_as.map(|lease| Starter { worker_id: shared.worker_id(), lease });
    let own = Arc::clone(shared);
    let store =
        move |conn: &mut Session<'_>, gate: &Gate| store_requests(conn, gate, &own, starter, requests);
    let result = shared.store.run_gated(Durability::Durable, timeout, store, leaves_doubt).await;
    Done::Enqueue { slot, lease: start_as, result }
}

async fn store_outcomes(plan: SettlePlan, shared: &Arc<Shared>) -> Done {
    let settlements = plan.settlements();
    let (handover, doubtful) = (Handover::of(&plan, shared), plan.doubtful());
    let SettlePlan { leases, locked_rows, released_from, freed_slots } = plan;
    let (history, origin) = (shared.config.history(), shared.config.origin);
    let store = move |conn: &mut Session<'_>| {
        let span = Span::settle(settlements.len());
        let settled = span.within(|| match locked_rows {
            LockedRows::Wait => {
                settle(conn, &settlements, history).map(|settled| Isolated { settled, ..Isolated::default() })
            }
            LockedRows::Skip => settle_isolating(conn, &settlements, history),
        });
        span.result(&settled);
        drop(span);
        let mut stored = settled?;
        stored.settled.extend(stored_before(conn, &doubtful, origin, &stored.settled)?);
        // Jobs that are given back wait for a free worker, perhaps of another process. Where that one is not told, its next
        // poll finds them.
        if let Some(position) = released_from {
            let _ = wake(conn, position, &[]);
        }
        if !freed_slots.is_empty() {
            let _ = tell_slots_freed(conn, &freed_slots);
        }
        handover.iter().for_each(|handover| handover.announce(conn));
        Ok(stored)
    };
    let result = shared.store.run(Durability::Relaxed, store).await;
    Done::Settle { leases, result }
}

async fn admit_jobs(plan: AdmissionPlan, shared: &Arc<Shared>) -> Result<Passed, StoreError> {
    let own = Arc::clone(shared);
    shared.store.run(Durability::Relaxed, move |conn| pass(conn, &plan, &own)).await
}

async fn claim_jobs(plan: ClaimPlan, shared: &Arc<Shared>) -> Result<Found, StoreError> {
    let request = ClaimRequest {
        worker_id: shared.worker_id(),
        lease: plan.lease,
        position: plan.from,
        limit: i64::try_from(plan.limit).unwrap_or(i64::MAX),
        filtered: filter(&plan.filter, shared).await,
        tasks: plan.filter.tasks,
    };
    let own = Arc::clone(shared);
    let holder = Holder { worker_id: request.worker_id, lease: request.lease, slots_of: slots_of(&request) };
    let claim = move |conn: &mut Session<'_>| {
        let began = Instant::now();
        let Claimed { jobs, gates } = claim_movable(conn, &own, &request)?;
        let found = Found::new(&jobs, gates, began.elapsed());
        Ok((jobs, found))
    };
    claim_and_offer(holder, shared, claim).await
}

async fn claim_children_of(plan: ChildrenPlan, shared: &Arc<Shared>) -> Result<Carried, StoreError> {
    let ChildrenPlan { lease, parents, tasks, limit } = plan;
    let worker_id = shared.worker_id();
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let version_of = |task: &String| shared.known.version_of(task).unwrap_or_default();
    let versions = tasks.iter().map(version_of).collect();
    let request = ChildrenRequest { parents, worker_id, lease, limit, tasks, versions };
    let holder = Holder { worker_id, lease, slots_of: Vec::new() };
    claim_and_offer(holder, shared, move |conn| claim_children(conn, &request)).await
}

/// For whom jobs are claimed.
struct Holder {
    worker_id: i32,
    lease: i64,
    /// The tasks whose jobs hold a slot of a limit over all processes.
    slots_of: Vec<String>,
}

// Leases jobs and hands them to the workers. The store's thread does both, which saves the wake-up of this one. It runs to its end:
// if the QueueActor dies meanwhile, no job is lost.
async fn claim_and_offer<T, C>(holder: Holder, shared: &Arc<Shared>, claim: C) -> Result<T, StoreError>
where
    T: Clone + Send + Sync + 'static,
    C: FnOnce(&mut Session<'_>) -> Result<(Vec<ClaimedJob>, T), StoreError> + Send + 'static,
{
    let Holder { worker_id, lease, slots_of } = holder;
    let own = Arc::clone(shared);
    let (withheld, passed) = (Withheld::new(), Arc::new(OnceLock::new()));
    let (jobs_of_claim, passing) = (withheld.clone(), Arc::clone(&passed));
    let work = move |conn: &mut Session<'_>, gate: &Gate| {
        let span = Span::claim();
        let claimed = span.within(|| claim(conn));
        span.claimed(claimed.as_ref().map(|(jobs, _)| jobs.len()));
        let (jobs, found) = claimed?;
        drop(span);
        if !gate.pass() {
            return Err(release_late(conn, &own, lease));
        }
        let mut leased = own.open(jobs, worker_id, lease);
        mark_slots(&mut leased, &slots_of);
        jobs_of_claim.put(leased);
        // It is set here alone.
        let _ = passing.set(found.clone());
        let payloads = fetch_and_offer(conn, &own, &jobs_of_claim, lease);
        Ok((found, payloads))
    };
    let doubt = |(_, payloads): &(T, Result<(), StoreError>)| payloads.is_err();
    let claimed = shared.store.run_gated(Durability::Relaxed, REPLY_TIMEOUT, work, doubt).await;
    // Those whose payloads have not come go back.
    drop(withheld.close());
    match (claimed, passed.get()) {
        (Ok((found, _)), _) => Ok(found),
        // The jobs are known here, and most may run.
        (Err(error), Some(found)) => {
            payload::failed(shared, &error);
            Ok(found.clone())
        }
        (Err(error), None) => Err(error),
    }
}

// Their leases announce the end of the jobs to other processes.
fn mark_slots(leased: &mut [LeasedJob], slots_of: &[String]) {
    for task in slots_of {
        let own = leased.iter_mut().filter(|leased| leased.job.task == *task);
        own.for_each(|leased| leased.lease.hold_task_slot(task));
    }
}

fn slots_of(request: &ClaimRequest) -> Vec<String> {
    let counts = |share: &&TaskShare| share.gate.is_some_and(|gate| gate.counts == Counts::Slots);
    request.tasks.iter().filter(counts).map(|share| share.task.clone()).collect()
}

async fn filter(filter: &ClaimFilter, shared: &Shared) -> Option<Filtered> {
    let age_every = filter.age_every;
    match filter.flagged {
        FlaggedJobs::None => age_every.map(|_| Filtered { age_every, ..Filtered::default() }),
        FlaggedJobs::Some => {
            let forbidden = forbidden_flags(shared).await?;
            Some(Filtered { forbidden, age_every, flagged: true })
        }
    }
}

async fn reconcile(shared: &Arc<Shared>) -> Result<Reclaimed, StoreError> {
    let own = Arc::clone(shared);
    shared.store.run(Durability::Relaxed, move |conn| release_lost(conn, &own)).await
}

// The table in memory is read first: a lease that is closed after that was settled, and its job is no longer under it.
fn release_lost(conn: &mut Session<'_>, shared: &Shared) -> Result<Reclaimed, StoreError> {
    let open = shared.leases.all_open();
    let lost: Vec<Settlement> = leased_to(conn, &shared.fence.ids(), shared.config.origin)?
        .into_iter()
        .filter(|leased| !open.contains(leased))
        .map(|(id, lease)| Settlement::new(id, lease, Outcome::Untouched))
        .collect();
    let Isolated { settled, troubles, .. } = settle_isolating(conn, &lost, shared.config.history())?;
    Ok(Reclaimed { jobs: settled.len(), troubles })
}

async fn store_progress(shared: &Arc<Shared>) -> Written {
    let reports = shared.progress.take();
    if reports.is_empty() {
        return Written::Nothing;
    }
    let written = reports.clone();
    let write = move |conn: &mut Session<'_>| write_progress(conn, &reports);
    match shared.store.run(Durability::Relaxed, write).await {
        Ok(()) => {
            written.into_iter().for_each(|progress| shared.events.publish_progress(progress));
            if lock(&shared.progress.outage).recovered() {
                log::info!("the progress of all jobs is written again");
            }
        }
        // The next report of the job replaces it.
        Err(error) => {
            if lock(&shared.progress.outage).failed(Instant::now(), PAUSE_AFTER_ERROR) == Failure::First {
                log::warn!(
                    "cannot write the progress of jobs, such as {}: {}",
                    written[0].id,
                    one_line(error)
                );
            }
        }
    }
    Written::Reports
}
