//! Transaction mode: the pooler lends a session for each transaction, so nothing may depend on what a session keeps, and
//! nothing may be left in it.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::sql_types::Text;
use diesel::{PgConnection, QueryableByName, RunQueryDsl, sql_query};
use mainspring::{JobContext, JobResult, Scheduler};

use super::pgbouncer::{PgBouncer, PoolMode, Program};
use crate::support::database::TestDatabase;
use crate::support::jobs::{Other, act, behave, lasting, other};
use crate::support::process;
use crate::support::rows::{LISTENING_SESSION, count};
use crate::support::schedulers::{SLOW_POLL, scheduler_on};
use crate::support::waiting::{until, until_at_least};

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

// All that a session keeps and that a transaction does not take with it. The stranger's Diesel sets the zone and the encoding.
const KEPT: &str = "SELECT 'setting ' || name || ' = ' || setting AS line FROM pg_settings \
    WHERE source = 'session' AND name NOT IN ('TimeZone', 'client_encoding') \
    UNION ALL SELECT 'setting mainspring.origin' WHERE current_setting('mainspring.origin', true) <> '' \
    UNION ALL SELECT 'prepared ' || statement FROM pg_prepared_statements WHERE statement LIKE '%mainspring%' \
    UNION ALL SELECT 'channel ' || channel FROM pg_listening_channels() AS channel \
    UNION ALL SELECT 'table ' || relname FROM pg_class WHERE relpersistence = 't' AND relnamespace = pg_my_temp_schema() \
    UNION ALL SELECT 'lock ' || objid FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()";

fn kept(stranger: &mut PgConnection) -> BTreeSet<String> {
    sql_query(KEPT).load::<Line>(stranger).unwrap().into_iter().map(|row| row.line).collect()
}

fn poolers(database: &TestDatabase) -> impl Iterator<Item = PgBouncer> {
    let url = database.url();
    Program::all().into_iter().map(move |program| program.start(&url, PoolMode::Transaction, ""))
}

