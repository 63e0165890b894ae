//! What the modes share: tasks, schedulers, and a table that is theirs. Measures nothing.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::sql_types::{BigInt, Text};
use diesel::{PgConnection, QueryableByName, RunQueryDsl, sql_query};
use mainspring::{JobContext, Scheduler, SchedulerBuilder, Task};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use super::figures::rate;

pub(crate) type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

#[derive(Serialize, Deserialize)]
pub(crate) struct Noop {}

impl Task for Noop {
    const NAME: &'static str = "load.noop";
}

/// No history is written, except in some modes.
pub(crate) fn scheduler(url: &str) -> SchedulerBuilder {
    Scheduler::builder(url).history_retention(Duration::ZERO)
}

/// A scheduler whose no-op jobs are counted.
pub(crate) fn counting(builder: SchedulerBuilder, jobs: usize) -> (SchedulerBuilder, Arc<Countdown>) {
    let finished = Arc::new(Countdown::new(jobs));
    let counter = Arc::clone(&finished);
    let builder = builder.handler(move |_: Noop, _: JobContext| {
        counter.one_less();
        std::future::ready(())
    });
    (builder, finished)
}

/// Reports when something has happened so many times.
pub(crate) struct Countdown {
    left: AtomicUsize,
    reached: Notify,
}

impl Countdown {
    pub(crate) fn new(count: usize) -> Self {
        Self { left: AtomicUsize::new(count), reached: Notify::new() }
    }

    pub(crate) fn one_less(&self) {
        if self.left.fetch_sub(1, Ordering::Relaxed) == 1 {
            // Kept for a waiter that comes later.
            self.reached.notify_one();
        }
    }

    pub(crate) async fn reached(&self) {
        self.reached.notified().await;
    }
}

/// The jobs a second of the first so many, from the call of `start` to the end of the last; what is left is settled after that.
pub(crate) async fn timed_drain(
    builder: SchedulerBuilder,
    finished: &Countdown,
    jobs: usize,
) -> Outcome<u64> {
    let began = Instant::now();
    let scheduler = builder.start().await?;
    finished.reached().await;
    let per_second = rate(jobs, began.elapsed());
    scheduler.stop().await;
    Ok(per_second)
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

#[derive(QueryableByName)]
struct Settings {
    #[diesel(sql_type = Text)]
    text: String,
}

/// The one whole number that the query returns.
pub(crate) fn number(conn: &mut PgConnection, query: &str) -> Outcome<i64> {
    let query = format!("SELECT coalesce(({query}), 0)::bigint AS number");
    Ok(sql_query(query).get_result::<Number>(conn)?.number)
}

pub(crate) fn count_jobs(conn: &mut PgConnection) -> Outcome<i64> {
    number(conn, "SELECT count(*) FROM mainspring.jobs")
}

// A figure without it means nothing.
pub(crate) fn durability(conn: &mut PgConnection) -> Outcome<String> {
    let settings = "SELECT format('fsync %s, synchronous_commit %s', \
                    current_setting('fsync'), current_setting('synchronous_commit')) AS text";
    Ok(sql_query(settings).get_result::<Settings>(conn)?.text)
}

// The handlers are done; their last outcomes are on the way, and no message reports that they are stored.
pub(crate) async fn await_empty_table(conn: &mut PgConnection) -> Outcome<()> {
    while count_jobs(conn)? > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(())
}

pub(crate) fn empty_table(conn: &mut PgConnection) -> Outcome<()> {
    mainspring::database::migrate(conn)?;
    let strangers = number(conn, "SELECT count(*) FROM mainspring.jobs WHERE task NOT LIKE 'load.%'")?;
    if strangers > 0 {
        return Err(format!(
            "mainspring.jobs holds {strangers} jobs of an application: name another database"
        )
        .into());
    }
    conn.batch_execute("TRUNCATE mainspring.jobs; DELETE FROM mainspring.queues WHERE name LIKE 'load %'")?;
    Ok(())
}
