//! Mainspring's connections in their pools, and the one bridge from async code to them. Knows no statement.

use std::sync::{Arc, LazyLock, PoisonError, RwLock};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::awaited::{Patience, awaited, no_thread};
use super::connector::LastLoss;
use super::gate::Gate;
use super::handler::HandlerConnection;
use super::pools::{CHECK_OUT_TIMEOUT, HANDLERS, Pools};
use super::refusals::{Refusal, Refusals};
use super::session::{AsSession, Session};
use super::settings::{Durability, REPLY_TIMEOUT};
use super::threads::Threads;
use crate::config::Config;
use crate::error::StoreError;

// A handler waits a little longer for a connection than its thread does, which can say more about the reason.
const LENDING_TIMEOUT: Duration = CHECK_OUT_TIMEOUT.saturating_add(Duration::from_secs(1));

// Connections that do not reply are replaced by others, but not more often. Those of a younger generation are replaced then.
const SHORTEST_GENERATION: Duration = Duration::from_secs(5);

// As many threads as tokio has for work that blocks.
const MOST_BLOCKING: usize = 512;

/// Mainspring's connections, until they are closed.
#[derive(Clone)]
pub(crate) struct Store {
    pools: Arc<RwLock<Option<Arc<Pools>>>>,
    config: Arc<Config>,
    /// Each thread holds a connection, or waits for one.
    own: Threads,
    lent: Threads,
    last_loss: LastLoss,
    refusals: Refusals,
    /// When heartbeats last found a server again.
    found_again: watch::Sender<Instant>,
}

impl Store {
    /// Makes the pools without connecting yet.
    pub(crate) fn new(config: &Config) -> Self {
        let (last_loss, refusals) = (LastLoss::default(), Refusals::default());
        let config = Arc::new(config.clone());
        let pools = Pools::new(&config, &last_loss, &refusals);
        let found_again = watch::Sender::new(pools.made_at);
        Self {
            pools: Arc::new(RwLock::new(Some(Arc::new(pools)))),
            own: Threads::new(config.pool_size as usize + 1),
            lent: Threads::new(config.handler_pool_size as usize),
            last_loss,
            refusals,
            config,
            found_again,
        }
    }

    /// Heartbeats have found a server after a while without one. The connections from before may lead to another server, which
    /// never replies, so they are replaced. Statements on them are given up, but for those with a time-out of their own.
    pub(crate) fn server_found(&self) {
        self.found_again.send_replace(Instant::now());
        if let Ok(used) = self.current() {
            self.replace(&used);
        }
    }

    /// A heartbeat was confirmed. Replaces connections that were too young for it when one of them did not reply.
    pub(crate) fn replace_doubtful(&self) {
        // Without connections the scheduler has stopped.
        let _ = self.pools();
    }

    /// Closes the connections that rest, and those in use when they come back. Nothing is done on them afterwards.
    pub(crate) fn close(&self) {
        self.pools.write().unwrap_or_else(PoisonError::into_inner).take();
        self.own.close();
        self.lent.close();
    }

    /// Opens the connections without which nothing works, beside the one of the caller. One is as that of the heartbeats. Another
    /// is for all other work, while the caller's makes room for the one that listens.
    pub(crate) fn open_needed(&self) -> Result<(), StoreError> {
        let config = &self.config;
        let pools = self.pools()?;
        let needed = config.connections_needed();
        let missing = |granted: i32, reason: String| {
            StoreError::Connect(format!(
                "a scheduler needs {needed} connections at once, and the server has granted {granted}: {reason}"
            ))
        };
        let _heartbeats = Pools::try_heartbeats(config).map_err(|reason| missing(1, reason))?;
        if needed > 2 {
            pools.open().map_err(|reason| missing(2, reason))?;
        }
        Ok(())
    }

    /// Closes a connection of the scheduler's own that rests, unless it is the last one.
    pub(crate) fn close_one_at_rest(&self) {
        if let Ok(pools) = self.pools() {
            pools.close_one_at_rest();
        }
    }

    /// Why the server last refused a connection, if that was within the period.
    pub(crate) fn refused_within(&self, period: Duration) -> Option<Refusal> {
        self.refusals.within(period)
    }

    /// Forgets which connections were refused, since a server was found after a while without one.
    pub(crate) fn forget_refusals(&self) {
        self.refusals.forget();
    }

    /// Records that a connection outside the pools was found to be no good.
    pub(crate) fn note_loss(&self) {
        self.last_loss.note();
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
        self.run_gated(durability, REPLY_TIMEOUT, |conn, _| work(conn), |_| false).await
    }

