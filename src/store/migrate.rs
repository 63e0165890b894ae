//! Brings the schema `mainspring` up to date: first its tables, by migrations, then the functions and views in sql/.
//!
//! Knows nothing of jobs. Keeps its records in its own schema, so that it never meets the host application's Diesel
//! migrations.

mod adopt;
mod definitions;
mod files;
#[cfg(feature = "testing")]
mod fingerprint;
pub(super) mod installed;
mod lock;
mod script;
mod tables;

use std::time::Duration;

use diesel::sql_types::{Array, Bool, Text};

use self::definitions::Installed;
use self::files::{MIGRATIONS, TableStep};
#[cfg(feature = "testing")]
pub(crate) use self::fingerprint::fingerprint;
use self::lock::Wait;
use self::script::{exists, run};
use super::statement::Statement;
use crate::error::StoreError;
use crate::store::session::{AsSession, Session};

// How long a migration waits for another one.
const PATIENCE: Duration = Duration::from_secs(30);

/// Applies every migration that the database lacks, and returns their versions, oldest first. Then replaces the functions
/// and views that have changed.
///
/// Everything happens in one transaction under an advisory lock of the database. Any number of
/// processes may call this at once: one does the work and the others find it done. Where nothing is
/// missing, no lock is taken. A failure leaves the schema as it was. The schema is created where it is
/// missing, so the role needs `CREATE` on the database the first time. `DROP SCHEMA .. CASCADE` removes
/// everything again. It logs nothing: a program may log the versions that it returns, one line each, as `start` does.
///
/// Tables without records of migrations, as after a dump of definitions alone, are recognised by what
/// they are, and get their records.
///
/// # Errors
///
/// - [`StoreError::SchemaTooNew`] when a newer program has migrated in a way this one cannot work with.
/// - [`StoreError::Migration`] when a migration cannot be applied.
/// - [`StoreError::Denied`] when the role may not create the schema.
/// - [`StoreError::Locked`] when another session holds the lock for longer than 30 seconds.
/// - [`StoreError::Database`] when the database refuses another statement.
pub fn migrate(conn: &mut impl AsSession) -> Result<Vec<String>, StoreError> {
    migrate_within(conn, PATIENCE)
}

/// As [`migrate`], and waits no longer than this for another migration.
pub(crate) fn migrate_within(
    conn: &mut impl AsSession,
    patience: Duration,
) -> Result<Vec<String>, StoreError> {
    if is_complete(conn)? {
        return Ok(Vec::new());
    }
    apply(conn, patience, Extent::Missing)
}

// Whether nothing is missing that this program needs.
fn is_complete(conn: &mut impl AsSession) -> Result<bool, StoreError> {
    refuse_newer(conn)?;
    Ok(tables::pending(conn)?.is_empty() && !Installed::read(conn)?.is_outdated())
}

/// Migrates as [`migrate`] does, and installs all functions, views and triggers again, also where this release has installed
/// them already. So what was changed or dropped by hand is as it was. Grants stay.
///
/// # Errors
///
/// As [`migrate`], and [`StoreError::Migration`] when the functions are those of a newer release.
pub fn repair(conn: &mut impl AsSession) -> Result<Vec<String>, StoreError> {
    refuse_newer(conn)?;
    apply(conn, PATIENCE, Extent::Everything)
}

/// What a migration installs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// What is missing or has changed since the last migration.
    Missing,
    /// All functions and views.
    Everything,
}

fn apply(conn: &mut impl AsSession, patience: Duration, extent: Extent) -> Result<Vec<String>, StoreError> {
    let migrated = conn.as_session().transaction(|conn| {
        let is_done = |conn: &mut Session<'_>| Ok(extent == Extent::Missing && is_complete(conn)?);
        if lock::take(conn, patience, is_done)? == Wait::Needless {
            return Ok(Vec::new());
        }
        prepare(conn)?;
        refuse_newer(conn)?;
        adopt::record_known_steps(conn)?;
        let pending = tables::pending(conn)?;
        let installed = Installed::read(conn)?;
        if extent == Extent::Everything {
            installed.refuse_newer(conn)?;
        } else if pending.is_empty() && !installed.is_outdated() {
            return Ok(Vec::new());
        }
        definitions::install_base(conn)?;
        for migration in &pending {
            tables::apply(conn, migration)?;
        }
        if extent == Extent::Everything || installed.is_outdated() {
            definitions::install(conn)?;
        }
        installed::record(conn)?;
        run(conn, "first partitions", "SELECT mainspring.prepare_history()")?;
        Ok(pending.iter().map(|migration| migration.version.to_owned()).collect())
    });
    migrated.map_err(|error| explained(conn, error))
}

