//! Mainspring's connections in their pools, and the one bridge from async code to them. Knows no statement.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use r2d2::{NopErrorHandler, Pool, PooledConnection};
use scheduled_thread_pool::{OnPoolDropBehavior, ScheduledThreadPool};

use super::connector::{Connector, LastLoss, Refusals};
use super::handler::HandlerConnection;
use super::session::{AsSession, Session};
use super::settings::{Durability, Promises};
use crate::config::Config;
use crate::error::StoreError;

// A caller must learn of a broken server in time. The bound of libpq itself is two hours.
const CHECK_OUT_TIMEOUT: Duration = Duration::from_secs(5);

// How long work waits for a connection of its own side before it takes one of the other.
const OWN_POOL_TIMEOUT: Duration = Duration::from_millis(200);

// How long the connections that a start needs are asked for, where the server refuses one.
const REFUSED_AFTER: Duration = Duration::from_secs(1);

// For so long after a refusal, connections of the other side are used at once.
const SHORTAGE_LASTS: Duration = Duration::from_secs(10);

// A scheduler at rest uses two: one for heartbeats, and one for polls and for cron.
const KEPT_UNUSED: Duration = Duration::from_secs(60);

/// Mainspring's connections, until they are closed.
#[derive(Clone)]
pub(crate) struct Store {
    pools: Arc<RwLock<Option<Arc<Pools>>>>,
    last_loss: LastLoss,
    refusals: Refusals,
}

struct Pools {
    durable: Pool<Connector>,
    relaxed: Pool<Connector>,
    heartbeat: Pool<Connector>,
    handlers: Pool<Connector>,
    promises: Promises,
    refusals: Refusals,
}

impl Store {
    /// Makes the pools without connecting yet.
    pub(crate) fn new(config: &Config) -> Self {
        let threads = ScheduledThreadPool::builder()
            .num_threads(2)
            .thread_name_pattern("mainspring-pool-{}")
            // They would wait for the next look at connections that rest, which comes within 30 seconds.
            .on_drop_behavior(OnPoolDropBehavior::DiscardPendingScheduled)
            .build();
        let threads = Arc::new(threads);
        let (last_loss, refusals) = (LastLoss::default(), Refusals::default());
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
        let own = |durability| Connector::new(config, durability, &last_loss, &refusals);
        let relaxed_size = config.pool_size.div_ceil(2);
        let pools = Pools {
            durable: pool(config.pool_size - relaxed_size, own(Durability::Durable)),
            relaxed: pool(relaxed_size, own(Durability::Relaxed)),
            heartbeat: pool(1, own(Durability::Heartbeat)),
            handlers: pool(config.handler_pool_size, Connector::for_handlers(config, &last_loss, &refusals)),
            promises: Promises::new(config),
            refusals: refusals.clone(),
        };
        Self { pools: Arc::new(RwLock::new(Some(Arc::new(pools)))), last_loss, refusals }
    }

