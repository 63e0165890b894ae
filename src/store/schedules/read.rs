//! Reads schedules and what became of their fires, for people and their programs. Changes nothing.

use std::fmt;

use chrono::{DateTime, Utc};
use diesel::sql_types::BigInt;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::clock::Clock;
use crate::cron::Recurrence;
use crate::error::StoreError;
use crate::schedule::Overlap;
use crate::store::counts::LIST_CAP;
use crate::store::json_moment;
use crate::store::json_rows::rows;
use crate::store::labels;
use crate::store::like;
use crate::store::query;
use crate::store::session::AsSession;
use crate::store::statement::Statement;

/// How many of its next fires a schedule shows.
const NEXT_FIRES: usize = 5;

/// A schedule with its next and last fires.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ScheduleRow {
    /// The schedule's name.
    pub name: String,
    /// The task of its jobs.
    pub task: String,
    /// When it fires, as it was written.
    pub expression: String,
    /// The zone whose wall clock counts.
    pub zone: String,
    /// The payload of its jobs, without what each fire adds. A payload that cannot be read as a value, because of a number
    /// or its depth, is its text.
    #[serde(deserialize_with = "readable")]
    pub payload: Value,
    /// The queue of its jobs: its own, or that of its task.
    pub queue: Option<String>,
    /// Smaller runs first. Its own, or that of its task.
    pub priority: i16,
    /// After how many failed attempts a job is dead. Its own, or that of its task.
    pub max_attempts: i16,
    /// The key of its jobs, if it is not `schedule:NAME`.
    pub key: Option<String>,
    /// The labels of its jobs.
    #[serde(default, deserialize_with = "labels::listed")]
    pub flags: Option<Vec<String>>,
    /// The version of the task that the payload is of. `None`: the one that is published when the schedule fires.
    #[serde(default)]
    pub version: Option<i32>,
    /// What a fire does while an earlier job lives.
    pub overlap: Overlap,
    /// How many missed fires are made up for at most.
    pub catch_up: u32,
    /// Nothing fires before.
    #[serde(default, deserialize_with = "json_moment::optional")]
    pub starts_at: Option<DateTime<Utc>>,
    /// Nothing fires after.
    #[serde(default, deserialize_with = "json_moment::optional")]
    pub ends_at: Option<DateTime<Utc>>,
    /// Over how many seconds its jobs are spread.
    pub jitter_seconds: u32,
    /// Whether the schedule is paused.
    pub paused: bool,
    /// The next five fires; fewer when the schedule ends before, none when it is paused or faulty.
    #[serde(default)]
    pub next_fires: Vec<DateTime<Utc>>,
    /// When its last fire was due.
    #[serde(default, deserialize_with = "json_moment::optional")]
    pub last_fire_at: Option<DateTime<Utc>>,
    /// What became of its last fire: `enqueued`, `skipped` or `replaced`.
    pub last_outcome: Option<String>,
    /// The job of its last fire.
    pub last_job_id: Option<i64>,
    /// Where that job stands: the name of its state, or `finished` when its row is gone.
    pub last_job_state: Option<String>,
    /// Why the schedule does not fire, though it is not paused.
    pub error: Option<String>,
    /// Since when a scheduler has tried to make a fire that is due, and could not.
    #[serde(default, deserialize_with = "json_moment::optional")]
    pub late_since: Option<DateTime<Utc>>,
    /// Why it could not.
    #[serde(default)]
    pub late_reason: Option<String>,
    /// Why its jobs will not succeed, though it fires: no living worker knows the task, or the task does not accept the payload.
    #[serde(default)]
    pub warning: Option<String>,
    /// When it was made.
    #[serde(deserialize_with = "json_moment::required")]
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    #[serde(deserialize_with = "json_moment::required")]
    pub updated_at: DateTime<Utc>,
}

