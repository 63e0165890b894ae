//! The pools of connections, and how work gets one: from its own side, or from the other where the server has no room. Knows no
//! statement and no thread.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use r2d2::{NopErrorHandler, Pool, PooledConnection};
use scheduled_thread_pool::{OnPoolDropBehavior, ScheduledThreadPool};

use super::connector::{Connector, LastLoss, Own, Way, connect_for_heartbeats};
use super::refusals::Refusals;
use super::settings::Durability;
use crate::config::{Config, Part};
use crate::error::StoreError;

/// How long work waits for a connection. A caller must learn of a broken server in time.
pub(super) const CHECK_OUT_TIMEOUT: Duration = Duration::from_secs(5);

// A connection that could not be made is tried again after at most half of it.
const LONGEST_PAUSES: Duration = Duration::from_secs(1);

// How long work waits for a connection of its own side before it takes one of the other.
const OWN_POOL_TIMEOUT: Duration = Duration::from_millis(200);

// How long the connections that a start needs are asked for, where the server refuses one.
const REFUSED_AFTER: Duration = Duration::from_secs(1);

// For so long after a refusal, connections of the other side are used at once.
const SHORTAGE_LASTS: Duration = Duration::from_secs(10);

// A scheduler at rest uses one, for polls and for cron.
const KEPT_UNUSED: Duration = Duration::from_secs(60);

/// The settings of the pools' sizes.
pub(super) const HANDLERS: &str = "handler_pool_size";
const OWN: &str = "pool_size";

/// One generation of connections. When the database leaves a statement without a reply, another one takes its place.
pub(super) struct Pools {
    /// Made when first used: they have threads.
    sides: LazyLock<Sides, Box<dyn FnOnce() -> Sides + Send>>,
    refusals: Refusals,
    pub(super) made_at: Instant,
    /// A connection did not reply, when the generation was too young to be replaced.
    doubtful: AtomicBool,
    /// Held by the thread that closes a connection, if there is one.
    closing: Arc<()>,
}

/// The pools themselves.
struct Sides {
    /// None of its own where one pool does all work.
    durable: Option<Pool<Connector>>,
    /// Those of a client are durable too: it makes no other statement.
    relaxed: Pool<Connector>,
    handlers: Pool<Connector>,
}

impl Pools {
    /// Makes no pool and no connection yet.
    pub(super) fn new(config: &Arc<Config>, last_loss: &LastLoss, refusals: &Refusals) -> Self {
        let (config, last_loss, given) = (Arc::clone(config), last_loss.clone(), refusals.clone());
        Self {
            sides: LazyLock::new(Box::new(move || Sides::new(&config, &last_loss, &given))),
            refusals: refusals.clone(),
            made_at: Instant::now(),
            doubtful: AtomicBool::new(false),
            closing: Arc::default(),
        }
    }

