//! Steps: parts of a handler that are done once, however many attempts the job takes.

use std::future::Future;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::JobContext;
use crate::attempt::steps::{Entry, Place, Turn, decode, encode};
use crate::error::{StoreError, Stored};
use crate::job_error::{JobError, StepError};
use crate::store::Session;
use crate::store::steps::{StoredStep, add_step, read_steps};

// A batch keeps only its failed entries, so a value would be that of other entries.
const OF_BATCH: &str = "a batch has no steps, because its next attempt has other entries";

impl JobContext {
    /// Runs `work` once for the job, and stores its value. A later attempt of the same job gets the stored value, and does not run
    /// `work` again: after a failure, a snooze or a stop, when a worker was lost, and when a dead job is retried.
    ///
    /// `work` runs again if its process is killed before the value is stored, or the value cannot be stored. Effects in the
    /// scheduler's database happen exactly once in [`step_in_transaction`](Self::step_in_transaction). Other effects need a key of
    /// their own, such as the job's id.
    ///
    /// ```
    /// use mainspring::{JobContext, JobResult, Task};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Serialize, Deserialize)]
    /// struct Order { id: u64 }
    /// impl Task for Order { const NAME: &'static str = "order"; }
    ///
    /// async fn order(task: Order, job: JobContext) -> JobResult {
    ///     let receipt: String = job.step("charge", || async { Ok(charge(task.id).await?) }).await?;
    ///     job.step("ship", || async { Ok(ship(task.id, &receipt).await?) }).await?;
    ///     Ok(())
    /// }
    /// # async fn charge(_: u64) -> std::io::Result<String> { Ok(String::new()) }
    /// # async fn ship(_: u64, _: &str) -> std::io::Result<()> { Ok(()) }
    /// # let _ = order;
    /// ```
    ///
    /// - A step is known by its name, and by its place among the steps of the attempt. So a handler asks for the same steps in the
    ///   same order in each attempt. Names have 1 to 128 characters. In a loop, put the number of the lap into the name.
    /// - One step is awaited before the next one begins.
    /// - A job has at most 1,000 steps. A value has at most 1 MiB as JSON, all of a job together 16 MiB.
    /// - Steps belong to the payload. A job that is replaced under its key by one with another payload begins with the first step.
    /// - The steps are deleted when the job has ended. A dead job keeps them for its retry.
    ///
    /// The connections are those of [`connection`](Self::connection): a handler that holds one needs a second one for its step. The
    /// commit is as durable as the server's own setting makes it.
    ///
    /// # Errors
    ///
    /// [`StepError::Failed`] with the error of `work`; nothing is stored then. Each other variant says what to do. All convert into
    /// [`JobError`] with `?`.
    pub async fn step<T, W, Work>(&self, name: impl Into<String>, work: W) -> Result<T, StepError>
    where
        T: Serialize + DeserializeOwned,
        W: FnOnce() -> Work,
        Work: Future<Output = Result<T, JobError>>,
    {
        let mut turn = self.turn(name.into()).await?;
        let value = match turn.place(self.id())? {
            Place::Done(value) => value,
            Place::New(entry) => {
                let done = work().await.map_err(StepError::failed)?;
                let step = entry.with(encode(turn.name(), &done)?)?;
                self.store_step(&mut turn, step, entry.payload_hash).await?
            }
        };
        decode(turn.name(), &value)
    }

