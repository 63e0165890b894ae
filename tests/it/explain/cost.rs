//! What an explanation costs and locks: few blocks whatever the number of other jobs, and no row or table.

use diesel::connection::SimpleConnection;
use diesel::sql_types::BigInt;
use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl, sql_query};
use mainspring::jobs::{self, Reason};

use super::{job, served};
use crate::support::rows::count;

#[derive(QueryableByName)]
struct Blocks {
    #[diesel(sql_type = BigInt)]
    blocks: i64,
}

fn blocks(conn: &mut PgConnection) -> i64 {
    let text = "SELECT sum(pg_stat_get_xact_blocks_fetched(oid))::bigint AS blocks FROM pg_class \
         WHERE relnamespace = 'mainspring'::regnamespace AND relkind IN ('r', 'i')";
    sql_query(text).get_result::<Blocks>(conn).unwrap().blocks
}

/// The reasons, and how many blocks were read for them.
fn read(conn: &mut PgConnection, id: i64) -> (Vec<Reason>, i64) {
    conn.transaction::<_, diesel::result::Error, _>(|conn| {
        conn.batch_execute("SET TRANSACTION READ ONLY")?;
        let before = blocks(conn);
        let found = jobs::explain(conn, id).unwrap().iter().map(|why| why.reason).collect();
        let read = blocks(conn) - before;
        let locks = "pg_locks WHERE pid = pg_backend_pid() AND locktype <> 'virtualxid' AND mode <> 'AccessShareLock'";
        assert_eq!(count(conn, locks), 0);
        Ok((found, read))
    })
    .unwrap()
}

#[test]
fn an_explanation_reads_few_blocks_among_many_jobs_and_locks_nothing() {
    let (_database, mut conn) = served();
    // Each state has many, and the job in question is the last one of each index.
    conn.batch_execute(
        "INSERT INTO mainspring.queues (name, concurrency, last_slot, first_slot) VALUES ('q', 5, 5, 1), ('open', 5, 0, 1); \
         INSERT INTO mainspring.jobs (task, state, run_at, queue) \
         SELECT 't', CASE n % 4 WHEN 0 THEN 'ready' WHEN 1 THEN 'scheduled' WHEN 2 THEN 'dead' ELSE 'parked' END::mainspring.job_state, \
             now() - n * interval '1 second' + (n % 4 = 1)::int * interval '1 year', \
             CASE WHEN n % 4 = 3 THEN CASE WHEN n % 8 = 3 THEN 'q' ELSE 'open' END END \
         FROM generate_series(1, 200000) AS n; \
         INSERT INTO mainspring.jobs (task, state, run_at, queue, slot) SELECT 't', 'ready', now(), 'q', n FROM generate_series(1, 5) AS n; \
         INSERT INTO mainspring.jobs (task, state, run_at, worker_id, lease, locked_at, attempts) \
         SELECT 't', 'running', now(), 1000 + n % 100, n, now(), 1 FROM generate_series(1, 20000) AS n",
    )
    .unwrap();
    let ids = [
        (job(&mut conn, "run_at, priority", "'ready', now(), 9"), Reason::NothingHinders),
        (job(&mut conn, "run_at", "'scheduled', now() + interval '9 years'"), Reason::NotDue),
        (job(&mut conn, "run_at, queue, priority", "'parked', now(), 'q', 9"), Reason::QueueFull),
        (job(&mut conn, "run_at, queue, priority", "'parked', now(), 'open', 9"), Reason::NothingHinders),
        (job(&mut conn, "run_at", "'dead', now()"), Reason::Dead),
        (
            job(
                &mut conn,
                "run_at, worker_id, lease, locked_at, attempts",
                "'running', now(), 1, 1, now(), 1",
            ),
            Reason::Running,
        ),
    ];
    // Before and after the planner knows of the rows.
    for statistics in ["SELECT", "ANALYZE mainspring.jobs"] {
        conn.batch_execute(statistics).unwrap();
        for (id, reason) in ids {
            let (found, blocks) = read(&mut conn, id);
            assert_eq!(found, [reason]);
            // Counting those before it may read a block for each of 1,000 rows.
            assert!(blocks < 1_300, "{reason}: {blocks} blocks after {statistics}");
        }
    }
}
