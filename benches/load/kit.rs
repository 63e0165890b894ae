//! What the test kit takes to set a test up and to take it down, after the first one of a process.

use std::time::{Duration, Instant};

use mainspring::testing::{TestDatabase, TestScheduler};
use serde::Serialize;

use super::figures::Latency;
use super::stage::{Outcome, counting, scheduler};

/// The kit's own server, and not that of the bench.
#[derive(Serialize)]
pub(crate) struct Kit {
    /// A database of its own, and a connection to it.
    database: Latency,
    /// The same with a scheduler.
    scheduler: Latency,
    stopped: Latency,
}

pub(crate) async fn kit(tests: usize) -> Outcome<Kit> {
    // The first one starts the server, and makes the template.
    drop(TestDatabase::new()?.connect()?);
    let (mut databases, mut schedulers, mut stopped) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..tests {
        let began = Instant::now();
        let database = TestDatabase::new()?;
        let conn = database.connect()?;
        databases.push(began.elapsed());
        drop((conn, database));

        let began = Instant::now();
        let jobs = TestScheduler::start(|url| counting(scheduler(url), usize::MAX).0).await?;
        schedulers.push(began.elapsed());
        let began = Instant::now();
        drop(jobs);
        stopped.push(began.elapsed());
        // What ends in the background belongs to no other test.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(Kit {
        database: Latency::of(databases),
        scheduler: Latency::of(schedulers),
        stopped: Latency::of(stopped),
    })
}