    /// As [`step`](Self::step), in a transaction that stores the value as well. What `work` writes, the jobs it adds by
    /// [`Enqueue::insert`](crate::Enqueue::insert) and the value are stored together or not at all. So the effect happens exactly
    /// once, even if the process is killed or has lost the job to another. The transaction does not complete the job, as
    /// [`transaction`](Self::transaction) does.
    ///
    /// `work` runs on a thread that may block.
    ///
    /// ```
    /// use diesel::{RunQueryDsl, sql_query, sql_types::BigInt};
    /// use mainspring::{JobContext, JobResult, Task};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Serialize, Deserialize)]
    /// struct Order { id: i64 }
    /// impl Task for Order { const NAME: &'static str = "order"; }
    ///
    /// async fn order(task: Order, job: JobContext) -> JobResult {
    ///     let booked = job.step_in_transaction("book", move |conn| {
    ///         let book = sql_query("INSERT INTO ledger (order_id) VALUES ($1)");
    ///         Ok(book.bind::<BigInt, _>(task.id).execute(&mut **conn)?)
    ///     });
    ///     let _lines: usize = booked.await?;
    ///     Ok(())
    /// }
    /// # let _ = order;
    /// ```
    ///
    /// # Errors
    ///
    /// As [`step`](Self::step). With an error other than [`StepError::Store`] and [`StepError::Unreadable`], everything was rolled back.
    pub async fn step_in_transaction<T, W>(&self, name: impl Into<String>, work: W) -> Result<T, StepError>
    where
        T: Serialize + DeserializeOwned,
        W: FnOnce(&mut Session<'_>) -> Result<T, JobError> + Send + 'static,
    {
        let mut turn = self.turn(name.into()).await?;
        let value = match turn.place(self.id())? {
            Place::Done(value) => value,
            Place::New(entry) => {
                let carried = self.carried();
                let step =
                    move |conn: &mut Session<'_>| carried.run(|job| job.do_and_store(conn, &entry, work));
                turn.begin_to_store();
                let done = self.shared().store.run_for_handler(step).await;
                let done = done.map_err(Undone::Store).and_then(|done| done);
                self.noted(&mut turn, done)?
            }
        };
        decode(turn.name(), &value)
    }

    /// Refuses every step of this attempt, because it handles a batch.
    pub(in crate::attempt) fn has_no_steps(&self) {
        self.0.steps.close(OF_BATCH);
    }

    /// Returns `true` if steps may be stored for the job.
    pub(in crate::attempt) fn has_steps(&self) -> bool {
        self.0.steps.are_used()
    }

    // The first turn of an attempt reads the steps of earlier ones. Nothing in a claimed job shows that there are none: a stop, a
    // replacement and a retry set its counts back.
    async fn turn(&self, name: String) -> Result<Turn<'_>, StepError> {
        let turn = self.0.steps.turn(name)?;
        if self.is_completed() {
            return Err(StepError::refused(
                turn.name(),
                "comes too late: a transaction has completed the job",
            ));
        }
        if turn.is_unread() {
            let key = self.attempt_key();
            let read = self.shared().store.run_for_handler(move |conn| read_steps(conn, key)).await;
            let failed = |error| StepError::Store { step: turn.name().to_owned(), error };
            let Some(stored) = read.and_then(|read| read).map_err(failed)? else {
                return Err(StepError::LeaseLost { step: turn.name().to_owned() });
            };
            self.shared().handlers_connect();
            turn.read(stored);
        }
        Ok(turn)
    }

    async fn store_step(
        &self,
        turn: &mut Turn<'_>,
        step: StoredStep,
        payload_hash: i64,
    ) -> Result<Vec<u8>, StepError> {
        let key = self.attempt_key();
        let store = move |conn: &mut Session<'_>| match add_step(conn, key, &step, payload_hash) {
            Ok(true) => Ok(step.value),
            Ok(false) => Err(Undone::LeaseLost),
            Err(error) => Err(Undone::Store(error)),
        };
        turn.begin_to_store();
        let done = self.shared().store.run_for_handler(store).await.map_err(Undone::Store);
        self.noted(turn, done.and_then(|done| done))
    }

    fn do_and_store<T: Serialize>(
        &self,
        conn: &mut Session<'_>,
        entry: &Entry,
        work: impl FnOnce(&mut Session<'_>) -> Result<T, JobError>,
    ) -> Result<Vec<u8>, Undone> {
        conn.transaction(|conn| {
            let done = work(conn).map_err(StepError::failed)?;
            let step = entry.with(encode(&entry.name, &done)?)?;
            if add_step(conn, self.attempt_key(), &step, entry.payload_hash)? {
                Ok(step.value)
            } else {
                Err(Undone::LeaseLost)
            }
        })
    }

    // Notes whether the step is stored. A lost reply leaves that open.
    fn noted(&self, turn: &mut Turn<'_>, done: Result<Vec<u8>, Undone>) -> Result<Vec<u8>, StepError> {
        let step = || turn.name().to_owned();
        let error = match done {
            Ok(value) => {
                self.shared().handlers_connect();
                turn.is_stored(value.len());
                return Ok(value);
            }
            Err(Undone::Store(error)) if error.stored() == Stored::Unknown => {
                return Err(StepError::Store { step: step(), error });
            }
            Err(Undone::Store(error)) => StepError::Store { step: step(), error },
            Err(Undone::LeaseLost) => StepError::LeaseLost { step: step() },
            Err(Undone::Step(error)) => error,
        };
        turn.is_not_stored();
        Err(error)
    }
}

/// Why a step is not stored, or may not be.
enum Undone {
    Step(StepError),
    LeaseLost,
    Store(StoreError),
}

impl From<StepError> for Undone {
    fn from(error: StepError) -> Self {
        Self::Step(error)
    }
}

impl From<StoreError> for Undone {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
