//! The server of all tests of this process: that of `DATABASE_URL`, or a private one where the feature `embedded` is on.

use std::any::TypeId;
use std::collections::HashMap;
use std::sync::{Mutex, OnceLock};

use diesel::pg::PgConnection;

use super::error::TestError;
use super::permits::Permits;
#[cfg(feature = "embedded")]
use crate::embedded::{Database, EmbeddedOptions, database_url};
use crate::error::StoreError;
use crate::lock::lock;
use crate::scheduler::CONNECTIONS_UNDER_TEST;
use crate::store::connect::connect;
use crate::store::testing::Databases;

/// How many connections a test may hold: those of its scheduler, that of the kit, and some of the application.
pub(super) const CONNECTIONS_OF_A_TEST: usize = CONNECTIONS_UNDER_TEST + 4;
// For this process, and for those beside it.
const CONNECTIONS_KEPT_FREE: usize = 8;

// `max_connections` of the private server.
#[cfg(feature = "embedded")]
const CONNECTIONS_OF_PRIVATE_SERVER: &str = "300";

/// The server, and the databases that this process makes there.
pub(super) struct Server {
    url: String,
    // Never dropped, as no static is: the server ends by itself when the process has ended.
    #[cfg(feature = "embedded")]
    _private: Option<Database>,
    pub(super) databases: Mutex<Databases>,
    /// The templates that migrations of the application were applied to, by the function that did so.
    migrated: Mutex<HashMap<TypeId, String>>,
    pub(super) permits: Permits,
    /// How many of them a test takes.
    pub(super) share: usize,
}

/// Applies the migrations of an application.
pub(super) type Migration<'a> = &'a dyn Fn(&mut PgConnection);

impl Server {
    /// Returns the one server. The first call finds or starts it.
    pub(super) fn get() -> Result<&'static Self, TestError> {
        static SERVER: OnceLock<Result<Server, String>> = OnceLock::new();
        let server = SERVER.get_or_init(|| Self::find().map_err(|error| error.to_string()));
        server.as_ref().map_err(|error| TestError::Server(error.clone()))
    }

    #[cfg(feature = "embedded")]
    fn find() -> Result<Self, TestError> {
        let options = EmbeddedOptions::temporary().without_fsync();
        let options = options.setting("max_connections", CONNECTIONS_OF_PRIVATE_SERVER);
        let found = database_url(options).map_err(|error| TestError::Server(error.to_string()))?;
        Self::at(found.url().to_owned(), Some(found))
    }

    #[cfg(not(feature = "embedded"))]
    fn find() -> Result<Self, TestError> {
        let url = std::env::var("DATABASE_URL").unwrap_or_default();
        if url.trim().is_empty() {
            return Err(TestError::Server(
                "DATABASE_URL is not set: set it to a server where the role may create databases, or turn the feature \
                 `embedded` on for a private server"
                    .into(),
            ));
        }
        Self::at(url)
    }

    fn at(url: String, #[cfg(feature = "embedded")] private: Option<Database>) -> Result<Self, TestError> {
        let mut databases = Databases::begin(&url)?;
        let most = databases.most_connections()?.saturating_sub(CONNECTIONS_KEPT_FREE);
        Ok(Self {
            url,
            #[cfg(feature = "embedded")]
            _private: private,
            databases: Mutex::new(databases),
            migrated: Mutex::default(),
            permits: Permits::new(most.max(1)),
            share: CONNECTIONS_OF_A_TEST.min(most.max(1)),
        })
    }

    /// Makes a database with Mainspring's tables, and those of the application that `migration` makes.
    pub(super) fn create(&self, migration: Option<(TypeId, Migration<'_>)>) -> Result<String, TestError> {
        let template = match migration {
            None => self.template()?,
            Some((by, migration)) => self.migrated_template(by, migration)?,
        };
        Ok(lock(&self.databases).create(&template)?)
    }

    fn template(&self) -> Result<String, StoreError> {
        lock(&self.databases).template(|name| Ok(self.url_of(name)))
    }

    // Made once for each process, so that a migration that was changed counts at once.
    fn migrated_template(&self, by: TypeId, migration: Migration<'_>) -> Result<String, TestError> {
        let mut migrated = lock(&self.migrated);
        if let Some(name) = migrated.get(&by) {
            return Ok(name.clone());
        }
        let template = self.template()?;
        let name = lock(&self.databases).create(&template)?;
        migration(&mut connect(&self.url_of(&name))?);
        migrated.insert(by, name.clone());
        Ok(name)
    }

    /// The server's URL with another database in it. Other parameters stay.
    pub(super) fn url_of(&self, database: &str) -> String {
        with_database(&self.url, database)
    }
}

fn with_database(url: &str, database: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return format!("{url} dbname={database}") };
    // A password may hold a question mark.
    let credentials = rest.find(['@', '/']).filter(|at| rest[*at..].starts_with('@')).map_or(0, |at| at + 1);
    let (credentials, rest) = rest.split_at(credentials);
    let (address, parameters) = rest.split_once('?').unwrap_or((rest, ""));
    let server = address.split('/').next().unwrap_or_default();
    // The parameter `dbname` would count instead of the path.
    let others = parameters.split('&').filter(|one| !one.is_empty() && !one.starts_with("dbname="));
    let others = others.collect::<Vec<_>>().join("&");
    let mark = if others.is_empty() { "" } else { "?" };
    format!("{scheme}://{credentials}{server}/{database}{mark}{others}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_of_a_url_is_replaced_in_each_form() {
        for (url, expected) in [
            ("postgres://localhost", "postgres://localhost/t"),
            ("postgres://u:p@h:5/app?sslmode=require", "postgres://u:p@h:5/t?sslmode=require"),
            ("postgresql:///app?host=/run/postgresql", "postgresql:///t?host=/run/postgresql"),
            ("postgres://h/x?dbname=app&sslmode=require", "postgres://h/t?sslmode=require"),
            ("postgres://u:p?x@h/app?dbname=app", "postgres://u:p?x@h/t"),
            ("host=localhost dbname=app", "host=localhost dbname=app dbname=t"),
        ] {
            assert_eq!(with_database(url, "t"), expected);
        }
    }
}
