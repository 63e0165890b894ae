//! The migration at the start of a scheduler: it waits for that of another process, and logs what it did.

use std::time::Duration;

use crate::error::StoreError;
use crate::store::Session;
use crate::store::migrate::migrate_within;
use crate::text::one_line;

// A migration is usually over before anybody has to be told of it.
const LOCK_WARNING: Duration = Duration::from_secs(1);
// As long as `database::migrate` waits in all. On two busy cores one migration of an empty database took nine seconds.
const LOCK_TIMEOUT: Duration = Duration::from_secs(29);

/// Migrates the schema, and logs each migration that it has applied.
pub(super) fn migrate(conn: &mut Session<'_>) -> Result<(), StoreError> {
    for version in migrate_patiently(conn)? {
        log::info!("applied the migration {version}");
    }
    Ok(())
}

// Another process may be migrating, and any role that may connect can hold the lock.
fn migrate_patiently(conn: &mut Session<'_>) -> Result<Vec<String>, StoreError> {
    match migrate_within(conn, LOCK_WARNING) {
        Err(error @ StoreError::Locked(_)) => {
            log::warn!("waiting up to {} s more: {}", LOCK_TIMEOUT.as_secs(), one_line(error));
            migrate_within(conn, LOCK_TIMEOUT)
        }
        migrated => migrated,
    }
}
