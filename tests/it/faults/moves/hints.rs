//! Notifications of strangers: any role of the database may send them. They cost a look, and make no row.

use diesel::connection::SimpleConnection;

use crate::support::database::TestDatabase;
use crate::support::jobs::act;
use crate::support::rows::count;
use crate::support::schedulers::{SLOW_POLL, scheduler};
use crate::support::waiting::until;

const FORGED: [&str; 12] = [
    "'queue - 0 0 ' || repeat('x', 200)",
    "'queue - 0 0 '",
    "'queue - 0 -8334601228800000 q'",
    "'queues - 0 0 ' || json_build_array(repeat('x', 200), '', 'a b')",
    "'queues - 0 9223372036854775807 [\"q\"]'",
    "'job - 0 -8334601228800000'",
    "'job - -32768 -9223372036854775808'",
    "'job - 99999 0'",
    "'cancel 2147483648'",
    "'paused ' || repeat('x', 7000)",
    "'schedules '",
    "repeat('word ', 1500)",
];

#[tokio::test(flavor = "multi_thread")]
async fn no_forged_notification_stops_a_job_or_makes_a_row() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let (builder, mut starts) = scheduler(&database);
    let scheduler = builder.poll_interval(SLOW_POLL).start().await.unwrap();
    for (round, forged) in FORGED.into_iter().enumerate() {
        conn.batch_execute(&format!("SELECT pg_notify('mainspring', {forged})")).unwrap();
        // Each with a queue of its own, which no admission knows yet.
        act("queued").queue(format!("q{round}")).insert(&mut conn).unwrap();
        act("free").insert(&mut conn).unwrap();
        act("soon")
            .run_at(chrono::Utc::now() + chrono::TimeDelta::milliseconds(50))
            .insert(&mut conn)
            .unwrap();
        let mut acts = vec![starts.next().await.act, starts.next().await.act, starts.next().await.act];
        acts.sort();
        assert_eq!(acts, ["free", "queued", "soon"], "{forged}");
    }
    until(&database, "mainspring.jobs", 0).await;
    assert_eq!(count(&mut conn, "mainspring.queues WHERE name !~ '^q[0-9]+$'"), 0);
    scheduler.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_forged_queues_makes_no_row_and_delays_no_job() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let (builder, mut starts) = scheduler(&database);
    let scheduler = builder.poll_interval(SLOW_POLL).start().await.unwrap();
    conn.batch_execute(
        "SELECT pg_notify('mainspring', 'queue - 0 0 forged ' || n) FROM generate_series(1, 20000) AS n; \
         SELECT pg_notify('mainspring', 'queues - 0 0 ' || (SELECT json_agg(format('many %s', m * 1000 + n)) \
            FROM generate_series(1, 400) AS n)) FROM generate_series(1, 50) AS m",
    )
    .unwrap();
    act("queued").queue("real").insert(&mut conn).unwrap();
    assert_eq!(starts.next().await.act, "queued");
    until(&database, "mainspring.jobs", 0).await;
    assert_eq!(count(&mut conn, "mainspring.queues WHERE name <> 'real'"), 0);
    scheduler.stop().await;
}
