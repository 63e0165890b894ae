//! The settings of Mainspring's own sessions: everything that their statements depend on, whatever the role, the database
//! or the server say. One text, sent when a connection is opened. Connections of handlers keep the application's settings.

use std::time::Duration;

use crate::config::{Config, SettleDurability};

/// After how long the server ends a statement of Mainspring's own. A table that is locked for longer fails the work that waits,
/// which is tried again, instead of holding all connections. Work that may take longer gets more by [`statement_timeout`].
pub(super) const STATEMENT_TIMEOUT: Duration = Duration::from_secs(30);

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

// What results depend on. The search path keeps its schemas, for the triggers of the application, behind the catalogue.
const RESULTS: &str = "SET default_transaction_isolation = 'read committed'; \
    SET default_transaction_read_only = off; SET default_transaction_deferrable = off; \
    SET DateStyle = 'ISO, MDY'; SET IntervalStyle = 'postgres'; SET bytea_output = 'hex'; \
    SET extra_float_digits = 1; SET quote_all_identifiers = off; SET standard_conforming_strings = on; \
    SET array_nulls = on; SET transform_null_equals = off; \
    SELECT set_config('search_path', concat_ws(', ', 'pg_catalog', nullif(current_setting('search_path'), '')), false);";

// What ends statements and sessions. The server does not know the last one before version 17.
const TIME_OUTS: &str = "SET lock_timeout = 0; \
    SET idle_in_transaction_session_timeout = 0; SET idle_session_timeout = 0; \
    SELECT set_config('transaction_timeout', '0', false) WHERE current_setting('transaction_timeout', true) <> '0';";

// Triggers of queues and pauses must fire. Only a superuser may change this, so it is left alone where it is right.
const TRIGGERS: &str = "SELECT set_config('session_replication_role', 'origin', false) \
    WHERE current_setting('session_replication_role') <> 'origin';";

// These keep every statement on its index: a sequential scan chosen when the table was nearly empty once turned a claim of
// 1 ms into one of 14 s.
const PLANS: &str = "SET enable_indexscan = on; SET enable_indexonlyscan = on; SET enable_nestloop = on; \
    SET enable_seqscan = off; SET enable_sort = off; SET enable_bitmapscan = off; \
    SET enable_hashjoin = off; SET enable_mergejoin = off; SET jit = off; \
    SET plan_cache_mode = force_generic_plan;";

/// What the connection that listens needs: it rests for longer than any other.
pub(crate) const LISTENER: &str = "SET idle_session_timeout = 0; SET statement_timeout = 0";

/// The settings of the connection of the heartbeats. A crash of the server forgets none that was confirmed, and no standby
/// delays one. The server gives up a heartbeat that waits for a lock: later ones then find a connection that is free.
pub(super) fn for_heartbeats(config: &Config) -> String {
    let patience = (config.heartbeat_interval() * 2).as_millis();
    format!("{} SET synchronous_commit = local; SET statement_timeout = {patience}", session(config))
}

/// The settings of a connection that makes this promise.
pub(super) fn own_session(config: &Config, durability: Durability) -> String {
    format!("{} {}", session(config), promise(config, durability))
}

fn session(config: &Config) -> String {
    let named = config.database_url.contains("application_name");
    let name = if named { "" } else { "SET application_name = 'mainspring';" };
    format!(
        "{RESULTS} {TIME_OUTS} {}; {TRIGGERS} {PLANS} SET mainspring.origin = '{}'; {name}",
        statement_timeout(STATEMENT_TIMEOUT),
        config.origin
    )
}

/// Sets after how long the server ends a statement; zero is never.
pub(super) fn statement_timeout(timeout: Duration) -> String {
    format!("SET statement_timeout = {}", timeout.as_millis().min(i32::MAX as u128))
}

/// The settings that distinguish connections of different promises, so that one can take the place of another.
pub(super) struct Promises {
    durable: String,
    relaxed: String,
}

impl Promises {
    pub(super) fn new(config: &Config) -> Self {
        let promise = |durability| promise(config, durability);
        Self { durable: promise(Durability::Durable), relaxed: promise(Durability::Relaxed) }
    }

    pub(super) fn of(&self, durability: Durability) -> &str {
        match durability {
            Durability::Durable => &self.durable,
            Durability::Relaxed => &self.relaxed,
        }
    }
}

fn promise(config: &Config, durability: Durability) -> String {
    let relaxed = durability != Durability::Durable && config.settle_durability == SettleDurability::Relaxed;
    let commit = if relaxed { "SET synchronous_commit = off;" } else { "RESET synchronous_commit;" };
    // An application's transaction that replaces a job's key or cancels the job may hold its row for any time. Claims and
    // outcomes of other jobs must not wait with it.
    let patience = if durability == Durability::Relaxed { "100ms" } else { "0" };
    format!("{commit} SET lock_timeout = '{patience}'")
}
