//! The schema and its objects, as a migration leaves them and as others have changed them.

use diesel::connection::SimpleConnection;
use mainspring::Schema;
use mainspring::database;
use mainspring::doctor::{By, Code, Options, examine};

use super::{assert_cured, assert_cured_by_hand, broken, carry_out, command};
use crate::support::database::TestDatabase;
use crate::support::rows::count;

#[test]
fn a_schema_that_is_missing_or_old_is_migrated() {
    let empty = TestDatabase::empty();
    let found = assert_cured(&empty.url(), Code::SchemaMissing);
    assert_eq!(found.cure.text, command("migrate"));
    let old = broken("DELETE FROM mainspring.definitions WHERE name = 'wake'");
    assert_cured(&old.url(), Code::SchemaOutdated);
}

#[test]
fn a_schema_that_is_too_new_is_for_a_newer_program() {
    let database = broken(
        "ALTER FUNCTION mainspring.compatible_from RENAME TO before; \
         CREATE FUNCTION mainspring.compatible_from() RETURNS text LANGUAGE sql IMMUTABLE RETURN '99990101000001'",
    );
    let repair = "DROP FUNCTION mainspring.compatible_from(); ALTER FUNCTION mainspring.before RENAME TO compatible_from";
    let work = || database.connection().batch_execute(repair).unwrap();
    let found = assert_cured_by_hand(&database.url(), Code::SchemaTooNew, work);
    assert!(found.found.contains("99990101000001"), "{found}");
}

#[test]
fn functions_views_and_triggers_that_were_changed_are_installed_again() {
    let database = broken(
        "CREATE OR REPLACE FUNCTION mainspring.payload_limit() RETURNS bigint LANGUAGE sql STABLE RETURN 1; \
         DROP FUNCTION mainspring.pause_task; DROP VIEW mainspring.history_view; \
         CREATE FUNCTION mainspring.of_the_host() RETURNS integer LANGUAGE sql RETURN 1; \
         DO $$ BEGIN EXECUTE (SELECT format('DROP TRIGGER %I ON %s', tgname, tgrelid::regclass) FROM pg_trigger \
             WHERE tgrelid = 'mainspring.all_paused'::regclass LIMIT 1); END $$",
    );
    let found = assert_cured(&database.url(), Code::DefinitionsChanged);
    for change in ["mainspring.payload_limit() was changed", "mainspring.pause_task(text) is missing"] {
        assert!(found.found.contains(&*Schema::default().rewrite(change)), "{found}");
    }
    let kept = "pg_proc WHERE proname = 'of_the_host'";
    assert_eq!(count(&mut database.connection(), kept), 1);
}

#[test]
fn an_index_that_is_gone_or_another_one_is_made_again() {
    for change in [
        "DROP INDEX mainspring.jobs_ready",
        "DROP INDEX mainspring.jobs_key; CREATE INDEX jobs_key ON mainspring.jobs (key)",
        "DROP INDEX mainspring.history_id",
    ] {
        assert_cured(&broken(change).url(), Code::IndexMissing);
    }
}

#[test]
fn an_invalid_index_is_built_again() {
    let invalid =
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'mainspring.jobs_dead'::regclass";
    assert_cured(&broken(invalid).url(), Code::IndexInvalid);
}

#[test]
fn a_constraint_that_is_gone_or_another_one_is_added_again() {
    for change in [
        "ALTER TABLE mainspring.jobs DROP CONSTRAINT jobs_progress_range",
        "ALTER TABLE mainspring.jobs DROP CONSTRAINT jobs_deaths_range, ADD CONSTRAINT jobs_deaths_range CHECK (deaths >= -1)",
    ] {
        assert_cured(&broken(change).url(), Code::ConstraintChanged);
    }
}

#[test]
fn a_column_of_another_type_or_default_is_as_before() {
    for change in [
        "ALTER TABLE mainspring.jobs ALTER COLUMN attempts DROP DEFAULT",
        "ALTER TABLE mainspring.jobs ALTER COLUMN revision SET DEFAULT 7",
        "ALTER TABLE mainspring.workers ALTER COLUMN name DROP NOT NULL",
        "ALTER TABLE mainspring.tasks ALTER COLUMN known_at TYPE timestamptz(3)",
        "ALTER TABLE mainspring.tasks DROP COLUMN known_at; ALTER TABLE mainspring.tasks ADD COLUMN known_at date \
            NOT NULL DEFAULT mainspring.now()",
    ] {
        assert_cured(&broken(change).url(), Code::ColumnChanged);
    }
}

#[test]
fn a_trigger_that_is_disabled_is_enabled() {
    let database = broken("ALTER TABLE mainspring.all_paused DISABLE TRIGGER USER");
    assert_cured(&database.url(), Code::TriggerDisabled);
}

#[test]
fn an_unlogged_table_is_logged_again() {
    assert_cured(&broken("ALTER TABLE mainspring.stats SET UNLOGGED").url(), Code::TableUnlogged);
}

#[test]
fn a_cure_names_the_schema_that_was_examined() {
    let database = TestDatabase::empty();
    let mut conn = database.connection();
    let billing = Schema::new("Billing Jobs").unwrap();
    database::migrate(&mut billing.on(&mut conn)).unwrap();
    conn.batch_execute(
        "DROP INDEX \"Billing Jobs\".jobs_ready; ALTER TABLE \"Billing Jobs\".stats SET UNLOGGED; \
         CREATE OR REPLACE FUNCTION \"Billing Jobs\".payload_limit() RETURNS bigint LANGUAGE sql STABLE RETURN 1",
    )
    .unwrap();
    let codes = |conn: &mut _| {
        let found = examine(&mut billing.on(conn), &Options::new()).unwrap().findings;
        let of_schema = [Code::IndexMissing, Code::TableUnlogged, Code::DefinitionsChanged];
        found.into_iter().filter(|finding| of_schema.contains(&finding.code)).collect::<Vec<_>>()
    };
    let found = codes(&mut conn);
    assert_eq!(found.len(), 3, "{found:?}");
    found.iter().for_each(|finding| carry_out(&database.url(), &finding.cure));
    let commands = found.iter().filter(|finding| finding.cure.by == By::Command);
    let commands: Vec<_> = commands.map(|finding| finding.cure.text.as_str()).collect();
    assert_eq!(commands, ["mainspring --schema 'Billing Jobs' migrate --repair"]);
    assert_eq!(codes(&mut conn), []);
}
