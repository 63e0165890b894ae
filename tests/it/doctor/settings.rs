//! Settings of a database and of a role. Those of the whole server are in `server.rs`.

use diesel::connection::SimpleConnection;
use mainspring::doctor::Code;

use super::{assert_cured, findings};
use crate::roles::Role;
use crate::support::database::TestDatabase;

fn alter_database(database: &TestDatabase, change: &str) {
    let alter =
        format!("DO $$ BEGIN EXECUTE format('ALTER DATABASE %I {change}', current_database()); END $$");
    database.connection().batch_execute(&alter).unwrap();
}

#[test]
fn settings_of_a_database_that_hurt_are_reset() {
    for (setting, code) in [
        ("synchronous_commit = off", Code::CommitsRelaxed),
        ("track_activities = off", Code::ActivitiesUntracked),
        ("statement_timeout = 5000", Code::StatementTimeoutShort),
        ("lock_timeout = 50", Code::LockTimeoutShort),
        ("default_transaction_isolation = serializable", Code::IsolationRaised),
        ("default_transaction_read_only = on", Code::ReadOnlyByDefault),
        ("session_replication_role = replica", Code::TriggersSuppressed),
    ] {
        let database = TestDatabase::new();
        alter_database(&database, &format!("SET {setting}"));
        let found = assert_cured(&database.url(), code);
        assert!(found.found.contains("in the database mainspring_test"), "{found}");
    }
}

#[test]
fn settings_that_hurt_nobody_are_left_alone() {
    let database = TestDatabase::new();
    for (setting, code) in [
        ("synchronous_commit = local", Code::CommitsRelaxed),
        ("statement_timeout = 10000", Code::StatementTimeoutShort),
        ("lock_timeout = 1000", Code::LockTimeoutShort),
        ("default_transaction_isolation = ''read uncommitted''", Code::IsolationRaised),
    ] {
        alter_database(&database, &format!("SET {setting}"));
        assert_eq!(findings(&database.url(), code), []);
    }
}

#[test]
fn a_setting_of_a_role_is_reset_where_it_is_set() {
    let database = TestDatabase::new();
    let role = Role::granted(&database, "read");
    for place in ["", "IN DATABASE %I"] {
        let alter = format!(
            "DO $$ BEGIN EXECUTE format('ALTER ROLE {} {place} SET lock_timeout = 50', current_database()); END $$",
            role.name
        );
        database.connection().batch_execute(&alter).unwrap();
        assert_eq!(findings(&database.url(), Code::LockTimeoutShort), []);
        let found = assert_cured(&role.url(), Code::LockTimeoutShort);
        assert!(found.found.contains(&format!("for the role {}", role.name)), "{found}");
    }
}

#[test]
fn a_limit_of_connections_is_taken_away() {
    let database = TestDatabase::new();
    alter_database(&database, "CONNECTION LIMIT 9");
    let found = assert_cured(&database.url(), Code::ConnectionsLimited);
    assert!(found.found.ends_with("takes at most 9 connections"), "{found}");
    alter_database(&database, "CONNECTION LIMIT 17");
    assert_eq!(findings(&database.url(), Code::ConnectionsLimited), []);
}
