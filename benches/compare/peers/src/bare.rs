//! The least that a job queue on PostgreSQL can do: one connection that claims a batch and deletes it, over and over. Runs no
//! job, renews no lease, and receives no notification.

use std::time::Instant;

use diesel::RunQueryDsl;
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::sql_types::{Array, BigInt, Text};
use mainspring::database::connect;

use crate::Outcome;
use crate::figures::{BULK, Throughput, batches, rate};
use crate::statement::Statement;

/// A table, and how jobs get into it and out of it.
pub(crate) struct Table {
    make: fn(&mut PgConnection) -> Outcome<()>,
    insert: &'static str,
    claim: &'static str,
    /// None: the claim is a deletion itself.
    delete: Option<&'static str>,
}

/// A minimal table of jobs, with the index of those that are ready.
pub(crate) const SMALL: Table = Table {
    make: make_small,
    insert: INSERT_SMALL,
    claim: "UPDATE bare.jobs SET lease = 1, attempts = attempts + 1, locked_at = clock_timestamp() \
        WHERE id = ANY (ARRAY(SELECT id FROM bare.jobs WHERE lease IS NULL ORDER BY priority, run_at, id \
        LIMIT {} FOR UPDATE SKIP LOCKED)) RETURNING id, payload::text",
    delete: Some("DELETE FROM bare.jobs WHERE id = ANY ({})"),
};

/// The same table with no lease at all: a job that was taken is gone, whatever becomes of it.
pub(crate) const FLOOR: Table = Table {
    make: make_small,
    insert: INSERT_SMALL,
    claim: "DELETE FROM bare.jobs WHERE id = ANY (ARRAY(SELECT id FROM bare.jobs WHERE lease IS NULL \
        ORDER BY priority, run_at, id LIMIT {} FOR UPDATE SKIP LOCKED)) RETURNING id, payload::text",
    delete: None,
};

/// Mainspring's own table, with what its claim writes.
pub(crate) const MAINSPRING: Table = Table {
    make: make_mainspring,
    insert: "INSERT INTO mainspring.jobs (run_at, state, task, payload) \
        SELECT clock_timestamp(), 'ready', 'load.noop', payload::jsonb FROM unnest({}) AS payload",
    claim: "UPDATE mainspring.jobs SET state = 'running', attempts = attempts + 1, lease = 1, worker_id = 1, \
        locked_at = clock_timestamp() WHERE id = ANY (ARRAY(SELECT id FROM mainspring.jobs \
        WHERE task = 'load.noop' AND state = 'ready' AND flags IS NULL \
        ORDER BY priority, coalesce(turn_at, run_at), id LIMIT {} FOR UPDATE SKIP LOCKED)) RETURNING id, payload::text",
    delete: Some("DELETE FROM mainspring.jobs WHERE id = ANY ({})"),
};

/// The same with the whole of Mainspring's statements. The claim starts from a position and returns all that a job is run
/// with. The deletion names the lease that it expects and returns what it deleted.
pub(crate) const FENCED: Table = Table {
    claim: "UPDATE mainspring.jobs SET state = 'running', attempts = attempts + 1, lease = 1, worker_id = 1, \
        locked_at = clock_timestamp() WHERE id = ANY (ARRAY(SELECT id FROM mainspring.jobs \
        WHERE task = 'load.noop' AND state = 'ready' AND flags IS NULL \
        AND (priority, coalesce(turn_at, run_at)) >= (-32768, '-infinity'::timestamptz) \
        ORDER BY priority, coalesce(turn_at, run_at), id LIMIT {} FOR UPDATE SKIP LOCKED)) RETURNING id, payload::text, task, \
        attempts, max_attempts, priority, run_at, queue, key, coalesce(turn_at, run_at), flags IS NOT NULL",
    delete: Some(
        "DELETE FROM mainspring.jobs AS j USING (SELECT id, 1::bigint AS lease FROM unnest({}) AS id) AS s \
         WHERE j.id = s.id AND j.lease = s.lease RETURNING j.id, j.lease",
    ),
    ..MAINSPRING
};

const INSERT_SMALL: &str =
    "INSERT INTO bare.jobs (task, payload) SELECT 'load.noop', payload::jsonb FROM unnest({}) AS payload";

fn make_small(conn: &mut PgConnection) -> Outcome<()> {
    conn.batch_execute(
        "SET client_min_messages = warning; DROP SCHEMA IF EXISTS bare CASCADE; CREATE SCHEMA bare; \
         CREATE TABLE bare.jobs ( \
            id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, \
            run_at    timestamptz NOT NULL DEFAULT now(), \
            locked_at timestamptz, \
            lease     bigint, \
            priority  smallint NOT NULL DEFAULT 0, \
            attempts  smallint NOT NULL DEFAULT 0, \
            task      text NOT NULL, \
            payload   jsonb NOT NULL DEFAULT '{}'); \
         CREATE INDEX jobs_ready ON bare.jobs (priority, run_at, id) WHERE lease IS NULL",
    )?;
    Ok(())
}

fn make_mainspring(conn: &mut PgConnection) -> Outcome<()> {
    mainspring::database::migrate(conn)?;
    Ok(())
}

// The settings of the connections on which Mainspring claims and settles.
const SETTINGS: &str = "SET enable_seqscan = off; SET enable_sort = off; SET enable_bitmapscan = off; \
    SET enable_hashjoin = off; SET enable_mergejoin = off; SET jit = off; \
    SET plan_cache_mode = force_generic_plan; SET synchronous_commit = off";

/// Fills the table, then empties it in batches of the size: the clock runs from the connecting until no row is left.
pub(crate) fn drain(table: &Table, url: &str, jobs: usize, size: usize) -> Outcome<Throughput> {
    let insert_per_second = fill(table, url, jobs)?;
    let began = Instant::now();
    let conn = &mut connect(url)?;
    conn.batch_execute(SETTINGS)?;
    let mut done = 0;
    loop {
        let ids = claim(table, conn, size)?;
        if ids.is_empty() {
            break;
        }
        done += ids.len();
        if let Some(delete) = table.delete {
            Statement::<_, Array<BigInt>, ()>::new(delete, ids).execute(conn)?;
        }
    }
    let per_second = rate(jobs, began.elapsed());
    if done != jobs {
        return Err(format!("{jobs} jobs were stored and {done} were claimed").into());
    }
    Ok(Throughput { jobs, insert_per_second, per_second })
}

fn claim(table: &Table, conn: &mut PgConnection, size: usize) -> Outcome<Vec<i64>> {
    let claim = Statement::<_, BigInt, (BigInt, Text)>::new(table.claim, i64::try_from(size)?);
    let claimed: Vec<(i64, String)> = claim.load(conn)?;
    Ok(claimed.into_iter().map(|(id, _)| id).collect())
}

/// By calls that are durable, as every enqueueing is.
fn fill(table: &Table, url: &str, jobs: usize) -> Outcome<u64> {
    let conn = &mut connect(url)?;
    (table.make)(conn)?;
    let began = Instant::now();
    for batch in batches(jobs, BULK) {
        Statement::<_, Array<Text>, ()>::new(table.insert, vec!["{}"; batch]).execute(conn)?;
    }
    Ok(rate(jobs, began.elapsed()))
}