// Whether the role may create the schema, or what is in it.
const MAY_CREATE: &str = "SELECT coalesce((SELECT has_schema_privilege(s.oid, 'CREATE') FROM pg_namespace AS s \
    WHERE s.nspname = {}), has_database_privilege(current_database(), 'CREATE'))";

fn explained(conn: &mut impl AsSession, error: StoreError) -> StoreError {
    if !matches!(error, StoreError::Migration(_) | StoreError::Database(_)) {
        return error;
    }
    let schema = conn.as_session().schema().to_string();
    let found = Statement::<(Bool,)>::new(MAY_CREATE).bind::<Text, _>(&schema).get_result::<(bool,)>(conn);
    match found {
        Ok((false,)) => StoreError::Denied(format!("CREATE for the schema {schema}: {error}")),
        Ok((true,)) | Err(_) => error,
    }
}

/// Checks that the schema is one this program can work with, and changes nothing.
///
/// # Errors
///
/// [`StoreError::SchemaTooOld`] when migrations or newer functions are missing, [`StoreError::SchemaTooNew`] as in
/// [`migrate`].
pub fn verify(conn: &mut impl AsSession) -> Result<(), StoreError> {
    // First, because a role that only adds jobs may read nothing else.
    refuse_newer(conn)?;
    let pending = tables::pending(conn)?;
    refuse_missing(conn, pending)?;
    if Installed::read(conn)?.is_outdated() {
        let missing = format!("the functions of release {}", env!("CARGO_PKG_VERSION"));
        return Err(StoreError::SchemaTooOld { schema: conn.as_session().schema().to_string(), missing });
    }
    Ok(())
}

/// Checks as [`verify`] does, as far as the role may look: one that only adds jobs reads no records of migrations. A role that may
/// do nothing is refused.
pub(crate) fn verify_as_client(conn: &mut impl AsSession) -> Result<(), StoreError> {
    match verify(conn) {
        // Each role that may do anything may call this function. For another one, the error of the call names what is missing.
        Err(StoreError::Denied(_) | StoreError::Database(_)) => {
            let found = compatible_from(conn)?;
            refuse_newer_than_known(conn, found)
        }
        verified => verified,
    }
}

/// Checks in one statement that the schema under a running program still fits it.
pub(crate) fn check_schema(conn: &mut impl AsSession) -> Result<(), StoreError> {
    let (newest, recorded): (String, Vec<String>) = Statement::<(Text, Array<Text>)>::new(
        "SELECT mainspring.compatible_from(), \
         ARRAY(SELECT m.version::text FROM mainspring.__diesel_schema_migrations AS m)",
    )
    .get_result(conn)?;
    refuse_newer_than_known(conn, newest)?;
    refuse_missing(conn, MIGRATIONS.iter().filter(|step| !recorded.iter().any(|row| row == step.version)))
}

fn prepare(conn: &mut impl AsSession) -> Result<(), StoreError> {
    for statement in [
        "SET LOCAL client_min_messages = warning",
        "SET LOCAL search_path = pg_catalog, pg_temp",
        "CREATE SCHEMA IF NOT EXISTS mainspring",
    ] {
        conn.as_session().run(statement)?;
    }
    tables::prepare(conn)
}

fn refuse_newer(conn: &mut impl AsSession) -> Result<(), StoreError> {
    if !exists(conn, "mainspring.compatible_from()")? {
        return Ok(());
    }
    let found = compatible_from(conn)?;
    refuse_newer_than_known(conn, found)
}

fn compatible_from(conn: &mut impl AsSession) -> Result<String, StoreError> {
    let found =
        Statement::<(Text,)>::new("SELECT mainspring.compatible_from()").get_result::<(String,)>(conn)?;
    Ok(found.0)
}

fn refuse_missing(
    conn: &mut impl AsSession,
    missing: impl IntoIterator<Item = &'static TableStep>,
) -> Result<(), StoreError> {
    let missing: Vec<_> = missing.into_iter().map(|step| step.version).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(StoreError::SchemaTooOld {
        schema: conn.as_session().schema().to_string(),
        missing: format!("the migrations {}", missing.join(", ")),
    })
}

fn refuse_newer_than_known(conn: &mut impl AsSession, found: String) -> Result<(), StoreError> {
    let known = MIGRATIONS.last().map_or("", |migration| migration.version);
    if found.as_str() > known {
        return Err(StoreError::SchemaTooNew {
            schema: conn.as_session().schema().to_string(),
            found,
            known: known.to_owned(),
        });
    }
    Ok(())
}
