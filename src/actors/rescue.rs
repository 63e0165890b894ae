//! Requeues the jobs of workers that no longer live, and wakes the processes that can run them. One job that cannot be moved
//! keeps none of the others, and is logged once.

mod left;

use std::collections::HashSet;
use std::time::Instant;

use self::left::{LeftWorkers, WORTH_A_LINE};
use super::queue::QueueActor;
use crate::engine::Wake;
use crate::engine::outage::{Failure, LastingOutage};
use crate::error::StoreError;
use crate::event::{Event, JobFacts};
use crate::lifecycle::Left;
use crate::lock::lock;
use crate::shared::Shared;
use crate::store::admit::wake;
use crate::store::presence::{RescuedJob, find_orphans, rescue, rescue_orphans};
use crate::store::settle::{Reclaimed, Trouble, TroubleKind};
use crate::store::{Durability, Session};
use crate::telemetry::{Failed, Happened};
use crate::text::one_line;

// Beyond this number, one scan of everything is cheaper than a wake for each job.
const MAX_WAKES: usize = 1_000;

// A person who has read about so many does not read about more.
const MAX_REPORTED: usize = 1_000;

/// How a rescue ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rescue {
    Done,
    Failed,
}

/// Rescues jobs, and remembers what it has logged.
#[derive(Default)]
pub(crate) struct Rescuer {
    outage: LastingOutage,
    /// The jobs that could not be moved.
    stuck: HashSet<i64>,
    left: LeftWorkers,
}

impl Rescuer {
    /// Requeues the jobs of workers whose time-out is over.
    pub(crate) async fn rescue_lost_workers(&mut self, shared: &Shared) -> Rescue {
        let worker_id = shared.worker_id();
        let rescue_and_announce = move |conn: &mut Session<'_>| {
            let rescued = rescue(conn, worker_id)?;
            // It is committed: who is not told finds the jobs by a poll.
            let _ = announce(conn, &rescued.jobs);
            Ok(rescued)
        };
        match shared.store.run(Durability::Relaxed, rescue_and_announce).await {
            Ok(rescued) => {
                self.succeeded();
                for job in &rescued.jobs {
                    self.report(job, shared);
                }
                wake_own_queue(shared, &rescued.jobs);
                self.left.report(rescued.left, Instant::now());
                Rescue::Done
            }
            Err(error) => {
                self.failed(&error);
                Rescue::Failed
            }
        }
    }

    /// Searches for running jobs whose worker has no row any more, and requeues those for which it has searched before.
    pub(crate) async fn rescue_orphans(&mut self, shared: &Shared) {
        match search(shared).await {
            Ok(Reclaimed { jobs, troubles }) => {
                self.succeeded();
                if jobs > 0 {
                    log::warn!("{jobs} jobs taken from workers that left without settling them");
                    shared.send::<QueueActor, _>(Wake::Everything);
                }
                troubles.iter().for_each(|trouble| self.report_trouble(trouble));
            }
            Err(error) => self.failed(&error),
        }
    }

    fn succeeded(&mut self) {
        if self.outage.recovered() {
            log::info!("rescuing the jobs of lost workers again");
        }
    }

    /// Records a rescue that failed. The next look tries again.
    pub(super) fn failed(&mut self, error: &StoreError) {
        if self.outage.failed(Instant::now(), WORTH_A_LINE) == Failure::First {
            log::error!("cannot rescue the jobs of lost workers, trying again: {}", one_line(error));
        }
    }

    fn report(&mut self, job: &RescuedJob, shared: &Shared) {
        if let Some(trouble) = Trouble::of(job.id, Some(job.left != Left::Waiting), job.problem.clone()) {
            self.report_trouble(&trouble);
        }
        if !job.is_stuck() {
            log_rescue(job);
            count_rescue(job, shared);
            shared.events.publish(|| rescued_event(job));
        }
    }

    fn report_trouble(&mut self, Trouble { id, kind, problem }: &Trouble) {
        let why = one_line(problem);
        match kind {
            TroubleKind::SetApart => {
                log::error!("job {id} is set apart, and dead: the database refuses its row: {why}");
            }
            TroubleKind::Stuck if self.stuck.len() < MAX_REPORTED && self.stuck.insert(*id) => {
                log::error!("job {id} cannot be taken from its lost worker, trying again each minute: {why}");
            }
            TroubleKind::Stuck | TroubleKind::LineLost => {}
        }
    }
}

