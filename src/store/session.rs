//! A session: a connection, and the schema that its statements run in. Every verb of the store takes a session, or a
//! connection, which means the default schema.

use std::fmt;
use std::ops::{Deref, DerefMut};

use diesel::Connection;
use diesel::connection::{SimpleConnection, TransactionManager, TransactionManagerStatus};
use diesel::pg::PgConnection;
use diesel::result::{Error as DieselError, QueryResult};

use crate::error::StoreError;
use crate::schema::Schema;

static DEFAULT: Schema = Schema::DEFAULT;

/// A connection, and the schema that Mainspring's statements run in. Made by [`Schema::on`].
///
/// Derefs to Diesel's `PgConnection`, for the application's own statements: `query.execute(&mut **session)`.
pub struct Session<'c> {
    pub(super) conn: &'c mut PgConnection,
    pub(super) schema: &'c Schema,
    /// With what each transaction begins, behind a pooler that lends sessions to others between transactions.
    opening: Option<&'c str>,
}

impl Schema {
    /// Returns a session, for verbs that are to run in this schema.
    ///
    /// ```no_run
    /// use mainspring::{Enqueue, NewJob, Schema, database};
    /// use serde_json::json;
    ///
    /// # fn main() -> Result<(), mainspring::StoreError> {
    /// let schema = Schema::new("billing_jobs")?;
    /// let mut conn = database::connect("postgres://localhost/app")?;
    /// database::migrate(&mut schema.on(&mut conn))?;
    /// NewJob::new("invoice.send", &json!({"invoice": 1})).insert(&mut schema.on(&mut conn))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn on<'c>(&'c self, conn: &'c mut PgConnection) -> Session<'c> {
        self.session(conn, None)
    }

    /// As [`Self::on`]. With an opening, each statement runs in a transaction, which begins with it.
    pub(super) fn session<'c>(&'c self, conn: &'c mut PgConnection, opening: Option<&'c str>) -> Session<'c> {
        Session { conn, schema: self, opening }
    }
}

impl Session<'_> {
    /// Returns the schema that the session works in.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        self.schema
    }

    /// Runs `work` in a transaction, or in a savepoint where one is open. It is rolled back when `work` fails.
    ///
    /// # Errors
    ///
    /// What `work` returns, and what the database refuses.
    pub fn transaction<T, E>(&mut self, work: impl FnOnce(&mut Session<'_>) -> Result<T, E>) -> Result<T, E>
    where
        E: From<StoreError>,
    {
        let (schema, opening) = (self.schema, self.opening);
        let work =
            |conn: &mut PgConnection| work(&mut Session { conn, schema, opening }).map_err(Undone::Work);
        let done = match self.next_opening() {
            Some(opening) => opened(self.conn, opening, work),
            None => self.conn.transaction(work),
        };
        done.map_err(|undone| match undone {
            Undone::Work(error) => error,
            Undone::Transaction(error) => StoreError::from_diesel(error).into(),
        })
    }

    /// Runs a statement. Where it needs a transaction with settings, and none is open, it gets one of its own.
    pub(super) fn settled<T>(
        &mut self,
        work: impl FnOnce(&mut PgConnection) -> QueryResult<T>,
    ) -> QueryResult<T> {
        let Some(opening) = self.next_opening() else { return work(self.conn) };
        opened(self.conn, opening, |conn| work(conn).map_err(Undone::Work)).map_err(|undone| match undone {
            Undone::Work(error) | Undone::Transaction(error) => error,
        })
    }

    /// Runs a statement as [`Self::settled`] does. Where a transaction of the caller is open, an error undoes the statement alone.
    pub(super) fn contained<T>(
        &mut self,
        work: impl FnOnce(&mut PgConnection) -> QueryResult<T>,
    ) -> QueryResult<T> {
        match Manager::transaction_manager_status_mut(self.conn) {
            TransactionManagerStatus::Valid(depth) if depth.transaction_depth().is_some() => {
                self.conn.transaction(work)
            }
            TransactionManagerStatus::Valid(_) | TransactionManagerStatus::InError => self.settled(work),
        }
    }

    /// Returns `true` if the server refused a statement with this error, and the connection still works: nothing was changed.
    pub(crate) fn outlives(&mut self, error: &StoreError) -> bool {
        error.is_refusal() && self.conn.batch_execute("SELECT 1").is_ok()
    }

    /// Runs a text without bound values and without rows to return.
    pub(crate) fn run(&mut self, sql: &str) -> Result<(), StoreError> {
        let sql = self.schema.rewrite(sql);
        self.settled(|conn| conn.batch_execute(&sql)).map_err(StoreError::from_diesel)
    }
}

impl<'c> Session<'c> {
    // The opening of the transaction that is to begin now, if one is.
    fn next_opening(&mut self) -> Option<&'c str> {
        let opening = self.opening?;
        (!in_transaction(self.conn)).then_some(opening)
    }
}

