//! Connections, and the one bridge from async code to them. Knows no statement but the settings that a
//! connection of Mainspring's own starts with.

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use diesel::Connection;
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use r2d2::{ManageConnection, NopErrorHandler, Pool, PooledConnection};
use scheduled_thread_pool::ScheduledThreadPool;

use crate::config::{Config, SettleDurability};
use crate::error::StoreError;

// A broken server must be noticed while somebody still cares; libpq's own bound is two hours.
const CHECK_OUT_TIMEOUT: Duration = Duration::from_secs(5);

// A connection that rested longer is asked whether it still lives, which costs one round trip. Under load
// none rests that long, so the hot path never pays. One that was open when another was lost is asked in any case.
const TRUSTED_FOR: Duration = Duration::from_secs(2);

// A scheduler at rest keeps two that it uses all the same: one for heartbeats, and one for polls and cron's looks.
const KEPT_UNUSED: Duration = Duration::from_secs(60);

/// Which promise a piece of work makes to its caller, and so which connections it runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// What was answered survives a crash of the database: enqueues and everything people ask for.
    Durable,
    /// A crash of the database may forget it, and a job merely runs again: claims and settles. It fails rather than wait
    /// long for a lock.
    Relaxed,
    /// As `Relaxed`, and never behind other work: heartbeats, on a connection of their own.
    Heartbeat,
}

/// Mainspring's connections, until they are closed.
#[derive(Clone)]
pub(crate) struct Store {
    pools: Arc<RwLock<Option<Pools>>>,
    last_loss: LastLoss,
}

struct Pools {
    durable: Pool<Connector>,
    relaxed: Pool<Connector>,
    heartbeat: Pool<Connector>,
    handlers: Pool<Connector>,
}

impl Store {
    /// Makes the pools without connecting yet.
    pub(crate) fn new(config: &Config) -> Self {
        let threads =
            ScheduledThreadPool::builder().num_threads(2).thread_name_pattern("mainspring-pool-{}").build();
        let threads = Arc::new(threads);
        let last_loss = LastLoss::default();
        let pool = |size: u32, trusted_for: Duration, settings: String| {
            Pool::builder()
                .max_size(size)
                // With one, r2d2 opens a second connection as soon as the first is in use.
                .min_idle(Some(0))
                .test_on_check_out(true)
                .connection_timeout(CHECK_OUT_TIMEOUT)
                .idle_timeout(Some(KEPT_UNUSED))
                .error_handler(Box::new(NopErrorHandler))
                .thread_pool(Arc::clone(&threads))
                .build_unchecked(Connector {
                    url: config.database_url.clone(),
                    settings,
                    trusted_for,
                    last_loss: last_loss.clone(),
                })
        };
        let relaxed_size = config.pool_size.div_ceil(2);
        let pools = Pools {
            durable: pool(
                config.pool_size - relaxed_size,
                TRUSTED_FOR,
                session_settings(config, Durability::Durable),
            ),
            relaxed: pool(relaxed_size, TRUSTED_FOR, session_settings(config, Durability::Relaxed)),
            // A heartbeat is a test itself, and is made again when its connection turns out to be lost.
            heartbeat: pool(1, Duration::MAX, session_settings(config, Durability::Heartbeat)),
            handlers: pool(config.handler_pool_size, TRUSTED_FOR, String::new()),
        };
        Self { pools: Arc::new(RwLock::new(Some(pools))), last_loss }
    }

    /// Closes the connections that rest, and those in use when they come back. Nothing is done on them afterwards.
    pub(crate) fn close(&self) {
        self.pools.write().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Whether any connection has been found to be no good since then.
    pub(crate) fn lost_a_connection_since(&self, moment: Instant) -> bool {
        self.last_loss.is_after(moment)
    }

    /// Runs `work` on a connection of that durability, on a thread that may block.
    pub(crate) async fn run<T, W>(&self, durability: Durability, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: FnOnce(&mut PgConnection) -> Result<T, StoreError> + Send + 'static,
    {
        self.run_checked(durability, work, |_| false).await
    }

    /// As [`Self::run`], for work whose answer may hold errors of its own that leave it in doubt whether the connection
    /// still lives.
    pub(crate) async fn run_checked<T, W>(
        &self,
        durability: Durability,
        work: W,
        leaves_doubt: fn(&T) -> bool,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: FnOnce(&mut PgConnection) -> Result<T, StoreError> + Send + 'static,
    {
        let pool = self.pool(|pools| match durability {
            Durability::Durable => &pools.durable,
            Durability::Relaxed => &pools.relaxed,
            Durability::Heartbeat => &pools.heartbeat,
        })?;
        blocking(move || run_on(&pool, work, leaves_doubt)).await
    }

    /// A connection for a handler, from a pool of its own with the server's own settings, so that handlers
    /// can neither starve the scheduler nor inherit its planner settings.
    pub(crate) async fn for_handler(&self) -> Result<HandlerConnection, StoreError> {
        let pool = self.pool(|pools| &pools.handlers)?;
        blocking(move || {
            pool.get().map(HandlerConnection).map_err(|error| StoreError::Connect(error.to_string()))
        })
        .await
    }

    /// Runs a handler's work on such a connection, on a thread that may block.
    pub(crate) async fn run_for_handler<T, W>(&self, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: FnOnce(&mut PgConnection) -> T + Send + 'static,
    {
        let pool = self.pool(|pools| &pools.handlers)?;
        blocking(move || {
            let connection = pool.get().map_err(|error| StoreError::Connect(error.to_string()))?;
            Ok(work(&mut HandlerConnection(connection)))
        })
        .await
    }

    fn pool(&self, which: impl FnOnce(&Pools) -> &Pool<Connector>) -> Result<Pool<Connector>, StoreError> {
        let pools = self.pools.read().unwrap_or_else(PoisonError::into_inner);
        let closed =
            || StoreError::Connect("the scheduler is stopped, and its connections are closed".into());
        pools.as_ref().map(|pools| which(pools).clone()).ok_or_else(closed)
    }
}

/// Opens a connection outside the pools: at start-up, where the first error matters.
pub(crate) fn connect(config: &Config) -> Result<PgConnection, StoreError> {
    let connector = Connector {
        url: config.database_url.clone(),
        settings: session_settings(config, Durability::Durable),
        trusted_for: TRUSTED_FOR,
        last_loss: LastLoss::default(),
    };
    connector.connect().map(|connection| connection.inner)
}

/// Runs `work` on a thread that may block, and waits for it without blocking this one.
pub(crate) async fn blocking<T, W>(work: W) -> Result<T, StoreError>
where
    T: Send + 'static,
    W: FnOnce() -> Result<T, StoreError> + Send + 'static,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(failed) if failed.is_panic() => std::panic::resume_unwind(failed.into_panic()),
        Err(_) => Err(StoreError::Connect("the scheduler's threads are shutting down".into())),
    }
}

fn run_on<T>(
    pool: &Pool<Connector>,
    work: impl FnOnce(&mut PgConnection) -> Result<T, StoreError>,
    leaves_doubt: fn(&T) -> bool,
) -> Result<T, StoreError> {
    let mut connection = pool.get().map_err(|error| StoreError::Connect(error.to_string()))?;
    let done = work(&mut connection.inner);
    let in_doubt = match &done {
        Ok(answer) => leaves_doubt(answer),
        Err(error) => matches!(error, StoreError::Database(_)),
    };
    if in_doubt {
        connection.broken = connection.inner.batch_execute("SELECT 1").is_err();
    }
    connection.rested_since = Instant::now();
    done
}

/// A database connection lent to a handler; it goes back to its pool when dropped. Derefs to Diesel's
/// `PgConnection`.
pub struct HandlerConnection(PooledConnection<Connector>);

impl std::ops::Deref for HandlerConnection {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.0.inner
    }
}

impl std::ops::DerefMut for HandlerConnection {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.0.inner
    }
}

