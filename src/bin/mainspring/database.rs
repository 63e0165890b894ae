//! The database and the schema that a command works in.

use std::io::Write;

use clap::{Args, ValueEnum};
use diesel::connection::{CacheSize, Connection, SimpleConnection};
use diesel::pg::PgConnection;
use mainspring::{Schema, Session, StoreError, database};

use crate::failure::Failure;
use crate::output;
use crate::progress::Progress;

/// The options of `migrate`.
#[derive(Debug, Args)]
pub(crate) struct MigrateArguments {
    /// Install all functions, views and triggers again, also where this release has installed them already.
    #[arg(long, value_enum, num_args = 0, default_missing_value = "everything")]
    repair: Option<Repair>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Repair {
    Everything,
}

pub(crate) struct Database {
    url: String,
    conn: PgConnection,
    schema: Schema,
}

impl Database {
    pub(crate) fn open(url: Option<&str>, schema: &Schema) -> Result<Self, Failure> {
        let url = required(url)?;
        Ok(Self { url: url.to_owned(), conn: connect(url)?, schema: schema.clone() })
    }

    /// Takes a new connection, because the one before it has failed.
    pub(crate) fn reconnect(&mut self) -> Result<(), Failure> {
        self.conn = connect(&self.url)?;
        Ok(())
    }

    /// Checks that the schema is one that this program can work with.
    pub(crate) fn verified(mut self) -> Result<Self, Failure> {
        database::verify(&mut self.session())?;
        Ok(self)
    }

    /// The same for a role that may only add jobs: what such a role may not read is not checked.
    pub(crate) fn verified_to_enqueue(mut self) -> Result<Self, Failure> {
        match database::verify(&mut self.session()) {
            Ok(()) | Err(StoreError::Denied(_)) => Ok(self),
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) fn session(&mut self) -> Session<'_> {
        self.schema.on(&mut self.conn)
    }

    pub(crate) fn migrate(
        &mut self,
        arguments: MigrateArguments,
        out: &mut impl Write,
    ) -> Result<(), Failure> {
        let progress = Progress::of_unknown_length("migrating", None);
        let (applied, done) = match arguments.repair {
            None => (database::migrate(&mut self.session())?, "up to date"),
            Some(Repair::Everything) => (database::repair(&mut self.session())?, "installed again"),
        };
        drop(progress);
        if applied.is_empty() {
            writeln!(out, "the schema {} is {done}", output::printable(self.schema.name()))?;
        }
        for version in applied {
            writeln!(out, "applied {version}")?;
        }
        Ok(())
    }
}

/// The URL, which must have been given.
pub(crate) fn required(url: Option<&str>) -> Result<&str, Failure> {
    let url = url.filter(|url| !url.trim().is_empty());
    url.ok_or_else(|| Failure::Usage("no database: give --database-url or set DATABASE_URL".into()))
}

fn connect(url: &str) -> Result<PgConnection, Failure> {
    let mut conn = database::connect(url)?;
    // A pooler may lend the session to others between two statements, and each statement runs once.
    conn.set_prepared_statement_cache_size(CacheSize::Disabled);
    Ok(conn)
}

/// Reads from tables that may be large. Compiling a query costs more than any command, and the planner would do it there.
pub(crate) fn read<T>(
    conn: &mut Session<'_>,
    work: impl FnOnce(&mut Session<'_>) -> Result<T, StoreError>,
) -> Result<T, Failure> {
    conn.transaction(|conn| {
        conn.batch_execute("SET LOCAL jit = off").map_err(|error| Failure::Refused(error.to_string()))?;
        Ok(work(conn)?)
    })
}
