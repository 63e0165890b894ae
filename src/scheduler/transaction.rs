//! A transaction of the application on the scheduler's connections.

use super::handle::Scheduler;
use crate::error::StoreError;
use crate::store::Session;

impl Scheduler {
    /// Runs `work` in a transaction, on a thread that may block: for a route that writes its own rows together with jobs or
    /// schedules. `work` gets a session in the scheduler's schema. Statements of the application run on `&mut **conn`, Diesel's
    /// connection. The transaction is rolled back when `work` fails or panics.
    ///
    /// ```
    /// use actix_web::web;
    /// use mainspring::diesel::{RunQueryDsl, result::Error, sql_query, sql_types::Integer};
    /// use mainspring::{Enqueue, Scheduler, StoreError, Task};
    /// # use serde::Serialize;
    /// # #[derive(Serialize)] struct SendReceipt { order: i32 }
    /// # impl Task for SendReceipt { const NAME: &'static str = "receipt.send"; }
    ///
    /// async fn buy(scheduler: web::Data<Scheduler>, order: web::Path<i32>) -> Result<String, StoreError> {
    ///     let order = order.into_inner();
    ///     let insert = sql_query("INSERT INTO orders (id) VALUES ($1)").bind::<Integer, _>(order);
    ///     let job: Result<i64, Error> = scheduler.transaction(move |conn| {
    ///         insert.execute(&mut **conn)?;
    ///         Ok(Enqueue::new(SendReceipt { order }).insert(conn)?)
    ///     }).await;
    ///     Ok(job.map_err(StoreError::from_diesel)?.to_string())
    /// }
    /// ```
    ///
    /// - The connection comes from the pool of handlers, whose size is
    ///   [`handler_pool_size`](crate::SchedulerBuilder::handler_pool_size), 10 unless set. It has the server's own settings, and
    ///   serves one transaction at a time.
    /// - The wait for it ends after 5 seconds. The work itself has no time-out: set `statement_timeout` in the URL, or in `work`.
    /// - If the future is dropped, as when a client goes away, `work` runs on to its end, and may commit.
    /// - A job that it adds starts within milliseconds after the commit.
    ///
    /// # Errors
    ///
    /// What `work` returns, and what the database refuses. [`StoreError::PoolExhausted`] when no connection comes free in time,
    /// [`StoreError::Connect`] when the database cannot be reached or the scheduler is stopped: then nothing has run. Where the
    /// connection breaks at the commit, [`StoreError::stored`] is unknown.
    pub async fn transaction<R, E, W>(&self, work: W) -> Result<R, E>
    where
        R: Send + 'static,
        E: From<StoreError> + Send + 'static,
        W: FnOnce(&mut Session<'_>) -> Result<R, E> + Send + 'static,
    {
        self.0.shared.store.run_for_handler(move |conn| conn.transaction(work)).await?
    }
}
