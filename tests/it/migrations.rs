//! The schema: made once by many, beside the host's own, gone with one statement.

use std::fs;
use std::path::Path;
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::{QueryableByName, RunQueryDsl, sql_query};
use mainspring::{Scheduler, StartPolicy};

use crate::support::database::TestDatabase;
use crate::support::rows::count;

#[test]
fn twenty_that_migrate_at_once_apply_each_migration_once() {
    let database = TestDatabase::empty();
    let start = Barrier::new(20);
    let applied: usize = thread::scope(|scope| {
        let one = || {
            let mut conn = database.connection();
            start.wait();
            mainspring::database::migrate(&mut conn).unwrap().len()
        };
        let all: Vec<_> = (0..20).map(|_| scope.spawn(one)).collect();
        all.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    let mut conn = database.connection();
    assert_eq!(applied as i64, count(&mut conn, "mainspring.__diesel_schema_migrations"));
}

#[test]
fn drop_schema_removes_everything_but_the_hosts_own_migrations() {
    let database = TestDatabase::empty();
    let mut conn = database.connection();
    conn.batch_execute(
        "CREATE TABLE __diesel_schema_migrations (version varchar(50) PRIMARY KEY, run_on timestamp DEFAULT now()); \
         INSERT INTO __diesel_schema_migrations VALUES ('20200101000000')",
    )
    .unwrap();
    let applied = mainspring::database::migrate(&mut conn).unwrap().len();
    assert_eq!(count(&mut conn, "public.__diesel_schema_migrations"), 1);
    conn.batch_execute("DROP SCHEMA mainspring CASCADE").unwrap();
    assert_eq!(
        count(
            &mut conn,
            "pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'"
        ),
        2
    );
    let gone = mainspring::NewJob::new("t", &serde_json::json!({})).insert(&mut conn).unwrap_err();
    assert!(matches!(gone, mainspring::StoreError::SchemaMissing(_)), "{gone}");
    assert_eq!(mainspring::database::migrate(&mut conn).unwrap().len(), applied);
}

#[test]
fn every_migration_goes_down_again_and_leaves_nothing() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let mut migrations: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    migrations.sort();
    assert_eq!(migrations.len() as i64, count(&mut conn, "mainspring.__diesel_schema_migrations"));
    for migration in migrations.iter().rev() {
        let down = fs::read_to_string(migration.join("down.sql")).unwrap();
        conn.batch_execute(&down).unwrap_or_else(|error| panic!("{}: {error}", migration.display()));
    }
    conn.batch_execute("DROP TABLE mainspring.__diesel_schema_migrations; DROP SCHEMA mainspring").unwrap();
}

#[test]
fn a_migration_leaves_the_callers_search_path_alone() {
    let database = TestDatabase::empty();
    let mut conn = database.connection();
    mainspring::database::migrate(&mut conn).unwrap();
    assert_eq!(count(&mut conn, "(SELECT 1 WHERE current_schema() = 'public') AS s"), 1);
}

#[tokio::test]
async fn twenty_schedulers_that_start_at_once_in_an_empty_database_all_start() {
    let database = TestDatabase::empty();
    let starts = (0..20).map(|_| {
        let builder = Scheduler::builder(database.url()).worker_threads(1).concurrency(1).pool_size(2);
        // So many at once need longer than one alone.
        let builder = builder.heartbeat_timeout(Duration::from_secs(60));
        tokio::spawn(builder.start_policy(StartPolicy::FailAtOnce).start())
    });
    let mut running = Vec::new();
    for start in starts.collect::<Vec<_>>() {
        running.push(start.await.unwrap().unwrap());
    }
    assert_eq!(count(&mut database.connection(), "mainspring.workers"), 20);
    for scheduler in running {
        scheduler.stop().await;
    }
    assert_eq!(count(&mut database.connection(), "mainspring.workers"), 0);
}

/// Everything that the schema defines, but the partitions of days and the records of what is installed.
const DEFINITIONS: &str = "
    SELECT 'function ' || p.oid::regprocedure || ' ' || pg_get_functiondef(p.oid) AS text
    FROM pg_proc AS p WHERE p.pronamespace = 'mainspring'::regnamespace
    UNION ALL SELECT 'view ' || c.relname || ' ' || pg_get_viewdef(c.oid)
    FROM pg_class AS c WHERE c.relnamespace = 'mainspring'::regnamespace AND c.relkind = 'v'
    UNION ALL SELECT format('column %s.%s %s %s %s %s', c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
        a.attnotnull, a.attidentity, pg_get_expr(d.adbin, d.adrelid))
    FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef AS d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE c.relnamespace = 'mainspring'::regnamespace AND c.relkind IN ('r', 'p', 'c') AND NOT c.relispartition
    UNION ALL SELECT format('constraint %s %s %s', c.conrelid::regclass, c.conname, pg_get_constraintdef(c.oid))
    FROM pg_constraint AS c JOIN pg_class AS r ON r.oid = c.conrelid
    WHERE c.connamespace = 'mainspring'::regnamespace AND NOT r.relispartition
    UNION ALL SELECT pg_get_indexdef(i.indexrelid)
    FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indrelid
    WHERE c.relnamespace = 'mainspring'::regnamespace AND NOT c.relispartition
    UNION ALL SELECT pg_get_triggerdef(t.oid)
    FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
    WHERE c.relnamespace = 'mainspring'::regnamespace AND NOT t.tgisinternal
    UNION ALL SELECT format('type %s %s', t.typname, enum_range(NULL::mainspring.job_state))
    FROM pg_type AS t WHERE t.typnamespace = 'mainspring'::regnamespace AND t.typtype = 'e'
    UNION ALL SELECT format('may be called by all: %s', p.oid::regprocedure)
    FROM pg_proc AS p WHERE p.pronamespace = 'mainspring'::regnamespace AND has_function_privilege('public', p.oid, 'EXECUTE')
    ORDER BY 1";

#[derive(QueryableByName)]
struct Defined {
    #[diesel(sql_type = diesel::sql_types::Text)]
    text: String,
}

fn definitions(conn: &mut diesel::PgConnection) -> Vec<String> {
    let rows: Vec<Defined> = sql_query(DEFINITIONS).load(conn).unwrap();
    rows.into_iter().map(|row| row.text).collect()
}

fn assert_same(fresh: &[String], other: &[String], what: &str) {
    let missing: Vec<_> = fresh.iter().filter(|text| !other.contains(text)).collect();
    let extra: Vec<_> = other.iter().filter(|text| !fresh.contains(text)).collect();
    assert!(missing.is_empty() && extra.is_empty(), "{what}: missing {missing:#?}, not expected {extra:#?}");
}

fn sorted_paths(folder: &str) -> Vec<std::path::PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// A database in which only so many migrations have been applied.
fn migrated_up_to(steps: usize) -> TestDatabase {
    let database = TestDatabase::empty();
    let mut conn = database.connection();
    conn.batch_execute(
        "CREATE SCHEMA mainspring; CREATE TABLE mainspring.__diesel_schema_migrations \
         (version varchar(50) PRIMARY KEY, run_on timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP)",
    )
    .unwrap();
    for base in sorted_paths("sql/base") {
        conn.batch_execute(&fs::read_to_string(base).unwrap()).unwrap();
    }
    for migration in sorted_paths("migrations").iter().take(steps) {
        conn.batch_execute(&fs::read_to_string(migration.join("up.sql")).unwrap()).unwrap();
        let name = migration.file_name().unwrap().to_str().unwrap();
        let version = name.split('_').next().unwrap().replace('-', "");
        let remember =
            format!("INSERT INTO mainspring.__diesel_schema_migrations VALUES ('{version}', now())");
        conn.batch_execute(&remember).unwrap();
    }
    database
}

#[test]
fn every_earlier_step_is_migrated_to_what_a_fresh_database_has() {
    let fresh = definitions(&mut TestDatabase::new().connection());
    assert!(fresh.len() > 200, "only {} definitions were read", fresh.len());
    for steps in 0..=sorted_paths("migrations").len() {
        let database = migrated_up_to(steps);
        let mut conn = database.connection();
        mainspring::database::migrate(&mut conn).unwrap();
        assert_same(&fresh, &definitions(&mut conn), &format!("from step {steps}"));
    }
}

// Every way in which an older release may differ: a body, a list of arguments, a trigger, and what no longer exists.
const REPLACEABLE: &str = "
    CREATE OR REPLACE FUNCTION mainspring.flags_are_valid(flags text[]) RETURNS boolean LANGUAGE sql IMMUTABLE RETURN true;
    CREATE OR REPLACE FUNCTION mainspring.payload_limit() RETURNS bigint LANGUAGE sql STABLE RETURN 1;
    CREATE FUNCTION mainspring.resume_task(task text, reason text) RETURNS boolean LANGUAGE sql RETURN true;
    REVOKE ALL ON FUNCTION mainspring.resume_task(text, text) FROM PUBLIC;
    CREATE TRIGGER queue_old AFTER DELETE ON mainspring.queues FOR EACH ROW EXECUTE FUNCTION mainspring.queue_changed();
    CREATE FUNCTION mainspring.gone() RETURNS integer LANGUAGE sql RETURN 1;
    CREATE VIEW mainspring.gone_view AS SELECT mainspring.gone() AS one;
    INSERT INTO mainspring.definitions VALUES ('gone', 1000, '', '{0}'), ('gone_view', 1001, '', '{0}');
    CREATE FUNCTION mainspring.of_the_host() RETURNS integer LANGUAGE sql RETURN 1;
    UPDATE mainspring.definitions SET hash = 'old' WHERE name = 'payload_limit'";
// And what cannot be replaced in place: a returned type, and a view's columns.
const IRREPLACEABLE: &str = "
    DROP FUNCTION mainspring.pause_task(text);
    CREATE FUNCTION mainspring.pause_task(task text) RETURNS integer LANGUAGE sql RETURN 1;
    REVOKE ALL ON FUNCTION mainspring.pause_task FROM PUBLIC;
    DROP VIEW mainspring.history_view;
    CREATE VIEW mainspring.history_view AS SELECT id, 1 AS extra FROM mainspring.history";

#[test]
fn older_functions_and_views_are_replaced_and_keep_their_grants() {
    for change in [REPLACEABLE.to_owned(), format!("{REPLACEABLE}; {IRREPLACEABLE}")] {
        let database = TestDatabase::new();
        let mut conn = database.connection();
        let fresh = definitions(&mut conn);
        let role = format!("mainspring_upgrade_{}", std::process::id());
        conn.batch_execute(&change).unwrap();
        conn.batch_execute(&format!(
            "CREATE ROLE {role}; SELECT mainspring.grant_worker('{role}'); \
             GRANT SELECT (id) ON mainspring.history_view TO {role}"
        ))
        .unwrap();
        let gone = mainspring::database::verify(&mut conn).unwrap_err();
        assert!(matches!(gone, mainspring::StoreError::SchemaTooOld { .. }), "{gone}");
        assert!(mainspring::database::migrate(&mut conn).unwrap().is_empty());
        mainspring::database::verify(&mut conn).unwrap();
        for function in ["payload_limit()", "delete_jobs(bigint[])", "resume_task(text)", "pause_task(text)"]
        {
            let may = format!(
                "(SELECT 1 WHERE has_function_privilege('{role}', 'mainspring.{function}', 'EXECUTE')) AS m"
            );
            assert_eq!(count(&mut conn, &may), 1, "{function}");
        }
        let may = format!(
            "(SELECT 1 WHERE has_column_privilege('{role}', 'mainspring.history_view', 'id', 'SELECT')) AS m"
        );
        assert_eq!(count(&mut conn, &may), 1);
        conn.batch_execute(&format!(
            "DROP OWNED BY {role}; DROP ROLE {role}; DROP FUNCTION mainspring.of_the_host()"
        ))
        .unwrap();
        assert_same(&fresh, &definitions(&mut conn), "from older definitions");
    }
}

#[test]
fn what_a_newer_release_has_installed_is_left_alone() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    conn.batch_execute(
        "CREATE OR REPLACE FUNCTION mainspring.payload_limit() RETURNS bigint LANGUAGE sql STABLE RETURN 1; \
         UPDATE mainspring.definitions SET hash = 'new', release = '{1000, 0, 0}'",
    )
    .unwrap();
    mainspring::database::verify(&mut conn).unwrap();
    assert!(mainspring::database::migrate(&mut conn).unwrap().is_empty());
    assert_eq!(count(&mut conn, "(SELECT 1 WHERE mainspring.payload_limit() = 1) AS limits"), 1);
}
