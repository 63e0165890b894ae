//! What an examination costs and locks: few blocks whatever the number of jobs, and no lock that is in the way.

use diesel::connection::SimpleConnection;
use diesel::sql_types::BigInt;
use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl, sql_query};
use mainspring::doctor::{Options, examine};

use crate::support::database::TestDatabase;
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

#[test]
fn an_examination_reads_few_blocks_among_many_jobs_and_locks_nothing() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    conn.batch_execute(
        "INSERT INTO mainspring.workers (name, tasks, timeout, concurrency) VALUES ('able', '{t}', '1 hour', 100); \
         INSERT INTO mainspring.queues (name, concurrency) SELECT 'q' || n, 1 FROM generate_series(1, 100) AS n; \
         INSERT INTO mainspring.jobs (task, state, run_at) SELECT 't', 'dead', now() FROM generate_series(1, 12000) AS n; \
         INSERT INTO mainspring.jobs (task, state, run_at, queue) \
         SELECT CASE WHEN n % 8 = 0 THEN 'unknown' ELSE 't' END, \
             CASE n % 4 WHEN 0 THEN 'ready' WHEN 1 THEN 'scheduled' WHEN 2 THEN 'ready' ELSE 'parked' END::mainspring.job_state, \
             now() - n * interval '1 second', CASE WHEN n % 2 = 1 THEN 'q' || n % 100 END \
         FROM generate_series(1, 200000) AS n; \
         INSERT INTO mainspring.jobs (task, state, run_at, worker_id, lease, locked_at, attempts) \
         SELECT 't', 'running', now(), 1000 + n % 100, n, now() - interval '1 hour', 1 FROM generate_series(1, 20000) AS n",
    )
    .unwrap();
    let all = "generate_series(1, pg_relation_size('mainspring.jobs') / 8192)";
    assert!(count(&mut conn, all) > 3_500);
    for statistics in ["SELECT", "ANALYZE mainspring.jobs"] {
        conn.batch_execute(statistics).unwrap();
        conn.transaction::<_, diesel::result::Error, _>(|conn| {
            let before = blocks(conn);
            let report = examine(conn, &Options::new()).unwrap();
            let read = blocks(conn) - before;
            // A sequence that is read is locked against ALTER SEQUENCE alone.
            let locks = "pg_locks WHERE pid = pg_backend_pid() AND locktype <> 'virtualxid' AND mode <> 'AccessShareLock' \
                AND coalesce(relation, 0) NOT IN (SELECT oid FROM pg_class WHERE relkind = 'S')";
            assert_eq!(count(conn, locks), 0);
            assert!(report.unchecked.is_empty() && !report.findings.is_empty(), "{report:?}");
            assert!(read < 2_000, "{read} blocks after {statistics}");
            Ok(())
        })
        .unwrap();
    }
}