/// One fire of a schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ScheduleFire {
    /// The schedule's name.
    pub schedule: String,
    /// When it was due.
    #[serde(deserialize_with = "json_moment::required")]
    pub due_at: DateTime<Utc>,
    /// When the fire was handled, and its job enqueued.
    #[serde(deserialize_with = "json_moment::required")]
    pub fired_at: DateTime<Utc>,
    /// `enqueued`; `skipped` or `replaced` by the overlap policy; or `missed`, which stands for all fires from `due_at`
    /// on that were not made up for. `replaced` with a job took the place of the waiting one; without a job, a later fire
    /// took its place.
    pub outcome: String,
    /// The job, where one was enqueued or replaced.
    pub job_id: Option<i64>,
    /// Whether a person triggered it.
    pub triggered: bool,
}

/// Which schedules [`list`] returns: those that meet every condition that is set. A route reads it from a query:
/// `web::Query<ScheduleFilter>` takes the names of the fields, and refuses others.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
#[must_use = "a filter does nothing until it is given to `list`"]
pub struct ScheduleFilter {
    /// Only schedules of this task.
    pub task: Option<String>,
    /// Only schedules whose names begin with this text, such as `acme/`. Upper and lower case differ.
    pub prefix: Option<String>,
    /// Only schedules whose names come after this one. The last name of one page selects the next page.
    pub after: Option<String>,
    /// At most this many; default 100. A query may ask for at most 10,000.
    #[serde(deserialize_with = "query::limit")]
    pub limit: u32,
}

impl ScheduleFilter {
    /// Creates a filter that admits the first 100 schedules.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Default for ScheduleFilter {
    fn default() -> Self {
        Self { task: None, prefix: None, after: None, limit: 100 }
    }
}

// What a restore may have written beyond the bounds is shown at them: an unknown policy as the default, which a fire reports.
const SHOWN: &str = "SELECT (to_jsonb(r) || jsonb_build_object('catch_up', greatest(r.catch_up, 0), \
    'jitter_seconds', greatest(r.jitter_seconds, 0), \
    'overlap', CASE WHEN r.overlap IN ('allow', 'skip', 'replace') THEN r.overlap ELSE 'allow' END))::text \
    FROM (SELECT v.*, CASE WHEN v.last_job_id IS NOT NULL \
    THEN coalesce((SELECT j.state FROM mainspring.jobs_view AS j WHERE j.id = v.last_job_id), 'finished') END \
    AS last_job_state FROM mainspring.schedules_view AS v WHERE ";

/// Returns the schedules that the filter admits, in the order of the bytes of their names, whatever the database sorts by.
/// Crontab lines are not among them: [`lines`] returns those, and the view `mainspring.schedules_view` shows both.
///
/// ```no_run
/// use mainspring::schedules::{self, ScheduleFilter};
///
/// let mut conn = mainspring::database::connect("postgres://localhost/app")?;
/// let mut of_tenant = ScheduleFilter::new();
/// of_tenant.prefix = Some("acme/".into());
/// loop {
///     let page = schedules::list(&mut conn, &of_tenant)?;
///     let Some(last) = page.last() else { break };
///     of_tenant.after = Some(last.name.clone());
///     page.iter().for_each(|schedule| println!("{}", schedule.name));
/// }
/// # Ok::<(), mainspring::StoreError>(())
/// ```
///
/// # Errors
///
/// [`StoreError::Database`] when the database refuses, also where the schema is missing.
pub fn list(conn: &mut impl AsSession, filter: &ScheduleFilter) -> Result<Vec<ScheduleRow>, StoreError> {
    let of_task = if filter.task.is_some() { "AND v.task = {}" } else { "" };
    let text = format!(
        "{SHOWN} v.owner = 'people' AND v.name > {{}} AND v.name LIKE {{}} {of_task} ORDER BY v.name LIMIT {}) AS r",
        filter.limit
    );
    let after = filter.after.as_deref().unwrap_or_default();
    let pattern = like::beginning_with(filter.prefix.as_deref().unwrap_or_default());
    let statement = Statement::new(text).text("after", after).text("prefix", pattern);
    let found = match filter.task.as_deref() {
        Some(task) => rows(conn, statement.text("task", task))?,
        None => rows(conn, statement)?,
    };
    Ok(found.into_iter().map(with_next_fires).collect())
}

