//! The SQL functions of Graphile Worker, carried out by Mainspring.

use diesel::PgConnection;
use diesel::connection::SimpleConnection;

use super::assert_count;
use crate::cli::{answer, program};
use crate::roles::Role;
use crate::support::database::TestDatabase;
use crate::support::rows::count;

fn printed(arguments: &[&str]) -> String {
    answer(program(&[&["import", "graphile-functions"], arguments].concat()).output().unwrap())
}

fn offered() -> (TestDatabase, PgConnection) {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    conn.batch_execute(&printed(&[])).unwrap();
    (database, conn)
}

#[test]
fn a_trigger_that_names_the_arguments_adds_a_job() {
    let (_database, mut conn) = offered();
    conn.batch_execute(
        "CREATE TABLE users (id int, mail text); \
         CREATE FUNCTION welcome() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             PERFORM graphile_worker.add_job('welcome', json_build_object('id', NEW.id), queue_name := 'mails', \
                 job_key := 'user:' || NEW.id, run_at := '2100-01-01 00:00+00', max_attempts := 3, priority := -2, flags := ARRAY['b', 'a']); \
             RETURN NEW; END $$; \
         CREATE TRIGGER welcome AFTER INSERT ON users FOR EACH ROW EXECUTE FUNCTION welcome(); \
         INSERT INTO users VALUES (1, 'a'), (2, 'b'), (1, 'c')",
    )
    .unwrap();
    let added = "mainspring.jobs WHERE task = 'welcome' AND payload = '{\"id\": 1}' AND queue = 'mails' AND key = 'user:1' \
        AND run_at = '2100-01-01 00:00+00' AND max_attempts = 3 AND priority = -2 AND flags = '{a,b}' AND revision = 1";
    assert_count(&mut conn, added, 1);
    assert_count(&mut conn, "mainspring.jobs", 2);
}

#[test]
fn arguments_by_position_mean_what_they_meant() {
    let (_database, mut conn) = offered();
    let row = "graphile_worker.add_job('a', '{\"n\": 1}', 'q', '2100-01-01 00:00+00', 7, 'k', 5, ARRAY['f'], 'replace') AS j \
        WHERE j.task_identifier = 'a' AND j.queue_name = 'q' AND j.key = 'k' AND j.flags = '{\"f\": true}' AND j.priority = 5";
    assert_count(&mut conn, row, 1);
    assert_count(
        &mut conn,
        "graphile_worker.add_job('a') AS j WHERE j.id IS NOT NULL AND j.max_attempts = 25",
        1,
    );
    assert_count(
        &mut conn,
        "graphile_worker.add_job('a', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL) AS j WHERE j.key IS NULL",
        1,
    );
    assert_count(&mut conn, "mainspring.jobs WHERE payload = '{}'", 2);
}

#[test]
fn key_modes_mean_what_they_meant() {
    let (_database, mut conn) = offered();
    let mut add = |rest: &str| {
        conn.batch_execute(&format!("SELECT graphile_worker.add_job('a', job_key := 'k', {rest})")).unwrap();
        count(&mut conn, "mainspring.jobs WHERE key = 'k' AND run_at = '2100-01-01 00:00+00'")
    };
    assert_eq!(add("run_at := '2100-01-01 00:00+00'"), 1);
    assert_eq!(add("job_key_mode := 'preserve_run_at', payload := '[1]'"), 1);
    assert_eq!(add("job_key_mode := 'unsafe_dedupe', payload := '[2]'"), 1);
    assert_eq!(add("payload := '[3]'"), 0);
    assert_count(&mut conn, "mainspring.jobs WHERE payload = '[1, 3]'", 1);
    let refused = conn
        .batch_execute("SELECT graphile_worker.add_job('a', job_key := 'k', job_key_mode := 'merge')")
        .unwrap_err();
    assert!(refused.to_string().contains("key_mode must be replace"), "{refused}");
}

#[test]
fn many_jobs_are_added_by_their_specs() {
    let (_database, mut conn) = offered();
    conn.batch_execute(
        "SELECT graphile_worker.add_job('b', job_key := 'k', run_at := '2100-01-01 00:00+00')",
    )
    .unwrap();
    let specs = "ARRAY[('a', '{\"n\": null}', 'q', NULL, 3, NULL, -1, ARRAY['f']), ('b', NULL, NULL, NULL, NULL, 'k', NULL, NULL)]\
        ::graphile_worker.job_spec[]";
    assert_count(&mut conn, &format!("graphile_worker.add_jobs({specs}, true)"), 2);
    let first = "mainspring.jobs WHERE task = 'a' AND payload = '{\"n\": null}' AND queue = 'q' AND max_attempts = 3 AND flags = '{f}'";
    assert_count(&mut conn, first, 1);
    assert_count(&mut conn, "mainspring.jobs WHERE key = 'k' AND run_at = '2100-01-01 00:00+00'", 1);
    assert_count(&mut conn, &format!("graphile_worker.add_jobs(specs => {specs})"), 2);
    assert_count(&mut conn, "mainspring.jobs WHERE key = 'k' AND run_at < '2100-01-01 00:00+00'", 1);
}

