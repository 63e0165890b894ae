//! The scheduler of one test: started in a database of its own, stopped and dropped with it.

use std::fmt;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use diesel::pg::PgConnection;

use super::database::TestDatabase;
use super::error::TestError;
use crate::lock::lock;
use crate::scheduler::{Scheduler, SchedulerBuilder};
use crate::store::session::Session;
use crate::test_hooks::{Record, TestHooks};

/// A scheduler for one test, in a [`TestDatabase`] of its own. It has the handlers, middleware, crontab and data of the builder, and
/// runs a job only when the test asks.
///
/// - [`scheduler`](Self::scheduler) is for the code under test, such as routes.
/// - [`enqueued`](Self::enqueued) and [`assert_enqueued!`](crate::assert_enqueued) show what it has added.
/// - [`run_one`](Self::run_one) and [`drain`](Self::drain) run jobs, and return how each attempt has ended.
/// - [`advance`](Self::advance) moves the clock, and runs what becomes due on the way.
/// - [`wait_for`](Self::wait_for) waits for a state, also if the job has left it.
/// - [`crash`](Self::crash) kills the scheduler in the middle of its jobs, and starts another.
///
/// Works under `#[actix_web::test]` and `#[tokio::test]`. Other than in production, the scheduler listens for no notifications, holds
/// at most 8 connections, and uses at most two worker threads. Time-outs of attempts and timers of handlers go by real time.
#[must_use = "the scheduler stops when this value is dropped"]
pub struct TestScheduler {
    builder: Box<dyn Fn(&str) -> SchedulerBuilder + Send + Sync>,
    scheduler: Mutex<Scheduler>,
    pub(super) record: Arc<Record>,
    moved: Arc<AtomicI64>,
    /// One call at a time runs jobs or moves the clock.
    pub(super) turn: tokio::sync::Mutex<()>,
    /// For what the kit itself reads and changes.
    conn: Mutex<PgConnection>,
    /// Dropped last.
    database: TestDatabase,
}

impl TestScheduler {
    /// Starts the scheduler that `builder` sets up on a new database. Give it the function that the application uses in production.
    ///
    /// # Errors
    ///
    /// As [`TestDatabase::new`] and [`SchedulerBuilder::start`].
    pub async fn start(
        builder: impl Fn(&str) -> SchedulerBuilder + Send + Sync + 'static,
    ) -> Result<Self, TestError> {
        Self::start_on(blocking(TestDatabase::new).await?, builder).await
    }

    /// Starts the scheduler on a database that the test has made, such as one with the tables of the application.
    ///
    /// # Errors
    ///
    /// As [`SchedulerBuilder::start`].
    pub async fn start_on(
        database: TestDatabase,
        builder: impl Fn(&str) -> SchedulerBuilder + Send + Sync + 'static,
    ) -> Result<Self, TestError> {
        let (record, moved) = (Arc::new(Record::default()), Arc::new(AtomicI64::new(0)));
        let conn = Mutex::new(database.connect()?);
        let scheduler = started(builder(database.url()), &record, &moved).await?;
        Ok(Self {
            builder: Box::new(builder),
            scheduler: Mutex::new(scheduler),
            record,
            moved,
            turn: tokio::sync::Mutex::default(),
            conn,
            database,
        })
    }

    /// Returns the scheduler, for the code under test. After [`crash`](Self::crash) it is another one.
    pub fn scheduler(&self) -> Scheduler {
        lock(&self.scheduler).clone()
    }

    /// Returns the database of the test.
    pub fn database(&self) -> &TestDatabase {
        &self.database
    }

    /// Starts a scheduler in place of the one that there is.
    pub(super) async fn start_again(&self) -> Result<(), TestError> {
        let builder = (self.builder)(self.database.url());
        let next = started(builder, &self.record, &self.moved).await?;
        *lock(&self.scheduler) = next;
        Ok(())
    }

    pub(super) fn moved_by(&self, microseconds: i64) {
        self.moved.store(microseconds, Ordering::SeqCst);
    }

    /// Runs work on the connection of the kit, in the schema of the scheduler.
    pub(super) fn with_session<T>(&self, work: impl FnOnce(&mut Session<'_>) -> T) -> T {
        let shared = self.scheduler().shared();
        let mut conn: MutexGuard<'_, PgConnection> = lock(&self.conn);
        work(&mut shared.config.schema.on(&mut conn))
    }
}

async fn started(
    builder: SchedulerBuilder,
    record: &Arc<Record>,
    moved: &Arc<AtomicI64>,
) -> Result<Scheduler, TestError> {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let mark = format!(" test {}.{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let scheduler = builder.under_test(TestHooks::new(record), moved, &mark).start().await?;
    // The lines of the crontab are known from now on.
    scheduler.fire_due().await?;
    Ok(scheduler)
}

/// Runs work that blocks without blocking the runtime of the test.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, TestError> + Send + 'static,
) -> Result<T, TestError> {
    crate::store::pool::blocking(move || Ok(work())).await?
}

impl Drop for TestScheduler {
    fn drop(&mut self) {
        let scheduler = self.scheduler();
        // On a thread of its own: the test's runtime may be gone, or may have one thread, which waits here.
        let stopped = std::thread::Builder::new().name("mainspring-test".into()).spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.map(|runtime| runtime.block_on(scheduler.stop_within(Duration::ZERO)))
        });
        // What does not end by itself loses its connections with the database.
        let _ = stopped.map(std::thread::JoinHandle::join);
    }
}

impl fmt::Debug for TestScheduler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestScheduler").field("database", &self.database).finish_non_exhaustive()
    }
}