type Manager = <PgConnection as Connection>::TransactionManager;

pub(super) fn in_transaction(conn: &mut PgConnection) -> bool {
    match Manager::transaction_manager_status_mut(conn) {
        TransactionManagerStatus::Valid(depth) => depth.transaction_depth().is_some(),
        TransactionManagerStatus::InError => true,
    }
}

// Diesel's own method begins with a text of its own.
fn opened<T, E>(
    conn: &mut PgConnection,
    opening: &str,
    work: impl FnOnce(&mut PgConnection) -> Result<T, Undone<E>>,
) -> Result<T, Undone<E>> {
    if let Err(error) = Manager::begin_transaction_sql(conn, opening) {
        // It may have begun, and been refused a setting.
        let _ = conn.batch_execute("ROLLBACK");
        return Err(Undone::Transaction(error));
    }
    match work(conn) {
        Ok(done) => Manager::commit_transaction(conn).map(|()| done).map_err(Undone::Transaction),
        Err(error) => {
            // The error of the work is the one that counts.
            let _ = Manager::rollback_transaction(conn);
            Err(error)
        }
    }
}

/// Why a transaction was rolled back. Diesel demands a `From` of its error, which the caller's error need not have.
enum Undone<E> {
    Work(E),
    Transaction(DieselError),
}

impl<E> From<DieselError> for Undone<E> {
    fn from(error: DieselError) -> Self {
        Self::Transaction(error)
    }
}

impl Deref for Session<'_> {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        self.conn
    }
}

impl DerefMut for Session<'_> {
    fn deref_mut(&mut self) -> &mut PgConnection {
        self.conn
    }
}

impl fmt::Debug for Session<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("schema", &self.schema.name()).finish_non_exhaustive()
    }
}

/// What a verb can run on: a [`Session`], or a connection, also one of a pool, which means the schema `mainspring`.
pub trait AsSession: sealed::Sealed {
    #[doc(hidden)]
    fn as_session(&mut self) -> Session<'_>;
}

impl AsSession for Session<'_> {
    fn as_session(&mut self) -> Session<'_> {
        Session { conn: self.conn, schema: self.schema, opening: self.opening }
    }
}

impl AsSession for PgConnection {
    fn as_session(&mut self) -> Session<'_> {
        DEFAULT.on(self)
    }
}

// In `conn.transaction(|conn| ..)`, `conn` is the pool's connection again.
impl<M: r2d2::ManageConnection<Connection = PgConnection>> AsSession for r2d2::PooledConnection<M> {
    fn as_session(&mut self) -> Session<'_> {
        DEFAULT.on(self)
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Session<'_> {}
    impl Sealed for diesel::pg::PgConnection {}
    impl<M: r2d2::ManageConnection<Connection = diesel::pg::PgConnection>> Sealed for r2d2::PooledConnection<M> {}
    impl Sealed for crate::store::handler::HandlerConnection {}
    impl Sealed for crate::store::connector::Own {}
}
