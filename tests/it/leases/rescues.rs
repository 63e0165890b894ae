//! How soon the job of a killed process runs elsewhere. A machine that is busy with other tests may be late, so a trial is repeated.

use std::time::Duration;

use rustix::process::Signal;

use super::helper::Helper;
use super::watched::{Record, now};
use super::{TIMEOUT, end, until_runs, worker};
use crate::support::database::TestDatabase;
use crate::support::waiting::{in_time_once, until};

/// How long after its process was killed the job runs in another one that beats steadily.
async fn rescued_after(timeout: Duration) -> Duration {
    let (database, record) = (TestDatabase::new(), Record::new());
    let victim = Helper::start(&database, &record, timeout).await;
    let second = worker(&database.url(), &record).heartbeat_timeout(timeout).start().await.unwrap();
    until(&database, "mainspring.workers WHERE steady_since < now() - timeout", 2).await;
    let killed = now();
    victim.signal(Signal::KILL);
    until_runs(&database, &record, 2).await;
    // Where the machine was busy, the job ran in the second one before.
    let took = record.executions()[1].first.checked_sub(killed).unwrap_or(Duration::MAX);
    end(&database, &record, [second]).await;
    took
}

async fn rescued_within(bound: Duration, timeout: Duration) {
    in_time_once(async || {
        let took = rescued_after(timeout).await;
        println!("it took {took:?}, and {bound:?} are allowed");
        took < bound
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_process_is_rescued_within_two_seconds_at_the_least_time_out() {
    rescued_within(Duration::from_secs(2), TIMEOUT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_process_is_rescued_within_five_seconds_by_default() {
    rescued_within(Duration::from_secs(5), Duration::from_secs(4)).await;
}
