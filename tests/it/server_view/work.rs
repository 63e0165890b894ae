//! A round of all kinds of work, with values and sizes of its own. Each ends before the next one begins.

use std::time::Duration;

use diesel::PgConnection;
use mainspring::history::HistoryFilter;
use mainspring::jobs::{self, JobFilter, Reschedule, insert_many};
use mainspring::queues::{QueueSettings, TaskLimit};
use mainspring::schedules::ScheduleFilter;
use mainspring::{
    Enqueue, JobContext, JobError, JobResult, JobState, KeyMode, NewJob, NewSchedule, ScheduleChanges,
    Scheduler, SchedulerBuilder, Task, Wait, Waited,
};
use mainspring::{errors, gauges};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::program::commands;

const LONG: Duration = Duration::from_secs(60);
const LATER: Duration = Duration::from_secs(86_400);

/// Does what its text says.
#[derive(Serialize, Deserialize)]
struct Do {
    what: String,
}
impl Task for Do {
    const NAME: &'static str = "do";
}

fn work(what: &str) -> Enqueue<Do> {
    Enqueue::new(Do { what: what.into() })
}

async fn perform(task: Do, job: JobContext) -> JobResult {
    match task.what.as_str() {
        "fail once" if job.attempt() == 1 => {
            Err(JobError::retry_in(Duration::ZERO, format!("job {} failed", job.id())))
        }
        "snooze once" if job.snoozes() == 0 => Err(JobError::snooze(Duration::ZERO)),
        "discard" => Err(JobError::discard(format!("job {} of no use", job.id()))),
        "cancel" => Err(JobError::cancel(format!("job {} unwanted", job.id()))),
        "progress" => Ok(job.progress(50, format!("half of {}", job.id()))?),
        "transaction" => job.transaction(|_| Ok::<(), JobError>(())).await,
        "steps" => {
            job.step("one", || async { Ok(1) }).await?;
            Ok(job.step_in_transaction("two", |_| Ok(2)).await.map(drop)?)
        }
        "result" => job.set_result(&format!("of job {}", job.id())),
        "parents" => {
            assert!(job.parents().await?[0].value::<String>().is_ok());
            assert_eq!(job.signal(job.key().unwrap_or_default()).await?, Some(job.id()));
            Ok(())
        }
        "steps in a transaction" => {
            job.step("one", || async { Ok(1) }).await?;
            job.transaction(|_| Ok::<(), JobError>(())).await
        }
        _ => Ok(()),
    }
}

/// A scheduler that does the work of a round.
pub(super) fn builder(url: &str, round: usize) -> SchedulerBuilder {
    Scheduler::builder(url)
        .handler(perform)
        .worker_name(format!("worker of round {round}"))
        .count_queues(["counted"])
}

/// Does everything once, with values and sizes of the round.
pub(super) async fn all_kinds(url: &str, conn: &mut PgConnection, round: usize) {
    let scheduler = builder(url, round).start().await.unwrap();
    add(&scheduler, conn, round).await;
    run(&scheduler, round).await;
    results(&scheduler, round).await;
    administer(&scheduler, round).await;
    schedule(&scheduler, round).await;
    look(&scheduler, conn, round).await;
    commands(url, round);
    scheduler.stop().await;
    builder(url, round).run_once().await.unwrap();
}

async fn add(scheduler: &Scheduler, conn: &mut PgConnection, round: usize) {
    scheduler.enqueue(work("one")).await.unwrap();
    let many = (0..round * 7 + 1).map(|_| work("many").try_into().unwrap());
    scheduler.enqueue_many(many.collect()).await.unwrap();
    scheduler.enqueue(work("later").run_in(LATER * round as u32)).await.unwrap();
    for mode in [KeyMode::Replace, KeyMode::PreserveRunAt, KeyMode::UnsafeDedupe] {
        for _ in 0..2 {
            let keyed = work("keyed").key(format!("key {round}")).key_mode(mode).run_in(LATER);
            scheduler.enqueue(keyed).await.unwrap();
        }
    }
    scheduler.remove(format!("key {round}")).await.unwrap();
    let other = |n: usize| NewJob::new("nobody", &json!({"n": n})).run_in(LATER);
    other(round).queue(format!("queue {round}")).priority(round as i16).insert(conn).unwrap();
    insert_many(conn, &(0..round + 1).map(other).collect::<Vec<_>>()).unwrap();
    other(round).key("own").insert(conn).unwrap();
    jobs::remove(conn, "own").unwrap();
}

async fn run(scheduler: &Scheduler, round: usize) {
    let mut ids = Vec::new();
    for what in [
        "fail once",
        "snooze once",
        "discard",
        "cancel",
        "progress",
        "transaction",
        "steps",
        "steps in a transaction",
    ] {
        for _ in 0..round {
            ids.push(scheduler.enqueue(work(what)).await.unwrap());
        }
    }
    for n in 0..round * 3 {
        ids.push(
            scheduler.enqueue(work("in a queue").queue(format!("busy {round} {}", n % 2))).await.unwrap(),
        );
    }
    ids.push(scheduler.enqueue(work("flagged").flags([format!("flag {round}")])).await.unwrap());
    for id in ids {
        let waited = scheduler.jobs().wait(id, LONG).await.unwrap();
        assert!(matches!(waited, Waited::Ended(_)), "{waited:?}");
    }
}

