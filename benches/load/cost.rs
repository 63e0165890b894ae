//! What one job costs: allocations and processor time here, statements, transactions, log and processor time in the server.
//! Allocations are counted by `cargo bench --bench cost` alone, since that costs time itself.

use std::sync::Arc;
use std::time::Duration;

use diesel::PgConnection;
use diesel::connection::SimpleConnection;
use mainspring::database::connect;
use mainspring::{JobContext, SchedulerBuilder, Task};
use serde::{Deserialize, Serialize};
use stats_alloc::{INSTRUMENTED_SYSTEM, Stats};

use super::arguments::Mode;
use super::figures::{print_line, rounded};
use super::process;
use super::rest::{connections, transactions};
use super::stage::{Countdown, Outcome, empty_table, number, scheduler, timed_drain};
use super::statements::{Counted, Statements};
use super::throughput::send_singly;

// With its braces and its name, 200 bytes of payload.
const TEXT: usize = 188;
const MOST_STATEMENTS: usize = 12;
const MOST_WORDS: usize = 80;

#[derive(Serialize, Deserialize)]
struct Padded {
    text: String,
}

impl Task for Padded {
    const NAME: &'static str = "load.padded";
}

/// All but the first three is for each job.
#[derive(Serialize)]
struct Cost {
    case: &'static str,
    jobs: usize,
    per_second: u64,
    /// With reallocations; libpq's are not among them.
    allocations: Option<f64>,
    allocated_bytes: Option<f64>,
    processor_us: f64,
    /// Of all processes of the server.
    server_processor_us: Option<f64>,
    statements: Option<f64>,
    transactions: f64,
    wal_bytes: f64,
}

/// One line a case, and on standard error the dearest statements of each.
pub(crate) async fn cost(url: &str, jobs: usize) -> Outcome<()> {
    let conn = &mut connect(url)?;

    fill(conn, jobs)?;
    let before = Spent::now(conn).await?;
    let per_second = drain(scheduler(url), jobs).await?;
    before.tell(conn, "drained in bulk", jobs, per_second).await?;

    empty_table(conn)?;
    let before = Spent::now(conn).await?;
    let sending = scheduler(url).start().await?;
    let per_second = send_singly(&sending, jobs, || Padded { text: "x".repeat(TEXT) }).await?;
    sending.stop().await;
    before.tell(conn, "added singly", jobs, per_second).await?;

    fill(conn, jobs)?;
    let before = Spent::now(conn).await?;
    let per_second = drain(scheduler(url).concurrency(1).limit::<Padded>(1), jobs).await?;
    before.tell(conn, "picked up one by one", jobs, per_second).await
}

fn fill(conn: &mut PgConnection, jobs: usize) -> Outcome<()> {
    empty_table(conn)?;
    conn.batch_execute(&format!(
        "INSERT INTO mainspring.jobs (task, run_at, state, payload) \
         SELECT 'load.padded', now(), 'ready', jsonb_build_object('text', repeat('x', {TEXT})) \
         FROM generate_series(1, {jobs})"
    ))?;
    conn.batch_execute("VACUUM ANALYZE mainspring.jobs")?;
    Ok(())
}

async fn drain(builder: SchedulerBuilder, jobs: usize) -> Outcome<u64> {
    let finished = Arc::new(Countdown::new(jobs));
    let counter = Arc::clone(&finished);
    let builder = builder.handler(move |_: Padded, _: JobContext| {
        counter.one_less();
        std::future::ready(())
    });
    timed_drain(builder, &finished, jobs).await
}

/// All that has been spent so far.
struct Spent {
    allocated: Stats,
    processor: Duration,
    server: Option<Duration>,
    statements: Statements,
    transactions: i64,
    wal: i64,
}

impl Spent {
    async fn now(conn: &mut PgConnection) -> Outcome<Self> {
        // A session reports what it did when it ends, at the latest.
        while connections(conn)? > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let session = number(conn, "SELECT pg_backend_pid()")?;
        Ok(Self {
            allocated: INSTRUMENTED_SYSTEM.stats(),
            processor: process::processor_time(),
            server: process::family_time(session),
            statements: Statements::now(conn),
            transactions: transactions(conn)?,
            wal: number(conn, "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')")?,
        })
    }

    async fn tell(
        self,
        conn: &mut PgConnection,
        case: &'static str,
        jobs: usize,
        per_second: u64,
    ) -> Outcome<()> {
        let now = Self::now(conn).await?;
        let each = |total: f64| (total * 1e4 / jobs as f64).round() / 1e4;
        let microseconds = |time: Duration| rounded(time.as_secs_f64() * 1e6 / jobs as f64);
        let allocated = now.allocated - self.allocated;
        let counted = (allocated.allocations > 0).then_some(allocated);
        let called = now.statements.since(&self.statements);
        let figures = Cost {
            case,
            jobs,
            per_second,
            allocations: counted.map(|all| each((all.allocations + all.reallocations) as f64)),
            allocated_bytes: counted.map(|all| each(all.bytes_allocated as f64)),
            processor_us: microseconds(now.processor.saturating_sub(self.processor)),
            server_processor_us: now
                .server
                .zip(self.server)
                .map(|(now, before)| microseconds(now.saturating_sub(before))),
            statements: called.as_ref().map(|all| each(all.iter().map(|row| row.calls as f64).sum())),
            transactions: each((now.transactions - self.transactions) as f64),
            wal_bytes: rounded((now.wal - self.wal) as f64 / jobs as f64),
        };
        print_line(Mode::Cost, figures)?;
        print_dearest(case, &called.unwrap_or_default());
        Ok(())
    }
}

fn print_dearest(case: &str, called: &[Counted]) {
    eprintln!("{case}: the dearest statements");
    eprintln!(
        "{:>9} {:>9} {:>9} {:>10} {:>10}  statement",
        "calls", "mean ms", "rows", "log bytes", "blocks"
    );
    for row in called.iter().take(MOST_STATEMENTS) {
        let words: String = row.query.split_whitespace().collect::<Vec<_>>().join(" ");
        let words: String = words.chars().take(MOST_WORDS).collect();
        let (mean, blocks) = (row.total_ms / row.calls as f64, row.blocks_hit / row.calls);
        let Counted { calls, rows, wal_bytes, .. } = row;
        eprintln!("{calls:>9} {mean:>9.3} {rows:>9} {wal_bytes:>10} {blocks:>10}  {words}");
    }
}