async fn search(shared: &Shared) -> Result<Reclaimed, StoreError> {
    lock(&shared.orphans).search_begins(Instant::now());
    let found = shared.store.run(Durability::Relaxed, |conn| find_orphans(conn)).await?;
    let due = lock(&shared.orphans).note(found, Instant::now());
    if due.is_empty() {
        return Ok(Reclaimed::default());
    }
    shared.store.run(Durability::Relaxed, move |conn| rescue_orphans(conn, &due)).await
}

fn count_rescue(job: &RescuedJob, shared: &Shared) {
    let happened = Happened::Rescued(job.left);
    let place = shared.telemetry.place(&job.task, job.queue.as_deref());
    match happened.failure() {
        None => shared.telemetry.count(place, happened),
        Some(end) => {
            let error = format!("worker lost: {}", job.problem.as_ref().unwrap_or(&job.why_dead));
            let failed = Failed { job_id: job.id, attempt: Some(job.attempt), error, end };
            shared.telemetry.count_failed(place, happened, failed);
        }
    }
}

fn log_rescue(job: &RescuedJob) {
    let RescuedJob { id, task, worker_id, attempt, deaths, why_dead, .. } = job;
    let task = one_line(task);
    let fate = match job.left {
        Left::Dead | Left::SetApart if job.problem.is_some() => "it is set apart",
        Left::Dead | Left::SetApart => {
            return log::error!(
                "job {id} `{task}` is dead after its worker {worker_id} was lost in attempt {attempt}, \
                 death {deaths} in a row: {why_dead}"
            );
        }
        Left::Waiting | Left::Gone => "it goes back without losing the attempt",
    };
    log::warn!(
        "job {id} `{task}` taken from lost worker {worker_id} in attempt {attempt}, death {deaths} in a row: {fate}"
    );
}

fn rescued_event(rescued: &RescuedJob) -> Event {
    let RescuedJob { id, attempt, deaths, left, worker_id, .. } = *rescued;
    let (task, queue) = (rescued.task.clone(), rescued.queue.clone());
    let dead = left != Left::Waiting;
    Event::JobRescued { job: JobFacts { id, task, queue, attempt }, lost_worker: worker_id, deaths, dead }
}

// Workers may be lost often. The wakes name positions, because a scan of everything is slow while many dead rows are there.
fn wake_own_queue(shared: &Shared, rescued: &[RescuedJob]) {
    if rescued.len() > MAX_WAKES {
        return shared.send::<QueueActor, _>(Wake::Everything);
    }
    for job in rescued.iter().filter(|job| !job.is_stuck()) {
        let wake = match &job.queue {
            // A dead job leaves its slot to the next one of its queue.
            Some(queue) => Wake::Parked(queue.clone(), Some(job.position())),
            None if job.left != Left::Waiting => continue,
            None => Wake::Ready(job.position()),
        };
        shared.send::<QueueActor, _>(wake);
    }
    if !rescued.is_empty() {
        shared.send::<QueueActor, _>(Wake::Flagged);
        shared.send::<QueueActor, _>(Wake::DueSoon);
    }
}

// A notification names queues or none, so jobs outside of queues get one of their own.
fn announce(conn: &mut Session<'_>, rescued: &[RescuedJob]) -> Result<(), StoreError> {
    let waits = |job: &&RescuedJob| job.left == Left::Waiting && !job.is_stuck();
    let (in_queues, outside): (Vec<_>, Vec<_>) =
        rescued.iter().filter(waits).partition(|job| job.queue.is_some());
    for jobs in [outside, in_queues] {
        let queues: Vec<String> = jobs.iter().filter_map(|job| job.queue.clone()).collect();
        let best = jobs.iter().map(|job| job.position()).min();
        best.map_or(Ok(()), |position| wake(conn, position, &queues))?;
    }
    Ok(())
}
