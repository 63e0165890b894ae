//! The steps of the tables, as migrations of `diesel_migrations`. Each sends its statements one at a time, in the schema
//! of the session.

use std::fmt;

use diesel::connection::BoxableConnection;
use diesel::migration::{self, MigrationMetadata, MigrationName, MigrationVersion};
use diesel::pg::{Pg, PgConnection};
use diesel::sql_types::Text;
use diesel_migrations::MigrationHarness;

use super::files::{MIGRATIONS, TableStep};
use super::script::{exists, statements};
use crate::error::StoreError;
use crate::schema::Schema;
use crate::store::session::AsSession;
use crate::store::statement::Statement;

/// Where `diesel_migrations` records the steps, so that Diesel's tools can read it.
const RECORDS: &str = "mainspring.__diesel_schema_migrations";

/// Returns the steps that the database lacks, oldest first. Writes nothing.
pub(super) fn pending(conn: &mut impl AsSession) -> Result<Vec<&'static TableStep>, StoreError> {
    let applied: Vec<(String,)> = if exists(conn, RECORDS)? {
        Statement::<(Text,)>::new(format!("SELECT version::text FROM {RECORDS}")).load(conn)?
    } else {
        Vec::new()
    };
    let is_missing = |step: &&TableStep| applied.iter().all(|row| row.0 != step.version);
    Ok(MIGRATIONS.iter().filter(is_missing).collect())
}

/// Creates the table of records, where it is missing.
pub(super) fn prepare(conn: &mut impl AsSession) -> Result<(), StoreError> {
    within_schema(conn, "records of migrations", |conn| conn.applied_migrations().map(drop))
}

/// Applies a step and records it.
pub(super) fn apply(conn: &mut impl AsSession, step: &'static TableStep) -> Result<(), StoreError> {
    let schema = conn.as_session().schema().clone();
    within_schema(conn, step.version, |conn| conn.run_migration(&Step { step, schema }).map(drop))
}

/// Records a step whose tables are there already.
pub(super) fn record(conn: &mut impl AsSession, step: &TableStep) -> Result<(), StoreError> {
    Statement::<()>::new(format!("INSERT INTO {RECORDS} (version) VALUES ({{}})"))
        .bind::<Text, _>(step.version)
        .execute(conn)?;
    Ok(())
}

// Diesel's statements about its table of records name no schema.
fn within_schema(
    conn: &mut impl AsSession,
    name: &str,
    work: impl FnOnce(&mut PgConnection) -> migration::Result<()>,
) -> Result<(), StoreError> {
    let mut session = conn.as_session();
    let schema = session.schema().clone();
    session.run("SET LOCAL search_path = mainspring")?;
    work(&mut session)
        .map_err(|error| StoreError::Migration(format!("{}: {name}: {error}", schema.name())))?;
    session.run("SET LOCAL search_path = pg_catalog, pg_temp")
}

/// A step in one schema.
struct Step {
    step: &'static TableStep,
    schema: Schema,
}

impl Step {
    fn run_script(
        &self,
        conn: &mut dyn BoxableConnection<Pg>,
        script: &'static str,
    ) -> migration::Result<()> {
        for statement in statements(script) {
            conn.batch_execute(&self.schema.rewrite(statement))?;
        }
        Ok(())
    }
}

impl migration::Migration<Pg> for Step {
    fn run(&self, conn: &mut dyn BoxableConnection<Pg>) -> migration::Result<()> {
        self.run_script(conn, self.step.up)
    }

    fn revert(&self, conn: &mut dyn BoxableConnection<Pg>) -> migration::Result<()> {
        self.run_script(conn, self.step.down)
    }

    fn metadata(&self) -> &dyn MigrationMetadata {
        self
    }

    fn name(&self) -> &dyn MigrationName {
        self
    }
}

impl MigrationMetadata for Step {
    // All steps and definitions share one transaction.
    fn run_in_transaction(&self) -> bool {
        false
    }
}

impl MigrationName for Step {
    fn version(&self) -> MigrationVersion<'_> {
        self.step.version.into()
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.step.version)
    }
}
