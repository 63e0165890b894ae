//! What there is at one moment: jobs by state and task, the age of the oldest ready jobs, parked jobs by queue, workers, and what
//! holds dead rows back. One process of all samples these gauges every ten seconds. Everyone else reads one row.
//!
//! ```no_run
//! # fn main() -> Result<(), mainspring::StoreError> {
//! let mut conn = mainspring::database::connect("postgres://localhost/app")?;
//! if let Some(gauges) = mainspring::gauges::read(&mut conn)? {
//!     println!("{} jobs were ready at {}", gauges.jobs_in(mainspring::JobState::Ready), gauges.sampled_at);
//! }
//! # Ok(())
//! # }
//! ```

use chrono::{DateTime, Utc};
use diesel::sql_types::{Nullable, Text};
use serde::{Deserialize, Serialize};

use super::errors::{self, CountedErrors, add_errors};
use super::json_moment::required;
use super::json_rows::{decoded, rows};
use super::statement::Statement;
use super::stats::{self, Stats};
use crate::error::StoreError;
use crate::lifecycle::JobState;
use crate::store::session::AsSession;

/// What there was when a process looked last.
///
/// Lists have at most 50 names, and then one entry under [`Gauges::OTHERS`] for the others together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Gauges {
    /// When that was, by the clock of the database.
    #[serde(deserialize_with = "required")]
    pub sampled_at: DateTime<Utc>,
    /// The jobs by state and task. Each state has an entry for the other tasks, which may be zero.
    pub jobs: Vec<JobsGauge>,
    /// The parked jobs by queue.
    pub parked: Vec<ParkedGauge>,
    /// For how long the oldest ready job of a task has been due, of the 50 tasks with the oldest jobs.
    pub oldest_ready: Vec<AgeGauge>,
    /// The workers that send heartbeats.
    pub workers: i64,
    /// The workers whose heartbeats have ceased, and whose jobs are not all rescued.
    pub lost_workers: i64,
    /// For how many seconds the same transaction, replication slot or prepared transaction has kept dead rows from being
    /// removed. To ten seconds.
    pub horizon_seconds: f64,
    /// How many transactions have begun since that one.
    pub horizon_transactions: i64,
    /// The dead rows in the table of jobs, as the statistics of the server count them.
    pub dead_rows: i64,
}

/// How many jobs of a task are in a state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct JobsGauge {
    /// The state.
    pub state: JobState,
    /// The task, or [`Gauges::OTHERS`].
    pub task: String,
    /// How many there are.
    pub jobs: i64,
    /// Where the number is from.
    pub measured: Measured,
}

/// How many jobs of a queue wait for admission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ParkedGauge {
    /// The queue, or [`Gauges::OTHERS`].
    pub queue: String,
    /// How many there are.
    pub jobs: i64,
    /// Where the number is from.
    pub measured: Measured,
}

/// For how long the oldest ready job of a task has been due.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AgeGauge {
    /// The task.
    pub task: String,
    /// The age in seconds.
    pub seconds: f64,
}

/// Where a number of jobs is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Measured {
    /// The jobs of the state were counted. There are fewer than 5,000.
    Exact,
    /// The state has many jobs, and the number is what the planner expects since the last `ANALYZE` of the table.
    Estimated,
}

impl Gauges {
    /// The name of all tasks, or of all queues, that have no entry of their own.
    pub const OTHERS: &'static str = Stats::OTHERS;

    /// Returns how many jobs are in a state, of all tasks.
    #[must_use]
    pub fn jobs_in(&self, state: JobState) -> i64 {
        self.jobs.iter().filter(|gauge| gauge.state == state).map(|gauge| gauge.jobs).sum()
    }

    /// Whether something may change soon without this process having a part in it.
    pub(crate) fn is_busy(&self) -> bool {
        [JobState::Parked, JobState::Ready, JobState::Running].iter().any(|state| self.jobs_in(*state) > 0)
    }
}

/// Returns the last sample, or `None` before the first one. A process samples every ten seconds while jobs run or wait, and every
/// minute otherwise.
///
/// # Errors
///
/// When the database fails.
pub fn read(conn: &mut impl AsSession) -> Result<Option<Gauges>, StoreError> {
    let found = "SELECT gauges::text FROM mainspring.sample WHERE gauges ? 'sampled_at'";
    Ok(rows(conn, Statement::new(found))?.pop())
}

type Columns = (Nullable<Text>, Nullable<Text>, Nullable<Text>);
type Stored = (Option<String>, Option<String>, Option<String>);

/// Stores statistics and errors, and returns the last sample of the gauges, which is a new one if it was time for that. One statement, in
/// which the sample comes first: no row of the statistics is locked meanwhile.
pub(crate) fn store(
    conn: &mut impl AsSession,
    added: &[Stats],
    errors: &[CountedErrors],
) -> Result<Option<Gauges>, StoreError> {
    let text = concat!(
        "SELECT mainspring.sample_gauges()::text, mainspring.add_stats({}::jsonb)::text, ",
        add_errors!()
    );
    let added = stats::to_json(added);
    let (found, _, _): Stored = errors::store(conn, errors, |conn, errors| {
        let statement = Statement::<Columns>::new(text).bind::<Text, _>(&added).bind::<Text, _>(errors);
        statement.get_result(conn)
    })?;
    found.map(|found| decoded(&found)).transpose()
}
