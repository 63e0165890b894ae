//! The database and the schema that a command works in.

use std::io::Write;

use diesel::PgConnection;
use mainspring::{Schema, Session, database};

use crate::failure::Failure;

pub(crate) struct Database {
    conn: PgConnection,
    schema: Schema,
}

impl Database {
    pub(crate) fn open(url: Option<&str>, schema: &Schema) -> Result<Self, Failure> {
        let url = url.filter(|url| !url.trim().is_empty());
        let url =
            url.ok_or_else(|| Failure::Usage("no database: give --database-url or set DATABASE_URL".into()))?;
        Ok(Self { conn: database::connect(url)?, schema: schema.clone() })
    }

    /// Checks that the schema is one that this program can work with.
    pub(crate) fn verified(mut self) -> Result<Self, Failure> {
        database::verify(&mut self.session())?;
        Ok(self)
    }

    pub(crate) fn session(&mut self) -> Session<'_> {
        self.schema.on(&mut self.conn)
    }

    pub(crate) fn migrate(&mut self, out: &mut impl Write) -> Result<(), Failure> {
        let applied = database::migrate(&mut self.session())?;
        if applied.is_empty() {
            writeln!(out, "the schema {} is up to date", self.schema)?;
        }
        for version in applied {
            writeln!(out, "applied {version}")?;
        }
        Ok(())
    }
}
