//! The settings of Mainspring's own sessions: everything that their statements depend on, whatever the role, the database
//! or the server say. One text, sent when a connection is opened, or with which each transaction begins behind a pooler that
//! lends sessions. Connections of handlers keep the application's settings.

use std::time::Duration;

use crate::config::{Config, SettleDurability};
use crate::pooling::Pooling;

/// After how long the server ends a statement of Mainspring's own. A table that is locked for longer fails the work that waits,
/// which is tried again, instead of holding all connections. Work that may take longer gets more by [`statement_timeout`].
pub(super) const STATEMENT_TIMEOUT: Duration = Duration::from_secs(30);

/// What a connection is for, as `pg_stat_activity` shows it in `application_name`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// All statements of the scheduler but heartbeats.
    Work,
    Heartbeat,
    Listen,
    /// Statements of handlers.
    Handler,
}

impl Purpose {
    fn as_str(self) -> &'static str {
        match self {
            Self::Work => "work",
            Self::Heartbeat => "heartbeat",
            Self::Listen => "listen",
            Self::Handler => "handler",
        }
    }

    /// Names the session after the purpose and the worker. Empty where the connection string at `url` has a name: that one
    /// counts.
    pub(crate) fn naming(self, config: &Config, url: &str, scope: Scope) -> String {
        let is_named = url.contains("application_name");
        // The kit finds the sessions of a test by their names.
        #[cfg(feature = "testing")]
        let is_named = is_named && config.test.is_none();
        if is_named {
            return String::new();
        }
        scope.configure("application_name", &session_name(self, &config.worker_name))
    }
}

// The server keeps 63 bytes of it. The end of a worker's name tells workers of one host apart. What could end a text in SQL
// is replaced.
fn session_name(purpose: Purpose, worker: &str) -> String {
    const LONGEST: usize = 63;
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "-_.:@/+ ".contains(character);
    let plain = |character| if is_plain(character) { character } else { '_' };
    let worker: String = worker.chars().map(plain).collect();
    let role = format!("mainspring {} ", purpose.as_str());
    let cut = (role.len() + worker.len()).saturating_sub(LONGEST).min(worker.len());
    format!("{role}{}", &worker[cut..])
}

/// How long the caller of a statement waits for it, by this process's own clock.
pub(crate) const REPLY_TIMEOUT: Duration = STATEMENT_TIMEOUT.saturating_add(Duration::from_secs(3));

/// Which promise a piece of work makes to its caller, and so which connections it runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// What was confirmed survives a crash of the database: enqueues and every administrative request.
    Durable,
    /// A crash of the database may forget it, and a job merely runs again: claims and settles. It fails rather than wait
    /// long for a lock.
    Relaxed,
}

/// For how long settings hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    Session,
    /// A pooler lends the session to others between transactions.
    Transaction,
}

impl Scope {
    fn set(self, settings: &[(&str, &str)]) -> String {
        let set = match self {
            Self::Session => "SET",
            Self::Transaction => "SET LOCAL",
        };
        settings.iter().map(|(name, value)| format!("{set} {name} = {value}; ")).collect()
    }

    // As `set`, for values that differ between processes: `pg_stat_statements` keeps each text of a SET. An application's search
    // path may name another function of that name.
    fn configure(self, name: &str, value: &str) -> String {
        let is_local = self == Self::Transaction;
        format!("SELECT pg_catalog.set_config('{name}', '{value}', {is_local}); ")
    }

    fn set_where(self, name: &str, value: &str, condition: &str) -> String {
        let is_local = self == Self::Transaction;
        format!("SELECT set_config('{name}', {value}, {is_local}) WHERE {condition}; ")
    }
}

// What results depend on. The search path keeps its schemas, for the triggers of the application, behind the catalogue.
const RESULTS: [(&str, &str); 8] = [
    ("DateStyle", "'ISO, MDY'"),
    ("IntervalStyle", "'postgres'"),
    ("bytea_output", "'hex'"),
    ("extra_float_digits", "1"),
    ("quote_all_identifiers", "off"),
    ("standard_conforming_strings", "on"),
    ("array_nulls", "on"),
    ("transform_null_equals", "off"),
];
const SEARCH_PATH: &str = "concat_ws(', ', 'pg_catalog', nullif(current_setting('search_path'), ''))";

// How transactions begin, where the session keeps it.
const TRANSACTIONS: [(&str, &str); 3] = [
    ("default_transaction_isolation", "'read committed'"),
    ("default_transaction_read_only", "off"),
    ("default_transaction_deferrable", "off"),
];

// These end sessions and statements of the session.
const TIME_OUTS: [(&str, &str); 2] = [("lock_timeout", "0"), ("idle_session_timeout", "0")];

