//! Brings the schema `mainspring` up to date. Knows nothing of jobs, and keeps its books in its own
//! schema, so that it never meets the host application's Diesel migrations.

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::{Connection, RunQueryDsl, sql_query};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

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
/// [`StoreError::Database`] when the database refuses a statement, [`StoreError::Migration`] when a
/// migration cannot be applied.
pub fn migrate(conn: &mut PgConnection) -> Result<Vec<String>, StoreError> {
    conn.transaction(|conn| {
        sql_query("SELECT pg_advisory_xact_lock(1836216166, 0)").execute(conn)?;
        conn.batch_execute(
            "SET LOCAL client_min_messages = warning; \
             CREATE SCHEMA IF NOT EXISTS mainspring; \
             SET LOCAL search_path = mainspring",
        )?;
        let applied = conn
            .run_pending_migrations(MIGRATIONS)
            .map_err(|error| StoreError::Migration(error.to_string()))?;
        Ok(applied.iter().map(ToString::to_string).collect())
    })
}
