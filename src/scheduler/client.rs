//! The handle of a program that only adds jobs: that of a scheduler with fewer methods. Each call is one of the scheduler's, which
//! has no actors unless it runs jobs as well.

use std::fmt;

use serde_json::Value;
use tokio::runtime::Handle;

use super::builder::SchedulerBuilder;
use super::handle::Scheduler;
use crate::error::{Problem, SchedulerError, StoreError};
use crate::job::{NewJob, Workflow};
use crate::store::workflows::AddedWorkflow;

/// Adds jobs that other processes run: for a program without handlers. Clones share one pool of connections.
///
/// It registers no worker and does not listen. A role that `grant_enqueue` has prepared suffices. Connections are opened when a
/// call needs them, and closed after a minute without one. After an outage the next call connects again. When the last clone is
/// dropped, all connections are closed.
///
/// ```no_run
/// use mainspring::{Client, Enqueue, SchedulerError, Task};
/// use serde::Serialize;
///
/// #[derive(Serialize)]
/// struct SendReceipt { order: i32 }
/// impl Task for SendReceipt { const NAME: &'static str = "receipt.send"; }
///
/// # async fn example() -> Result<(), SchedulerError> {
/// let client = Client::connect("postgres://localhost/app").await?;
/// let id = client.enqueue(Enqueue::new(SendReceipt { order: 7 }).key("receipt:7")).await?;
/// let ids = client.enqueue_many((8..100).map(|order| Enqueue::new(SendReceipt { order }))).await?;
/// println!("job {id} and {} others are stored", ids.len());
/// # Ok(())
/// # }
/// ```
///
/// - Its futures run under tokio, and so under `#[actix_web::main]`. Elsewhere each of them fails with
///   [`SchedulerError::Config`]. [`blocking`](Self::blocking) returns a client for code that is not async.
/// - A call that no connection serves within 5 seconds fails with [`StoreError::Connect`] or [`StoreError::PoolExhausted`].
/// - Where a connection breaks within a call, [`SchedulerError::stored`] is unknown. With a key the call can be repeated.
/// - On a connection of its own, a program adds jobs with [`Enqueue::insert`](crate::Enqueue::insert), and needs no client.
///
/// [The guide](crate::guide::clients) has the same for Python, Node and SQL.
#[derive(Clone)]
pub struct Client(Scheduler);

const NO_RUNTIME: &str = "the async methods of a Client need a tokio runtime with its timers, and this thread has none: call them \
    under #[tokio::main] or #[actix_web::main], or use Client::connect_blocking and Client::blocking";

impl Client {
    /// Connects to the database that the URL names, and checks that its schema fits. [`SchedulerBuilder::client`] does so with
    /// settings, such as another schema.
    ///
    /// # Errors
    ///
    /// [`SchedulerError::Config`] when the URL is malformed. [`SchedulerError::Store`] when the database cannot be reached,
    /// rejects the role, or has no schema that fits: it neither waits for the database, nor does it migrate.
    pub async fn connect(database_url: impl Into<String>) -> Result<Self, SchedulerError> {
        Scheduler::builder(database_url).client().await
    }

    /// Adds a job, an [`Enqueue`](crate::Enqueue) or a [`NewJob`], and returns its id once it is stored. A job that is due now
    /// starts within milliseconds, where a worker has a free slot.
    ///
    /// # Errors
    ///
    /// As [`Scheduler::enqueue`].
    pub async fn enqueue<J>(&self, job: J) -> Result<i64, SchedulerError>
    where
        J: TryInto<NewJob>,
        J::Error: Into<StoreError>,
    {
        self.scheduler()?.jobs().insert(new_job(job)?).await
    }

    /// Adds jobs in one statement, all or none, and returns their ids in the order of the input. Ten thousand in a call are no problem.
    ///
    /// # Errors
    ///
    /// As [`Scheduler::enqueue_many`]. The text begins with the place of the bad job: `job 3 of 10: ..`.
    pub async fn enqueue_many<J>(&self, jobs: impl IntoIterator<Item = J>) -> Result<Vec<i64>, SchedulerError>
    where
        J: TryInto<NewJob>,
        J::Error: Into<StoreError>,
    {
        self.scheduler()?.enqueue_many(new_jobs(jobs)?).await
    }

    /// Adds the jobs of a workflow or batch in one statement, all or none.
    ///
    /// # Errors
    ///
    /// As [`Workflow::insert`].
    pub async fn start_workflow(
        &self,
        workflow: impl Into<Workflow>,
    ) -> Result<AddedWorkflow, SchedulerError> {
        self.scheduler()?.workflows().start(workflow).await
    }

    /// Removes the job under a key, as [`Scheduler::remove`] does.
    ///
    /// # Errors
    ///
    /// As [`Self::enqueue`].
    pub async fn remove(&self, key: impl Into<String>) -> Result<Option<i64>, SchedulerError> {
        self.scheduler()?.remove(key).await
    }

    /// Sends a signal to the jobs that wait for it, as [`Scheduler::signal`] does. Returns `true` if it is new.
    ///
    /// # Errors
    ///
    /// As [`Scheduler::signal`].
    pub async fn signal(&self, name: impl Into<String>, value: &Value) -> Result<bool, SchedulerError> {
        self.scheduler()?.signal(name, value).await
    }

    fn scheduler(&self) -> Result<&Scheduler, SchedulerError> {
        find_runtime().map(|()| &self.0)
    }
}

impl SchedulerBuilder {
    /// Connects as [`connect`](Self::connect) does, and returns a client that only adds jobs.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), mainspring::SchedulerError> {
    /// use mainspring::{NewJob, Scheduler};
    /// use serde_json::json;
    ///
    /// let billing = Scheduler::builder("postgres://localhost/app").schema("billing_jobs").pool_size(2).client().await?;
    /// billing.enqueue(NewJob::new("invoice.send", &json!({"invoice": 1}))).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Client::connect`], and [`SchedulerError::Config`] when a setting is wrong.
    pub async fn client(self) -> Result<Client, SchedulerError> {
        find_runtime()?;
        self.connect().await.map(Client)
    }
}

/// Code that takes a client also takes a scheduler that runs jobs. As long as the client lives, that scheduler has a handle.
impl From<Scheduler> for Client {
    fn from(scheduler: Scheduler) -> Self {
        Self(scheduler)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client")
    }
}

// A statement is awaited with a time-out of tokio, which panics without a runtime.
fn find_runtime() -> Result<(), SchedulerError> {
    Handle::try_current().map(drop).map_err(|_| SchedulerError::Config(NO_RUNTIME.into()))
}

/// Returns what the store takes.
pub(super) fn new_job<J>(job: J) -> Result<NewJob, StoreError>
where
    J: TryInto<NewJob>,
    J::Error: Into<StoreError>,
{
    job.try_into().map_err(Into::into)
}

/// Returns what the store takes. An error names the place of the job.
pub(super) fn new_jobs<J>(jobs: impl IntoIterator<Item = J>) -> Result<Vec<NewJob>, StoreError>
where
    J: TryInto<NewJob>,
    J::Error: Into<StoreError>,
{
    let jobs: Vec<J> = jobs.into_iter().collect();
    let of = jobs.len();
    let placed = |(index, job)| match new_job(job) {
        Err(StoreError::Invalid { field, expected, got, place: None }) => {
            Err(Problem::new(field, expected, got).at(index, of))
        }
        converted => converted,
    };
    jobs.into_iter().enumerate().map(placed).collect()
}
