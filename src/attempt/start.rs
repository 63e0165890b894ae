//! The start of an attempt: finds the handler, has it read the payload, and puts the middleware around it.

use std::any::Any;
use std::rc::Rc;
use std::sync::Arc;

use super::context::JobContext;
use super::handler::{AttemptOptions, Begin, StartedAttempt};
use super::middleware::{Layer, Next};
use super::panics::caught;
use super::registry::TaskRegistry;
use crate::backoff::Backoff;
use crate::job_error::JobError;

/// Starts the attempt, or returns why it fails and its back-off. `unread` is the error of a payload that could not be read.
pub(super) fn start(
    job: &JobContext,
    unread: Option<JobError>,
    handlers: &TaskRegistry,
    worker: &Rc<dyn Any>,
) -> Result<StartedAttempt, (JobError, Backoff)> {
    if let Some(outermost) = handlers.outermost() {
        return Ok(start_inside(outermost, job, unread, handlers, worker));
    }
    if let Some(error) = unread {
        return Err((error, Backoff::DEFAULT));
    }
    let handler = handlers.get(job.task()).ok_or_else(|| (no_handler(job), Backoff::DEFAULT))?;
    let started = caught(|| handler.start(job.payload(), job.clone(), &**worker));
    started
        .unwrap_or_else(|panic| Err(panic.into()))
        .map_err(|error| (error, handler.default_options().backoff))
}

// Middleware sees the errors too that come before the handler.
fn start_inside(
    outermost: &Arc<Layer>,
    job: &JobContext,
    unread: Option<JobError>,
    handlers: &TaskRegistry,
    worker: &Rc<dyn Any>,
) -> StartedAttempt {
    let (begin, options) = match unread {
        Some(error) => failing(error, AttemptOptions::DEFAULT),
        None => prepare(job, handlers, worker),
    };
    let next = Next::new(Arc::clone(outermost), job.clone(), begin);
    StartedAttempt { work: Box::pin(next.call()), options }
}

fn prepare(job: &JobContext, handlers: &TaskRegistry, worker: &Rc<dyn Any>) -> (Begin, AttemptOptions) {
    let Some(handler) = handlers.get(job.task()) else {
        return failing(no_handler(job), AttemptOptions::DEFAULT);
    };
    let prepared = caught(|| Arc::clone(handler).prepare(job.payload(), job.clone(), Rc::clone(worker)));
    let prepared = prepared.unwrap_or_else(|panic| Err(panic.into()));
    prepared.unwrap_or_else(|error| failing(error, handler.default_options()))
}

fn failing(error: JobError, options: AttemptOptions) -> (Begin, AttemptOptions) {
    (Box::new(|| Box::pin(std::future::ready(Err(error)))), AttemptOptions { timeout: None, ..options })
}

fn no_handler(job: &JobContext) -> JobError {
    format!("no handler for task `{}`", job.task()).into()
}
