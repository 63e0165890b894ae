//! Brings the schema `mainspring` up to date. Knows nothing of jobs, and keeps its books in its own
//! schema, so that it never meets the host application's Diesel migrations.

use diesel::connection::SimpleConnection;
use diesel::migration::{Migration, MigrationSource};
use diesel::pg::{Pg, PgConnection};
use diesel::sql_types::{Bool, Text};
use diesel::{Connection, RunQueryDsl, sql_query};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::statement::Statement;
use crate::error::StoreError;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations");

/// Applies every migration that the database lacks, and answers their versions, oldest first.
///
/// Everything happens in one transaction under an advisory lock of the database: any number of
/// processes may call this at once, one does the work and the others find it done; a failure leaves
/// the schema as it was. The schema is created where it is missing, so the role needs `CREATE` on the
/// database the first time. `DROP SCHEMA mainspring CASCADE` removes everything again.
///
/// # Errors
///
/// [`StoreError::SchemaTooNew`] when a newer program has migrated in a way this one cannot work with,
/// [`StoreError::Migration`] when a migration cannot be applied, [`StoreError::Database`] when the database
/// refuses another statement.
pub fn migrate(conn: &mut PgConnection) -> Result<Vec<String>, StoreError> {
    conn.transaction(|conn| {
        sql_query("SELECT pg_advisory_xact_lock(1836216166, 0)").execute(conn)?;
        conn.batch_execute(
            "SET LOCAL client_min_messages = warning; \
             CREATE SCHEMA IF NOT EXISTS mainspring; \
             SET LOCAL search_path = mainspring",
        )?;
        refuse_newer(conn)?;
        let applied = conn
            .run_pending_migrations(MIGRATIONS)
            .map_err(|error| StoreError::Migration(error.to_string()))?;
        Ok(applied.iter().map(ToString::to_string).collect())
    })
}

/// Checks that the schema is one this program can work with, and changes nothing.
///
/// # Errors
///
/// [`StoreError::SchemaTooOld`] when migrations are missing, [`StoreError::SchemaTooNew`] as in [`migrate`].
pub fn verify(conn: &mut PgConnection) -> Result<(), StoreError> {
    let applied =
        if exists(conn, "mainspring.__diesel_schema_migrations")? { applied(conn)? } else { Vec::new() };
    let missing: Vec<_> = known()?.into_iter().filter(|version| !applied.contains(version)).collect();
    if missing.is_empty() {
        return refuse_newer(conn);
    }
    Err(StoreError::SchemaTooOld { missing: missing.join(", ") })
}

fn refuse_newer(conn: &mut PgConnection) -> Result<(), StoreError> {
    if !exists(conn, "mainspring.compatible_from()")? {
        return Ok(());
    }
    let found =
        Statement::<(Text,)>::new("SELECT mainspring.compatible_from()").get_result::<(String,)>(conn)?.0;
    let known = known()?.pop().unwrap_or_default();
    if found > known {
        return Err(StoreError::SchemaTooNew { found, known });
    }
    Ok(())
}

fn exists(conn: &mut PgConnection, name: &str) -> Result<bool, StoreError> {
    let lookup = if name.ends_with("()") { "to_regprocedure" } else { "to_regclass" };
    let found = Statement::<(Bool,)>::new(format!("SELECT {lookup}({{}}) IS NOT NULL"));
    Ok(found.bind::<Text, _>(name).get_result::<(bool,)>(conn)?.0)
}

fn applied(conn: &mut PgConnection) -> Result<Vec<String>, StoreError> {
    let rows = Statement::<(Text,)>::new("SELECT version::text FROM mainspring.__diesel_schema_migrations");
    Ok(rows.load::<(String,)>(conn)?.into_iter().map(|row| row.0).collect())
}

// The versions this program has, oldest first.
fn known() -> Result<Vec<String>, StoreError> {
    let mut known: Vec<String> = MigrationSource::<Pg>::migrations(&MIGRATIONS)
        .map_err(|error| StoreError::Migration(error.to_string()))?
        .iter()
        .map(|migration| migration.name().version().to_string())
        .collect();
    known.sort();
    Ok(known)
}
