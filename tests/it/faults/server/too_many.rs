//! A server that has no room for further connections: work goes on with those that are open, and the shortage is logged once when
//! it begins and once when it is over.

use std::time::{Duration, Instant};

use diesel::{Connection, PgConnection};
use mainspring::embedded::{EmbeddedOptions, EmbeddedPostgres};
use mainspring::{JobContext, JobResult};

use crate::support::jobs::{Other, act, other};
use crate::support::logs;
use crate::support::process;
use crate::support::rows::count;
use crate::support::schedulers::scheduler_on;
use crate::support::waiting::until;

const BEGINS: &str = "WARN the server refuses further connections, so work waits for those that are open";
const ENDS: &str = "INFO the server has refused no connection for a minute";

// A minute without a refusal, and more for a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(150);

/// Several refusals long: each wait of a handler for a connection takes 5 seconds.
const SHORTAGE: Duration = Duration::from_secs(12);

async fn use_a_connection(_: Other, job: JobContext) -> JobResult {
    drop(job.connection().await?);
    Ok(())
}

fn said() -> (usize, usize) {
    (logs::with(BEGINS).len(), logs::with(ENDS).len())
}

/// Not a test of its own: a process whose log holds the lines of one scheduler alone.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "the other process of `a_server_without_room_for_connections_is_reported_once`"]
async fn another_process_meets_a_server_without_room() {
    if process::given_url().is_none() {
        return;
    }
    logs::keep();
    let options = EmbeddedOptions::temporary().without_fsync().setting("max_connections", "20");
    let server = EmbeddedPostgres::start(options).unwrap();
    mainspring::database::migrate(&mut PgConnection::establish(server.url()).unwrap()).unwrap();
    let (builder, mut started) = scheduler_on(server.url());
    let scheduler = builder.handler(use_a_connection).start().await.unwrap();
    let mut others = Vec::new();
    while let Ok(conn) = PgConnection::establish(server.url()) {
        others.push(conn);
    }
    scheduler.enqueue(other()).await.unwrap();
    // What needs no further connection goes on, and the shortage is reported once, although it lasts.
    let began = Instant::now();
    while said() == (0, 0) || began.elapsed() < SHORTAGE {
        assert!(began.elapsed() < PATIENCE, "{:?}", logs::with(""));
        let job = scheduler.enqueue(act("beside it")).await.unwrap();
        assert_eq!(started.next().await.id, job);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(said(), (1, 0), "{:?}", logs::with(""));
    assert!(logs::with(BEGINS)[0].contains("too many clients already"), "{:?}", logs::with(BEGINS));
    assert_eq!(count(&mut others[0], "mainspring.jobs WHERE task = 'other' AND attempts <= 1"), 1);
    drop(others);
    let over = Instant::now();
    while said().1 == 0 {
        assert!(over.elapsed() < PATIENCE, "{:?}", logs::with(""));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    until(&server, "mainspring.jobs", 0).await;
    scheduler.stop().await;
    assert_eq!(said(), (1, 1), "{:?}", logs::with(""));
}

#[test]
fn a_server_without_room_for_connections_is_reported_once() {
    process::run(&mut process::command(
        "faults::server::too_many::another_process_meets_a_server_without_room",
        "its own",
    ));
}