// These keep every statement on its index: a sequential scan chosen when the table was nearly empty once turned a claim of
// 1 ms into one of 14 s.
const PLANS: [(&str, &str); 10] = [
    ("enable_indexscan", "on"),
    ("enable_indexonlyscan", "on"),
    ("enable_nestloop", "on"),
    ("enable_seqscan", "off"),
    ("enable_sort", "off"),
    ("enable_bitmapscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("jit", "off"),
    ("plan_cache_mode", "force_generic_plan"),
];

// A transaction of Mainspring's own is idle for as long as a reply travels. A process that is frozen or cut off meanwhile
// holds locks, and behind a pooler a session that others could use.
const IDLE_IN_TRANSACTION: &str = "idle_in_transaction_session_timeout";
const LONGEST_IDLE: &str = "'10s'";

/// What the connection that listens needs: it rests for longer than any other.
pub(crate) fn of_listener(config: &Config) -> String {
    let name = Purpose::Listen.naming(config, config.listen_url(), Scope::Session);
    format!("{name}SET idle_session_timeout = 0; SET statement_timeout = 0")
}

/// The settings of a connection's session, or how each of its transactions begins.
#[derive(Debug, Clone)]
pub(super) struct OwnSettings {
    scope: Scope,
    common: String,
    durable: String,
    relaxed: String,
}

impl OwnSettings {
    pub(super) fn new(config: &Config) -> Self {
        Self::behind(config.pooling.get(), config)
    }

    /// The settings of connections that a pooler of that kind treats in its way, or none.
    pub(super) fn behind(pooling: Pooling, config: &Config) -> Self {
        let scope = match pooling {
            Pooling::Direct | Pooling::Sessions => Scope::Session,
            Pooling::Transactions => Scope::Transaction,
        };
        let promise = |durability| promise(config, scope, durability);
        Self {
            scope,
            common: common(config, scope),
            durable: promise(Durability::Durable),
            relaxed: promise(Durability::Relaxed),
        }
    }

    /// The text for a new connection that makes this promise.
    pub(super) fn of_session(&self, durability: Durability) -> Option<String> {
        let timeout = statement_timeout(STATEMENT_TIMEOUT);
        (self.scope == Scope::Session)
            .then(|| format!("{}{}{timeout}", self.common, self.promise(durability)))
    }

    /// With what each transaction begins, where the session keeps nothing.
    pub(super) fn of_transactions(&self, durability: Durability, timeout: Duration) -> Option<String> {
        let timeout = timeout.as_millis().min(i32::MAX as u128);
        (self.scope == Scope::Transaction).then(|| {
            let promise = self.promise(durability);
            format!(
                "{}{promise}{}",
                self.common,
                self.scope.configure("statement_timeout", &timeout.to_string())
            )
        })
    }

    /// The settings that distinguish connections of different promises, so that one can take the place of another.
    pub(super) fn promise(&self, durability: Durability) -> &str {
        match durability {
            Durability::Durable => &self.durable,
            Durability::Relaxed => &self.relaxed,
        }
    }

    /// The settings of the connection of the heartbeats. A crash of the server forgets none that was confirmed, and no standby
    /// delays one. The server gives up a heartbeat that waits for a lock: later ones then find a connection that is free.
    pub(super) fn of_heartbeats(&self, config: &Config, url: &str) -> String {
        let patience = (config.heartbeat_interval() * 2).as_millis().to_string();
        let name = Purpose::Heartbeat.naming(config, url, self.scope);
        let commit = self.scope.set(&[("synchronous_commit", "local")]);
        format!("{}{name}{commit}{}", self.common, self.scope.configure("statement_timeout", &patience))
    }

    /// The name of a session that serves handlers, and nothing else. None where the session keeps nothing.
    pub(super) fn of_handlers(&self, config: &Config) -> Option<String> {
        let name = Purpose::Handler.naming(config, &config.database_url, self.scope);
        (self.scope == Scope::Session && !name.is_empty()).then_some(name)
    }

    pub(super) fn scope(&self) -> Scope {
        self.scope
    }
}

fn common(config: &Config, scope: Scope) -> String {
    let mut text = match scope {
        Scope::Session => scope.set(&TRANSACTIONS),
        // A standby refuses to be told that it accepts writes. It refuses them with the right code.
        Scope::Transaction => format!(
            "BEGIN ISOLATION LEVEL READ COMMITTED NOT DEFERRABLE; {}",
            scope.set_where("transaction_read_only", "'off'", "NOT pg_is_in_recovery()")
        ),
    };
    text += &scope.set(&RESULTS);
    text += &scope.set_where("search_path", SEARCH_PATH, "true");
    text += &scope.set(&TIME_OUTS);
    // A pooler may ignore what the URL sets.
    if scope == Scope::Transaction || !config.database_url.contains(IDLE_IN_TRANSACTION) {
        text += &scope.set(&[(IDLE_IN_TRANSACTION, LONGEST_IDLE)]);
    }
    // The server does not know it before version 17.
    let is_set = "current_setting('transaction_timeout', true) <> '0'";
    text += &scope.set_where("transaction_timeout", "'0'", is_set);
    // Triggers of queues and pauses must fire. Only a superuser may change this, so it is left alone where it is right.
    let is_wrong = "current_setting('session_replication_role') <> 'origin'";
    text += &scope.set_where("session_replication_role", "'origin'", is_wrong);
    text += &scope.set(&PLANS);
    text += &scope.configure("mainspring.origin", &config.origin.to_string());
    text + &Purpose::Work.naming(config, &config.database_url, scope)
}

/// Sets after how long the server ends a statement of the session; zero is never.
pub(super) fn statement_timeout(timeout: Duration) -> String {
    Scope::Session.configure("statement_timeout", &timeout.as_millis().min(i32::MAX as u128).to_string())
}

fn promise(config: &Config, scope: Scope, durability: Durability) -> String {
    let relaxed = durability != Durability::Durable && config.settle_durability == SettleDurability::Relaxed;
    let commit = if relaxed { "off" } else { "DEFAULT" };
    // An application's transaction that replaces a job's key or cancels the job may hold its row for any time. Claims and
    // outcomes of other jobs must not wait with it.
    let patience = if durability == Durability::Relaxed { "'100ms'" } else { "0" };
    scope.set(&[("synchronous_commit", commit), ("lock_timeout", patience)])
}
