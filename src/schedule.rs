//! A schedule to be created, and changes to the fields of one. Plain values: when a schedule fires is computed elsewhere,
//! and the database checks the limits.

use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value};

use crate::cron::{CronExpression, read_zone};
use crate::error::StoreError;
use crate::job::payload::{check_depth, text_of, to_value};
use crate::job::{Constants, JobOptions, KeyMode, Task};

mod json;
mod policies;

pub use self::policies::{CatchUp, Overlap};

/// A schedule to be created.
///
/// ```
/// use mainspring::{NewSchedule, Overlap};
///
/// let nightly = NewSchedule::new("nightly", "report.publish", "30 2 * * mon-fri")
///     .payload(serde_json::json!({"report_id": "r1"}))
///     .zone("Europe/Berlin")
///     .overlap(Overlap::Skip);
/// assert_eq!(nightly.name(), "nightly");
/// ```
#[derive(Debug, Clone, PartialEq)]
#[must_use = "a schedule does nothing until it is given to `create`"]
pub struct NewSchedule {
    name: String,
    fields: ScheduleChanges,
}

/// Changes to a schedule. A field that is not set stays as it is.
///
/// ```
/// use mainspring::ScheduleChanges;
///
/// let changes = ScheduleChanges::new().expression("0 3 * * *").queue(None);
/// ```
#[derive(Clone, PartialEq, Default)]
#[must_use = "changes do nothing until they are given to `update`"]
pub struct ScheduleChanges {
    pub(crate) fields: Map<String, Value>,
    /// The name that the body had which they were read from.
    name: Option<String>,
}

impl NewSchedule {
    /// Creates a schedule that adds jobs of the task named `task` whenever the expression fires. The name is unique over
    /// schedules, 1 to 128 characters.
    pub fn new(name: impl Into<String>, task: impl Into<String>, expression: impl Into<String>) -> Self {
        Self { name: name.into(), fields: ScheduleChanges::new().task(task).expression(expression) }
    }

    /// Creates a schedule that adds jobs of the type `T` with this payload, and with the options of [`Task::options`] unless
    /// a setter says otherwise.
    ///
    /// A key among them goes with the overlap that its mode means: [`Overlap::Skip`] for
    /// [`KeyMode::UnsafeDedupe`](crate::KeyMode::UnsafeDedupe), otherwise [`Overlap::Replace`]. A `run_at` is ignored: the
    /// fire's time takes its place.
    ///
    /// # Errors
    ///
    /// [`StoreError::Payload`] when the payload cannot be written as JSON, [`StoreError::Invalid`] when it would be read back
    /// as something else.
    pub fn of<T: Task>(
        name: impl Into<String>,
        task: &T,
        expression: impl Into<String>,
    ) -> Result<Self, StoreError> {
        let payload = to_value(T::NAME, task)?;
        // A task without fields is written as null.
        let payload = if payload.is_null() { Value::Object(Map::new()) } else { payload };
        Ok(Self::new(name, T::NAME, expression)
            .payload(payload)
            .version(T::VERSION)
            .with(ScheduleChanges::of_options(Constants::options_of(task))))
    }

    /// Returns the name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Gives the schedule another name, such as one with the tenant's prefix.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Returns the task of its jobs.
    #[must_use]
    pub fn task(&self) -> &str {
        self.fields.get("task").and_then(Value::as_str).unwrap_or_default()
    }

    /// Returns the fields that are set so far, task and expression among them.
    pub fn fields(&self) -> &ScheduleChanges {
        &self.fields
    }

    /// Sets every field that the changes name.
    pub fn with(mut self, fields: ScheduleChanges) -> Self {
        self.fields.fields.extend(fields.fields);
        self
    }
}

