//! What the jobs of a task or of a queue did in a span of time: counts, and how long they waited and ran. Each process adds to
//! the numbers every ten seconds. A process that is killed takes those of the last ten seconds with it.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! # fn main() -> Result<(), mainspring::StoreError> {
//! let mut conn = mainspring::database::connect("postgres://localhost/app")?;
//! for task in mainspring::stats::since(&mut conn, Duration::from_secs(3600))? {
//!     println!("{}: {} succeeded, half of them within {:?}", task.name, task.counts.succeeded, task.run.quantile(0.5));
//! }
//! # Ok(())
//! # }
//! ```

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::sql_types::{Array, BigInt, Integer, Nullable, Text, Timestamptz};
use serde::Serialize;
use serde_json::json;

use super::errors::{CountedErrors, add_errors, store};
use super::moment::Moment;
use super::statement::{Statement, millis};
use crate::error::StoreError;
use crate::store::session::AsSession;

pub use crate::histogram::Histogram;

/// What jobs did in a span of time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Stats {
    /// Whether these are the jobs of a task or of a queue.
    pub kind: Kind,
    /// The task or the queue. [`Stats::OTHERS`] for all that are not counted by name.
    pub name: String,
    /// How often what happened.
    #[serde(flatten)]
    pub counts: Counts,
    /// From the time at which a job was due to the start of its attempt.
    pub wait: Histogram,
    /// From start to end of an attempt.
    pub run: Histogram,
}

/// What the jobs of a task did in a minute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Minute {
    /// When the minute began.
    pub begins_at: DateTime<Utc>,
    /// The task. [`Stats::OTHERS`] for all that are not counted by name.
    pub task: String,
    /// How often what happened.
    #[serde(flatten)]
    pub counts: Counts,
    /// From the time at which a job was due to the start of its attempt.
    pub wait: Histogram,
    /// From start to end of an attempt.
    pub run: Histogram,
}

/// Of what jobs are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The jobs of a task.
    Task,
    /// The jobs of a queue, or of all queues that begin with a prefix.
    Queue,
}

/// How often what happened to jobs.
///
/// `succeeded` to `interrupted` count attempts whose outcome is stored, as [`RunSummary`](crate::RunSummary) does. A job that
/// was cancelled while it waited has no attempt, and is not counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Counts {
    /// Jobs that were added through a scheduler. Those that were added by SQL, on connections of the application, or by cron
    /// are not counted.
    pub enqueued: u64,
    /// Attempts that have started.
    pub started: u64,
    /// Attempts after which the job is done.
    pub succeeded: u64,
    /// Attempts that failed, and that another one follows.
    pub failed: u64,
    /// Jobs that have died: in an attempt, or with their worker.
    pub dead: u64,
    /// Jobs that were cancelled while they ran, or that cancelled themselves.
    pub cancelled: u64,
    /// Attempts in which the job snoozed itself.
    pub snoozed: u64,
    /// Attempts that were stopped from outside.
    pub interrupted: u64,
    /// Attempts whose lease was lost before the outcome could be stored.
    pub lost: u64,
    /// Jobs that were taken from lost workers.
    pub rescued: u64,
}

impl Kind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Task => "task",
            Self::Queue => "queue",
        }
    }
}

impl Counts {
    /// Adds other counts.
    pub fn merge(&mut self, other: &Self) {
        self.enqueued = self.enqueued.saturating_add(other.enqueued);
        self.started = self.started.saturating_add(other.started);
        self.succeeded = self.succeeded.saturating_add(other.succeeded);
        self.failed = self.failed.saturating_add(other.failed);
        self.dead = self.dead.saturating_add(other.dead);
        self.cancelled = self.cancelled.saturating_add(other.cancelled);
        self.snoozed = self.snoozed.saturating_add(other.snoozed);
        self.interrupted = self.interrupted.saturating_add(other.interrupted);
        self.lost = self.lost.saturating_add(other.lost);
        self.rescued = self.rescued.saturating_add(other.rescued);
    }
}

impl Stats {
    /// The name of all tasks, or of all queues, that are not counted by name.
    pub const OTHERS: &'static str = "";

    /// What was counted after an earlier state of the same numbers.
    pub(crate) fn since(&self, before: &Self) -> Self {
        let (now, then) = (&self.counts, &before.counts);
        let counts = Counts {
            enqueued: now.enqueued.saturating_sub(then.enqueued),
            started: now.started.saturating_sub(then.started),
            succeeded: now.succeeded.saturating_sub(then.succeeded),
            failed: now.failed.saturating_sub(then.failed),
            dead: now.dead.saturating_sub(then.dead),
            cancelled: now.cancelled.saturating_sub(then.cancelled),
            snoozed: now.snoozed.saturating_sub(then.snoozed),
            interrupted: now.interrupted.saturating_sub(then.interrupted),
            lost: now.lost.saturating_sub(then.lost),
            rescued: now.rescued.saturating_sub(then.rescued),
        };
        Self {
            kind: self.kind,
            name: self.name.clone(),
            counts,
            wait: self.wait.since(&before.wait),
            run: self.run.since(&before.run),
        }
    }
}

// The counts, in the order of the columns.
macro_rules! columns {
    () => {
        "enqueued, started, succeeded, failed, dead, cancelled, snoozed, interrupted, lost, rescued"
    };
}