async fn write_in_transaction(_: Other, job: JobContext) -> JobResult {
    job.transaction(|conn| {
        act("child").insert(conn)?;
        Ok(())
    })
    .await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_find_nothing_of_ours_in_their_sessions() {
    let database = TestDatabase::new();
    for pooler in poolers(&database) {
        let before = kept(&mut pooler.connection());
        let scheduler = |name: &str| {
            let builder = Scheduler::builder(pooler.url()).worker_name(name).worker_threads(1);
            let builder = builder.crontab("* * * * * * act ?id=second {act:'cron'}");
            builder.handler(behave).handler(write_in_transaction).start()
        };
        let (one, two) = (scheduler("one").await.unwrap(), scheduler("two").await.unwrap());
        for n in 0..50 {
            one.enqueue(lasting("plain", 5)).await.unwrap();
            two.enqueue(act("keyed").key(format!("k{}", n % 7)).queue("q")).await.unwrap();
            one.enqueue(other()).await.unwrap();
            act("of another process").insert(&mut database.connection()).unwrap();
            assert_eq!(kept(&mut pooler.connection()), before);
        }
        until_at_least(&database, "mainspring.schedules WHERE last_fire_at > created_at", 1).await;
        until(&database, "mainspring.jobs WHERE payload->>'act' <> 'cron'", 0).await;
        one.stop().await;
        two.stop().await;
        assert_eq!(count(&mut database.connection(), "mainspring.history WHERE outcome <> 'succeeded'"), 0);
        let mut strangers: Vec<_> = (0..20).map(|_| pooler.connection()).collect();
        strangers.iter_mut().for_each(|stranger| assert_eq!(kept(stranger), before));
    }
}

#[test]
fn commands_leave_nothing_in_a_session_either() {
    let database = TestDatabase::empty();
    for pooler in poolers(&database) {
        let before = kept(&mut pooler.connection());
        for command in [
            "migrate",
            "enqueue act {}",
            "status",
            "jobs list",
            "queues list",
            "jobs cancel --task act --yes",
        ] {
            let mut program = Command::new(env!("CARGO_BIN_EXE_mainspring"));
            process::run(program.args(command.split(' ')).env("DATABASE_URL", pooler.url()));
            assert_eq!(kept(&mut pooler.connection()), before, "{command}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_without_diesel_keeps_the_zone_of_the_database() {
    let database = TestDatabase::new();
    let name = database.url().rsplit('/').next().unwrap().to_owned();
    let zone = format!("ALTER DATABASE {name} SET timezone = 'Asia/Tokyo'");
    database.connection().batch_execute(&zone).unwrap();
    for pooler in poolers(&database) {
        let scheduler = Scheduler::builder(pooler.url()).start().await.unwrap();
        for _ in 0..5 {
            scheduler.enqueue(act("without a handler")).await.unwrap();
            let stranger = Command::new("psql").args(["-Atc", "SHOW timezone", pooler.url()]).output();
            // The program is no part of the server.
            let Ok(stranger) = stranger else { return };
            assert_eq!(String::from_utf8_lossy(&stranger.stdout).trim(), "Asia/Tokyo");
        }
        scheduler.stop().await;
    }
}

// Written at the commit, with what counts for it.
const WRITE_DURABILITY_DOWN: &str = "CREATE TABLE commits (act text, durability text); \
    CREATE FUNCTION write_down() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
        INSERT INTO public.commits VALUES (TG_OP, current_setting('synchronous_commit')); RETURN NULL; END $$; \
    CREATE CONSTRAINT TRIGGER durability AFTER INSERT OR UPDATE OR DELETE ON mainspring.jobs \
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION write_down();";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_enqueue_is_durable_beside_commits_that_are_not() {
    let database = TestDatabase::new();
    database.connection().batch_execute(WRITE_DURABILITY_DOWN).unwrap();
    for pooler in poolers(&database) {
        let scheduler = Scheduler::builder(pooler.url()).handler(behave).start().await.unwrap();
        let enqueue = async |n: u32| scheduler.enqueue(act("plain").key(format!("k{n}"))).await.unwrap();
        for n in 0..30 {
            tokio::join!(enqueue(3 * n), enqueue(3 * n + 1), enqueue(3 * n + 2));
        }
        until(&database, "mainspring.jobs", 0).await;
        scheduler.stop().await;
        let conn = &mut database.connection();
        assert_eq!(count(conn, "commits WHERE act = 'INSERT' AND durability <> 'on'"), 0);
        assert!(count(conn, "commits WHERE act = 'DELETE' AND durability = 'off'") > 0);
        conn.batch_execute("TRUNCATE commits").unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_an_address_to_listen_at_jobs_of_others_are_found_by_polling() {
    let database = TestDatabase::new();
    for pooler in poolers(&database) {
        let (builder, mut started) = scheduler_on(pooler.url());
        let scheduler = builder.start().await.unwrap();
        for n in 0..3 {
            act(&format!("found {n}")).insert(&mut database.connection()).unwrap();
            assert_eq!(started.next().await.act, format!("found {n}"));
        }
        assert_eq!(count(&mut database.connection(), LISTENING_SESSION), 0);
        scheduler.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn notifications_come_by_the_direct_address() {
    let database = TestDatabase::new();
    for pooler in poolers(&database) {
        let (builder, mut started) = scheduler_on(pooler.url());
        let builder = builder.listen_url(database.url()).poll_interval(SLOW_POLL);
        let scheduler = builder.start().await.unwrap();
        until(&database, LISTENING_SESSION, 1).await;
        let began = Instant::now();
        for n in 0..6 {
            act(&format!("heard {n}")).insert(&mut database.connection()).unwrap();
            assert_eq!(started.next().await.act, format!("heard {n}"));
        }
        // By polling alone, each of them but the first would wait for 13.5 seconds.
        assert!(began.elapsed() < Duration::from_secs(50), "{:?}", began.elapsed());
        scheduler.stop().await;
    }
}

#[tokio::test]
async fn an_address_to_listen_at_behind_the_pooler_is_rejected() {
    let database = TestDatabase::new();
    for pooler in poolers(&database) {
        let builder = Scheduler::builder(database.url()).listen_url(pooler.url());
        let refused = builder.start().await.unwrap_err().to_string();
        assert!(refused.contains("listen_url") && refused.contains("transaction mode"), "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_poolers_at_one_address_are_recognised() {
    let database = TestDatabase::new();
    let url = database.url();
    for program in Program::all() {
        let start = |port| program.start_on(port, &url, PoolMode::Transaction, "so_reuseport = 1");
        let one = start(Program::free_port());
        let two = start(one.port);
        // Each connection is given to one of the two by chance.
        for _ in 0..6 {
            let scheduler = Scheduler::builder(two.url()).start().await.unwrap();
            assert_eq!(count(&mut database.connection(), LISTENING_SESSION), 0);
            scheduler.stop().await;
        }
        let mut strangers: Vec<_> = (0..20).map(|_| one.connection()).collect();
        for stranger in &mut strangers {
            let kept = kept(stranger);
            assert!(
                kept.iter().all(|line| !line.contains("mainspring") && !line.contains("enable_")),
                "{kept:?}"
            );
        }
    }
}
