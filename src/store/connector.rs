//! How a connection of Mainspring's own is opened, with which settings and in which schema, and when it is no longer good.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use diesel::Connection;
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use r2d2::ManageConnection;

use super::connect::Address;
use super::refusals::Refusals;
use super::session::{AsSession, Session};
use super::settings::{Durability, OwnSettings, REPLY_TIMEOUT, STATEMENT_TIMEOUT, Scope, statement_timeout};
use super::witness::Witness;
use crate::config::Config;
use crate::error::StoreError;
use crate::lock::lock;
use crate::pooling::Pooling;
use crate::schema::Schema;
#[cfg(feature = "testing")]
use crate::test_hooks::TestHooks;

// A connection that rested longer is checked, which costs one round trip. Under load
// none rests that long, so the hot path never pays. One that was open when another was lost is checked in any case.
const TRUSTED_FOR: Duration = Duration::from_secs(2);

/// Opens a connection outside the pools: at start-up, where the first error matters.
pub(crate) fn connect(config: &Config) -> Result<Own, StoreError> {
    let (address, settings) = (Address::new(&config.database_url), OwnSettings::new(config));
    let session = settings.of_session(Durability::Durable);
    // A migration may take any time.
    let settled = Settled {
        session: session.map(|text| text + &statement_timeout(Duration::ZERO)),
        opening: settings.of_transactions(Durability::Durable, Duration::ZERO),
    };
    let began = Instant::now();
    let opened = Own::open(&address, config.pooling.get(), config, settled);
    opened.map_err(|error| address.explained(began, error))
}

/// A connection with the settings of a session of Mainspring's own.
#[cfg(test)]
pub(crate) fn connect_directly(config: &Config) -> Result<PgConnection, StoreError> {
    connect(config).map(|own| own.inner)
}

/// By which way heartbeats reach the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// That of all other statements.
    Common,
    /// Past a pooler that lends sessions, to where notifications come from.
    Direct,
}

impl Way {
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Common => Self::Direct,
            Self::Direct => Self::Common,
        }
    }
}

/// Opens the connection of the heartbeats, outside the pools.
pub(crate) fn connect_for_heartbeats(config: &Config, way: Way) -> Result<Own, StoreError> {
    let (url, pooling) = match way {
        Way::Common => (config.database_url.as_str(), config.pooling.get()),
        Way::Direct => (config.listen_url(), Pooling::Direct),
    };
    let settings = OwnSettings::behind(pooling, config);
    let text = settings.of_heartbeats(config, url);
    let settled = match settings.scope() {
        Scope::Session => Settled { session: Some(text), opening: None },
        Scope::Transaction => Settled { session: None, opening: Some(text) },
    };
    Own::open(&Address::new(url), pooling, config, settled)
}

/// A connection of Mainspring's own, with its settings.
pub(crate) struct Own {
    pub(super) inner: PgConnection,
    schema: Schema,
    /// With what each transaction begins, where the session keeps no settings.
    opening: Option<String>,
}

/// Where the settings go.
struct Settled {
    session: Option<String>,
    opening: Option<String>,
}

impl Own {
    fn open(
        address: &Address,
        pooling: Pooling,
        config: &Config,
        settled: Settled,
    ) -> Result<Self, StoreError> {
        let Settled { session, opening } = settled;
        let mut inner = address.open_behind(pooling)?;
        // Diesel takes an empty text for an error.
        if let Some(text) = session {
            inner.batch_execute(&text).map_err(StoreError::from_diesel)?;
        }
        // From now on the session has its name, by which the test ends it.
        #[cfg(feature = "testing")]
        if config.test.as_ref().is_some_and(TestHooks::is_cut_off) {
            return Err(StoreError::Connect("the test has cut this scheduler off".into()));
        }
        Ok(Self { inner, schema: config.schema.clone(), opening })
    }

    pub(crate) fn session(&mut self) -> Session<'_> {
        self.schema.session(&mut self.inner, self.opening.as_deref())
    }
}

impl AsSession for Own {
    fn as_session(&mut self) -> Session<'_> {
        self.session()
    }
}

/// Opens connections for r2d2 and reports when one is no longer good.
pub(crate) struct Connector {
    address: Address,
    config: Arc<Config>,
    serves: Serves,
    last_loss: LastLoss,
    refusals: Refusals,
}

