//! The work of the fleet: jobs of every kind, and the handler that writes down what happens to each.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use diesel::sql_types::{BigInt, Text};
use diesel::{RunQueryDsl, sql_query};
use mainspring::chrono::{TimeDelta, Utc};
use mainspring::{
    Backoff, Enqueue, JobContext, JobError, JobResult, KeyMode, Scheduler, SchedulerError, Task,
};
use serde::{Deserialize, Serialize};

use crate::record::{End, Record, Start, Stored, What};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Plain,
    /// One of twenty keys; an enqueue for a key that is taken returns the job that has it.
    Keyed,
    /// One of twenty keys; an enqueue replaces the job that waits.
    Replaced,
    /// In one of four queues of limit 1.
    One,
    /// In a queue of limit 3.
    Three,
    /// Of a task with a limit of 2 over all processes.
    Limited,
    /// Scheduled a few seconds ahead.
    Later,
    /// Succeeds in the third attempt.
    Retried,
    /// Writes a row in the transaction that completes it.
    Booked,
    /// Runs for 5 seconds.
    Long,
    /// Adds the next job of its chain.
    Chained,
    /// Added by a line of the crontab, each second.
    Cron,
    /// Added by a stored schedule, every two seconds.
    Schedule,
    /// Runs for as long as its payload says, alone in its queue of limit 1.
    Held,
    /// Sleeps on its thread without awaiting, for as long as its payload says.
    Blocking,
    Panicking,
    Aborting,
    Overflowing,
}

/// What producers add, each kind in equal shares.
pub const MIXED: [Kind; 11] = [
    Kind::Plain,
    Kind::Keyed,
    Kind::Replaced,
    Kind::One,
    Kind::Three,
    Kind::Limited,
    Kind::Later,
    Kind::Retried,
    Kind::Booked,
    Kind::Long,
    Kind::Chained,
];

pub const CRONTAB: &str = "* * * * * * chaos ?id=everysec {kind: 'cron'}";
pub const THREE: &str = "three";
pub const AT_ONCE_OF_LIMITED: u32 = 2;
const LONG: Duration = Duration::from_secs(5);
const TICK: Duration = Duration::from_millis(100);

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Work {
    /// Empty where no process asked for the job: cron did.
    #[serde(default)]
    pub token: String,
    pub kind: Kind,
    /// How long it runs, or how many jobs of its chain are left.
    #[serde(default)]
    pub size: u64,
}

impl Task for Work {
    const NAME: &'static str = "chaos";
    const BACKOFF: Backoff = Backoff::constant(Duration::from_secs(1));
}

/// The same work under the name of a task that has a limit.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Limited(pub Work);

impl Task for Limited {
    const NAME: &'static str = "chaos.limited";
    const BACKOFF: Backoff = Work::BACKOFF;
}

/// The name of a task whose jobs do nothing, and are not written down.
pub const BARE: &str = "bare";

#[derive(Debug, Serialize, Deserialize)]
pub struct Bare {}

impl Task for Bare {
    const NAME: &'static str = BARE;
}

/// A job of a kind. The number makes the token unique, and chooses key, queue and time.
pub fn job(kind: Kind, number: u64) -> Enqueue<Work> {
    let token = format!("{}-{number}", std::process::id());
    let work = |size| Enqueue::new(Work { token, kind, size });
    match kind {
        Kind::Keyed => work(0).key(format!("k{}", number % 20)).key_mode(KeyMode::UnsafeDedupe),
        Kind::Replaced => work(0).key(format!("r{}", number % 20)),
        Kind::One => work(0).queue(format!("one{}", number % 4)),
        Kind::Three => work(0).queue(THREE),
        Kind::Later => work(0).run_at(Utc::now() + TimeDelta::milliseconds(500 + (number as i64 % 20) * 100)),
        Kind::Chained => work(2),
        _ => work(0),
    }
}

/// A job of a kind with a size. Held ones are alone in a queue each.
pub fn sized(kind: Kind, number: u64, size: u64) -> Enqueue<Work> {
    let token = format!("{}-{number}", std::process::id());
    let job = Enqueue::new(Work { token, kind, size }).priority(-1);
    if kind == Kind::Held { job.queue(format!("held{number}")) } else { job }
}

/// What limits a job, its task or its queue, and how many jobs of it may run at once.
pub fn limit(start: &Start) -> Option<(&str, usize)> {
    match (start.kind, start.queue.as_deref()) {
        (Kind::Limited, _) => Some((Limited::NAME, AT_ONCE_OF_LIMITED as usize)),
        (_, Some(THREE)) => Some((THREE, 3)),
        (_, queue) => queue.map(|queue| (queue, 1)),
    }
}

/// Whether no attempt of the kind fails by its own fault.
pub fn never_fails(kind: Kind) -> bool {
    !matches!(kind, Kind::Retried | Kind::Panicking | Kind::Aborting | Kind::Overflowing)
}

