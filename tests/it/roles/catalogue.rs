//! Every function, relation and sequence of the schema, as the catalogue lists them: a new one that is granted to too many
//! fails a test here.

use diesel::connection::SimpleConnection;
use diesel::sql_types::Text;
use diesel::{PgConnection, QueryableByName, RunQueryDsl, sql_query};

use super::Role;
use crate::support::database::TestDatabase;
use crate::support::rows::count;

#[derive(QueryableByName)]
struct Named {
    #[diesel(sql_type = Text)]
    name: String,
}

/// The column `name` of the query, in its order.
fn names(conn: &mut PgConnection, query: impl Into<String>) -> Vec<String> {
    sql_query(query).load::<Named>(conn).unwrap().into_iter().map(|row| row.name).collect()
}

// Calls each function with NULLs, as the role of the session. Those that are not refused to it are kept.
const TRY_EACH_FUNCTION: &str = "
    CREATE TEMP TABLE allowed (name text);
    DO $$ DECLARE f record; arguments text; BEGIN
        FOR f IN SELECT p.oid, p.proname, p.proargtypes, p.provariadic, p.pronargs FROM pg_proc AS p
            WHERE p.pronamespace = 'mainspring'::regnamespace AND p.prokind = 'f'
        LOOP
            arguments := (SELECT string_agg(format('%sNULL::%s', CASE WHEN f.provariadic <> 0 AND place = f.pronargs
                THEN 'VARIADIC ' END, type::regtype), ', ') FROM unnest(f.proargtypes) WITH ORDINALITY AS t(type, place));
            BEGIN
                EXECUTE format('SELECT %s(%s)', f.oid::regproc, arguments);
                INSERT INTO pg_temp.allowed VALUES (f.proname);
            EXCEPTION
                WHEN insufficient_privilege THEN NULL;
                WHEN OTHERS THEN INSERT INTO pg_temp.allowed VALUES (f.proname);
            END;
        END LOOP;
    END $$";

// Names the privileges that the role has on any relation, column or sequence.
const PRIVILEGES: &str = "
    SELECT format('%s on %s', privilege, c.relname) AS name
    FROM pg_class AS c, unnest('{SELECT,INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER}'::text[]) AS privilege
    WHERE c.relnamespace = 'mainspring'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
        AND (has_table_privilege(c.oid, privilege)
            OR CASE WHEN privilege IN ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES')
                THEN has_any_column_privilege(c.oid, privilege) END)
    UNION ALL SELECT format('%s on %s', privilege, c.relname)
    FROM pg_class AS c, unnest('{USAGE,SELECT,UPDATE}'::text[]) AS privilege
    WHERE c.relnamespace = 'mainspring'::regnamespace AND c.relkind = 'S' AND has_sequence_privilege(c.oid, privilege)
    UNION ALL SELECT 'CREATE on the schema' WHERE has_schema_privilege('mainspring'::regnamespace, 'CREATE')
    ORDER BY name";

#[test]
fn of_the_whole_schema_an_enqueueing_role_may_call_these_functions_alone() {
    let database = TestDatabase::new();
    let role = Role::granted(&database, "enqueue");
    let mut conn = role.connection();
    conn.batch_execute(TRY_EACH_FUNCTION).unwrap();
    let allowed = names(&mut conn, "SELECT DISTINCT name FROM pg_temp.allowed ORDER BY name");
    let meant = [
        "add_job",
        "add_jobs",
        "add_workflow",
        "compatible_from",
        "enqueue",
        "enqueue_jobs",
        "enqueue_waiting",
        "enqueue_workflow",
        "labels_of",
        "now",
        "payload_limit",
        "refuse",
        "remove_job",
        "signal",
        "unknown_tasks",
        "with_task_options",
    ];
    assert_eq!(allowed, meant);
    assert_eq!(names(&mut conn, PRIVILEGES), Vec::<String>::new());
}

