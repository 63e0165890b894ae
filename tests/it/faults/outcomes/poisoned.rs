//! One running job whose row is poisoned, in any column that SQL or a restore can write: all other jobs end, and so does a
//! stop.

use std::sync::Arc;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::{PgConnection, RunQueryDsl, sql_query};
use tokio::sync::Semaphore;

use crate::support::database::TestDatabase;
use crate::support::jobs::act;
use crate::support::rows::count;
use crate::support::schedulers::scheduler;
use crate::support::waiting::until;

const JOBS: i64 = 6;

/// What is written into the row of one running job. A CHECK that forbids it is dropped first.
const POISONS: [&str; 26] = [
    "priority = 32767",
    "priority = -32768",
    "run_at = 'infinity'",
    "run_at = '-infinity'",
    "run_at = '294276-12-31 23:59:59.999999+00'",
    "run_at = '4713-01-01 00:00:00+00 BC'",
    "turn_at = 'infinity'",
    "created_at = '-infinity'",
    "locked_at = 'infinity'",
    "attempts = 32767",
    "attempts = -32768",
    "max_attempts = -5",
    "deaths = 32767",
    "deaths = -32768",
    "attempts = 30000, max_attempts = 2",
    "revision = 2147483647",
    "slot = 9223372036854775807",
    "flags = ARRAY[NULL, '', repeat('x', 9000)]",
    "flags = array_fill('x'::text, ARRAY[2, 2])",
    "queue = ''",
    "queue = repeat('q', 400), slot = -9223372036854775808",
    "key = repeat('k', 2000)",
    "payload = 'null'",
    "last_error = repeat('e', 2000000), progress = -7, progress_note = repeat('n', 50000)",
    "cancel_reason = repeat('c', 90000)",
    "superseded = true, state = 'running', updated_at = 'infinity'",
];

const DROP_CHECKS: &str = "DO $$ DECLARE found record; BEGIN \
    FOR found IN SELECT conname FROM pg_constraint WHERE conrelid = 'mainspring.jobs'::regclass AND contype = 'c' \
    LOOP EXECUTE format('ALTER TABLE mainspring.jobs DROP CONSTRAINT %I', found.conname); END LOOP; END $$";

/// Whether the rules of the table come back after the row was written: no update passes then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Checks {
    Dropped,
    Restored,
}

fn checks(conn: &mut PgConnection) -> Vec<String> {
    #[derive(diesel::QueryableByName)]
    struct Check {
        #[diesel(sql_type = diesel::sql_types::Text)]
        text: String,
    }
    let rows: Vec<Check> = sql_query(
        "SELECT format('ALTER TABLE mainspring.jobs ADD CONSTRAINT %I %s', conname, \
         regexp_replace(pg_get_constraintdef(oid), ' NOT VALID$', '') || ' NOT VALID') AS text \
         FROM pg_constraint WHERE conrelid = 'mainspring.jobs'::regclass AND contype = 'c'",
    )
    .load(conn)
    .unwrap();
    rows.into_iter().map(|row| row.text).collect()
}

/// How the jobs end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Succeed,
    Fail,
    Interrupted,
}

const WAYS: [Way; 3] = [Way::Succeed, Way::Fail, Way::Interrupted];

async fn poison_one(poison: &str, way: Way, after: Checks) {
    let what = || format!("{poison}, {way:?}, {after:?}");
    let job = if way == Way::Fail { "at gate, then fail" } else { "at gate" };
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    let gate = Arc::new(Semaphore::new(0));
    let (builder, mut started) = scheduler(&database);
    let scheduler =
        builder.app_data(Arc::clone(&gate)).grace_period(Duration::from_secs(1)).start().await.unwrap();
    for _ in 0..JOBS {
        scheduler.enqueue(act(job)).await.unwrap();
    }
    let mut ids = Vec::new();
    for _ in 0..JOBS {
        ids.push(started.next().await.id);
    }
    let checks = checks(conn);
    conn.batch_execute(DROP_CHECKS).unwrap();
    let bad = ids[2];
    conn.batch_execute(&format!("UPDATE mainspring.jobs SET {poison} WHERE id = {bad}"))
        .unwrap_or_else(|error| panic!("{}: {error}", what()));
    if after == Checks::Restored {
        checks.iter().for_each(|check| conn.batch_execute(check).unwrap());
    }
    if way != Way::Interrupted {
        gate.add_permits(100);
        let unstored = format!("mainspring.jobs WHERE id <> {bad} AND state = 'running' AND attempts = 1");
        until(&database, &unstored, 0).await;
    }
    let began = Instant::now();
    scheduler.stop().await;
    assert!(began.elapsed() < Duration::from_secs(10), "{}: the stop took {:?}", what(), began.elapsed());
    let others = format!("mainspring.jobs WHERE id <> {bad} AND state = 'running'");
    assert_eq!(count(conn, &others), 0, "{}", what());
}

#[actix_web::test]
async fn a_poisoned_row_keeps_no_other_outcome_while_no_check_stands() {
    for (nth, poison) in POISONS.iter().enumerate() {
        poison_one(poison, WAYS[nth % WAYS.len()], Checks::Dropped).await;
    }
}

#[actix_web::test]
async fn a_row_that_no_update_passes_keeps_no_other_outcome_and_no_stop() {
    for (nth, poison) in POISONS.iter().enumerate() {
        poison_one(poison, WAYS[(nth + 1) % WAYS.len()], Checks::Restored).await;
    }
}
