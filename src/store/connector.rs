//! How a connection of Mainspring's own is opened, with which settings and in which schema, and when it is no longer good.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use diesel::Connection;
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use r2d2::ManageConnection;

use super::connect::Address;
use super::session::Session;
use super::settings::{
    Durability, Promises, REPLY_TIMEOUT, STATEMENT_TIMEOUT, for_heartbeats, own_session, statement_timeout,
};
use super::witness::Witness;
use crate::config::Config;
use crate::error::StoreError;
use crate::lock::lock;
use crate::schema::Schema;

// A connection that rested longer is checked, which costs one round trip. Under load
// none rests that long, so the hot path never pays. One that was open when another was lost is checked in any case.
const TRUSTED_FOR: Duration = Duration::from_secs(2);

/// Opens a connection outside the pools: at start-up, where the first error matters.
pub(crate) fn connect(config: &Config) -> Result<PgConnection, StoreError> {
    let connector = Connector::new(config, Durability::Durable, &LastLoss::default(), &Refusals::default());
    let connected = connector.connect().and_then(|mut connection| {
        // A migration may take any time.
        connection.limit_statements(Duration::ZERO)?;
        Ok(connection.inner)
    });
    connected.map_err(|error| connector.address.explained(error))
}

/// Opens the connection of the heartbeats, outside the pools.
pub(crate) fn connect_for_heartbeats(config: &Config) -> Result<PgConnection, StoreError> {
    let mut connection = Address::new(&config.database_url).open()?;
    connection.batch_execute(&for_heartbeats(config)).map_err(StoreError::from_diesel)?;
    Ok(connection)
}

/// Opens connections for r2d2 and reports when one is no longer good.
pub(crate) struct Connector {
    address: Address,
    schema: Schema,
    settings: String,
    serves: Durability,
    last_loss: LastLoss,
    refusals: Refusals,
}

/// When a connection of any pool was last found to be no good. A server that ends takes all of them with it, so whatever
/// was open then is under suspicion.
#[derive(Debug, Clone, Default)]
pub(super) struct LastLoss(Arc<Mutex<Option<Instant>>>);

impl LastLoss {
    pub(super) fn note(&self) {
        *lock(&self.0) = Some(Instant::now());
    }

    pub(super) fn is_after(&self, moment: Instant) -> bool {
        lock(&self.0).is_some_and(|loss| loss >= moment)
    }
}

/// When the server last refused a connection, and why.
#[derive(Debug, Clone, Default)]
pub(super) struct Refusals(Arc<Mutex<Option<(Instant, String)>>>);

impl Refusals {
    fn note(&self, reason: &StoreError) {
        *lock(&self.0) = Some((Instant::now(), reason.to_string()));
    }

    pub(super) fn within(&self, period: Duration) -> Option<String> {
        let last = lock(&self.0);
        last.as_ref().filter(|(at, _)| at.elapsed() < period).map(|(_, reason)| reason.clone())
    }
}

pub(crate) struct Pooled {
    pub(super) inner: PgConnection,
    /// The promise that its settings keep now.
    serves: Durability,
    /// After how long the server ends its statements.
    statement_timeout: Duration,
    /// What statements of the application met, where it is lent.
    pub(super) witness: Witness,
    pub(super) broken: bool,
    pub(super) rested_since: Instant,
    schema: Schema,
}

impl Pooled {
    /// Makes the connection keep a promise, which costs a round trip where it kept another one.
    pub(super) fn serve(&mut self, durability: Durability, promises: &Promises) -> Result<(), StoreError> {
        if self.serves != durability {
            let settings = promises.of(durability);
            self.inner.batch_execute(settings).map_err(StoreError::from_diesel)?;
            self.serves = durability;
        }
        Ok(())
    }

    /// Lets a statement take so long, which costs a round trip where that is more than usual, and another one afterwards.
    pub(super) fn allow(&mut self, timeout: Duration) -> Result<(), StoreError> {
        let wanted = if timeout > REPLY_TIMEOUT { timeout } else { STATEMENT_TIMEOUT };
        if self.statement_timeout == wanted { Ok(()) } else { self.limit_statements(wanted) }
    }

    fn limit_statements(&mut self, timeout: Duration) -> Result<(), StoreError> {
        let set = self.inner.batch_execute(&statement_timeout(timeout));
        self.broken |= set.is_err();
        set.map_err(StoreError::from_diesel)?;
        self.statement_timeout = timeout;
        Ok(())
    }

    /// Checks in one round trip that the server replies and accepts writes: a standby refuses such a transaction.
    pub(super) fn check(&mut self) -> Result<(), StoreError> {
        self.inner.batch_execute("BEGIN READ WRITE; COMMIT").map_err(StoreError::from_diesel)
    }

    pub(super) fn session(&mut self) -> Session<'_> {
        self.schema.on(&mut self.inner)
    }
}

impl Connector {
    pub(super) fn new(
        config: &Config,
        durability: Durability,
        last_loss: &LastLoss,
        refusals: &Refusals,
    ) -> Self {
        Self {
            address: Address::new(&config.database_url),
            schema: config.schema.clone(),
            settings: own_session(config, durability),
            serves: durability,
            last_loss: last_loss.clone(),
            refusals: refusals.clone(),
        }
    }

    /// With the server's own settings: the planner settings are for Mainspring's statements.
    pub(super) fn for_handlers(config: &Config, last_loss: &LastLoss, refusals: &Refusals) -> Self {
        Self { settings: String::new(), ..Self::new(config, Durability::Durable, last_loss, refusals) }
    }

    fn connect(&self) -> Result<Pooled, StoreError> {
        let mut inner = self.address.open()?;
        // The connections of handlers have no settings, and Diesel takes an empty text for an error.
        let witness = Witness::default();
        if self.settings.is_empty() {
            inner.set_instrumentation(witness.instrumentation());
        } else {
            inner.batch_execute(&self.settings).map_err(StoreError::from_diesel)?;
        }
        let schema = self.schema.clone();
        Ok(Pooled {
            inner,
            serves: self.serves,
            statement_timeout: STATEMENT_TIMEOUT,
            witness,
            broken: false,
            rested_since: Instant::now(),
            schema,
        })
    }
}

impl ManageConnection for Connector {
    type Connection = Pooled;
    type Error = StoreError;

    fn connect(&self) -> Result<Pooled, StoreError> {
        Connector::connect(self).inspect_err(|error| self.refusals.note(error))
    }

    fn is_valid(&self, connection: &mut Pooled) -> Result<(), StoreError> {
        let since = connection.rested_since;
        if since.elapsed() > TRUSTED_FOR || self.last_loss.is_after(since) {
            return connection.check().inspect_err(|_| self.last_loss.note());
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