#[test]
fn a_role_without_a_grant_may_call_and_read_nothing() {
    let database = TestDatabase::new();
    let stranger = Role::new(&database, "stranger");
    // Even where the schema itself was opened.
    let open = format!("GRANT USAGE ON SCHEMA mainspring TO {}", stranger.name);
    database.connection().batch_execute(&open).unwrap();
    let mut conn = stranger.connection();
    conn.batch_execute(TRY_EACH_FUNCTION).unwrap();
    assert_eq!(names(&mut conn, "SELECT name FROM pg_temp.allowed"), Vec::<String>::new());
    assert_eq!(names(&mut conn, PRIVILEGES), Vec::<String>::new());
    // The default of PostgreSQL for new functions is a grant to PUBLIC, which the owner of the schema has taken back.
    let public = "pg_namespace AS n CROSS JOIN LATERAL aclexplode(n.nspacl) AS a \
        WHERE n.oid = 'mainspring'::regnamespace AND a.grantee = 0";
    assert_eq!(count(&mut conn, public), 0);
}

#[test]
fn the_other_roles_read_and_write_what_is_written_here_and_nothing_else() {
    let database = TestDatabase::new();
    for (kind, written) in [("read", &[][..]), ("admin", &["DELETE on queues"]), ("schedules", &[])] {
        let role = Role::granted(&database, kind);
        let mut conn = role.connection();
        let found = names(&mut conn, PRIVILEGES);
        let writes: Vec<_> = found.iter().filter(|name| !name.starts_with("SELECT ")).collect();
        assert_eq!(writes, written, "{kind}");
        assert!(found.contains(&"SELECT on jobs_view".to_owned()), "{kind}");
        conn.batch_execute(TRY_EACH_FUNCTION).unwrap();
        let grants = "pg_temp.allowed WHERE name LIKE 'grant!_%' ESCAPE '!' OR name IN ('revoke_grants', 'add_job', \
            'enqueue', 'admit', 'drop_history', 'move_jobs', 'fire_schedules')";
        assert_eq!(count(&mut conn, grants), 0, "{kind}");
    }
}

#[test]
fn no_function_grants_anything_to_a_worker_but_the_owners_own() {
    let database = TestDatabase::new();
    let role = Role::granted(&database, "worker");
    let found = names(&mut role.connection(), PRIVILEGES);
    for forbidden in ["TRUNCATE ", "REFERENCES ", "TRIGGER ", "CREATE "] {
        assert!(!found.iter().any(|name| name.starts_with(forbidden)), "{forbidden}: {found:?}");
    }
    let granting = "SELECT p.proname::text AS name FROM pg_proc AS p WHERE p.pronamespace = 'mainspring'::regnamespace \
        AND p.prosrc ~ '(GRANT|REVOKE) ' AND has_function_privilege(p.oid, 'EXECUTE')";
    assert_eq!(names(&mut role.connection(), granting), Vec::<String>::new());
}

#[test]
fn a_reading_role_selects_every_column_but_those_of_payloads() {
    let database = TestDatabase::new();
    for kind in ["read", "admin"] {
        let role = Role::granted(&database, kind);
        let mut conn = role.connection();
        // Names of fields that a task accepts are no payload, and neither are limits, gauges and errors.
        let columns = |condition: &str| {
            format!(
                "SELECT format('%I FROM mainspring.%I', a.attname, c.relname) AS name \
                 FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid \
                 WHERE c.relnamespace = 'mainspring'::regnamespace AND c.relkind IN ('r', 'p', 'v') \
                    AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped \
                    AND (a.attname LIKE '%payload%' OR c.relname IN ('steps', 'results') AND a.attname = 'value' OR a.atttypid IN ('json'::regtype, 'jsonb'::regtype) \
                        AND a.attname NOT IN ('accepts', 'by_code', 'gauges', 'errors')) {condition}"
            )
        };
        let payloads = names(&mut conn, columns("IS TRUE"));
        assert!(payloads.len() >= 3, "{payloads:?}");
        let refused = |conn: &mut PgConnection, column: &str| {
            conn.batch_execute(&format!("SELECT {column} LIMIT 1")).is_err()
        };
        payloads.iter().for_each(|column| assert!(refused(&mut conn, column), "{column}"));
        for column in names(&mut conn, columns("IS NOT TRUE")) {
            assert!(!refused(&mut conn, &column), "{column}");
        }
    }
}

