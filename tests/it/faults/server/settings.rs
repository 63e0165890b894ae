//! Settings of the database reach the handlers, and change nothing for Mainspring's own statements.

use diesel::connection::SimpleConnection;
use diesel::sql_types::Text;
use diesel::{PgConnection, QueryableByName, RunQueryDsl, sql_query};
use mainspring::history::{self, HistoryFilter};
use mainspring::jobs::{self, JobFilter};
use mainspring::{Enqueue, JobContext, JobResult, Scheduler, Task, queues, status, workers};
use serde::{Deserialize, Serialize};

use crate::support::database::TestDatabase;
use crate::support::jobs::{act, behave};
use crate::support::rows::count;
use crate::support::waiting::{until, until_at_least};

/// Settings that disturb nothing of each other, and the isolation that handlers find under them.
const GROUPS: [(&str, &[(&str, &str)]); 8] = [
    ("serializable", &[("default_transaction_isolation", "serializable")]),
    ("repeatable read", &[("default_transaction_isolation", "'repeatable read'")]),
    (
        "serializable",
        &[
            ("default_transaction_isolation", "serializable"),
            ("default_transaction_read_only", "on"),
            ("default_transaction_deferrable", "on"),
        ],
    ),
    // Shorter than a pause between two statements of one session.
    (
        "read committed",
        &[
            ("idle_session_timeout", "'700ms'"),
            ("lock_timeout", "'1ms'"),
            ("idle_in_transaction_session_timeout", "'700ms'"),
        ],
    ),
    (
        "read committed",
        &[
            ("datestyle", "'German, DMY'"),
            ("intervalstyle", "iso_8601"),
            ("timezone", "'Pacific/Apia'"),
            ("bytea_output", "escape"),
            ("extra_float_digits", "-15"),
            ("quote_all_identifiers", "on"),
            ("standard_conforming_strings", "off"),
            ("backslash_quote", "off"),
            ("escape_string_warning", "off"),
            ("array_nulls", "off"),
            ("transform_null_equals", "on"),
            ("client_encoding", "latin1"),
            ("xmloption", "document"),
        ],
    ),
    (
        "read committed",
        &[
            ("enable_indexscan", "off"),
            ("enable_indexonlyscan", "off"),
            ("enable_bitmapscan", "off"),
            ("enable_nestloop", "off"),
            ("enable_material", "off"),
            ("enable_memoize", "off"),
            ("enable_hashagg", "off"),
            ("plan_cache_mode", "force_custom_plan"),
            ("jit", "on"),
            ("jit_above_cost", "0"),
            ("work_mem", "'64kB'"),
            ("join_collapse_limit", "1"),
            ("max_parallel_workers_per_gather", "4"),
            ("parallel_setup_cost", "0"),
            ("parallel_tuple_cost", "0"),
        ],
    ),
    (
        "read committed",
        &[
            ("session_replication_role", "replica"),
            ("row_security", "off"),
            ("synchronous_commit", "off"),
            ("default_tablespace", "pg_default"),
            ("check_function_bodies", "off"),
            ("client_min_messages", "debug5"),
            ("lc_messages", "'C'"),
            ("lc_numeric", "'C'"),
        ],
    ),
    ("read committed", &[("search_path", "hostile, pg_catalog")]),
];

// An operator and a function that are found first where the path names the schema before the catalogue.
const HOSTILE: &str = "CREATE SCHEMA hostile;
    CREATE FUNCTION hostile.never(integer, integer) RETURNS boolean LANGUAGE sql RETURN false;
    CREATE OPERATOR hostile.= (LEFTARG = integer, RIGHTARG = integer, FUNCTION = hostile.never);
    CREATE FUNCTION hostile.unnest(text[]) RETURNS SETOF text LANGUAGE sql AS 'SELECT 1::text WHERE false';
    CREATE FUNCTION hostile.pg_notify(text, text) RETURNS void LANGUAGE plpgsql AS 'BEGIN RAISE ''hostile''; END'";