/// Returns the crontab lines of the programs that run, in the order of their names, at most [`LIST_CAP`](crate::status::LIST_CAP).
/// Programs own them, so no verb changes them.
///
/// # Errors
///
/// As [`list`].
pub fn lines(conn: &mut impl AsSession) -> Result<Vec<ScheduleRow>, StoreError> {
    let text = format!(
        "{SHOWN} v.owner = 'code' AND EXISTS (SELECT FROM mainspring.workers AS w WHERE v.name = ANY (w.lines)) \
         ORDER BY v.name LIMIT {LIST_CAP}) AS r"
    );
    let found = rows(conn, Statement::new(text))?;
    Ok(found.into_iter().map(with_next_fires).collect())
}

/// Returns the schedule of this name, or `None` when there is none.
///
/// # Errors
///
/// As [`list`].
pub fn get(conn: &mut impl AsSession, name: &str) -> Result<Option<ScheduleRow>, StoreError> {
    let statement =
        Statement::new(format!("{SHOWN} v.owner = 'people' AND v.name = {{}}) AS r")).text("name", name);
    Ok(rows(conn, statement)?.pop().map(with_next_fires))
}

/// Returns the schedule of this name, as [`get`] does.
///
/// # Errors
///
/// As [`list`], and [`StoreError::NotFound`] when there is no such schedule.
pub fn require(conn: &mut impl AsSession, name: &str) -> Result<ScheduleRow, StoreError> {
    get(conn, name)?.ok_or_else(|| StoreError::not_found("schedule", name))
}

/// Returns the last fires of a schedule, newest first, as far as the history goes back.
///
/// # Errors
///
/// As [`list`].
pub fn fires(conn: &mut impl AsSession, name: &str, limit: u32) -> Result<Vec<ScheduleFire>, StoreError> {
    let statement = Statement::new(
        "SELECT row_to_json(f)::text FROM mainspring.schedule_fires AS f WHERE schedule = {} AND owner = 'people' \
         ORDER BY schedule DESC, fired_at DESC, due_at DESC LIMIT {}",
    );
    rows(conn, statement.text("name", name).bind::<BigInt, _>(i64::from(limit)))
}

/// Without the payload, whose values belong into no log.
impl fmt::Debug for ScheduleRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScheduleRow")
            .field("name", &self.name)
            .field("task", &self.task)
            .field("expression", &self.expression)
            .field("zone", &self.zone)
            .field("queue", &self.queue)
            .field("key", &self.key)
            .field("paused", &self.paused)
            .field("next_fires", &self.next_fires)
            .field("last_fire_at", &self.last_fire_at)
            .field("last_outcome", &self.last_outcome)
            .field("error", &self.error)
            .field("late_reason", &self.late_reason)
            .field("warning", &self.warning)
            .finish_non_exhaustive()
    }
}

fn readable<'de, D: Deserializer<'de>>(from: D) -> Result<Value, D::Error> {
    let raw = Box::<RawValue>::deserialize(from)?;
    Ok(serde_json::from_str(raw.get()).unwrap_or_else(|_| Value::String(raw.get().to_owned())))
}

fn with_next_fires(mut row: ScheduleRow) -> ScheduleRow {
    let recurrence = Recurrence::read(&row.expression, &row.zone, row.starts_at, row.ends_at);
    if let (Ok(recurrence), false, None) = (recurrence, row.paused, &row.error) {
        row.next_fires = recurrence.fires_after(Clock::default().now()).take(NEXT_FIRES).collect();
    }
    row
}
