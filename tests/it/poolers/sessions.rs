//! Session mode: each connection has a session of its own, as without a pooler.

use mainspring::{JobContext, JobResult, Scheduler, StartPolicy};

use super::pgbouncer::{PgBouncer, PoolMode, Program};
use crate::support::database::TestDatabase;
use crate::support::jobs::{Other, act, behave, lasting, other};
use crate::support::rows::{LISTENING_SESSION, count};
use crate::support::schedulers::SLOW_POLL;
use crate::support::waiting::{until, until_at_least};

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

fn poolers_of(database: &TestDatabase, sessions: u32) -> impl Iterator<Item = PgBouncer> {
    let (url, settings) =
        (database.url(), format!("default_pool_size = {sessions}\nquery_wait_timeout = 60"));
    Program::all().into_iter().map(move |program| program.start(&url, PoolMode::Session, &settings))
}

async fn use_a_connection(_: Other, job: JobContext) -> JobResult {
    let _connection = job.connection().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_sessions_suffice_for_a_process() {
    let database = TestDatabase::new();
    for pooler in poolers_of(&database, 3) {
        let builder = Scheduler::builder(pooler.url()).handler(behave).handler(use_a_connection);
        let builder = builder.pool_size(1).handler_pool_size(0).poll_interval(SLOW_POLL).concurrency(4);
        let builder = builder.crontab("* * * * * * act ?id=second {act:'cron'}");
        let scheduler = builder.start().await.unwrap();
        let refused = scheduler.enqueue(other().max_attempts(1)).await.unwrap();
        for n in 0..5 {
            scheduler.enqueue(lasting("plain", 20)).await.unwrap();
            scheduler.enqueue(act("keyed").key(format!("k{n}")).queue("q")).await.unwrap();
            act("of another process").insert(&mut database.connection()).unwrap();
        }
        until(&database, "mainspring.jobs WHERE task = 'act' AND payload->>'act' <> 'cron'", 0).await;
        until_at_least(&database, "mainspring.schedules WHERE last_fire_at > created_at", 1).await;
        let dead =
            format!("mainspring.jobs WHERE id = {refused} AND last_error LIKE '%handler_pool_size is 0%'");
        until(&database, &dead, 1).await;
        scheduler.stop().await;
        assert_eq!(count(&mut database.connection(), "mainspring.workers"), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fourth_session_serves_handlers() {
    let database = TestDatabase::new();
    for pooler in poolers_of(&database, 4) {
        let builder = Scheduler::builder(pooler.url()).handler(use_a_connection).concurrency(4);
        let scheduler = builder.pool_size(1).handler_pool_size(1).start().await.unwrap();
        for _ in 0..10 {
            scheduler.enqueue(other()).await.unwrap();
        }
        until(&database, "mainspring.jobs", 0).await;
        assert_eq!(count(&mut database.connection(), "mainspring.history WHERE attempts <> 1"), 0);
        scheduler.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_few_sessions_are_named_at_the_start() {
    let database = TestDatabase::new();
    for pooler in poolers_of(&database, 2) {
        let builder = Scheduler::builder(pooler.url()).start_policy(StartPolicy::FailAtOnce);
        let refused = builder.start().await.unwrap_err().to_string();
        assert!(refused.contains("needs 3 connections") && refused.contains("granted 2"), "{refused}");
        assert_eq!(count(&mut database.connection(), "mainspring.workers"), 0);
    }
}
