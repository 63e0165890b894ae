//! Schemas that are none of Graphile Worker's, or whose rows a role does not see.

use diesel::connection::SimpleConnection;
use mainspring::{Schema, StoreError, import};

use super::{JOBS, add, assert_count, both, graphile, moved};
use crate::roles::Role;
use crate::support::database::TestDatabase;

#[test]
fn a_schema_that_is_not_there_is_refused_by_its_name() {
    let database = TestDatabase::new();
    let error = import::graphile(&mut database.connection(), &graphile()).unwrap_err();
    assert_eq!(error.to_string(), "there is no schema `graphile_worker`");
}

#[test]
fn an_unknown_layout_is_refused_with_what_it_lacks() {
    let changes = [
        (
            "DROP TABLE graphile_worker._private_known_crontabs",
            "no column _private_known_crontabs.identifier of the type text",
        ),
        (
            "ALTER TABLE graphile_worker._private_jobs DROP COLUMN flags",
            "no column _private_jobs.flags of the type jsonb",
        ),
        (
            "ALTER TABLE graphile_worker._private_jobs ALTER payload TYPE jsonb",
            "no column _private_jobs.payload of the type json",
        ),
        ("INSERT INTO graphile_worker.migrations VALUES (21, false), (22, true)", "got migration 22"),
    ];
    for (change, words) in changes {
        let (_database, mut conn) = both();
        add(&mut conn, "key", "('k')");
        conn.batch_execute(change).unwrap();
        for refused in [import::graphile, import::preview_graphile] {
            let error = refused(&mut conn, &graphile()).unwrap_err();
            assert!(matches!(&error, StoreError::Invalid { field, .. } if field == "schema"), "{error}");
            let told = error.to_string();
            assert!(
                told.contains("must hold the tables of Graphile Worker 0.16 to 0.18") && told.contains(words),
                "{told}"
            );
        }
        assert_count(&mut conn, JOBS, 1);
    }
}

#[test]
fn a_newer_migration_that_breaks_nothing_is_accepted() {
    let (_database, mut conn) = both();
    add(&mut conn, "key", "('k')");
    conn.batch_execute("INSERT INTO graphile_worker.migrations VALUES (21, false)").unwrap();
    assert_eq!(moved(&mut conn).moved_jobs(), 1);
}

#[test]
fn a_role_that_row_level_security_lets_see_nothing_is_refused() {
    let (database, mut conn) = both();
    add(&mut conn, "key", "('k')");
    let role = Role::new(&database, "importer");
    conn.batch_execute(&format!(
        "ALTER TABLE graphile_worker._private_jobs ENABLE ROW LEVEL SECURITY; GRANT USAGE ON SCHEMA graphile_worker TO {0}; \
         GRANT ALL ON ALL TABLES IN SCHEMA graphile_worker TO {0}",
        role.name
    ))
    .unwrap();
    let error = import::graphile(&mut role.connection(), &graphile()).unwrap_err();
    let expected = "the role has no privilege on the rows of graphile_worker._private_jobs: let the role that owns the table run this";
    assert_eq!(error.to_string(), expected);
    conn.batch_execute(&format!("REVOKE ALL ON ALL TABLES IN SCHEMA graphile_worker FROM {}", role.name))
        .unwrap();
    let error = import::graphile(&mut role.connection(), &graphile()).unwrap_err();
    assert!(error.to_string().contains("permission denied for table"), "{error}");
    assert_count(&mut conn, JOBS, 1);
}

#[test]
fn a_schema_of_any_name_is_read() {
    let (_database, mut conn) = both();
    add(&mut conn, "key", "('k')");
    let name = "Graphile's \"mainspring.jobs\"";
    conn.batch_execute("ALTER SCHEMA graphile_worker RENAME TO \"Graphile's \"\"mainspring.jobs\"\"\"")
        .unwrap();
    assert_eq!(import::graphile(&mut conn, &Schema::new(name).unwrap()).unwrap().moved_jobs(), 1);
}