    /// Notes that a connection did not reply. Others of its age may be silent as well.
    pub(super) fn doubt(&self) {
        self.doubtful.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_doubtful(&self) -> bool {
        self.doubtful.load(Ordering::Relaxed)
    }

    // Each side has connections of its own. Where the server has no room for another one, a side may use what rests on
    // the other side: three connections suffice.
    pub(super) fn check_out(
        &self,
        durability: Durability,
    ) -> Result<PooledConnection<Connector>, StoreError> {
        let mut connection = self.any(durability)?;
        connection.serve(durability)?;
        Ok(connection)
    }

    /// A connection for a handler.
    pub(super) fn lend(&self) -> Result<PooledConnection<Connector>, StoreError> {
        let none_came = |error| self.none_came(&error, self.lent_out(CHECK_OUT_TIMEOUT));
        self.sides.handlers.get_timeout(CHECK_OUT_TIMEOUT).map_err(none_came)
    }

    /// The error of a wait for a connection that all handlers together use up, if they do.
    pub(super) fn lent_out(&self, waited: Duration) -> Option<StoreError> {
        let handlers = &self.sides.handlers;
        let size = handlers.max_size();
        is_used_up(handlers).then_some(StoreError::PoolExhausted { setting: HANDLERS, size, waited })
    }

    /// Opens a connection for claims and outcomes. One that was closed a moment ago may still count, so the first refusal is not
    /// the last word.
    pub(super) fn open(&self) -> Result<PooledConnection<Connector>, String> {
        let began = Instant::now();
        loop {
            let error = match self.sides.relaxed.get_timeout(OWN_POOL_TIMEOUT) {
                Ok(connection) => return Ok(connection),
                Err(error) => error.to_string(),
            };
            let refusal = self.refusals.within(began.elapsed());
            if began.elapsed() > CHECK_OUT_TIMEOUT || refusal.is_some() && began.elapsed() > REFUSED_AFTER {
                return Err(refusal.map_or(error, |refusal| refusal.reason));
            }
        }
    }

    /// Opens a connection as the heartbeats will, as a proof that the server has room for it.
    pub(super) fn try_heartbeats(config: &Config) -> Result<Own, String> {
        let began = Instant::now();
        loop {
            match connect_for_heartbeats(config, Way::Common) {
                Ok(connection) => return Ok(connection),
                Err(error) if began.elapsed() > REFUSED_AFTER => return Err(error.to_string()),
                Err(_) => std::thread::sleep(OWN_POOL_TIMEOUT),
            }
        }
    }

    /// Closes a connection of the scheduler's own that rests, unless it is the last one. Does not wait for that: a connection is
    /// checked before it is handed out, and a silent server never replies to the check.
    pub(super) fn close_one_at_rest(self: &Arc<Self>) {
        let closing = Arc::clone(&self.closing);
        // Beside this one and that of the pools, a thread holds one that has not come back.
        if Arc::strong_count(&closing) > 2 {
            return;
        }
        let pools = Arc::clone(self);
        let close = move || {
            pools.close_at_rest();
            drop(closing);
        };
        // Without a thread, the next heartbeat that finds no room tries again.
        let _ = std::thread::Builder::new().name("mainspring-close".into()).spawn(close);
    }

    fn close_at_rest(&self) {
        let open: u32 = self.sides.own().map(|pool| pool.state().connections).sum();
        if open > 1
            && let Some(mut connection) = self.sides.own().find_map(Pool::try_get)
        {
            connection.broken = true;
        }
    }

    fn any(&self, durability: Durability) -> Result<PooledConnection<Connector>, StoreError> {
        let relaxed = &self.sides.relaxed;
        let durable = self.sides.durable.as_ref().unwrap_or(relaxed);
        let (own, other) = match durability {
            Durability::Durable => (durable, relaxed),
            Durability::Relaxed => (relaxed, durable),
        };
        let borrow = || other.try_get();
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
                        return Err(self.none_came(&error, self.all_in_use()));
                    }
                }
            }
        }
    }

    fn all_in_use(&self) -> Option<StoreError> {
        let size = self.sides.own().map(Pool::max_size).sum();
        self.sides.own().all(is_used_up).then_some(StoreError::PoolExhausted {
            setting: OWN,
            size,
            waited: CHECK_OUT_TIMEOUT,
        })
    }

    // Without a refusal, other work holds every connection, or the database is silent.
    fn none_came(&self, error: &r2d2::Error, exhausted: Option<StoreError>) -> StoreError {
        match self.refusals.within(CHECK_OUT_TIMEOUT) {
            Some(refusal) => StoreError::Connect(refusal.reason),
            None => exhausted.unwrap_or_else(|| StoreError::Connect(error.to_string())),
        }
    }
}

impl Sides {
    fn new(config: &Arc<Config>, last_loss: &LastLoss, refusals: &Refusals) -> Self {
        let threads = ScheduledThreadPool::builder()
            .num_threads(2)
            .thread_name_pattern("mainspring-pool-{}")
            // They would wait for the next look at connections that rest, which comes within 30 seconds.
            .on_drop_behavior(OnPoolDropBehavior::DiscardPendingScheduled)
            .build();
        let threads = Arc::new(threads);
        let pool = |size: u32, connector: Connector| {
            Pool::builder()
                // No work asks an empty one.
                .max_size(size.max(1))
                // With one, r2d2 opens a second connection as soon as the first is in use.
                .min_idle(Some(0))
                .test_on_check_out(true)
                .connection_timeout(LONGEST_PAUSES)
                .idle_timeout(Some(KEPT_UNUSED))
                .error_handler(Box::new(NopErrorHandler))
                .thread_pool(Arc::clone(&threads))
                .build_unchecked(connector)
        };
        let own = |durability| Connector::new(config, durability, last_loss, refusals);
        let (relaxed_size, promise) = match config.part {
            Part::Worker => (config.pool_size.div_ceil(2), Durability::Relaxed),
            Part::Client => (config.pool_size, Durability::Durable),
        };
        let durable_size = config.pool_size - relaxed_size;
        Self {
            durable: (durable_size > 0).then(|| pool(durable_size, own(Durability::Durable))),
            relaxed: pool(relaxed_size, own(promise)),
            handlers: pool(config.handler_pool_size, Connector::for_handlers(config, last_loss, refusals)),
        }
    }

    /// Those of the scheduler's own statements.
    fn own(&self) -> impl Iterator<Item = &Pool<Connector>> {
        self.durable.iter().chain([&self.relaxed])
    }
}

fn is_used_up(pool: &Pool<Connector>) -> bool {
    let state = pool.state();
    state.connections >= pool.max_size() && state.idle_connections == 0
}
