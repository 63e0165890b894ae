//! The handlers of one scheduler, by the names of their tasks, and the middleware around all of them.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::batch::{Batch, entries_problem};
use super::context::JobContext;
use super::declared::accepts;
use super::decode::payload_problem;
#[cfg(feature = "dashboard")]
use super::handler::Function;
use super::handler::{Handles, TaskHandler, Typed};
use super::middleware::{Layer, Middleware};
#[cfg(feature = "dashboard")]
use super::operation::{Operate, operate};
use super::redaction::{entries_shown, redacts, shown};
use crate::job::operation::{RESERVED, is_reserved};
use crate::job::{KnownTask, KnownTasks, PayloadType, Task};
use crate::job_error::IntoBatchResult;

/// The handlers by the names of their tasks.
#[derive(Default)]
pub(crate) struct TaskRegistry {
    /// The middleware that was registered last.
    outermost: Option<Arc<Layer>>,
    handlers: HashMap<&'static str, Arc<dyn TaskHandler>>,
    known: Arc<KnownTasks>,
    twice: Option<&'static str>,
    /// The first task of an application whose name is Mainspring's own.
    reserved: Option<&'static str>,
}

impl TaskRegistry {
    /// Registers a way to handle the task.
    pub(crate) fn add<T>(&mut self, way: impl Handles<T> + 'static)
    where
        T: Task + DeserializeOwned + 'static,
    {
        self.check_name(T::NAME);
        let known = KnownTask::of::<T>(payloads::<T>());
        self.add_handler(known, T::NAME, Typed::new(way));
    }

    /// Registers a batch handler.
    pub(crate) fn add_batch<E, F, Work, Via>(&mut self, function: F)
    where
        E: Task + DeserializeOwned + 'static,
        F: Fn(Vec<E>, JobContext) -> Work + Send + Sync + 'static,
        Work: Future<Output: IntoBatchResult<Via>> + 'static,
        Via: 'static,
    {
        // Its payload is an array of entries, or one of them.
        self.check_name(E::NAME);
        let known = KnownTask::of::<E>(PayloadType {
            accepts: None,
            problem_of: entries_problem::<E>,
            redacts: redacts::<E>(),
            shown_of: entries_shown::<E>,
        });
        self.add_handler(known, E::NAME, Batch::<E, F, Via>::new(function));
    }

    /// Registers Mainspring's own task beside those of the application. A process without any runs no jobs.
    #[cfg(feature = "dashboard")]
    pub(crate) fn add_own(&mut self) {
        if self.handlers.is_empty() {
            return;
        }
        let known = KnownTask::of::<Operate>(payloads::<Operate>());
        self.add_handler(known, Operate::NAME, Typed::new(Function::new(operate)));
    }

    fn check_name(&mut self, task: &'static str) {
        if is_reserved(task) {
            self.reserved = self.reserved.or(Some(task));
        }
    }

    /// Puts middleware around all handlers, outside of what is there.
    pub(crate) fn wrap(&mut self, middleware: impl Middleware) {
        let inner = self.outermost.take();
        self.outermost = Some(Arc::new(Layer::new(middleware, inner)));
    }

    pub(super) fn outermost(&self) -> Option<&Arc<Layer>> {
        self.outermost.as_ref()
    }

    fn add_handler(&mut self, known: KnownTask, task: &'static str, handler: impl TaskHandler + 'static) {
        // No other owner exists while handlers are registered.
        if let Some(tasks) = Arc::get_mut(&mut self.known) {
            tasks.add(known);
        }
        if self.handlers.insert(task, Arc::new(handler)).is_some() {
            self.twice = Some(task);
        }
    }

    pub(crate) fn get(&self, task: &str) -> Option<&Arc<dyn TaskHandler>> {
        self.handlers.get(task)
    }

    /// Returns what is known of the tasks without their types.
    pub(crate) fn known(&self) -> &Arc<KnownTasks> {
        &self.known
    }

    /// Returns an error that names the registration that is wrong.
    pub(crate) fn validate(&self) -> Result<(), String> {
        if let Some(task) = self.reserved {
            return Err(format!("task `{task}` must not begin with `{RESERVED}`, which is reserved"));
        }
        if let Some(task) = self.twice {
            return Err(format!("task `{task}` has two handlers, expected one: remove a registration"));
        }
        self.known.problem().map_or(Ok(()), Err)
    }
}

/// What a type is as that of single payloads.
fn payloads<T: Task + DeserializeOwned>() -> PayloadType {
    PayloadType {
        accepts: accepts::<T>(),
        problem_of: payload_problem::<T>,
        redacts: redacts::<T>(),
        shown_of: shown::<T>,
    }
}