    /// As [`Self::run`], with a time-out of its own, for work that hands something on: it passes the gate first. What it does
    /// behind the gate is awaited for some seconds more, and given up too. The result may hold errors of its own that leave it in
    /// doubt whether the connection still lives.
    pub(crate) async fn run_gated<T, W>(
        &self,
        durability: Durability,
        timeout: Duration,
        work: W,
        leaves_doubt: fn(&T) -> bool,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: FnOnce(&mut Session<'_>, &Gate) -> Result<T, StoreError> + Send + 'static,
    {
        let pools = self.pools()?;
        let on = Arc::clone(&pools);
        let call = move |gate: &Gate| run_on(&on, durability, timeout, |conn| work(conn, gate), leaves_doubt);
        let patience = if timeout == REPLY_TIMEOUT {
            Patience::until_found(timeout, self.found_again.subscribe())
        } else {
            Patience::of(timeout)
        };
        self.replacing(&pools, awaited(&self.own, patience, call).await)
    }

    /// A connection for a handler, from a pool of its own with the server's own settings, so that handlers
    /// can neither starve the scheduler nor inherit its planner settings.
    pub(crate) async fn for_handler(&self) -> Result<HandlerConnection, StoreError> {
        let pools = self.lending_pools()?;
        let on = Arc::clone(&pools);
        let lend = move |_: &Gate| on.lend().map(HandlerConnection::new);
        let lent = awaited(&self.lent, Patience::of(LENDING_TIMEOUT), lend).await;
        self.replacing(&pools, lent).map_err(|error| not_lent(&pools, error))
    }

    /// Runs a handler's work on such a connection, on a thread that may block. Only the wait for the connection has a bound.
    pub(crate) async fn run_for_handler<T, W>(&self, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: FnOnce(&mut Session<'_>) -> T + Send + 'static,
    {
        let pools = self.lending_pools()?;
        let on = Arc::clone(&pools);
        let call = move |gate: &Gate| {
            let mut connection = HandlerConnection::new(on.lend()?);
            if !gate.pass() {
                return Err(no_thread());
            }
            Ok(work(&mut connection.as_session()))
        };
        self.replacing(&pools, awaited(&self.lent, Patience::of_beginning(LENDING_TIMEOUT), call).await)
            .map_err(|error| not_lent(&pools, error))
    }

    // A connection that does not reply stays with its thread until the network or the server ends it. So that such connections
    // do not use the pools up, others replace them all.
    fn replacing<T>(&self, used: &Arc<Pools>, done: Result<T, StoreError>) -> Result<T, StoreError> {
        let silent = match &done {
            Err(StoreError::TimedOut { .. }) => true,
            Err(StoreError::Connect(_) | StoreError::PoolExhausted { .. }) => {
                self.refusals.within(CHECK_OUT_TIMEOUT).is_none()
            }
            _ => false,
        };
        if silent {
            self.replace(used);
        }
        done
    }

    // Its threads would wait for ever.
    fn lending_pools(&self) -> Result<Arc<Pools>, StoreError> {
        if self.config.handler_pool_size == 0 {
            return Err(StoreError::PoolExhausted { setting: HANDLERS, size: 0, waited: Duration::ZERO });
        }
        self.pools()
    }

    fn replace(&self, used: &Arc<Pools>) {
        if used.made_at.elapsed() < SHORTEST_GENERATION {
            return used.doubt();
        }
        self.exchange(used);
    }

    fn exchange(&self, used: &Arc<Pools>) {
        let mut pools = self.pools.write().unwrap_or_else(PoisonError::into_inner);
        if pools.as_ref().is_some_and(|pools| Arc::ptr_eq(pools, used)) {
            *pools = Some(Arc::new(Pools::new(&self.config, &self.last_loss, &self.refusals)));
        }
    }

    fn pools(&self) -> Result<Arc<Pools>, StoreError> {
        let pools = self.current()?;
        if !pools.is_doubtful() || pools.made_at.elapsed() < SHORTEST_GENERATION {
            return Ok(pools);
        }
        self.exchange(&pools);
        // Statements that have begun on them since that server was found may hang as well.
        if *self.found_again.borrow() > pools.made_at {
            self.found_again.send_replace(Instant::now());
        }
        self.current()
    }

    fn current(&self) -> Result<Arc<Pools>, StoreError> {
        let pools = self.pools.read().unwrap_or_else(PoisonError::into_inner);
        let closed =
            || StoreError::Connect("the scheduler is stopped, and its connections are closed".into());
        pools.clone().ok_or_else(closed)
    }
}

/// Runs `work` on a thread that may block, and waits for it without blocking this one. Nothing else waits for the thread.
pub(crate) async fn blocking<T, W>(work: W) -> Result<T, StoreError>
where
    T: Send + 'static,
    W: FnOnce() -> Result<T, StoreError> + Send + 'static,
{
    static THREADS: LazyLock<Threads> = LazyLock::new(|| Threads::new(MOST_BLOCKING));
    let reply = THREADS.start(|_| work()).map_err(|_| no_thread())?;
    reply.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

// Nothing was sent yet.
fn not_lent(pools: &Pools, error: StoreError) -> StoreError {
    match error {
        StoreError::TimedOut { waited, .. } => pools.lent_out(waited).unwrap_or_else(|| {
            StoreError::Connect(format!("no connection for a handler came within {waited:.1?}"))
        }),
        other => other,
    }
}

fn run_on<T>(
    pools: &Pools,
    durability: Durability,
    timeout: Duration,
    work: impl FnOnce(&mut Session<'_>) -> Result<T, StoreError>,
    leaves_doubt: fn(&T) -> bool,
) -> Result<T, StoreError> {
    let mut connection = pools.check_out(durability)?;
    connection.allow(timeout)?;
    let done = work(&mut connection.session());
    let in_doubt = match &done {
        Ok(answer) => leaves_doubt(answer),
        Err(error) => matches!(error, StoreError::Database(_) | StoreError::ReadOnly(_)),
    };
    if in_doubt {
        connection.broken = connection.check().is_err();
    }
    connection.rested_since = Instant::now();
    done
}

#[cfg(test)]
mod tests;