// Writes down under which isolation each statement changed jobs.
const WATCH: &str = "CREATE TABLE public.seen (isolation text, session text);
    CREATE FUNCTION public.see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO public.seen
        VALUES (current_setting('transaction_isolation'), current_setting('application_name'));
        RETURN NULL;
    END $$;
    CREATE TRIGGER seen AFTER INSERT OR UPDATE OR DELETE ON mainspring.jobs
        FOR EACH STATEMENT EXECUTE FUNCTION public.see();
    ALTER TABLE mainspring.jobs ENABLE ALWAYS TRIGGER seen";

/// A job that reports what its own transaction finds.
#[derive(Serialize, Deserialize)]
struct Look {}

impl Task for Look {
    const NAME: &'static str = "look";
}

#[derive(QueryableByName)]
struct Setting {
    #[diesel(sql_type = Text)]
    value: String,
}

fn setting(conn: &mut PgConnection, name: &str) -> String {
    let shown = sql_query(format!("SELECT current_setting('{name}') AS value"));
    shown.get_result::<Setting>(conn).unwrap().value
}

async fn look(_: Look, job: JobContext) -> JobResult {
    let mut conn = job.connection().await?;
    let isolation = setting(&mut conn, "transaction_isolation");
    Err(mainspring::JobError::discard(isolation))
}

fn database_with(settings: &[(&str, &str)]) -> TestDatabase {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    conn.batch_execute(WATCH).unwrap();
    conn.batch_execute(HOSTILE).unwrap();
    for (name, value) in settings {
        conn.batch_execute(&format!(
            "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET {name} = {}', current_database()); END $$",
            value.replace('\'', "''")
        ))
        .unwrap();
    }
    database
}

async fn works_under(isolation: &str, settings: &[(&str, &str)]) {
    let database = database_with(settings);
    let builder = Scheduler::builder(database.url()).handler(behave).handler(look).worker_threads(1);
    let scheduler = builder.crontab("* * * * * * act ?id=second {act:'cron'}").start().await.unwrap();
    let mut own = database.connection();
    own.batch_execute("SET default_transaction_read_only = off; SET idle_session_timeout = 0").unwrap();
    let done = |what: &str| format!("mainspring.history WHERE outcome = 'succeeded' AND {what}");
    scheduler.enqueue(act("plain")).await.unwrap();
    scheduler.enqueue(act("keyed").key("k").queue("q")).await.unwrap();
    scheduler.enqueue(Enqueue::new(Look {})).await.unwrap();
    act("application").key("k2").queue("q").insert(&mut own).unwrap();
    own.batch_execute("SELECT mainspring.add_job('act', '{\"act\": \"sql\"}', queue => 'q')").unwrap();
    until(&database, &done("task = 'act' AND key IS NOT NULL"), 2).await;
    until_at_least(&database, &done("task = 'act' AND queue = 'q'"), 3).await;
    until_at_least(&database, "mainspring.schedules WHERE last_fire_at > created_at", 1).await;
    until(&database, &format!("mainspring.jobs WHERE state = 'dead' AND last_error = '{isolation}'"), 1)
        .await;
    // A job of the cron line may be there too.
    assert!(!jobs::list(&mut own, &JobFilter::default()).unwrap().is_empty(), "{settings:?}");
    assert!(history::list(&mut own, &HistoryFilter::default()).unwrap().len() >= 5, "{settings:?}");
    assert_eq!(workers::list(&mut own).unwrap().len(), 1, "{settings:?}");
    queues::list(&mut own).unwrap();
    status::read(&mut own).unwrap();
    scheduler.stop().await;
    assert_eq!(count(&mut own, "mainspring.workers"), 0, "{settings:?}");
    let strange = "public.seen WHERE session LIKE 'mainspring work %' AND isolation <> 'read committed'";
    assert_eq!(count(&mut own, strange), 0, "{settings:?}");
    assert!(count(&mut own, "public.seen WHERE session LIKE 'mainspring work %'") > 3, "{settings:?}");
}

#[tokio::test]
async fn every_setting_of_the_database_leaves_mainsprings_own_work_right() {
    let groups = GROUPS.map(|(isolation, settings)| tokio::spawn(works_under(isolation, settings)));
    for group in groups {
        group.await.unwrap();
    }
}
