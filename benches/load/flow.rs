//! A steady stream of jobs from another connection, and how soon each kind of them starts. `pinned` and `soak` watch it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use mainspring::database::connect;
use mainspring::jobs::insert_many;
use mainspring::{Enqueue, JobContext, JobError, JobResult, NewJob, SchedulerBuilder, Task};
use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;

use super::figures::percentile;
use super::stage::Outcome;

// As often as a busy application would add a few.
const TICK: Duration = Duration::from_millis(10);
const LATER: TimeDelta = TimeDelta::milliseconds(500);
const RETRY_AFTER: Duration = Duration::from_millis(200);
const QUEUES: usize = 20;
const KEYS: usize = 50;

/// What happens to a job, and so what it is that starts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Plain,
    /// Due later: a promotion.
    Later,
    /// In a queue: an admission.
    Queued,
    /// Fails once.
    Retried,
    /// With a key that a waiting job may hold.
    Keyed,
    /// Before or behind others.
    Prioritised,
    Cancelled,
    /// Fails for good, and stays as a dead job.
    Dead,
    /// Added by cron.
    Cron,
}

/// How many of a thousand jobs are of which kind.
pub(crate) type Mix = &'static [(Kind, usize)];

pub(crate) const FEW_KINDS: Mix = &[(Kind::Later, 100), (Kind::Queued, 100), (Kind::Plain, 800)];
pub(crate) const ALL_KINDS: Mix = &[
    (Kind::Later, 150),
    (Kind::Queued, 150),
    (Kind::Retried, 100),
    (Kind::Keyed, 100),
    (Kind::Prioritised, 100),
    (Kind::Cancelled, 20),
    (Kind::Dead, 1),
    (Kind::Plain, 379),
];

#[derive(Serialize, Deserialize)]
struct Step {
    kind: Kind,
    due: DateTime<Utc>,
}

impl Task for Step {
    const NAME: &'static str = "load.step";
}

/// What the jobs have reported since the last call.
#[derive(Default)]
pub(crate) struct Told {
    samples: BTreeMap<Kind, Vec<Duration>>,
    /// All attempts that have started.
    pub(crate) attempts: usize,
}

impl Told {
    /// Adds what jobs have reported in another time. The samples are no longer sorted.
    pub(crate) fn add(&mut self, other: Self) {
        for (kind, samples) in other.samples {
            self.samples.entry(kind).or_default().extend(samples);
        }
        self.attempts += other.attempts;
    }

    pub(crate) fn sort(&mut self) {
        self.samples.values_mut().for_each(|samples| samples.sort());
    }

    /// How long after it was due, or was sent, a job of the kind has started.
    pub(crate) fn percentile(&self, kind: Kind, percent: usize) -> f64 {
        self.samples.get(&kind).map_or(0.0, |samples| percentile(samples, percent))
    }
}

/// Where the jobs report.
pub(crate) type Book = Arc<Mutex<Told>>;

pub(crate) fn read(book: &Book) -> Told {
    let mut told = std::mem::take(&mut *book.lock().unwrap_or_else(PoisonError::into_inner));
    told.sort();
    told
}

/// The handler of the stream's jobs.
pub(crate) fn with_steps(builder: SchedulerBuilder, book: &Book) -> SchedulerBuilder {
    let book = Arc::clone(book);
    builder.handler(move |step: Step, job: JobContext| std::future::ready(act(&book, &step, job.attempt())))
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Tick {}

impl Task for Tick {
    const NAME: &'static str = "load.tick";
}

/// The handler of cron's jobs.
pub(crate) fn with_ticks(builder: SchedulerBuilder, book: &Book) -> SchedulerBuilder {
    let book = Arc::clone(book);
    builder.handler(move |_: Tick, job: JobContext| {
        let mut told = book.lock().unwrap_or_else(PoisonError::into_inner);
        let late = job.cron().and_then(|fire| (Utc::now() - fire.due_at).to_std().ok());
        told.samples.entry(Kind::Cron).or_default().extend(late);
        std::future::ready(())
    })
}

fn act(book: &Book, step: &Step, attempt: i16) -> JobResult {
    let mut told = book.lock().unwrap_or_else(PoisonError::into_inner);
    told.attempts += 1;
    if attempt == 1 {
        let late = (Utc::now() - step.due).to_std().unwrap_or_default();
        told.samples.entry(step.kind).or_default().push(late);
    }
    match step.kind {
        Kind::Retried if attempt == 1 => Err(JobError::retry_in(RETRY_AFTER, "not yet")),
        Kind::Cancelled => Err(JobError::cancel("not wanted")),
        Kind::Dead => Err(JobError::discard("no use")),
        Kind::Plain
        | Kind::Later
        | Kind::Queued
        | Kind::Retried
        | Kind::Keyed
        | Kind::Prioritised
        | Kind::Cron => Ok(()),
    }
}

/// The stream; it ends by [`Stream::stop`].
pub(crate) struct Stream {
    stopping: Arc<AtomicBool>,
    sending: JoinHandle<Outcome<()>>,
}

impl Stream {
    pub(crate) fn start(url: &str, mix: Mix, rate: usize) -> Self {
        let stopping = Arc::new(AtomicBool::new(false));
        let (url, stop) = (url.to_owned(), Arc::clone(&stopping));
        Self { stopping, sending: tokio::task::spawn_blocking(move || send(&url, mix, rate, &stop)) }
    }

    pub(crate) async fn stop(self) -> Outcome<()> {
        self.stopping.store(true, Ordering::Relaxed);
        self.sending.await?
    }
}

fn send(url: &str, mix: Mix, rate: usize, stopping: &AtomicBool) -> Outcome<()> {
    let mut conn = connect(url)?;
    let (began, mut sent) = (Instant::now(), 0);
    while !stopping.load(Ordering::Relaxed) {
        let due = (began.elapsed().as_secs_f64() * rate as f64) as usize;
        let jobs = (sent..due).map(|number| step(mix, number)).collect::<Result<Vec<_>, _>>()?;
        insert_many(&mut conn, &jobs)?;
        sent = due;
        std::thread::sleep(TICK);
    }
    Ok(())
}

fn step(mix: Mix, number: usize) -> Outcome<NewJob> {
    // A prime, so that the kinds are spread over each second.
    let mut place = number * 389 % 1_000;
    let kind = mix.iter().find(|(_, share)| {
        let here = place < *share;
        place = place.saturating_sub(*share);
        here
    });
    let kind = kind.map_or(Kind::Plain, |(kind, _)| *kind);
    let due = if kind == Kind::Later { Utc::now() + LATER } else { Utc::now() };
    let job = Enqueue::new(Step { kind, due });
    let job = match kind {
        Kind::Later => job.run_at(due),
        Kind::Queued => job.queue(format!("load queue {}", number % QUEUES)),
        Kind::Keyed => job.key(format!("load key {}", number % KEYS)),
        Kind::Prioritised => job.priority(if number.is_multiple_of(2) { -5 } else { 5 }),
        Kind::Plain | Kind::Retried | Kind::Cancelled | Kind::Dead | Kind::Cron => job,
    };
    Ok(NewJob::try_from(job)?)
}
