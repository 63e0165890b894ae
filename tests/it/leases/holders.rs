//! What runs beside an attempt can find out that its lease has ended, and callers are not held up by a server that is frozen.

use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use mainspring::embedded::{EmbeddedOptions, EmbeddedPostgres};
use mainspring::{Enqueue, JobContext, JobResult, Scheduler, SchedulerError, StoreError};
use tokio::sync::mpsc::UnboundedSender;

use super::TIMEOUT;
use crate::support::database::TestDatabase;
use crate::support::frozen::Frozen;
use crate::support::jobs::{Act, act};
use crate::support::schedulers::SLOW_POLL;
use crate::support::waiting::{reports, until_true};

async fn hands_itself_out(task: Act, job: JobContext) -> JobResult {
    let _ = job.data::<UnboundedSender<JobContext>>().send(job.clone());
    match task.act.as_str() {
        "end" => Ok(()),
        _ => std::future::pending().await,
    }
}

#[tokio::test]
async fn a_clone_of_the_context_knows_when_its_lease_has_ended() {
    let database = TestDatabase::new();
    let (sender, mut jobs) = reports::<JobContext>(&database.url());
    let builder = Scheduler::builder(database.url()).handler(hands_itself_out).app_data(sender);
    let scheduler = builder.heartbeat_timeout(TIMEOUT).poll_interval(SLOW_POLL).start().await.unwrap();
    scheduler.enqueue(act("end")).await.unwrap();
    let ended = jobs.next().await;
    until_true(&database, "the outcome is stored", || !ended.holds_lease()).await;
    let job: Enqueue<Act> = act("run");
    scheduler.enqueue(job).await.unwrap();
    let running = jobs.next().await;
    assert!(running.holds_lease());
    // Others have taken it for lost.
    database.connection().batch_execute("DELETE FROM mainspring.workers").unwrap();
    until_true(&database, "the lease is lost", || !running.holds_lease()).await;
    let again = jobs.next().await;
    assert!(again.holds_lease() && !running.holds_lease());
    scheduler.stop().await;
}

#[test]
fn a_status_of_a_frozen_server_ends_in_ten_seconds_and_blocks_nobody() {
    let server = EmbeddedPostgres::start(EmbeddedOptions::temporary().without_fsync()).unwrap();
    mainspring::database::migrate(&mut PgConnection::establish(server.url()).unwrap()).unwrap();
    actix_rt::System::new().block_on(async {
        let scheduler = Scheduler::builder(server.url()).start().await.unwrap();
        assert!(scheduler.status().await.is_ok());
        let frozen = Frozen::freeze(&server);
        let mut status = std::pin::pin!(scheduler.status());
        let mut turns = 0;
        let result = loop {
            tokio::select! {
                result = &mut status => break result,
                // The application's own work on the same thread.
                () = actix_rt::time::sleep(Duration::from_millis(100)) => turns += 1,
            }
        };
        drop(frozen);
        let Err(SchedulerError::Store(StoreError::TimedOut { waited, .. })) = result else {
            panic!("{result:?}")
        };
        // Other statements may take 33 seconds. The slack is for a machine that has much else to do.
        assert!((10..30).contains(&waited.as_secs()), "{waited:?}");
        assert!(turns >= 10, "{turns}");
        assert!(scheduler.is_running());
        scheduler.stop().await;
    });
}
