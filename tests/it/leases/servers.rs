//! The server stops, is frozen or holds a lock, so that no worker can beat. Whoever had a gap gives the others time.

use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use mainspring::Scheduler;
use mainspring::embedded::{EmbeddedOptions, EmbeddedPostgres};

use super::watched::Record;
use super::{TIMEOUT, end, enqueue_two, until_both_beat, until_runs, worker};
use crate::restarts::{OwnServer, Stop};
use crate::support::database::TestDatabase;
use crate::support::frozen::Frozen;
use crate::support::rows::count;
use crate::support::waiting::{Watched, in_time_once};

/// Both time-outs are over, and with them both fences are shut.
const OUTAGE: Duration = TIMEOUT.saturating_add(Duration::from_millis(500));

/// Two workers, of which the first runs a job.
async fn two_workers(database: &impl Watched, record: &Record) -> [Scheduler; 2] {
    let url = database.watched_url();
    let first = worker(&url, record).start().await.unwrap();
    enqueue_two(&first).await;
    until_runs(database, record, 1).await;
    [first, worker(&url, record).start().await.unwrap()]
}

/// What became of the two workers.
#[derive(Debug, PartialEq)]
enum Ids {
    Kept,
    /// One was taken for lost, as when the machine is so busy that its heartbeats are late.
    New,
}

/// The job that was interrupted runs again, and never beside itself.
async fn goes_on(database: &impl Watched, record: &Record, workers: [Scheduler; 2]) -> Ids {
    until_runs(database, record, 2).await;
    until_both_beat(database).await;
    let mut conn = PgConnection::establish(&database.watched_url()).unwrap();
    let kept = count(&mut conn, "mainspring.workers WHERE id <= 2") == 2;
    end(database, record, workers).await;
    if kept { Ids::Kept } else { Ids::New }
}

/// A fault that all workers share makes none of them lost.
async fn keeps_both(trial: impl AsyncFn() -> Ids) {
    in_time_once(async || trial().await == Ids::Kept).await;
}

async fn frozen() -> Ids {
    let server = EmbeddedPostgres::start(EmbeddedOptions::temporary().without_fsync()).unwrap();
    mainspring::database::migrate(&mut PgConnection::establish(server.url()).unwrap()).unwrap();
    let record = Record::new();
    let workers = two_workers(&server, &record).await;
    let frozen = Frozen::freeze(&server);
    // The length of the outage is what is tested.
    tokio::time::sleep(OUTAGE).await;
    drop(frozen);
    goes_on(&server, &record, workers).await
}

async fn locked() -> Ids {
    let (database, record) = (TestDatabase::new(), Record::new());
    let workers = two_workers(&database, &record).await;
    let mut conn = database.connection();
    conn.batch_execute("BEGIN; LOCK TABLE mainspring.workers").unwrap();
    // The length of the outage is what is tested.
    tokio::time::sleep(OUTAGE).await;
    conn.batch_execute("COMMIT").unwrap();
    goes_on(&database, &record, workers).await
}

async fn restarted() -> Ids {
    let (mut server, record) = (OwnServer::start(), Record::new());
    let workers = two_workers(&server, &record).await;
    tokio::task::block_in_place(|| server.stop(Stop::Immediate));
    // The length of the outage is what is tested.
    tokio::time::sleep(OUTAGE).await;
    tokio::task::block_in_place(|| server.start_again());
    goes_on(&server, &record, workers).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_never_runs_beside_itself_when_the_server_is_frozen() {
    keeps_both(frozen).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_never_runs_beside_itself_while_the_table_of_workers_is_locked() {
    keeps_both(locked).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_never_runs_beside_itself_when_the_server_stops_and_comes_back() {
    keeps_both(restarted).await;
}