#[test]
fn jobs_are_removed_and_changed_by_the_old_names() {
    let (_database, mut conn) = offered();
    conn.batch_execute(
        "SELECT graphile_worker.add_job('a', job_key := k) FROM unnest(ARRAY['w', 'x', 'y', 'z']) AS k",
    )
    .unwrap();
    let id = |key: &str| format!("ARRAY(SELECT id FROM graphile_worker.jobs WHERE key = '{key}')");
    assert_count(&mut conn, "graphile_worker.remove_job('w') AS j WHERE j.key = 'w'", 1);
    assert_count(&mut conn, "graphile_worker.remove_job('w') AS j WHERE j.id IS NOT NULL", 0);
    assert_count(&mut conn, &format!("graphile_worker.complete_jobs({}) AS j WHERE j.key = 'x'", id("x")), 1);
    let moved = format!(
        "graphile_worker.reschedule_jobs({}, '2100-01-01 00:00+00', priority := 3, max_attempts := 4) AS j \
        WHERE j.priority = 3 AND j.max_attempts = 4 AND j.run_at = '2100-01-01 00:00+00'",
        id("y")
    );
    assert_count(&mut conn, &moved, 1);
    let failed =
        format!("graphile_worker.permanently_fail_jobs({}, 'no') AS j WHERE j.last_error = 'no'", id("z"));
    assert_count(&mut conn, &failed, 1);
    assert_count(&mut conn, "mainspring.jobs WHERE state = 'dead'", 1);
    assert_count(&mut conn, "mainspring.jobs", 2);
    conn.batch_execute("SELECT graphile_worker.force_unlock_workers(ARRAY['7'])").unwrap();
}

#[test]
fn a_role_that_may_only_add_jobs_adds_and_removes_them() {
    let (database, mut conn) = offered();
    let role = Role::granted(&database, "enqueue");
    conn.batch_execute(&format!("GRANT USAGE ON SCHEMA graphile_worker TO {}", role.name)).unwrap();
    let mut other = role.connection();
    other
        .batch_execute(
            "SELECT graphile_worker.add_job('a', job_key := 'k'); SELECT graphile_worker.remove_job('k')",
        )
        .unwrap();
    assert!(other.batch_execute("SELECT * FROM graphile_worker.jobs").is_err());
    assert!(other.batch_execute("SELECT graphile_worker.complete_jobs('{1}')").is_err());
}

#[test]
fn the_schemas_may_have_other_names() {
    let database = TestDatabase::empty();
    let mut conn = database.connection();
    let own = mainspring::Schema::new("graphile_worker_jobs").unwrap();
    mainspring::database::migrate(&mut own.on(&mut conn)).unwrap();
    let text = printed(&["--schema", "graphile_worker_jobs", "--graphile-schema", "my \"mainspring.jobs\""]);
    conn.batch_execute(&text).unwrap();
    conn.batch_execute("SELECT \"my \"\"mainspring.jobs\"\"\".add_job('a')").unwrap();
    assert_count(&mut conn, "graphile_worker_jobs.jobs", 1);
}

#[test]
fn the_functions_hold_no_function_of_mainspring_in_place() {
    let (_database, mut conn) = offered();
    mainspring::database::repair(&mut conn).unwrap();
    let called = "add_job, add_jobs, remove_job, complete_jobs, fail_jobs, reschedule_jobs, release_workers";
    for name in called.split(", ") {
        conn.batch_execute(&format!("BEGIN; DROP FUNCTION mainspring.{name}; ROLLBACK")).unwrap();
    }
    let depends = "pg_depend AS d JOIN pg_class AS v ON d.refobjid IN (v.oid, v.reltype) \
        WHERE v.relname = 'jobs_view' AND v.relnamespace = 'mainspring'::regnamespace \
            AND d.classid IN ('pg_proc'::regclass, 'pg_rewrite'::regclass) AND NOT EXISTS (SELECT FROM pg_proc AS p \
                WHERE p.oid = d.objid AND p.pronamespace = v.relnamespace) \
            AND NOT EXISTS (SELECT FROM pg_rewrite AS r WHERE r.oid = d.objid AND r.ev_class = v.oid)";
    assert_eq!(count(&mut conn, depends), 0, "an object of the other schema depends on the view");
}
