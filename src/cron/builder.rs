//! A line of the crontab, built by code. The task is a value, so the compiler checks its payload. Values out of range are
//! reported when the scheduler starts.

use std::fmt;

use chrono::{TimeDelta, Weekday};
use chrono_tz::Tz;
use serde_json::{Map, Value};

use super::options::{self, MAX_CATCH_UP, MAX_FILL, Options};
use super::{CronEntry, CronError, CronExpression};
use crate::job::payload::to_value;
use crate::job::{Constants, JobOptions, Task, common_setters};
use crate::text::one_line;

/// A line of the crontab that code builds, for [`SchedulerBuilder::cron`](crate::SchedulerBuilder::cron). It becomes the
/// same [`CronEntry`] that [`Crontab`](crate::Crontab) reads from text: a schedule that the program owns. The identifier
/// is the task's name unless [`Cron::id`] sets another. Each task may have one line without an identifier of its own.
///
/// ```
/// use chrono::{TimeDelta, Weekday};
/// use chrono_tz::Tz;
/// use mainspring::{Cron, Scheduler, Task};
/// use serde::Serialize;
///
/// #[derive(Serialize)]
/// struct SendDigest { office: &'static str }
/// impl Task for SendDigest { const NAME: &'static str = "digest.send"; }
///
/// let paris = Cron::every_week_on(Weekday::Mon, 8, 30, SendDigest { office: "paris" })
///     .id("digest.paris")
///     .zone(Tz::Europe__Paris)
///     .fill(TimeDelta::days(2))
///     .key("digest.paris");
/// let berlin = Cron::new("0 8 * * mon-fri", SendDigest { office: "berlin" }).zone(Tz::Europe__Berlin);
/// let builder = Scheduler::builder("postgres://localhost/app").cron(paris).cron(berlin);
/// ```
#[derive(Clone)]
#[must_use = "a line fires nothing until it is given to SchedulerBuilder::cron"]
pub struct Cron {
    expression: String,
    task: &'static str,
    payload: Result<Map<String, Value>, CronError>,
    options: Options,
}

impl Cron {
    /// Adds the task when the expression fires, with the options of [`Task::options`] unless a setter says otherwise. A
    /// `run_at` among them is ignored: the fire's time takes its place.
    pub fn new<T: Task>(expression: impl Into<String>, task: T) -> Self {
        let options = Constants::options_of(&task);
        let version = options.version.or(Some(T::VERSION));
        let job = JobOptions { run_at: None, run_in: None, version, ..options };
        let payload = match to_value(T::NAME, &task) {
            Ok(Value::Object(payload)) => Ok(payload),
            // A task without fields.
            Ok(Value::Null) => Ok(Map::new()),
            Ok(other) => Err(CronError::new(
                if other.is_array() { "an array" } else { "a single value" },
                "a payload that is an object, such as a struct with fields",
            )),
            Err(error) => Err(CronError::new(T::NAME, format!("a payload that can be stored ({error})"))),
        };
        Self {
            expression: expression.into(),
            task: T::NAME,
            payload,
            options: Options { job, ..Options::default() },
        }
    }

    /// Adds the task each minute.
    pub fn every_minute<T: Task>(task: T) -> Self {
        Self::new("* * * * *", task)
    }

    /// Adds the task at each minute that `step` divides, 1 to 59, from the full hour on.
    pub fn every_minutes<T: Task>(step: u32, task: T) -> Self {
        Self::new(format!("*/{step} * * * *"), task)
    }

    /// Adds the task each hour at the minute, 0 to 59.
    pub fn every_hour_at<T: Task>(minute: u32, task: T) -> Self {
        Self::new(format!("{minute} * * * *"), task)
    }

    /// Adds the task each day at the time.
    pub fn every_day_at<T: Task>(hour: u32, minute: u32, task: T) -> Self {
        Self::new(format!("{minute} {hour} * * *"), task)
    }

    /// Adds the task each week on the day at the time.
    pub fn every_week_on<T: Task>(day: Weekday, hour: u32, minute: u32, task: T) -> Self {
        Self::new(format!("{minute} {hour} * * {}", day.num_days_from_sunday()), task)
    }

    /// Adds the task on the day of each month that has it, 1 to 31, at the time.
    pub fn every_month_on<T: Task>(day: u32, hour: u32, minute: u32, task: T) -> Self {
        Self::new(format!("{minute} {hour} {day} * *"), task)
    }

    /// What errors call the line: the texts come from code that may be far away.
    pub(crate) fn named(&self) -> String {
        let id = self.options.id.as_deref().unwrap_or(self.task);
        format!("cron line `{}` of the task `{}`, `{}`", one_line(id), self.task, one_line(&self.expression))
    }

    /// Sets the identifier, which is the same from one start to the next, 1 to 128 characters; default the task's name.
    /// The crontab option `id` corresponds.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.options.id = Some(id.into());
        self
    }

    /// Sets the zone whose wall clock counts; default UTC. The crontab option `tz` corresponds.
    pub fn zone(mut self, zone: Tz) -> Self {
        self.options.zone = zone;
        self
    }

    /// Sets how far back fires are made up for that were missed while no process ran, at most 5200 weeks; default not at
    /// all. The crontab option `fill` corresponds.
    pub fn fill(mut self, period: TimeDelta) -> Self {
        self.options.fill = Some(period);
        self
    }

    /// Sets how many missed fires are made up for at once, 0 to 10000; default 100, and 10000 with
    /// [`Cron::fill`]. The crontab option `catchup` corresponds.
    pub fn catch_up(mut self, most: u32) -> Self {
        self.options.set_catch_up(most);
        self
    }

    common_setters!(options.job.);

    /// Builds the line.
    ///
    /// # Errors
    ///
    /// [`CronError`] names the first value that is wrong, and what was expected.
    pub fn build(self) -> Result<CronEntry, CronError> {
        let expression = CronExpression::parse(&self.expression)?;
        check_text(self.task, 128, "a task of ")?;
        let catch_up = self.options.catch_up();
        let Options { id, zone, fill, job, .. } = self.options;
        let identifier = id.unwrap_or_else(|| self.task.to_owned());
        check_text(&identifier, 128, "an id of ")?;
        job.queue.iter().try_for_each(|queue| check_text(queue, 128, "a queue of "))?;
        job.key.iter().try_for_each(|key| check_text(key, 512, "a key of "))?;
        let attempts = job.max_attempts.unwrap_or(1);
        check(attempts >= 1, attempts, "at least 1 attempt")?;
        check(catch_up <= MAX_CATCH_UP, catch_up, "a catch_up of at most 10000")?;
        let period = fill.unwrap_or_default();
        check(TimeDelta::zero() <= period && period <= MAX_FILL, period, "a fill of at most 5200 weeks")?;
        let payload = self.payload?;
        let task = self.task.to_owned();
        Ok(CronEntry { identifier, expression, zone, task, payload, options: job, fill, catch_up })
    }
}

/// Without the payload, whose values belong into no log.
impl fmt::Debug for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cron")
            .field("expression", &self.expression)
            .field("task", &self.task)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

fn check_text(text: &str, longest: usize, what: &str) -> Result<(), CronError> {
    options::text(text, longest)
        .map(|_| ())
        .map_err(|expected| CronError::new(text, format!("{what}{expected}")))
}

fn check(holds: bool, found: impl ToString, expected: &str) -> Result<(), CronError> {
    if holds { Ok(()) } else { Err(CronError::new(&found.to_string(), expected)) }
}

#[cfg(test)]
mod tests;
