//! Each test has a database of its own, which is made fast, and gone afterwards.

use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use diesel::connection::SimpleConnection;
use diesel::sql_types::{BigInt, Text};
use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl, sql_query};
use mainspring::testing::{TestDatabase, TestScheduler};

use crate::app::{Mail, mail, scheduler};

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

fn databases_named(name: &str) -> i64 {
    // A database of this process, on the same server.
    let database = TestDatabase::new().unwrap();
    let counted = sql_query("SELECT count(*) AS count FROM pg_database WHERE datname LIKE $1");
    counted.bind::<Text, _>(name).get_result::<Count>(&mut database.connect().unwrap()).unwrap().count
}

fn name_of(database: &TestDatabase) -> String {
    let url = database.url().split('?').next().unwrap();
    url.rsplit('/').next().unwrap().to_owned()
}

#[test]
fn only_the_first_database_of_a_server_is_migrated() {
    // A copy has the numbers of its template. Each migration gives the server's next ones.
    let number = || {
        let database = TestDatabase::new().unwrap();
        let oid = sql_query("SELECT 'mainspring.jobs'::regclass::oid::bigint AS count");
        oid.get_result::<Count>(&mut database.connect().unwrap()).unwrap().count
    };
    let first = number();
    assert!((0..3).all(|_| number() == first));
    assert!(databases_named("mainspring_template_%") >= 1);
}

#[actix_web::test]
async fn a_database_is_gone_after_its_test_also_after_a_panic() {
    let jobs = TestScheduler::start(scheduler).await.unwrap();
    jobs.scheduler().enqueue(mail("a@example.org")).await.unwrap();
    let name = name_of(jobs.database());
    assert_eq!(databases_named(&name), 1);
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
        let _jobs = jobs;
        panic!("a test fails");
    }));
    assert!(panic.is_err());
    assert_eq!(databases_named(&name), 0);
}

#[actix_web::test]
async fn tests_do_not_see_the_jobs_of_each_other() {
    let (one, other) =
        (TestScheduler::start(scheduler).await.unwrap(), TestScheduler::start(scheduler).await.unwrap());
    one.scheduler().enqueue(mail("a@example.org")).await.unwrap();
    assert_eq!((one.enqueued::<Mail>().len(), other.enqueued::<Mail>().len()), (1, 0));
}

static MIGRATIONS: AtomicU32 = AtomicU32::new(0);

fn migrate(conn: &mut PgConnection) {
    MIGRATIONS.fetch_add(1, Ordering::Relaxed);
    conn.batch_execute("CREATE TABLE payments (invoice integer)").unwrap();
}

#[test]
fn the_tables_of_the_application_are_made_once() {
    for _ in 0..2 {
        let database = TestDatabase::migrated_by(migrate).unwrap();
        database.connect().unwrap().batch_execute("INSERT INTO payments VALUES (7)").unwrap();
    }
    assert_eq!(MIGRATIONS.load(Ordering::Relaxed), 1);
}

/// Not a test of its own: a process that is killed with a database.
#[test]
#[ignore = "the other process of `what_an_aborted_run_leaves_is_dropped_by_the_next`"]
fn another_process_leaves_a_database_behind() {
    let database = TestDatabase::new().unwrap();
    println!("made {}", name_of(&database));
    std::process::abort();
}

#[test]
fn what_an_aborted_run_leaves_is_dropped_by_the_next() {
    let server = std::env::var("DATABASE_URL").ok().or_else(|| {
        let database = TestDatabase::new().unwrap();
        // The private server of this process, by its own database.
        Some(database.url().replace(&name_of(&database), "postgres"))
    });
    let url = server.unwrap();
    let run = |test: &str| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", test, "--ignored", "--nocapture", "--test-threads=1"]);
        let output = command.env("DATABASE_URL", &url).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let written = run("databases::another_process_leaves_a_database_behind");
    let name = written.split("made ").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    let mut conn = PgConnection::establish(&url).unwrap();
    let is_there = |conn: &mut PgConnection| {
        let counted = sql_query("SELECT count(*) AS count FROM pg_database WHERE datname = $1");
        counted.bind::<Text, _>(&name).get_result::<Count>(conn).unwrap().count
    };
    assert_eq!(is_there(&mut conn), 1, "the aborted run has left it");
    run("databases::another_process_leaves_a_database_behind");
    assert_eq!(is_there(&mut conn), 0);
}

#[actix_web::test]
async fn two_hundred_tests_share_a_server() {
    let tests = (0..200).map(|n| {
        std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async {
                let jobs = TestScheduler::start(scheduler).await.unwrap();
                jobs.scheduler().enqueue(mail(&format!("{n}@example.org"))).await.unwrap();
                jobs.drain().await.unwrap().summary.succeeded
            })
        })
    });
    let tests: Vec<_> = tests.collect();
    let succeeded: u64 = tests.into_iter().map(|test| test.join().unwrap()).sum();
    assert_eq!(succeeded, 200);
}
