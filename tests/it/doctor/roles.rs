//! What an examination finds about roles, and what a role with few rights may examine.

use diesel::connection::SimpleConnection;
use mainspring::doctor::{Code, Options, examine};

use super::assert_cured;
use crate::roles::Role;
use crate::support::database::TestDatabase;

#[test]
fn a_grant_that_lacks_what_an_upgrade_has_added_is_granted_again() {
    for (kind, lacks) in [
        ("worker", "EXECUTE ON FUNCTION mainspring.wake"),
        ("worker", "DELETE ON mainspring.queues"),
        ("enqueue", "EXECUTE ON FUNCTION mainspring.payload_limit"),
        ("schedules", "EXECUTE ON FUNCTION mainspring.unknown_tasks"),
        ("admin", "EXECUTE ON FUNCTION mainspring.pause_all"),
        ("read", "SELECT (state) ON mainspring.jobs"),
    ] {
        let database = TestDatabase::new();
        let role = Role::granted(&database, kind);
        database.connection().batch_execute(&format!("REVOKE {lacks} FROM {}", role.name)).unwrap();
        let found = assert_cured(&database.url(), Code::GrantsIncomplete);
        let meant = format!("the role {} has the grant `{kind}` without ", role.name);
        assert!(found.found.starts_with(&meant), "{found}");
    }
}

#[test]
fn whole_grants_of_every_kind_are_no_finding() {
    let database = TestDatabase::new();
    let kinds = ["worker", "enqueue", "schedules", "admin", "read"];
    let _roles = kinds.map(|kind| Role::granted(&database, kind));
    let found = super::findings(&database.url(), Code::GrantsIncomplete);
    assert_eq!(found, []);
}

#[test]
fn what_a_role_may_not_see_is_listed_as_not_checked_and_is_no_error() {
    let database = TestDatabase::new();
    for (kind, unseen, needs) in [
        ("worker", Code::TransactionOpenLong, "needs pg_monitor"),
        ("read", Code::SequenceBehind, "needs the rights of grant_worker"),
        ("admin", Code::SequenceNearEnd, "needs the rights of grant_worker"),
        ("enqueue", Code::SchemaOutdated, "needs the rights of grant_read"),
    ] {
        let role = Role::granted(&database, kind);
        let report = examine(&mut role.connection(), &Options::new()).unwrap();
        let reason = report.unchecked.iter().find(|unchecked| unchecked.code == unseen);
        assert_eq!(reason.map(|unchecked| unchecked.reason.as_str()), Some(needs), "{kind}: {report:?}");
        let refused = report.unchecked.iter().any(|unchecked| unchecked.reason.contains("refuses"));
        assert!(!refused, "{kind}: {report:?}");
    }
    let stranger = Role::new(&database, "stranger");
    let report = examine(&mut stranger.connection(), &Options::new()).unwrap();
    assert!(report.unchecked.iter().any(|unchecked| unchecked.code == Code::SchemaOutdated), "{report:?}");
}

#[test]
fn a_role_that_monitors_sees_all_sessions() {
    let database = TestDatabase::new();
    let role = Role::granted(&database, "worker");
    database.connection().batch_execute(&format!("GRANT pg_monitor TO {}", role.name)).unwrap();
    let report = examine(&mut role.connection(), &Options::new()).unwrap();
    assert_eq!(report.unchecked, []);
}
