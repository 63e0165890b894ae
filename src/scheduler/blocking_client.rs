//! The client for code that is not async. Each call is that of the client, awaited on a thread that belongs to no runtime.

use std::fmt;

use serde_json::Value;
use tokio::runtime::{Builder, Handle};

use super::builder::SchedulerBuilder;
use super::client::{Client, new_job, new_jobs};
use super::handle::Scheduler;
use crate::error::{SchedulerError, StoreError};
use crate::job::{NewJob, Workflow};
use crate::store::workflows::AddedWorkflow;

/// A [`Client`] whose calls block: for programs without an async runtime, for threads, and for
/// `web::block` and `spawn_blocking`. Clones share one pool of connections.
///
/// ```no_run
/// use mainspring::{Client, NewJob, SchedulerError};
/// use serde_json::json;
///
/// fn main() -> Result<(), SchedulerError> {
///     let client = Client::connect_blocking("postgres://localhost/app")?;
///     let id = client.enqueue(NewJob::new("receipt.send", &json!({"order": 7})).key("receipt:7"))?;
///     println!("job {id} is stored");
///     Ok(())
/// }
/// ```
///
/// In async code a call works too, but holds up its thread, and every task on that, until the database replies. Await the methods of
/// [`Client`] there.
#[derive(Clone)]
pub struct BlockingClient(Client);

impl Client {
    /// Connects as [`Self::connect`] does, for a program that is not async.
    ///
    /// # Errors
    ///
    /// As [`Self::connect`].
    pub fn connect_blocking(database_url: impl Into<String>) -> Result<BlockingClient, SchedulerError> {
        Scheduler::builder(database_url).blocking_client()
    }

    /// Returns the same client for code that is not async.
    #[must_use]
    pub fn blocking(&self) -> BlockingClient {
        BlockingClient(self.clone())
    }
}

impl SchedulerBuilder {
    /// Connects as [`Self::client`] does, for a program that is not async.
    ///
    /// # Errors
    ///
    /// As [`Self::client`].
    pub fn blocking_client(self) -> Result<BlockingClient, SchedulerError> {
        wait(self.client()).map(BlockingClient)
    }
}

impl BlockingClient {
    /// Adds a job, as [`Client::enqueue`] does.
    ///
    /// # Errors
    ///
    /// As [`Client::enqueue`].
    pub fn enqueue<J>(&self, job: J) -> Result<i64, SchedulerError>
    where
        J: TryInto<NewJob>,
        J::Error: Into<StoreError>,
    {
        wait(self.0.enqueue(new_job(job)?))
    }

    /// Adds jobs in one statement, all or none, as [`Client::enqueue_many`] does.
    ///
    /// # Errors
    ///
    /// As [`Client::enqueue_many`].
    pub fn enqueue_many<J>(&self, jobs: impl IntoIterator<Item = J>) -> Result<Vec<i64>, SchedulerError>
    where
        J: TryInto<NewJob>,
        J::Error: Into<StoreError>,
    {
        wait(self.0.enqueue_many(new_jobs(jobs)?))
    }

    /// Adds the jobs of a workflow or batch, as [`Client::start_workflow`] does.
    ///
    /// # Errors
    ///
    /// As [`Client::start_workflow`].
    pub fn start_workflow(&self, workflow: impl Into<Workflow>) -> Result<AddedWorkflow, SchedulerError> {
        wait(self.0.start_workflow(workflow.into()))
    }

    /// Removes the job under a key, as [`Client::remove`] does.
    ///
    /// # Errors
    ///
    /// As [`Client::remove`].
    pub fn remove(&self, key: impl Into<String>) -> Result<Option<i64>, SchedulerError> {
        wait(self.0.remove(key.into()))
    }

    /// Sends a signal to the jobs that wait for it, as [`Client::signal`] does.
    ///
    /// # Errors
    ///
    /// As [`Client::signal`].
    pub fn signal(&self, name: impl Into<String>, value: &Value) -> Result<bool, SchedulerError> {
        wait(self.0.signal(name.into(), value))
    }
}

impl fmt::Debug for BlockingClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BlockingClient")
    }
}

/// Awaits the call on this thread. One that belongs to a runtime would panic, so another thread takes its place there.
fn wait<T: Send>(call: impl Future<Output = Result<T, SchedulerError>> + Send) -> Result<T, SchedulerError> {
    if Handle::try_current().is_err() {
        return run(call);
    }
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("mainspring-client".into());
        let started = thread.spawn_scoped(scope, || run(call));
        let thread =
            started.map_err(|error| SchedulerError::Config(format!("cannot start a thread: {error}")))?;
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

// A runtime without threads and without I/O, for the time-outs of the call.
fn run<T>(call: impl Future<Output = Result<T, SchedulerError>>) -> Result<T, SchedulerError> {
    let runtime = Builder::new_current_thread().enable_time().build();
    let runtime =
        runtime.map_err(|error| SchedulerError::Config(format!("cannot make a runtime: {error}")))?;
    runtime.block_on(call)
}
