//! The database of one test.

use std::any::TypeId;
use std::fmt;

use diesel::pg::PgConnection;

use super::error::TestError;
use super::server::{Migration, Server};
use crate::lock::lock;
use crate::store::connect::connect;

/// A database of a test's own, with Mainspring's tables. It is dropped with this value, also after a panic.
///
/// It is made on the server of `DATABASE_URL`, beside the database that the URL names. Where that is not set, and the feature
/// `embedded` is on, it is made on a private server that ends with the process.
///
/// The first test on a server migrates a template, which stays there. Each database is a copy of it. What a run has left that was
/// killed is dropped by the next one.
///
/// ```
/// use mainspring::testing::{EnqueuedJobs, TestDatabase};
/// use mainspring::{Enqueue, Task};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Debug, PartialEq, Serialize, Deserialize)]
/// struct Welcome { user: u32 }
/// impl Task for Welcome { const NAME: &'static str = "user.welcome"; }
///
/// let database = TestDatabase::new()?;
/// let mut conn = database.connect()?;
/// Enqueue::new(Welcome { user: 7 }).insert(&mut conn)?;
/// assert_eq!(conn.enqueued::<Welcome>(), [Welcome { user: 7 }]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "the database is dropped with this value"]
pub struct TestDatabase {
    server: &'static Server,
    name: String,
    url: String,
}

impl TestDatabase {
    /// Makes a database. Waits while other tests of this process hold the connections that the server grants.
    ///
    /// # Errors
    ///
    /// [`TestError::Server`] when there is no server, or it grants too few connections for two minutes. [`TestError::Store`] when
    /// the database cannot be made, for example because the role may not create databases.
    pub fn new() -> Result<Self, TestError> {
        Self::made(None)
    }

    /// Makes a database, as [`new`](Self::new) does, that also has the tables of the application. `migration` is called once in the
    /// process for all databases that name the same function.
    ///
    /// ```
    /// use diesel::pg::PgConnection;
    /// use diesel::connection::SimpleConnection;
    /// use mainspring::testing::TestDatabase;
    ///
    /// fn migrate(conn: &mut PgConnection) {
    ///     // Usually: conn.run_pending_migrations(MIGRATIONS).unwrap();
    ///     conn.batch_execute("CREATE TABLE reports (name text PRIMARY KEY)").unwrap();
    /// }
    ///
    /// let database = TestDatabase::migrated_by(migrate)?;
    /// database.connect()?.batch_execute("INSERT INTO reports VALUES ('r7')")?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new). It does not compile with a closure that captures anything, or with a pointer to a function: the template
    /// of one could not be told from that of another.
    pub fn migrated_by<F: Fn(&mut PgConnection) + 'static>(migration: F) -> Result<Self, TestError> {
        // Two of one type are then the same one.
        const { assert!(size_of::<F>() == 0, "name a function, or a closure that captures nothing") };
        Self::made(Some((TypeId::of::<F>(), &migration)))
    }

    fn made(migration: Option<(TypeId, Migration<'_>)>) -> Result<Self, TestError> {
        let server = Server::get()?;
        if !server.permits.take(server.share) {
            return Err(TestError::Server(
                "other tests of this process have held all connections of the server for two minutes: raise \
                 max_connections, run fewer tests at once, or use one database in each test"
                    .into(),
            ));
        }
        // The permits go back with the value, also where no database can be made.
        let mut database = Self { server, name: String::new(), url: String::new() };
        database.name = server.create(migration)?;
        database.url = server.url_of(&database.name);
        Ok(database)
    }

    /// The URL of the database.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Opens a connection to the database.
    ///
    /// # Errors
    ///
    /// As [`database::connect`](crate::database::connect).
    pub fn connect(&self) -> Result<PgConnection, TestError> {
        Ok(connect(&self.url)?)
    }

    /// Ends the sessions whose names end so.
    pub(super) fn end_sessions(&self, mark: &str) -> Result<(), TestError> {
        Ok(lock(&self.server.databases).end_sessions(&self.name, mark)?)
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if !self.name.is_empty() {
            // The next run drops what stays.
            let _ = lock(&self.server.databases).remove(&self.name);
        }
        self.server.permits.put_back(self.server.share);
    }
}

// The URL may hold a password.
impl fmt::Debug for TestDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TestDatabase").field(&self.name).finish()
    }
}
