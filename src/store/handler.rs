//! Connections that are lent to handlers. They come from a pool of their own, and go back to it when they are clean.

use diesel::Connection;
use diesel::pg::PgConnection;
use r2d2::PooledConnection;

use super::connector::Connector;
use super::session::{AsSession, Session};
use super::witness::Met;
use crate::error::StoreError;

/// A database connection lent to a handler; it goes back to its pool when dropped. Derefs to Diesel's
/// `PgConnection`.
#[must_use = "the connection goes back to its pool when it is dropped"]
pub struct HandlerConnection(pub(super) PooledConnection<Connector>);

impl HandlerConnection {
    pub(super) fn new(connection: PooledConnection<Connector>) -> Self {
        Self(connection)
    }

    /// Runs `work` in a transaction. It gets a session, so that the jobs it adds are in the scheduler's schema, which
    /// Diesel's own method of this name knows nothing of.
    ///
    /// # Errors
    ///
    /// What `work` returns, and what the database refuses.
    pub fn transaction<T, E>(&mut self, work: impl FnOnce(&mut Session<'_>) -> Result<T, E>) -> Result<T, E>
    where
        E: From<StoreError>,
    {
        self.as_session().transaction(work)
    }
}

impl std::ops::Deref for HandlerConnection {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        self.0.inner()
    }
}

impl std::ops::DerefMut for HandlerConnection {
    fn deref_mut(&mut self) -> &mut PgConnection {
        self.0.inner_mut()
    }
}

impl Drop for HandlerConnection {
    fn drop(&mut self) {
        // A handler may leave a transaction open or break the connection, and the server may have become a standby: only a
        // clean one goes back.
        use diesel::connection::{TransactionManager, TransactionManagerStatus};
        type Manager = <PgConnection as Connection>::TransactionManager;
        let status = Manager::transaction_manager_status_mut(self.0.inner_mut());
        let clean =
            matches!(status, TransactionManagerStatus::Valid(depth) if depth.transaction_depth().is_none());
        let met = self.0.witness.take();
        self.0.broken = !clean || met != Met::Nothing || std::thread::panicking();
        self.0.rested_since = std::time::Instant::now();
    }
}

impl std::fmt::Debug for HandlerConnection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HandlerConnection")
    }
}

impl AsSession for HandlerConnection {
    fn as_session(&mut self) -> Session<'_> {
        self.0.session()
    }
}
