//! What a scheduler costs that has nothing to do: statements, processor time, wake-ups, connections, start and stop.

use std::time::{Duration, Instant};

use diesel::PgConnection;
use mainspring::database::connect;
use serde::Serialize;

use super::figures::{megabytes, milliseconds, rounded};
use super::process;
use super::stage::{Outcome, counting, number, scheduler};

// A server counts what a connection did when that has been idle for ten seconds, at the latest.
const SETTLING: Duration = Duration::from_secs(12);

#[derive(Serialize)]
pub(crate) struct Rest {
    seconds: f64,
    start_ms: f64,
    stop_ms: f64,
    /// Each statement of an idle scheduler is a transaction of its own.
    transactions_a_minute: f64,
    connections: i64,
    processor_percent: f64,
    wake_ups_a_second: f64,
    resident_mb: f64,
}

/// An idle scheduler on a database that is migrated.
pub(crate) async fn rest(url: &str, length: Duration) -> Outcome<Rest> {
    let conn = &mut connect(url)?;
    let (builder, _) = counting(scheduler(url), usize::MAX);
    let began = Instant::now();
    let scheduler = builder.start().await?;
    let start_ms = milliseconds(began.elapsed());
    tokio::time::sleep(SETTLING).await;
    let (transactions, used, slept) = (transactions(conn)?, process::processor_time(), process::sleeps());
    let began = Instant::now();
    tokio::time::sleep(length).await;
    let seconds = began.elapsed().as_secs_f64();
    // The second look counts the first one.
    let transactions = (self::transactions(conn)? - transactions - 1).max(0) as f64;
    let used = (process::processor_time() - used).as_secs_f64();
    let slept = (process::sleeps() - slept) as f64;
    let connections = connections(conn)?;
    let resident_mb = megabytes(process::resident());
    let began = Instant::now();
    scheduler.stop().await;
    Ok(Rest {
        seconds: rounded(seconds),
        start_ms,
        stop_ms: milliseconds(began.elapsed()),
        transactions_a_minute: rounded(transactions * 60.0 / seconds),
        connections,
        processor_percent: rounded(used * 100.0 / seconds),
        wake_ups_a_second: rounded(slept / seconds),
        resident_mb,
    })
}

/// Of everybody else in this database.
pub(crate) fn connections(conn: &mut PgConnection) -> Outcome<i64> {
    let others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() \
                  AND backend_type = 'client backend'";
    number(conn, others)
}

/// In this database, as far as sessions have reported.
pub(crate) fn transactions(conn: &mut PgConnection) -> Outcome<i64> {
    let all = "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()";
    number(conn, all)
}