impl Drop for HandlerConnection {
    fn drop(&mut self) {
        // A handler may leave a transaction open or break the connection: only a clean one goes back.
        use diesel::connection::{TransactionManager, TransactionManagerStatus};
        type Manager = <PgConnection as Connection>::TransactionManager;
        let status = Manager::transaction_manager_status_mut(&mut self.0.inner);
        let clean =
            matches!(status, TransactionManagerStatus::Valid(depth) if depth.transaction_depth().is_none());
        self.0.broken = !clean || std::thread::panicking();
    }
}

impl std::fmt::Debug for HandlerConnection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HandlerConnection")
    }
}

/// Opens connections for r2d2 and says when one is no longer good.
pub(crate) struct Connector {
    url: String,
    settings: String,
    trusted_for: Duration,
    last_loss: LastLoss,
}

/// When a connection of any pool was last found to be no good. A server that ends takes all of them with it, so whatever
/// was open then is under suspicion.
#[derive(Debug, Clone, Default)]
struct LastLoss(Arc<Mutex<Option<Instant>>>);

impl LastLoss {
    fn note(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    fn is_after(&self, moment: Instant) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|loss| loss >= moment)
    }
}

pub(crate) struct Pooled {
    inner: PgConnection,
    broken: bool,
    rested_since: Instant,
}

impl Connector {
    fn connect(&self) -> Result<Pooled, StoreError> {
        let mut inner = super::connect::connect(&self.url)?;
        // Diesel takes an empty text for an error, and the connections of handlers have no settings.
        if !self.settings.is_empty() {
            inner.batch_execute(&self.settings)?;
        }
        Ok(Pooled { inner, broken: false, rested_since: Instant::now() })
    }
}

impl ManageConnection for Connector {
    type Connection = Pooled;
    type Error = StoreError;

    fn connect(&self) -> Result<Pooled, StoreError> {
        Connector::connect(self)
    }

    fn is_valid(&self, connection: &mut Pooled) -> Result<(), StoreError> {
        let since = connection.rested_since;
        if since.elapsed() > self.trusted_for || self.last_loss.is_after(since) {
            connection.inner.batch_execute("SELECT 1").inspect_err(|_| self.last_loss.note())?;
        }
        Ok(())
    }

    fn has_broken(&self, connection: &mut Pooled) -> bool {
        let broken = connection.broken || std::thread::panicking();
        if broken {
            self.last_loss.note();
        }
        broken
    }
}

// The settings of Mainspring's own sessions. The planner settings keep every statement on its index: a
// sequential scan chosen when the table was nearly empty once turned a claim of 1 ms into one of 14 s.
fn session_settings(config: &Config, durability: Durability) -> String {
    let relaxed = durability != Durability::Durable && config.settle_durability == SettleDurability::Relaxed;
    let commit = if relaxed { "SET synchronous_commit = off;" } else { "" };
    // An application's transaction may hold a job's row for as long as it likes, when it replaces the job's key or cancels it:
    // claims and outcomes of others must not wait with it.
    let patience = if durability == Durability::Relaxed { "SET lock_timeout = '100ms';" } else { "" };
    let named = config.database_url.contains("application_name");
    let name = if named { "" } else { "SET application_name = 'mainspring';" };
    format!(
        "SET enable_seqscan = off; SET enable_sort = off; SET enable_bitmapscan = off; \
         SET enable_hashjoin = off; SET enable_mergejoin = off; SET jit = off; \
         SET plan_cache_mode = force_generic_plan; SET mainspring.origin = '{}'; {commit} {patience} {name}",
        config.origin
    )
}
