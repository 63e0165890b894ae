//! Mainspring's connections in their pools, and the one bridge from async code to them. Knows no statement.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use r2d2::{NopErrorHandler, Pool};
use scheduled_thread_pool::ScheduledThreadPool;

use super::connector::{Connector, Durability, LastLoss};
use super::handler::HandlerConnection;
use super::session::{AsSession, Session};
use crate::config::Config;
use crate::error::StoreError;

// A caller must learn of a broken server in time. The bound of libpq itself is two hours.
const CHECK_OUT_TIMEOUT: Duration = Duration::from_secs(5);

// A scheduler at rest uses two: one for heartbeats, and one for polls and for cron.
const KEPT_UNUSED: Duration = Duration::from_secs(60);

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
        let pool = |size: u32, connector: Connector| {
            Pool::builder()
                .max_size(size)
                // With one, r2d2 opens a second connection as soon as the first is in use.
                .min_idle(Some(0))
                .test_on_check_out(true)
                .connection_timeout(CHECK_OUT_TIMEOUT)
                .idle_timeout(Some(KEPT_UNUSED))
                .error_handler(Box::new(NopErrorHandler))
                .thread_pool(Arc::clone(&threads))
                .build_unchecked(connector)
        };
        let own = |durability| Connector::new(config, durability, &last_loss);
        let relaxed_size = config.pool_size.div_ceil(2);
        let pools = Pools {
            durable: pool(config.pool_size - relaxed_size, own(Durability::Durable)),
            relaxed: pool(relaxed_size, own(Durability::Relaxed)),
            heartbeat: pool(1, own(Durability::Heartbeat)),
            handlers: pool(config.handler_pool_size, Connector::for_handlers(config, &last_loss)),
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
        W: FnOnce(&mut Session<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        self.run_checked(durability, work, |_| false).await
    }

    /// As [`Self::run`], for work whose result may hold errors of its own that leave it in doubt whether the connection
    /// still lives.
    pub(crate) async fn run_checked<T, W>(
        &self,
        durability: Durability,
        work: W,
        leaves_doubt: fn(&T) -> bool,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: FnOnce(&mut Session<'_>) -> Result<T, StoreError> + Send + 'static,
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
        W: FnOnce(&mut Session<'_>) -> T + Send + 'static,
    {
        let pool = self.pool(|pools| &pools.handlers)?;
        blocking(move || {
            let connection = pool.get().map_err(|error| StoreError::Connect(error.to_string()))?;
            Ok(work(&mut HandlerConnection(connection).as_session()))
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
    work: impl FnOnce(&mut Session<'_>) -> Result<T, StoreError>,
    leaves_doubt: fn(&T) -> bool,
) -> Result<T, StoreError> {
    let mut connection = pool.get().map_err(|error| StoreError::Connect(error.to_string()))?;
    let done = work(&mut connection.session());
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
