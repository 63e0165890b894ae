//! Messages that add jobs. Each is for the QueueActor, from applications, handles and running jobs.

use actix::Message;

use crate::error::StoreError;
use crate::job::NewJob;

/// Adds jobs in one statement, all or none. Sent by applications. Returns the ids in the
/// order of the input. If the reply is lost, the jobs may be stored; a key makes it safe to send them again.
#[derive(Debug, Message)]
#[rtype(result = "Result<Vec<i64>, StoreError>")]
#[must_use = "a message does nothing until it is sent to the QueueActor"]
pub struct EnqueueMany {
    /// The jobs, of any tasks.
    pub jobs: Vec<NewJob>,
}

impl EnqueueMany {
    /// Creates the message for these jobs.
    pub fn new(jobs: impl Into<Vec<NewJob>>) -> Self {
        Self { jobs: jobs.into() }
    }
}

/// Adds jobs as [`EnqueueMany`] does, for a sender that has opened the span. Sent by handles and by jobs. If it
/// is lost, the caller receives an error.
#[derive(Debug, Message)]
#[rtype(result = "Result<Vec<i64>, StoreError>")]
pub(crate) struct EnqueueInSpan {
    pub(crate) jobs: Vec<NewJob>,
}