    /// Closes the connections that rest, and those in use when they come back. Nothing is done on them afterwards.
    pub(crate) fn close(&self) {
        self.pools.write().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Opens the connections without which nothing works, beside the one of the caller. One is for heartbeats. Another is
    /// for all other work, while the caller's makes room for the one that listens.
    pub(crate) fn open_needed(&self, config: &Config) -> Result<(), StoreError> {
        let pools = self.pools()?;
        let listening = config.listen.then_some(&pools.relaxed);
        let mut open = Vec::new();
        for pool in [Some(&pools.heartbeat), listening].into_iter().flatten() {
            let granted = open.len() + 1;
            let needed = if config.listen { 3 } else { 2 };
            let opened = pools.open(pool).map_err(|reason| {
                StoreError::Connect(format!(
                    "a scheduler needs {needed} connections at once, and the server has granted {granted}: {reason}"
                ))
            });
            open.push(opened?);
        }
        Ok(())
    }

    /// Closes a connection of the scheduler's own that rests, unless it is the last one.
    pub(crate) fn close_one_at_rest(&self) {
        let Ok(pools) = self.pools() else { return };
        let sides = [&pools.durable, &pools.relaxed];
        let open: u32 = sides.iter().map(|pool| pool.state().connections).sum();
        if open > 1
            && let Some(mut connection) = sides.iter().find_map(|pool| pool.try_get())
        {
            connection.broken = true;
        }
    }

    /// Why the server last refused a connection, if that was within the period.
    pub(crate) fn refused_within(&self, period: Duration) -> Option<String> {
        self.refusals.within(period)
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
        let pools = self.pools()?;
        blocking(move || run_on(&pools, durability, work, leaves_doubt)).await
    }

    /// A connection for a handler, from a pool of its own with the server's own settings, so that handlers
    /// can neither starve the scheduler nor inherit its planner settings.
    pub(crate) async fn for_handler(&self) -> Result<HandlerConnection, StoreError> {
        let pool = self.pools()?.handlers.clone();
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
        let pool = self.pools()?.handlers.clone();
        blocking(move || {
            let connection = pool.get().map_err(|error| StoreError::Connect(error.to_string()))?;
            Ok(work(&mut HandlerConnection(connection).as_session()))
        })
        .await
    }

    fn pools(&self) -> Result<Arc<Pools>, StoreError> {
        let pools = self.pools.read().unwrap_or_else(PoisonError::into_inner);
        let closed =
            || StoreError::Connect("the scheduler is stopped, and its connections are closed".into());
        pools.clone().ok_or_else(closed)
    }
}

impl Pools {
    // Each side has connections of its own. Where the server has no room for another one, a side may use what rests on
    // the other side: three connections suffice.
    fn check_out(&self, durability: Durability) -> Result<PooledConnection<Connector>, StoreError> {
        let mut connection = self.any(durability)?;
        connection.serve(durability, &self.promises).inspect_err(|_| connection.broken = true)?;
        Ok(connection)
    }

    // A connection that was closed a moment ago may still count, so the first refusal is not the last word.
    fn open(&self, pool: &Pool<Connector>) -> Result<PooledConnection<Connector>, String> {
        let began = Instant::now();
        loop {
            let error = match pool.get_timeout(OWN_POOL_TIMEOUT) {
                Ok(connection) => return Ok(connection),
                Err(error) => error.to_string(),
            };
            let refusal = self.refusals.within(began.elapsed());
            if began.elapsed() > CHECK_OUT_TIMEOUT || refusal.is_some() && began.elapsed() > REFUSED_AFTER {
                return Err(refusal.unwrap_or(error));
            }
        }
    }

    fn any(&self, durability: Durability) -> Result<PooledConnection<Connector>, StoreError> {
        let (own, others) = match durability {
            Durability::Durable => (&self.durable, [Some(&self.relaxed), None]),
            Durability::Relaxed => (&self.relaxed, [Some(&self.durable), None]),
            Durability::Heartbeat => (&self.heartbeat, [Some(&self.durable), Some(&self.relaxed)]),
        };
        let borrow = || others.iter().flatten().find_map(|pool| pool.try_get());
        if self.refusals.within(SHORTAGE_LASTS).is_some()
            && let Some(connection) = own.try_get().or_else(borrow)
        {
            return Ok(connection);
        }
        let deadline = Instant::now() + CHECK_OUT_TIMEOUT;
        loop {
            match own.get_timeout(OWN_POOL_TIMEOUT) {
                Ok(connection) => return Ok(connection),
                Err(error) => {
                    if let Some(connection) = borrow() {
                        return Ok(connection);
                    }
                    if Instant::now() >= deadline {
                        let reason = self.refusals.within(CHECK_OUT_TIMEOUT);
                        return Err(StoreError::Connect(reason.unwrap_or_else(|| error.to_string())));
                    }
                }
            }
        }
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
    pools: &Pools,
    durability: Durability,
    work: impl FnOnce(&mut Session<'_>) -> Result<T, StoreError>,
    leaves_doubt: fn(&T) -> bool,
) -> Result<T, StoreError> {
    let mut connection = pools.check_out(durability)?;
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
