//! Times that no program can represent, as a restore or a dropped constraint leaves them in rows.

use diesel::connection::SimpleConnection;

use crate::support::database::TestDatabase;
use crate::support::jobs::act;
use crate::support::schedulers::{SLOW_POLL, scheduler};
use crate::support::waiting::until;

const TIMES: [&str; 4] = ["-infinity", "4713-01-01 BC", "infinity", "294276-12-31"];

#[tokio::test(flavor = "multi_thread")]
async fn a_time_that_no_program_reads_stops_no_claim() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    conn.batch_execute("ALTER TABLE mainspring.jobs DROP CONSTRAINT jobs_run_at_range").unwrap();
    for time in TIMES {
        for queue in ["NULL", "'q'"] {
            let state = if queue == "NULL" { "ready" } else { "parked" };
            conn.batch_execute(&format!(
                "INSERT INTO mainspring.jobs (task, payload, run_at, state, queue) \
                 VALUES ('act', '{{\"act\": \"planted\"}}', '{time}', '{state}', {queue})"
            ))
            .unwrap();
        }
    }
    for job in [act("free"), act("queued").queue("q"), act("other").queue("other")] {
        job.insert(&mut conn).unwrap();
    }
    let (builder, mut starts) = scheduler(&database);
    let scheduler = builder.poll_interval(SLOW_POLL).start().await.unwrap();
    let mut acts = Vec::new();
    for _ in 0..11 {
        acts.push(starts.next().await.act);
    }
    acts.sort();
    assert_eq!(acts[..3], ["free", "other", "planted"]);
    until(&database, "mainspring.jobs", 0).await;
    scheduler.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheduled_job_that_is_never_due_delays_no_other() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    conn.batch_execute(
        "ALTER TABLE mainspring.jobs DROP CONSTRAINT jobs_run_at_range; \
         INSERT INTO mainspring.jobs (task, payload, run_at, state, queue) \
         SELECT 'act', '{\"act\": \"planted\"}', t, 'scheduled', q \
         FROM unnest(ARRAY['-infinity', 'infinity', '294276-12-31']::timestamptz[]) AS t, unnest(ARRAY[NULL, 'q']) AS q",
    )
    .unwrap();
    let (builder, mut starts) = scheduler(&database);
    let scheduler = builder.poll_interval(SLOW_POLL).start().await.unwrap();
    act("queued").queue("other").insert(&mut conn).unwrap();
    let mut acts = vec![starts.next().await.act, starts.next().await.act, starts.next().await.act];
    acts.sort();
    assert_eq!(acts, ["planted", "planted", "queued"]);
    until(&database, "mainspring.jobs WHERE state = 'scheduled'", 4).await;
    scheduler.stop().await;
}
