//! The monitor: a thread that watches the threads of the workers. A blocked one is reported, and gets no more jobs until it
//! goes on. It also ends a stop whose own thread is blocked. It is no actor, because a blocked thread runs none.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::queue::QueueActor;
use super::queue::slots::SlotsChanged;
use crate::config::AFTER_GRACE;
use crate::event::{Event, JobFacts};
use crate::phase::Phase;
use crate::prefetch::{TakeJobs, WorkerHandle, wake_workers};
use crate::running::{BLOCKED_AFTER, Change, ThreadWatch};
use crate::shared::Shared;
use crate::text::one_line;

// A fifth of the time after which a thread is blocked.
const WHILE_JOBS_RUN: Duration = Duration::from_millis(50);
const AT_REST: Duration = Duration::from_millis(250);
// A longer pause means that the whole process stood still.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// Starts the monitor. It ends with the scheduler.
pub(crate) fn start(shared: &Arc<Shared>) {
    let own = Arc::clone(shared);
    let monitor = std::thread::Builder::new().name("mainspring-monitor".into());
    if let Err(error) = monitor.spawn(move || watch(&own)) {
        log::error!(
            "blocked threads are not reported, because the monitor has no thread: {}",
            one_line(error)
        );
    }
}

fn watch(shared: &Shared) {
    let mut threads = Vec::new();
    threads.resize_with(shared.config.shares().len(), ThreadWatch::default);
    let mut before = Instant::now();
    while shared.phase.current() < Phase::Stopped {
        let at_rest = shared.leases.count() == 0 && !shared.is_stopping();
        std::thread::sleep(if at_rest { AT_REST } else { WHILE_JOBS_RUN });
        let now = Instant::now();
        let passed = now.saturating_duration_since(before).min(LONGEST_PAUSE);
        before = now;
        look_at(&mut threads, passed, now, shared);
        end_overdue_stop(now, shared);
    }
}

fn look_at(threads: &mut [ThreadWatch], passed: Duration, now: Instant, shared: &Shared) {
    let were_blocked = all_blocked(threads);
    let has_jobs = shared.leases.count() > 0;
    let workers = shared.addresses.workers();
    for (index, (worker, thread)) in workers.iter().zip(&mut *threads).enumerate() {
        if !has_jobs || !worker.is_alive() {
            thread.rest();
        }
        if !has_jobs && !thread.is_blocked() {
            continue;
        }
        let sample = worker.board.sample();
        match thread.observe(sample, passed, now) {
            Change::None => {}
            Change::Blocked(since) => {
                let job = worker.board.block(sample, since).job;
                report_blocked(index, worker, job, shared);
            }
            Change::Freed(after) => report_freed(index, worker, after, shared),
        }
        if thread.is_blocked() {
            report_overdue(index, worker, now);
        }
        // The answer is its next turn. A mailbox that is full already holds such a message.
        let _ = worker.wake.try_send(TakeJobs);
    }
    match (were_blocked, all_blocked(threads)) {
        (false, true) => log::error!("all worker threads are blocked: nothing is claimed until one is free"),
        (true, false) => log::info!("a worker thread is free again, and jobs are claimed"),
        (true, true) | (false, false) => {}
    }
}

fn all_blocked(threads: &[ThreadWatch]) -> bool {
    threads.iter().all(ThreadWatch::is_blocked)
}

fn report_blocked(index: usize, worker: &WorkerHandle, job: Option<JobFacts>, shared: &Shared) {
    let (job_name, after) = (name_of(job.as_ref()), BLOCKED_AFTER.as_millis());
    let others = worker.board.count().saturating_sub(usize::from(job.is_some()));
    log::warn!(
        "{job_name} has blocked worker thread {index} for {after} ms, and {others} other jobs wait there: see \
         `JobContext::block`"
    );
    shared.events.publish(|| Event::WorkerThreadBlocked { thread: index, job });
    shared.send::<QueueActor, _>(SlotsChanged);
    // Those that were to run there.
    wake_workers(shared.addresses.workers(), shared.prefetch.len());
}

// Once in a blockade: which time-outs are over is of less weight than that none acts.
fn report_overdue(index: usize, worker: &WorkerHandle, now: Instant) {
    if let Some((overdue, job, after)) = worker.board.find_overdue(now) {
        log::warn!(
            "{} has blocked worker thread {index} for {:.1} s, and the time-out of {} cannot act until it goes on",
            name_of(job.as_ref()),
            after.as_secs_f64(),
            name_of(Some(&overdue))
        );
    }
}

fn report_freed(index: usize, worker: &WorkerHandle, after: Duration, shared: &Shared) {
    let job = worker.board.free().and_then(|blockade| blockade.job);
    log::info!(
        "{} no longer blocks worker thread {index}, after {:.1} s",
        name_of(job.as_ref()),
        after.as_secs_f64()
    );
    shared.events.publish(|| Event::WorkerThreadFreed { thread: index, job, blocked_for: after });
    shared.send::<QueueActor, _>(SlotsChanged);
}

fn name_of(job: Option<&JobFacts>) -> String {
    job.map_or_else(
        || "code of no attempt, such as a task that a handler has spawned,".into(),
        |job| format!("job {} `{}`", job.id, one_line(&job.task)),
    )
}

// The thread of the scheduler ends its stops in time, unless code of the application blocks it.
fn end_overdue_stop(now: Instant, shared: &Shared) {
    let Some(grace_ends_at) = shared.phase.grace_ends_at() else { return };
    let overdue = now + WHILE_JOBS_RUN > grace_ends_at + AFTER_GRACE;
    if overdue && shared.phase.current() < Phase::Stopped {
        log::error!("the scheduler's own thread is blocked, so the stop does not wait for it");
        shared.phase.advance(Phase::Stopped);
    }
}
