//! The tasks that a process has handlers for: what it publishes of them, and how it judges their payloads. No database.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::constants::Constants;
use super::enqueue::{Defaults, NewJob};
use super::operation::is_reserved;
use super::task::Task;
use crate::error::{Problem, StoreError};

/// A task that has a handler in this process.
#[derive(Debug, Clone)]
pub(crate) struct KnownTask {
    name: &'static str,
    constants: Constants,
    payloads: PayloadType,
}

/// What the type of a task's payloads is, and how it judges them.
#[derive(Debug, Clone)]
pub(crate) struct PayloadType {
    /// What it declares of its fields.
    pub(crate) accepts: Option<Value>,
    /// Returns what is wrong with a payload of this version, without its values.
    pub(crate) problem_of: fn(&str, i32) -> Option<String>,
    /// Whether a payload may have redacted values.
    pub(crate) redacts: bool,
    /// Returns what may be shown of a payload, if anything.
    pub(crate) shown_of: fn(&Value) -> Option<Value>,
}

impl KnownTask {
    pub(crate) fn of<T: Task>(payloads: PayloadType) -> Self {
        Self { name: T::NAME, constants: Constants::of::<T>(), payloads }
    }
}

/// The tasks that have a handler in this process, by name.
#[derive(Default)]
pub(crate) struct KnownTasks(BTreeMap<&'static str, KnownTask>);

impl KnownTasks {
    /// Adds a task.
    pub(crate) fn add(&mut self, task: KnownTask) {
        self.0.insert(task.name, task);
    }

    /// Returns the names in alphabetical order.
    pub(crate) fn names(&self) -> Arc<[String]> {
        self.0.keys().map(ToString::to_string).collect()
    }

    /// Returns the names of the application's own tasks, in the same order.
    pub(crate) fn own_names(&self) -> impl Iterator<Item = String> {
        self.0.keys().filter(|task| !is_reserved(task)).map(ToString::to_string)
    }

    /// Returns the versions in the order of the names.
    pub(crate) fn versions(&self) -> Vec<i32> {
        self.0.values().map(|task| task.constants.version).collect()
    }

    pub(crate) fn has(&self, task: &str) -> bool {
        self.0.contains_key(task)
    }

    /// Returns the version of the task here.
    pub(crate) fn version_of(&self, task: &str) -> Option<i32> {
        self.0.get(task).map(|known| known.constants.version)
    }

    /// Returns the tasks whose version is not 0.
    pub(crate) fn raised_versions(&self) -> BTreeMap<String, i32> {
        let raised = self.0.iter().filter(|(_, task)| task.constants.version > 0);
        raised.map(|(name, task)| ((*name).to_owned(), task.constants.version)).collect()
    }

    /// Returns what is wrong with the name or the constants of the first task that has a fault.
    pub(crate) fn problem(&self) -> Option<String> {
        self.0.values().find_map(|KnownTask { name, constants, .. }| {
            let characters = name.chars().count();
            if !(1..=128).contains(&characters) {
                return Some(format!("task must be 1 to 128 characters, got {characters} in `{name}`"));
            }
            constants.problem().map(|problem| format!("task `{name}`: {problem}"))
        })
    }

    /// Returns what is wrong with a payload of the task, if this process can judge that. Without a version it is of the one here. A
    /// newer one is not judged.
    pub(crate) fn payload_problem(&self, task: &str, payload: &str, version: Option<i32>) -> Option<String> {
        let known = self.0.get(task)?;
        let version = version.unwrap_or(known.constants.version);
        if version > known.constants.version { None } else { (known.payloads.problem_of)(payload, version) }
    }

    /// Returns what may be shown of a payload: with the mark in the place of redacted values. `None` means nothing, as of a task that is not
    /// known here. Redacted values of another version may be elsewhere. Without a version the payload is of the one here.
    pub(crate) fn shown(&self, task: &str, payload: &Value, version: Option<i32>) -> Option<Value> {
        let known = self.0.get(task)?;
        if !known.payloads.redacts {
            return Some(payload.clone());
        }
        let is_own = version.is_none_or(|version| version == known.constants.version);
        if is_own { (known.payloads.shown_of)(payload) } else { None }
    }

    /// Returns the fields of a payload that the task's type does not read, if its type declares which it does.
    pub(crate) fn unread_fields<'p>(&self, task: &str, payload: &'p Map<String, Value>) -> Vec<&'p str> {
        let accepts = self.0.get(task).and_then(|known| known.payloads.accepts.as_ref());
        let Some(Value::Array(fields)) = accepts.and_then(|accepts| accepts.get("fields")) else {
            return Vec::new();
        };
        let is_unread = |name: &&str| !fields.iter().any(|field| field == *name);
        payload.keys().map(String::as_str).filter(is_unread).collect()
    }

    /// Sets what jobs leave open that name their task by text, where the task's type is known here. Refuses all if that type cannot
    /// read one of their payloads.
    pub(crate) fn complete(&self, jobs: &mut [NewJob]) -> Result<(), StoreError> {
        let of = jobs.len();
        for (index, job) in jobs.iter_mut().enumerate().filter(|(_, job)| job.defaults == Defaults::OfTask) {
            let Some(known) = self.0.get(job.task()) else { continue };
            if let Some(problem) = self.payload_problem(known.name, &job.payload, job.options.version) {
                return Err(payload_misfit(&problem).at(index, of));
            }
            known.constants.complete(&mut job.options);
            job.defaults = Defaults::OfDatabase;
        }
        Ok(())
    }

    /// As the SQL function `mainspring.publish_tasks` reads it.
    pub(crate) fn to_json(&self) -> Value {
        let published = |task: &KnownTask| {
            let Constants { queue, priority, max_attempts, version } = task.constants;
            json!({
                "name": task.name, "version": version, "queue": queue, "priority": priority,
                "max_attempts": max_attempts, "accepts": task.payloads.accepts,
                "redacts": task.payloads.redacts,
            })
        };
        // What belongs to Mainspring itself has no options that a caller needs.
        Value::Array(self.0.values().filter(|task| !is_reserved(task.name)).map(published).collect())
    }
}

/// What is wrong with a payload, as data.
pub(crate) fn payload_misfit(problem: &str) -> Problem {
    Problem::new("payload", problem.strip_prefix("payload ").unwrap_or(problem).to_owned(), "")
}

impl fmt::Debug for KnownTasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
