//! The schema: made once by many, beside the host's own, gone with one statement.

use std::fs;
use std::path::Path;
use std::sync::Barrier;
use std::thread;

use diesel::connection::SimpleConnection;
use diesel::sql_types::BigInt;
use diesel::{QueryableByName, RunQueryDsl, sql_query};
use mainspring::{Scheduler, StartPolicy};

use crate::server::TestDatabase;

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

pub fn count(conn: &mut diesel::PgConnection, from: &str) -> i64 {
    let row: Count = sql_query(format!("SELECT count(*) AS n FROM {from}")).get_result(conn).unwrap();
    row.n
}

#[test]
fn twenty_that_migrate_at_once_apply_each_migration_once() {
    let database = TestDatabase::empty();
    let start = Barrier::new(20);
    let applied: usize = thread::scope(|scope| {
        let one = || {
            let mut conn = database.connection();
            start.wait();
            mainspring::migrate(&mut conn).unwrap().len()
        };
        let all: Vec<_> = (0..20).map(|_| scope.spawn(one)).collect();
        all.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    let mut conn = database.connection();
    assert_eq!(applied as i64, count(&mut conn, "mainspring.__diesel_schema_migrations"));
}

#[test]
fn the_hosts_own_migrations_are_not_touched_and_drop_schema_removes_everything() {
    let database = TestDatabase::empty();
    let mut conn = database.connection();
    conn.batch_execute(
        "CREATE TABLE __diesel_schema_migrations (version varchar(50) PRIMARY KEY, run_on timestamp DEFAULT now()); \
         INSERT INTO __diesel_schema_migrations VALUES ('20200101000000')",
    )
    .unwrap();
    let applied = mainspring::migrate(&mut conn).unwrap().len();
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
    assert_eq!(mainspring::migrate(&mut conn).unwrap().len(), applied);
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
    mainspring::migrate(&mut conn).unwrap();
    assert_eq!(count(&mut conn, "(SELECT 1 WHERE current_schema() = 'public') AS s"), 1);
}

#[tokio::test]
async fn twenty_schedulers_that_start_at_once_in_an_empty_database_all_start() {
    let database = TestDatabase::empty();
    let starts = (0..20).map(|_| {
        let builder = Scheduler::builder(database.url()).worker_threads(1).concurrency(1).pool_size(2);
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
