//! Session mode: each connection has a session of its own, as without a pooler.

use mainspring::Scheduler;

use super::pgbouncer::{PoolMode, Program};
use crate::support::database::TestDatabase;
use crate::support::jobs::{act, behave};
use crate::support::rows::{LISTENING_SESSION, count};
use crate::support::schedulers::SLOW_POLL;
use crate::support::waiting::until;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_recognised_and_everything_is_as_without_a_pooler() {
    let database = TestDatabase::new();
    for program in Program::all() {
        let pooler = program.start(&database.url(), PoolMode::Session, "");
        let builder = Scheduler::builder(pooler.url()).handler(behave).poll_interval(SLOW_POLL);
        let scheduler = builder.start().await.unwrap();
        until(&database, LISTENING_SESSION, 1).await;
        scheduler.enqueue(act("own")).await.unwrap();
        act("of another process").insert(&mut database.connection()).unwrap();
        until(&database, "mainspring.jobs", 0).await;
        scheduler.stop().await;
        assert_eq!(count(&mut database.connection(), "mainspring.workers"), 0);
    }
}