#[test]
fn every_function_that_runs_as_its_owner_pins_the_search_path() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let definers = "pg_proc AS p WHERE p.pronamespace = 'mainspring'::regnamespace AND p.prosecdef";
    assert!(count(&mut conn, definers) >= 20);
    let unpinned = format!(
        "SELECT p.oid::regprocedure::text AS name FROM {definers} AND NOT EXISTS (SELECT FROM unnest(p.proconfig) AS s \
         WHERE s ~ '^search_path=\"?pg_catalog\"?, \"?pg_temp\"?$')"
    );
    assert_eq!(names(&mut conn, unpinned), Vec::<String>::new());
}

// What a role may make in its own session and schema, in front of everything else.
const TRAPS: &str = "
    CREATE SCHEMA trap;
    CREATE FUNCTION trap.spring() RETURNS void LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'the trap is sprung by %', current_user; END $$;
    CREATE FUNCTION trap.now() RETURNS timestamptz LANGUAGE sql AS 'SELECT trap.spring(); SELECT clock_timestamp()';
    CREATE FUNCTION trap.format(text, text) RETURNS text LANGUAGE sql AS 'SELECT trap.spring(); SELECT $1';
    CREATE FUNCTION trap.length(text) RETURNS int LANGUAGE sql AS 'SELECT trap.spring(); SELECT 1';
    CREATE FUNCTION trap.equals(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT trap.spring(); SELECT true';
    CREATE OPERATOR trap.= (LEFTARG = text, RIGHTARG = text, FUNCTION = trap.equals);
    CREATE OPERATOR trap.|| (LEFTARG = text, RIGHTARG = text, FUNCTION = trap.format);
    CREATE TEMP TABLE jobs (id int); CREATE TEMP TABLE queues (name int); CREATE TEMP TABLE pg_class (oid int);
    CREATE FUNCTION pg_temp.now() RETURNS timestamptz LANGUAGE sql AS 'SELECT trap.spring(); SELECT clock_timestamp()';
    SET search_path = pg_temp, trap, pg_catalog, mainspring";

#[test]
fn objects_of_the_caller_stand_in_for_nothing_that_a_function_uses() {
    let database = TestDatabase::new();
    let role = Role::granted(&database, "enqueue");
    let open = "DO $$ BEGIN EXECUTE format('GRANT CREATE, TEMPORARY ON DATABASE %I TO ROLE_NAME', current_database()); END $$";
    database.connection().batch_execute(&open.replace("ROLE_NAME", &role.name)).unwrap();
    let mut conn = role.connection();
    conn.batch_execute(TRAPS).unwrap();
    let sprung = conn.batch_execute("SELECT now()").unwrap_err().to_string();
    assert!(sprung.contains("the trap is sprung"), "{sprung}");
    conn.batch_execute(
        "SELECT mainspring.add_job('t', '{\"a\": 1}', queue => 'q', key => 'k', flags => '{f}'); \
         SELECT mainspring.add_job('t', '{}', key => 'k', key_mode => 'preserve_run_at'); \
         SELECT mainspring.add_jobs('[{\"task\": \"t\", \"run_at\": \"2030-01-01T00:00:00Z\"}]'); \
         SELECT mainspring.enqueue(ARRAY['t'], ARRAY['{\"n\": 1.5}']); \
         SELECT mainspring.remove_job('k')",
    )
    .unwrap();
    assert_eq!(count(&mut database.connection(), "mainspring.jobs"), 2);
}
