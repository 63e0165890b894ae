//! How a connection of Mainspring's own is opened, with which settings and in which schema, and when it is no longer good.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use r2d2::ManageConnection;

use super::connect::{explained, open};
use super::session::Session;
use crate::config::{Config, SettleDurability};
use crate::error::StoreError;
use crate::schema::Schema;

// A connection that rested longer is checked, which costs one round trip. Under load
// none rests that long, so the hot path never pays. One that was open when another was lost is checked in any case.
const TRUSTED_FOR: Duration = Duration::from_secs(2);

/// Which promise a piece of work makes to its caller, and so which connections it runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// What was confirmed survives a crash of the database: enqueues and every administrative request.
    Durable,
    /// A crash of the database may forget it, and a job merely runs again: claims and settles. It fails rather than wait
    /// long for a lock.
    Relaxed,
    /// As `Relaxed`, and never behind other work: heartbeats, on a connection of their own.
    Heartbeat,
}

/// Opens a connection outside the pools: at start-up, where the first error matters.
pub(crate) fn connect(config: &Config) -> Result<PgConnection, StoreError> {
    let connector = Connector::new(config, Durability::Durable, &LastLoss::default());
    let connected = connector.connect().map(|connection| connection.inner);
    connected.map_err(|error| explained(&config.database_url, error))
}

/// Opens connections for r2d2 and reports when one is no longer good.
pub(crate) struct Connector {
    url: String,
    schema: Schema,
    settings: String,
    trusted_for: Duration,
    last_loss: LastLoss,
}

/// When a connection of any pool was last found to be no good. A server that ends takes all of them with it, so whatever
/// was open then is under suspicion.
#[derive(Debug, Clone, Default)]
pub(super) struct LastLoss(Arc<Mutex<Option<Instant>>>);

impl LastLoss {
    fn note(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    pub(super) fn is_after(&self, moment: Instant) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|loss| loss >= moment)
    }
}

pub(crate) struct Pooled {
    pub(super) inner: PgConnection,
    pub(super) broken: bool,
    pub(super) rested_since: Instant,
    schema: Schema,
}

impl Pooled {
    pub(super) fn session(&mut self) -> Session<'_> {
        self.schema.on(&mut self.inner)
    }
}

impl Connector {
    pub(super) fn new(config: &Config, durability: Durability, last_loss: &LastLoss) -> Self {
        let trusted_for = match durability {
            Durability::Durable | Durability::Relaxed => TRUSTED_FOR,
            // A heartbeat is a test itself, and is made again when its connection turns out to be lost.
            Durability::Heartbeat => Duration::MAX,
        };
        Self {
            url: config.database_url.clone(),
            schema: config.schema.clone(),
            settings: session_settings(config, durability),
            trusted_for,
            last_loss: last_loss.clone(),
        }
    }

    /// With the server's own settings: the planner settings are for Mainspring's statements.
    pub(super) fn for_handlers(config: &Config, last_loss: &LastLoss) -> Self {
        Self {
            url: config.database_url.clone(),
            schema: config.schema.clone(),
            settings: String::new(),
            trusted_for: TRUSTED_FOR,
            last_loss: last_loss.clone(),
        }
    }

    fn connect(&self) -> Result<Pooled, StoreError> {
        let mut inner = open(&self.url)?;
        // Diesel takes an empty text for an error, and the connections of handlers have no settings.
        if !self.settings.is_empty() {
            inner.batch_execute(&self.settings).map_err(StoreError::from_diesel)?;
        }
        Ok(Pooled { inner, broken: false, rested_since: Instant::now(), schema: self.schema.clone() })
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
            let checked = connection.inner.batch_execute("SELECT 1").inspect_err(|_| self.last_loss.note());
            return checked.map_err(StoreError::from_diesel);
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
    // An application's transaction that replaces a job's key or cancels the job may hold its row for any time. Claims and
    // outcomes of other jobs must not wait with it.
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
