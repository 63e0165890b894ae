//! Payloads that the server cannot return as text, as they are stored by a restore or an insert past the checks of enqueues.

use std::time::Duration;

use diesel::connection::SimpleConnection;

use crate::support::database::TestDatabase;
use crate::support::jobs::act;
use crate::support::schedulers::scheduler;
use crate::support::waiting::until;

// As text, 131 kB for each number: more than the gigabyte that a text may have.
const GROWING: &str = "('[' || repeat('1e131071,', 9000) || '0]')::jsonb";

#[tokio::test(flavor = "multi_thread")]
async fn a_payload_that_cannot_be_read_stops_no_other_job() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    conn.batch_execute(&format!(
        "INSERT INTO mainspring.jobs (task, payload, run_at, state, key) VALUES \
         ('act', {GROWING}, mainspring.now(), 'ready', 'bad')"
    ))
    .unwrap();
    let large = "x".repeat(20_000);
    for _ in 0..3 {
        act("free").insert(&mut conn).unwrap();
        act(&large).insert(&mut conn).unwrap();
    }
    let (builder, _starts) = scheduler(&database);
    let scheduler = builder.poll_interval(Duration::from_millis(200)).start().await.unwrap();
    until(&database, "mainspring.history WHERE outcome = 'succeeded'", 6).await;
    let apart = "mainspring.jobs WHERE key = 'bad' AND state = 'dead' AND attempts = 1 \
        AND last_error LIKE 'set apart: the payload cannot be read: %'";
    until(&database, apart, 1).await;
    scheduler.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fetch_that_the_server_refuses_costs_an_attempt_of_that_job_alone() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    act(&"x".repeat(500_000)).key("bad").insert(&mut conn).unwrap();
    act("free").insert(&mut conn).unwrap();
    // As if the memory of the server did not suffice for this payload, alone or among others.
    conn.batch_execute(
        "CREATE OR REPLACE FUNCTION mainspring.payload_of(attempt_id bigint, attempt_lease bigint) \
             RETURNS text[] LANGUAGE plpgsql AS $$ BEGIN \
             RAISE EXCEPTION USING ERRCODE = '53200', MESSAGE = 'out of memory'; END $$; \
         CREATE FUNCTION narrow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             PERFORM set_config('work_mem', '64kB', false), set_config('temp_file_limit', '0', false); \
             RETURN NULL; END $$; \
         CREATE TRIGGER narrow AFTER UPDATE ON mainspring.jobs FOR EACH STATEMENT EXECUTE FUNCTION narrow()",
    )
    .unwrap();
    let (builder, _starts) = scheduler(&database);
    let scheduler = builder.poll_interval(Duration::from_millis(200)).start().await.unwrap();
    until(&database, "mainspring.history WHERE outcome = 'succeeded'", 1).await;
    let failed = "mainspring.jobs WHERE key = 'bad' AND state = 'scheduled' AND attempts = 1 \
        AND last_error LIKE 'the payload cannot be fetched: %out of memory%'";
    until(&database, failed, 1).await;
    scheduler.stop().await;
}