/// Whose statements a connection runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Serves {
    Own(Durability),
    /// With the server's own settings: the others are for Mainspring's statements.
    Handlers,
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

pub(crate) struct Pooled {
    own: Own,
    settings: OwnSettings,
    /// The promise that its settings keep now.
    serves: Durability,
    /// After how long the server ends its statements.
    statement_timeout: Duration,
    /// What statements of the application met, where it is lent.
    pub(super) witness: Witness,
    pub(super) broken: bool,
    pub(super) rested_since: Instant,
}

impl Pooled {
    /// Makes the connection keep a promise, which costs a round trip where it kept another one.
    pub(super) fn serve(&mut self, durability: Durability) -> Result<(), StoreError> {
        if self.serves != durability {
            self.set(durability, self.statement_timeout, |settings| settings.promise(durability).to_owned())?;
        }
        Ok(())
    }

    /// Lets a statement take so long, which costs a round trip where that is more than usual, and another one afterwards.
    pub(super) fn allow(&mut self, timeout: Duration) -> Result<(), StoreError> {
        let wanted = if timeout > REPLY_TIMEOUT { timeout } else { STATEMENT_TIMEOUT };
        if self.statement_timeout != wanted {
            self.set(self.serves, wanted, |_| statement_timeout(wanted))?;
        }
        Ok(())
    }

    // Behind a pooler that lends sessions it costs nothing: the next transaction begins with it.
    fn set(
        &mut self,
        durability: Durability,
        timeout: Duration,
        change: impl FnOnce(&OwnSettings) -> String,
    ) -> Result<(), StoreError> {
        if self.own.opening.is_some() {
            self.own.opening = self.settings.of_transactions(durability, timeout);
        } else {
            let set = self.own.inner.batch_execute(&change(&self.settings));
            self.broken |= set.is_err();
            set.map_err(StoreError::from_diesel)?;
        }
        self.serves = durability;
        self.statement_timeout = timeout;
        Ok(())
    }

    /// Checks in one round trip that the server replies and accepts writes: a standby refuses such a transaction.
    pub(super) fn check(&mut self) -> Result<(), StoreError> {
        self.own.inner.batch_execute("BEGIN READ WRITE; COMMIT").map_err(StoreError::from_diesel)
    }

    pub(super) fn session(&mut self) -> Session<'_> {
        self.own.session()
    }

    pub(super) fn inner(&self) -> &PgConnection {
        &self.own.inner
    }

    pub(super) fn inner_mut(&mut self) -> &mut PgConnection {
        &mut self.own.inner
    }
}

impl Connector {
    pub(super) fn new(
        config: &Arc<Config>,
        durability: Durability,
        last_loss: &LastLoss,
        refusals: &Refusals,
    ) -> Self {
        Self {
            address: Address::new(&config.database_url),
            config: Arc::clone(config),
            serves: Serves::Own(durability),
            last_loss: last_loss.clone(),
            refusals: refusals.clone(),
        }
    }

    pub(super) fn for_handlers(config: &Arc<Config>, last_loss: &LastLoss, refusals: &Refusals) -> Self {
        let own = Self::new(config, Durability::Durable, last_loss, refusals);
        Self { serves: Serves::Handlers, ..own }
    }

    fn connect(&self) -> Result<Pooled, StoreError> {
        let witness = Witness::default();
        let settings = OwnSettings::new(&self.config);
        let (serves, settled) = match self.serves {
            Serves::Own(durability) => {
                let opening = settings.of_transactions(durability, STATEMENT_TIMEOUT);
                (durability, Settled { session: settings.of_session(durability), opening })
            }
            Serves::Handlers => {
                let name = settings.of_handlers(&self.config);
                (Durability::Durable, Settled { session: name, opening: None })
            }
        };
        let mut own = Own::open(&self.address, self.config.pooling.get(), &self.config, settled)?;
        if self.serves == Serves::Handlers {
            own.inner.set_instrumentation(witness.instrumentation());
        }
        let (statement_timeout, rested_since) = (STATEMENT_TIMEOUT, Instant::now());
        Ok(Pooled { own, settings, serves, statement_timeout, witness, broken: false, rested_since })
    }
}

impl ManageConnection for Connector {
    type Connection = Pooled;
    type Error = StoreError;

    fn connect(&self) -> Result<Pooled, StoreError> {
        Connector::connect(self).inspect_err(|error| self.refusals.note(error, || self.address.refuses()))
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
