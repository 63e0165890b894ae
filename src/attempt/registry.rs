//! The handlers of one scheduler, by the names of their tasks.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::batch::Batch;
use super::context::JobContext;
use super::handler::{Handles, TaskHandler, Typed};
use crate::job::Task;
use crate::job_error::BatchResult;

/// The handlers by the names of their tasks.
#[derive(Default)]
pub(crate) struct TaskRegistry {
    handlers: HashMap<&'static str, Arc<dyn TaskHandler>>,
    twice: Option<&'static str>,
}

impl TaskRegistry {
    /// Registers a way to handle the task.
    pub(crate) fn add<T>(&mut self, way: impl Handles<T> + 'static)
    where
        T: Task + DeserializeOwned + 'static,
    {
        self.add_handler(T::NAME, Typed::new(way));
    }

    /// Registers a batch handler.
    pub(crate) fn add_batch<E, F, Work>(&mut self, function: F)
    where
        E: Task + DeserializeOwned + 'static,
        F: Fn(Vec<E>, JobContext) -> Work + Send + Sync + 'static,
        Work: Future<Output = BatchResult> + 'static,
    {
        self.add_handler(E::NAME, Batch::<E, F>::new(function));
    }

    fn add_handler(&mut self, task: &'static str, handler: impl TaskHandler + 'static) {
        if self.handlers.insert(task, Arc::new(handler)).is_some() {
            self.twice = Some(task);
        }
    }

    pub(crate) fn get(&self, task: &str) -> Option<&Arc<dyn TaskHandler>> {
        self.handlers.get(task)
    }

    /// Returns the names of the tasks in alphabetical order.
    pub(crate) fn tasks(&self) -> Arc<[String]> {
        let mut tasks: Vec<String> = self.handlers.keys().map(ToString::to_string).collect();
        tasks.sort_unstable();
        tasks.into()
    }

    /// Returns an error that names the registration that is wrong.
    pub(crate) fn validate(&self) -> Result<(), String> {
        if let Some(task) = self.twice {
            return Err(format!("task `{task}` has two handlers, expected one: remove a registration"));
        }
        let odd = self.handlers.keys().find(|task| !(1..=128).contains(&task.chars().count()));
        odd.map_or(Ok(()), |task| {
            Err(format!("task must be 1 to 128 characters, got {} in `{task}`", task.chars().count()))
        })
    }
}
