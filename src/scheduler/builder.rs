//! Sets a scheduler up: crontab, and one check of everything at the start. Setters never fail. The settings with plain values
//! are in `settings.rs`, and handlers in `registration.rs`.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use super::handle::Scheduler;
use super::last_handle::LastHandle;
use super::payloads::line_problem;
use super::start_limits::StartLimit;
use super::thread;
use crate::attempt::TaskRegistry;
use crate::config::Config;
use crate::cron::{Cron, CronEntry, Crontab};
use crate::error::SchedulerError;
use crate::shared::AppData;
use crate::text::one_line;

/// Sets up a [`Scheduler`]. Begun by [`Scheduler::builder`].
#[must_use = "a builder does nothing until `start` is called and awaited"]
pub struct SchedulerBuilder {
    pub(super) config: Config,
    pub(super) registry: TaskRegistry,
    pub(super) app_data: AppData,
    pub(super) limits: Vec<StartLimit>,
    /// What the first setter with an invalid argument reported.
    pub(super) problem: Option<String>,
}

impl Scheduler {
    /// Begins to set up a scheduler on the database that the URL names, in any form that libpq reads.
    pub fn builder(database_url: impl Into<String>) -> SchedulerBuilder {
        SchedulerBuilder::new(database_url.into())
    }
}

impl SchedulerBuilder {
    fn new(database_url: String) -> Self {
        Self {
            config: Config::new(database_url),
            registry: TaskRegistry::default(),
            app_data: AppData::new(),
            limits: Vec::new(),
            problem: None,
        }
    }

    #[cfg(test)]
    pub(crate) fn clock(mut self, clock: crate::clock::Clock) -> Self {
        self.config.clock = clock;
        self
    }

    /// Adds the lines of a crontab; see [`Crontab`] for their syntax. `start` rejects an invalid
    /// crontab and reports line, column, found and expected.
    pub fn crontab(mut self, text: &str) -> Self {
        match Crontab::parse(text) {
            Ok(crontab) => self.config.crontab.extend(crontab.entries),
            Err(error) => self.problem = self.problem.or(Some(format!("crontab: {error}"))),
        }
        self
    }

    /// Adds a line of the crontab that code builds. `start` rejects an invalid line.
    pub fn cron(mut self, line: Cron) -> Self {
        let named = line.named();
        match line.build() {
            Ok(entry) => self.config.crontab.push(entry),
            Err(error) => self.problem = self.problem.or(Some(format!("{named}: {error}"))),
        }
        self
    }

    /// Starts the scheduler: connects, migrates or verifies the schema, registers the worker, and returns once
    /// notifications are received. Works under `#[actix_web::main]` and `#[tokio::main]` alike.
    ///
    /// A stopped scheduler cannot be restarted. To start again, build another one, as the routes of the demo do.
    ///
    /// # Errors
    ///
    /// [`SchedulerError::Config`] when a setting, a registration or the crontab is wrong, or a line's payload does not fit the type
    /// of its handler; [`SchedulerError::Store`] when the
    /// database cannot be reached in time, refuses for good, or has a schema that does not fit.
    #[cfg_attr(not(feature = "dashboard"), expect(unused_mut, reason = "the feature adds a task"))]
    pub async fn start(mut self) -> Result<Scheduler, SchedulerError> {
        #[cfg(feature = "dashboard")]
        self.registry.add_own();
        self.check()?;
        self.warn_of_unhandled();
        self.warn_of_unread();
        let stop = thread::start(self.config, self.registry, self.app_data, self.limits).await?;
        Ok(Scheduler(Arc::new(LastHandle::new(stop))))
    }

    /// Reports the first setting that is wrong.
    pub(super) fn check(&self) -> Result<(), SchedulerError> {
        let checked = self.problem.clone().map_or(Ok(()), Err).and_then(|()| self.validate());
        checked.map_err(SchedulerError::Config)
    }

    fn warn_of_unhandled(&self) {
        for CronEntry { identifier, task, .. } in self.lines_without_handler() {
            log::warn!(
                "cron `{}` adds jobs of the task `{}`, for which this process has no handler",
                one_line(identifier),
                one_line(task)
            );
        }
        for task in self.config.task_limits.keys().filter(|task| !self.registry.known().has(task)) {
            log::warn!(
                "the limit of the task `{}` limits nothing: this process has no handler for it",
                one_line(task)
            );
        }
    }

    fn warn_of_unread(&self) {
        for (CronEntry { identifier, task, .. }, field) in self.unread_fields() {
            log::warn!(
                "cron `{}`: the task `{}` does not read the field `{}` of the payload",
                one_line(identifier),
                one_line(task),
                one_line(field)
            );
        }
    }

    fn unread_fields(&self) -> impl Iterator<Item = (&CronEntry, &str)> {
        self.config.crontab.iter().flat_map(|entry| {
            let unread = self.registry.known().unread_fields(&entry.task, &entry.payload);
            unread.into_iter().map(move |field| (entry, field))
        })
    }

    fn lines_without_handler(&self) -> impl Iterator<Item = &CronEntry> {
        self.config.crontab.iter().filter(|entry| self.registry.get(&entry.task).is_none())
    }

    fn validate(&self) -> Result<(), String> {
        self.config.validate()?;
        self.registry.validate()?;
        let mut seen = HashSet::new();
        if let Some(problem) = line_problem(&self.config.crontab, self.registry.known()) {
            return Err(problem);
        }
        let twice = self.config.crontab.iter().find(|entry| !seen.insert(entry.identifier.as_str()));
        twice.map_or(Ok(()), |entry| {
            Err(format!(
                "crontab: two lines have the identifier `{}`: give each an `id` of its own",
                entry.identifier
            ))
        })
    }
}

// The URL may hold a password.
impl fmt::Debug for SchedulerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SchedulerBuilder")
            .field("worker", &self.config.worker_name)
            .field("tasks", self.registry.known())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::job::Task;

    #[derive(Serialize, Deserialize)]
    struct Known;
    impl Task for Known {
        const NAME: &'static str = "known";
    }

    #[derive(Serialize, Deserialize)]
    struct Loose {
        #[serde(default, alias = "place")]
        office: Option<String>,
    }
    impl Task for Loose {
        const NAME: &'static str = "loose";
    }

    #[test]
    fn a_misspelt_optional_field_of_a_line_is_found() {
        let builder = SchedulerBuilder::new("postgres://localhost/app".into());
        let builder = builder.handler(async |_: Loose, _| {}).crontab(
            "@daily loose {offise: 'a'}\n@daily loose ?id=b {office: 'a'}\n@daily loose ?id=c {place: 'a'}\n\
             @daily loose ?id=d\n@daily foreign {x: 1}",
        );
        let found: Vec<_> = builder.unread_fields().map(|(line, field)| (&*line.identifier, field)).collect();
        assert_eq!(found, [("loose", "offise")]);
    }

    #[test]
    fn a_line_of_a_task_that_no_handler_knows_is_found_at_the_start() {
        let builder = SchedulerBuilder::new("postgres://localhost/app".into());
        let builder = builder.handler(async |_: Known, _| {}).crontab("@daily known\n@daily strange ?id=s");
        let builder = builder.cron(Cron::every_minute(Known).id("k"));
        let strange: Vec<_> = builder.lines_without_handler().map(|entry| &entry.identifier).collect();
        assert_eq!(strange, ["s"]);
    }
}