async fn results(scheduler: &Scheduler, round: usize) {
    for _ in 0..round {
        let parent = scheduler.enqueue(work("result")).await.unwrap();
        let signal = format!("signal of {parent}");
        let child = work("parents").key(&signal).after(parent).after(Wait::signal(&signal));
        let child = scheduler.enqueue(child).await.unwrap();
        scheduler.signal(signal, &json!(child)).await.unwrap();
        let child = scheduler.jobs().wait_for_outcome(child, LONG).await.unwrap();
        assert!(child.has_succeeded(), "{child:?}");
    }
}

async fn administer(scheduler: &Scheduler, round: usize) {
    let (jobs, queues) = (scheduler.jobs(), scheduler.queues());
    let queue = format!("queue {round}");
    queues.set(&queue, QueueSettings::concurrency(round as u32).rate(100, LONG)).await.unwrap();
    queues.set_if_absent(&queue, QueueSettings::concurrency(3)).await.unwrap();
    queues.set_family(format!("family {round}:*"), QueueSettings::concurrency(2)).await.unwrap();
    queues.pause(&queue).await.unwrap();
    queues.resume(&queue).await.unwrap();
    queues.pause_task(format!("task {round}")).await.unwrap();
    queues.resume_task(format!("task {round}")).await.unwrap();
    queues.set_task_limit(format!("task {round}"), TaskLimit::new().concurrency(round as u32)).await.unwrap();
    queues.remove_task_limit(format!("task {round}")).await.unwrap();
    queues.pause_all().await.unwrap();
    queues.resume_all().await.unwrap();
    queues.remove_family(format!("family {round}:*")).await.unwrap();
    let insert = |n: usize| jobs.insert(NewJob::new("nobody", &json!({"n": n})).run_in(LATER));
    let mut ids = Vec::new();
    for n in 0..round * 5 {
        ids.push(insert(n).await.unwrap());
    }
    jobs.fail(ids.clone(), Some(&format!("reason {round}"))).await.unwrap();
    jobs.retry(ids.clone(), None).await.unwrap();
    jobs.clear_steps(ids[0]).await.unwrap();
    jobs.reschedule(ids[..round].to_vec(), Reschedule::new().priority(round as i16)).await.unwrap();
    jobs.cancel(ids[..1].to_vec(), Some("unwanted")).await.unwrap();
    jobs.complete(ids[1..2].to_vec(), Some("by hand")).await.unwrap();
    jobs.delete(ids[2..3].to_vec()).await.unwrap();
    jobs.cancel_where(nobody(), 2, Some("all")).await.unwrap();
    jobs.delete_where(nobody(), u64::MAX).await.unwrap();
    jobs.delete_dead(LATER * round as u32).await.unwrap();
    queues.remove_unused().await.unwrap();
}

fn nobody() -> JobFilter {
    let mut filter = JobFilter::new();
    filter.task = Some("nobody".into());
    filter
}

async fn schedule(scheduler: &Scheduler, round: usize) {
    let (schedules, name) = (scheduler.schedules(), format!("schedule {round}"));
    schedules.create(NewSchedule::new(&name, "nobody", "@daily")).await.unwrap();
    schedules.update(&name, ScheduleChanges::new().expression(format!("{round} 2 * * *"))).await.unwrap();
    schedules.trigger(&name).await.unwrap();
    schedules.pause(&name).await.unwrap();
    schedules.resume(&name).await.unwrap();
    schedules.list(ScheduleFilter::new()).await.unwrap();
    schedules.get(&name).await.unwrap();
    schedules.fires(&name, round as u32).await.unwrap();
    schedules.delete(&name).await.unwrap();
}

async fn look(scheduler: &Scheduler, conn: &mut PgConnection, round: usize) {
    let (jobs, queues, id) = (scheduler.jobs(), scheduler.queues(), round as i64);
    let mut filter = JobFilter::new();
    filter.limit = 10 * round as u32;
    filter.state = JobState::Dead.into();
    jobs.list(filter.clone()).await.unwrap();
    jobs.ids(filter.clone()).await.unwrap();
    jobs.count(filter).await.unwrap();
    jobs.get(id).await.unwrap();
    jobs.explain(id).await.unwrap();
    jobs.payload(id).await.unwrap();
    jobs.steps(id).await.unwrap();
    let mut filter = HistoryFilter::new();
    filter.limit = 10 * round as u32;
    jobs.history(filter).await.unwrap();
    queues.list().await.unwrap();
    queues.show(format!("queue {round}")).await.unwrap();
    queues.families().await.unwrap();
    queues.task_limits().await.unwrap();
    queues.paused_tasks().await.unwrap();
    scheduler.workers().list().await.unwrap();
    scheduler.workers().release_lost().await.unwrap();
    scheduler.tasks().list().await.unwrap();
    scheduler.tasks().unknown([format!("task {round}")]).await.unwrap();
    scheduler.status().await.unwrap();
    scheduler.stats(LONG * round as u32).await.unwrap();
    scheduler.errors(LONG * round as u32).await.unwrap();
    errors::get(conn, &format!("{round}")).unwrap();
    gauges::read(conn).unwrap();
}
