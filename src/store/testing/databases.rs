//! The databases of a test run: made from a template, and dropped with their tests. What an aborted run has left is found by the
//! names: each has the run in it, and a living run has a connection of that name.

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::sql_types::{BigInt, Bool, Text};

use crate::error::StoreError;
use crate::store::connect::connect;
use crate::store::migrate::{fingerprint, migrate};
use crate::store::statement::Statement;

/// Makes and drops the databases of one run. A run is a process.
pub(crate) struct Databases {
    conn: PgConnection,
    run: String,
    made: u64,
    /// How the server is to copy a template.
    strategy: &'static str,
}

// A server that does not wait for the disk copies files twice as fast as it writes each page into its log.
const COPIES_FILES: &str =
    "SELECT current_setting('fsync') = 'off' AND current_setting('server_version_num')::integer >= 150000";

const LEFT_BEHIND: &str = "SELECT d.datname::text FROM pg_database AS d \
    WHERE d.datname ~ '^mainspring_test_[0-9]+_[0-9a-f]{8}_' AND NOT EXISTS (SELECT FROM pg_stat_activity AS a \
        WHERE a.application_name = 'mainspring-test ' || substring(d.datname from '[0-9]+_[0-9a-f]{8}'))";

impl Databases {
    /// Begins a run on the server at that URL, and drops what runs have left that are over.
    pub(crate) fn begin(url: &str) -> Result<Self, StoreError> {
        let mut conn = connect(url)?;
        let run = format!("{}_{:08x}", std::process::id(), fastrand::u32(..));
        execute(&mut conn, &format!("SET application_name = 'mainspring-test {run}'"))?;
        let (copies_files,): (bool,) = Statement::<(Bool,)>::new(COPIES_FILES).get_result(&mut conn)?;
        let strategy = if copies_files { " STRATEGY file_copy" } else { "" };
        let mut databases = Self { conn, run, made: 0, strategy };
        for (left,) in Statement::<(Text,)>::new(LEFT_BEHIND).load::<(String,)>(&mut databases.conn)? {
            // Another run may drop it now.
            let _ = databases.remove(&left);
        }
        Ok(databases)
    }

    /// Returns how many connections the server grants to users that are not its owner's.
    pub(crate) fn most_connections(&mut self) -> Result<usize, StoreError> {
        let text = "SELECT current_setting('max_connections')::bigint \
            - current_setting('superuser_reserved_connections')::bigint";
        let (most,): (i64,) = Statement::<(BigInt,)>::new(text).get_result(&mut self.conn)?;
        Ok(usize::try_from(most).unwrap_or(0))
    }

    /// Returns the name of the template of this release. It is made once for each server, and stays.
    pub(crate) fn template(
        &mut self,
        url_of: impl Fn(&str) -> Result<String, StoreError>,
    ) -> Result<String, StoreError> {
        let name = format!("mainspring_template_{:016x}", fingerprint());
        if self.exists(&name)? {
            return Ok(name);
        }
        let unfinished = self.create("template0")?;
        migrate(&mut connect(&url_of(&unfinished)?)?)?;
        let renamed = execute(&mut self.conn, &format!("ALTER DATABASE {unfinished} RENAME TO {name}"));
        if let Err(error) = renamed {
            self.remove(&unfinished)?;
            // Another run was faster.
            if !self.exists(&name)? {
                return Err(error);
            }
        }
        Ok(name)
    }

    fn exists(&mut self, name: &str) -> Result<bool, StoreError> {
        let text = "SELECT EXISTS (SELECT FROM pg_database WHERE datname = {})";
        let statement = Statement::<(Bool,)>::new(text).bind::<Text, _>(name.to_owned());
        Ok(statement.get_result::<(bool,)>(&mut self.conn)?.0)
    }

    /// Makes a database from a template, and returns its name.
    pub(crate) fn create(&mut self, template: &str) -> Result<String, StoreError> {
        self.made += 1;
        let name = format!("mainspring_test_{}_{}", self.run, self.made);
        let strategy = self.strategy;
        execute(&mut self.conn, &format!("CREATE DATABASE {name} TEMPLATE {template}{strategy}"))?;
        Ok(name)
    }

    /// Drops a database, and ends its connections.
    pub(crate) fn remove(&mut self, name: &str) -> Result<(), StoreError> {
        execute(&mut self.conn, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
    }

    /// Ends the sessions of one worker in a database, by the end of their names, and returns when they are gone.
    pub(crate) fn end_sessions(&mut self, database: &str, worker: &str) -> Result<(), StoreError> {
        let text = "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity \
            WHERE datname = {} AND application_name LIKE 'mainspring %' || {}";
        let statement = Statement::<(BigInt,)>::new(text)
            .bind::<Text, _>(database.to_owned())
            .bind::<Text, _>(worker.to_owned());
        statement.get_result::<(i64,)>(&mut self.conn).map(drop)
    }
}

fn execute(conn: &mut PgConnection, sql: &str) -> Result<(), StoreError> {
    conn.batch_execute(sql).map_err(StoreError::from_diesel)
}
