//! A running scheduler stores what explains the wait of a job: its flags, its concurrency and its stop.

use std::sync::Arc;

use mainspring::jobs::Reason;
use mainspring::{NewJob, Scheduler};
use serde_json::json;
use tokio::sync::Semaphore;

use super::reasons;
use crate::support::database::TestDatabase;
use crate::support::jobs::{act, behave};
use crate::support::rows::count;
use crate::support::waiting::until;

#[tokio::test]
async fn a_scheduler_explains_flags_it_leaves_alone_and_its_stop() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let gate = Arc::new(Semaphore::new(0));
    let builder = Scheduler::builder(database.url()).handler(behave).forbid_flags(["big"]).concurrency(1);
    let scheduler = builder.worker_threads(1).app_data(Arc::clone(&gate)).start().await.unwrap();
    let why = async |id| -> Vec<Reason> {
        let found = scheduler.jobs().explain(id).await.unwrap();
        found.iter().map(|why| why.reason).collect()
    };
    let flagged = scheduler.enqueue(act("big").flags(["big"])).await.unwrap();
    assert_eq!(why(flagged).await, [Reason::FlagsRefused]);
    let running = scheduler.enqueue(act("at gate")).await.unwrap();
    until(&database, "mainspring.jobs WHERE state = 'running'", 1).await;
    assert_eq!(why(running).await, [Reason::Running]);
    assert_eq!(count(&mut conn, "mainspring.workers WHERE concurrency = 1 AND forbidden_flags = '{big}'"), 1);
    let stop = tokio::spawn(async move { scheduler.stop().await });
    until(&database, "mainspring.workers WHERE 'draining' = ANY (problems)", 1).await;
    let waiting = NewJob::new("act", &json!({"act": "waits"})).insert(&mut conn).unwrap();
    assert_eq!(reasons(&mut conn, waiting), [Reason::WorkersDraining]);
    gate.add_permits(9);
    stop.await.unwrap();
    assert_eq!(reasons(&mut conn, waiting), [Reason::NoWorker]);
}