type Columns = (
    Text,
    Text,
    Array<BigInt>,
    Nullable<Integer>,
    Nullable<Array<BigInt>>,
    Nullable<Integer>,
    Nullable<Array<BigInt>>,
);
type Row = (String, String, Vec<i64>, Option<i32>, Option<Vec<i64>>, Option<i32>, Option<Vec<i64>>);

/// Returns what jobs did since that long ago: tasks first, then the queues that processes count, each by name. A minute counts
/// if it begins in that time. Beyond two days, that holds for hours.
///
/// # Errors
///
/// When the database fails.
pub fn since(conn: &mut impl AsSession, ago: Duration) -> Result<Vec<Stats>, StoreError> {
    let rows: Vec<Row> = Statement::<Columns>::new(concat!(
        "SELECT kind, name, ARRAY[",
        columns!(),
        "], array_lower(wait, 1), wait, array_lower(run, 1), run \
         FROM mainspring.stats_since(mainspring.now() - {} * interval '1 millisecond') ORDER BY kind DESC, name COLLATE \"C\""
    ))
    .bind::<BigInt, _>(millis(ago))
    .load(conn)?;
    Ok(rows.into_iter().map(Stats::from_row).collect())
}

type MinuteColumns = (
    Timestamptz,
    Text,
    Array<BigInt>,
    Nullable<Integer>,
    Nullable<Array<BigInt>>,
    Nullable<Integer>,
    Nullable<Array<BigInt>>,
);
type MinuteRow = (Moment, String, Vec<i64>, Option<i32>, Option<Vec<i64>>, Option<i32>, Option<Vec<i64>>);

/// Returns what each task did in each minute that begins since that long ago, the oldest minute first. A minute in which nothing was
/// counted is missing, and so is each that is older than two days.
///
/// The rows come as they are stored, so this costs the server little. An hour of 20 tasks is about a megabyte.
///
/// # Errors
///
/// When the database fails.
pub fn by_minute(conn: &mut impl AsSession, ago: Duration) -> Result<Vec<Minute>, StoreError> {
    let rows: Vec<MinuteRow> = Statement::<MinuteColumns>::new(concat!(
        "SELECT begins_at, name, ARRAY[",
        columns!(),
        "], array_lower(wait, 1), wait, array_lower(run, 1), run FROM mainspring.stats \
         WHERE kind = 'task' AND span = 'minute' AND begins_at >= mainspring.now() - {} * interval '1 millisecond' \
         ORDER BY begins_at"
    ))
    .bind::<BigInt, _>(millis(ago))
    .load(conn)?;
    Ok(rows.into_iter().map(Minute::from_row).collect())
}

/// Adds numbers to those of the current minute, and errors to their groups. Without any, there is no statement.
pub(crate) fn add(
    conn: &mut impl AsSession,
    added: &[Stats],
    errors: &[CountedErrors],
) -> Result<(), StoreError> {
    if added.is_empty() && errors.is_empty() {
        return Ok(());
    }
    let (text, added) =
        (concat!("SELECT mainspring.add_stats({}::jsonb)::text, ", add_errors!()), to_json(added));
    store(conn, errors, |conn, errors| {
        Statement::<()>::new(text).bind::<Text, _>(&added).bind::<Text, _>(errors).execute(conn)
    })?;
    Ok(())
}

/// As sql/stats/add_stats.sql reads them.
pub(super) fn to_json(added: &[Stats]) -> String {
    serde_json::Value::from_iter(added.iter().map(Stats::to_json)).to_string()
}

impl Counts {
    fn from_columns(counts: Vec<i64>) -> Self {
        let mut counts = counts.into_iter().map(|count| u64::try_from(count).unwrap_or_default());
        let mut next = || counts.next().unwrap_or_default();
        Self {
            enqueued: next(),
            started: next(),
            succeeded: next(),
            failed: next(),
            dead: next(),
            cancelled: next(),
            snoozed: next(),
            interrupted: next(),
            lost: next(),
            rescued: next(),
        }
    }
}

impl Minute {
    fn from_row((begins_at, task, counts, wait_from, wait, run_from, run): MinuteRow) -> Self {
        let (wait, run) = (histogram(wait_from, wait), histogram(run_from, run));
        Self { begins_at: begins_at.0, task, counts: Counts::from_columns(counts), wait, run }
    }
}

impl Stats {
    fn from_row((kind, name, counts, wait_from, wait, run_from, run): Row) -> Self {
        let counts = Counts::from_columns(counts);
        let kind = if kind == Kind::Queue.as_str() { Kind::Queue } else { Kind::Task };
        Self { kind, name, counts, wait: histogram(wait_from, wait), run: histogram(run_from, run) }
    }

    fn to_json(&self) -> serde_json::Value {
        let mut value = json!(self.counts);
        value["kind"] = self.kind.as_str().into();
        value["name"] = self.name.as_str().into();
        value["wait"] = self.wait.to_sql().into();
        value["run"] = self.run.to_sql().into();
        value
    }
}

fn histogram(first: Option<i32>, counts: Option<Vec<i64>>) -> Histogram {
    let first = first.and_then(|first| usize::try_from(first).ok()).unwrap_or_default();
    let counts = counts.into_iter().flatten().map(|count| u64::try_from(count).unwrap_or_default());
    Histogram::from_bins(first, counts)
}