/// The same setters for a new schedule as for a change; each of them only writes its field down.
macro_rules! setters {
    ($($(#[$doc:meta])+ $field:ident: $type:ty => $written:expr;)+) => {
        impl ScheduleChanges {
            $($(#[$doc])+ pub fn $field(self, $field: $type) -> Self {
                self.set(stringify!($field), $written($field))
            })+
        }

        impl NewSchedule {
            $($(#[$doc])+ pub fn $field(mut self, $field: $type) -> Self {
                self.fields = self.fields.$field($field);
                self
            })+
        }
    };
}

setters! {
    /// Sets the payload of the jobs, an object; default `{}`. Each job's gains `_cron` with the fire's time, `ts`, whether it
    /// was missed and made up for, `backfilled`, and the name of the schedule, `schedule`.
    payload: Value => Value::from;
    /// Sets the zone whose wall clock the expression is about, such as `Europe/Berlin`; default UTC. The crontab option
    /// `tz` corresponds.
    zone: &str => Value::from;
    /// Sets the queue of the jobs. The default, `None`, is that of the task when the schedule fires.
    queue: Option<&str> => Value::from;
    /// Sets the priority of the jobs, smaller runs first. The default is that of the task when the schedule fires, else 0.
    priority: i16 => Value::from;
    /// Sets after how many failed attempts a job is dead. The default is that of the task when the schedule fires, else 25.
    max_attempts: i16 => Value::from;
    /// Sets the key of the jobs, for [`Overlap::Skip`] and [`Overlap::Replace`]; default `schedule:NAME`.
    key: Option<&str> => Value::from;
    /// Sets the flags of the jobs: labels by which a process may leave them alone; default none.
    flags: Vec<String> => Value::from;
    /// Sets what a fire does while an earlier job lives; default [`Overlap::Allow`].
    overlap: Overlap => policy_name;
    /// Sets the moment before which nothing fires; default none.
    starts_at: Option<DateTime<Utc>> => moment_text;
    /// Sets the moment after which nothing fires; default none.
    ends_at: Option<DateTime<Utc>> => moment_text;
    /// Spreads the jobs over this many seconds after their fires, so that many schedules do not start at once: each is
    /// due a while later, always the same for the same name and time, and always before the next fire. At most 86,400; default
    /// 0.
    jitter_seconds: u32 => Value::from;
    /// Sets whether the schedule is paused; default no.
    paused: bool => Value::from;
    /// Sets the version of the task that the payload is of, at least 0. The default is that of the task where it is known: by its
    /// type, by this process, or as its workers have published it.
    version: i32 => Value::from;
}

impl NewSchedule {
    /// Sets how many missed fires are made up for; default [`CatchUp::Last`]. The crontab option `catchup` corresponds.
    pub fn catch_up(mut self, catch_up: CatchUp) -> Self {
        self.fields = self.fields.catch_up(catch_up);
        self
    }
}

impl ScheduleChanges {
    /// Creates changes that change nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the task of the jobs, 1 to 128 characters.
    pub fn task(self, task: impl Into<String>) -> Self {
        self.set("task", task.into())
    }

    /// Sets when the schedule fires, as [`CronExpression`] reads it.
    pub fn expression(self, expression: impl Into<String>) -> Self {
        self.set("expression", expression.into())
    }

    /// Sets how many missed fires are made up for. The crontab option `catchup` corresponds.
    pub fn catch_up(self, catch_up: CatchUp) -> Self {
        self.set("catch_up", catch_up.limit())
    }

    /// Returns the value of a field that is set, by its name in SQL and JSON. `null` stands for the default.
    ///
    /// ```
    /// use mainspring::ScheduleChanges;
    ///
    /// let changes = ScheduleChanges::new().task("report.publish");
    /// assert_eq!(changes.get("task").and_then(|task| task.as_str()), Some("report.publish"));
    /// ```
    #[must_use]
    pub fn get(&self, field: &str) -> Option<&Value> {
        self.fields.get(field)
    }

    fn of_options(options: JobOptions) -> Self {
        // Each fire has a time of its own, and begins a trace of its own.
        let JobOptions { priority, queue, max_attempts, key, key_mode, flags, .. } = options;
        let mut fields = Self::new();
        if let Some(queue) = queue {
            fields = fields.queue(Some(&queue));
        }
        if let Some(priority) = priority {
            fields = fields.priority(priority);
        }
        if let Some(max_attempts) = max_attempts {
            fields = fields.max_attempts(max_attempts);
        }
        if let Some(key) = key {
            fields = fields.key(Some(&key)).overlap(match key_mode {
                KeyMode::UnsafeDedupe => Overlap::Skip,
                KeyMode::Replace | KeyMode::PreserveRunAt => Overlap::Replace,
            });
        }
        if flags.is_empty() { fields } else { fields.flags(flags) }
    }

    fn set(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.fields.insert(field.to_owned(), value.into());
        self
    }

    /// As the SQL function `mainspring.update_schedule` takes it.
    pub(crate) fn to_json(&self) -> String {
        text_of(&Value::Object(self.fields.clone()))
    }

    /// The fields, each as the text that is stored of it.
    pub(crate) fn texts(&self) -> Vec<(String, String)> {
        let text = |field: &str, value: &Value| match value.as_str() {
            // A payload is stored as JSON, a string too.
            Some(text) if field != "payload" => text.to_owned(),
            _ => text_of(value),
        };
        self.fields.iter().map(|(field, value)| (field.clone(), text(field, value))).collect()
    }

    /// What no database can judge, whether expression and zone can be read, and the depth of the payload.
    pub(crate) fn validate(&self) -> Result<(), StoreError> {
        if let Some(Value::String(text)) = self.fields.get("expression") {
            CronExpression::parse(text)?;
        }
        if let Some(Value::String(text)) = self.fields.get("zone") {
            read_zone(text)?;
        }
        self.fields.get("payload").map_or(Ok(()), |payload| check_depth(&text_of(payload)))?;
        Ok(())
    }
}

/// Without the payload, whose values belong into no log.
impl fmt::Debug for ScheduleChanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.fields.iter().filter(|(field, _)| *field != "payload");
        f.write_str("ScheduleChanges ")?;
        f.debug_map().entries(shown).finish()
    }
}

fn policy_name(overlap: Overlap) -> &'static str {
    overlap.as_str()
}

fn moment_text(moment: Option<DateTime<Utc>>) -> Option<String> {
    moment.map(|moment| moment.to_rfc3339_opts(SecondsFormat::AutoSi, true))
}

#[cfg(test)]
mod tests;