/// Adds a job, and writes down what was asked and what came back.
pub async fn enqueue(
    record: &Record,
    scheduler: Asker<'_>,
    job: Enqueue<Work>,
) -> Result<(), SchedulerError> {
    let token = job.task().token.clone();
    let (kind, key) = (job.task().kind, job.options().key.clone());
    record.write(What::Asked { token: token.clone(), kind, key });
    let reply = match kind {
        Kind::Limited => scheduler.enqueue(Enqueue::new(Limited(job.task().clone()))).await,
        _ => scheduler.enqueue(job).await,
    };
    record.write(match &reply {
        Ok(job) => What::Stored { token, job: *job },
        Err(error) => What::Refused { token, stored: stored(error), why: error.to_string() },
    });
    reply.map(drop)
}

/// By whom a job is added.
pub enum Asker<'a> {
    Scheduler(&'a Scheduler),
    Job(&'a JobContext),
}

impl Asker<'_> {
    async fn enqueue<T: Task>(&self, job: Enqueue<T>) -> Result<i64, SchedulerError> {
        match self {
            Self::Scheduler(scheduler) => scheduler.enqueue(job).await,
            Self::Job(context) => context.enqueue(job).await,
        }
    }
}

fn stored(error: &SchedulerError) -> Stored {
    match error.stored() {
        mainspring::Stored::No => Stored::No,
        mainspring::Stored::Yes => Stored::Yes,
        mainspring::Stored::Unknown => Stored::Unknown,
    }
}

/// An execution of a job. Dropped before its end, it says so in the record.
struct Run {
    record: Arc<Record>,
    run: u64,
    state: RunState,
}

#[derive(PartialEq, Eq)]
enum RunState {
    Open,
    Ended,
}

impl Run {
    fn start(task: &Work, job: &JobContext) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let record = Arc::clone(job.data::<Arc<Record>>());
        let run = NEXT.fetch_add(1, Ordering::Relaxed);
        record.write(What::Started(Start {
            run,
            job: job.id(),
            attempt: job.attempt(),
            kind: task.kind,
            token: task.token.clone(),
            queue: job.queue().map(str::to_owned),
            key: job.key().map(str::to_owned),
            fire: job.cron().map(|fire| format!("{:?} {}", task.kind, fire.due_at)),
        }));
        Self { record, run, state: RunState::Open }
    }

    fn alive(&self) {
        self.record.write(What::Alive { run: self.run });
    }

    async fn run_for(&self, time: Duration) {
        for _ in 0..time.as_millis() / TICK.as_millis() {
            tokio::time::sleep(TICK).await;
            self.alive();
        }
    }

    fn end(mut self, result: &JobResult) {
        let end = if result.is_ok() { End::Succeeded } else { End::Failed };
        self.state = RunState::Ended;
        self.record.write(What::Ended { run: self.run, end });
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if self.state == RunState::Open {
            self.record.write(What::Dropped { run: self.run });
        }
    }
}

/// The handler of the fleet.
pub async fn work(task: Work, job: JobContext) -> JobResult {
    let run = Run::start(&task, &job);
    let result = act(&task, &job, &run).await;
    run.end(&result);
    result
}

async fn act(task: &Work, job: &JobContext, run: &Run) -> JobResult {
    match task.kind {
        Kind::Plain | Kind::Replaced | Kind::Later | Kind::Cron | Kind::Schedule => pause(5).await,
        Kind::Keyed | Kind::One | Kind::Three => pause(40).await,
        Kind::Limited => pause(300).await,
        Kind::Retried if job.attempt() < 3 => {
            return Err(JobError::retry_in(Duration::from_millis(200), "not yet"));
        }
        Kind::Retried => {}
        Kind::Booked => return book(task.token.clone(), job).await,
        Kind::Long => run.run_for(LONG).await,
        Kind::Held => run.run_for(Duration::from_secs(task.size)).await,
        Kind::Chained => return chain(task, job, run).await,
        // What a handler must not do.
        Kind::Blocking => std::thread::sleep(Duration::from_secs(task.size)),
        Kind::Panicking => panic!("as planned"),
        Kind::Aborting => std::process::abort(),
        Kind::Overflowing => drop(overflow(&[0; 4096])),
    }
    Ok(())
}

async fn pause(milliseconds: u64) {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
}

async fn book(token: String, job: &JobContext) -> JobResult {
    let id = job.id();
    let effect = "INSERT INTO chaos.effects VALUES ($1, $2)";
    job.transaction(move |conn| {
        sql_query(effect).bind::<Text, _>(token).bind::<BigInt, _>(id).execute(&mut **conn)?;
        Ok(())
    })
    .await
}

async fn chain(task: &Work, job: &JobContext, run: &Run) -> JobResult {
    if task.size > 0 {
        // Each attempt may add one, so each names its own.
        let token = format!("{}+{}.{}", task.token, std::process::id(), run.run);
        let next = Enqueue::new(Work { token, kind: Kind::Chained, size: task.size - 1 });
        enqueue(&run.record, Asker::Job(job), next).await?;
    }
    Ok(())
}

#[expect(unconditional_recursion, reason = "it overflows the stack")]
fn overflow(above: &[u8; 4096]) -> [u8; 4096] {
    let mut here = *above;
    here[0] += 1;
    let below = overflow(std::hint::black_box(&here));
    std::hint::black_box(below)
}
