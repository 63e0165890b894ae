//! Transaction mode while the server crashes, while the pooler is away, and with few sessions to lend.

use std::time::Duration;

use diesel::connection::SimpleConnection;
use mainspring::Scheduler;

use super::pgbouncer::{PoolMode, Program};
use crate::restarts::{OwnServer, Stop, enqueue_until_refused};
use crate::support::database::TestDatabase;
use crate::support::jobs::{act, behave, lasting};
use crate::support::proxy::Mode;
use crate::support::rows::count;
use crate::support::schedulers::scheduler_on;
use crate::support::waiting::{in_time, until};
use crate::waits::through_proxy;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_of_the_server_loses_no_job_that_was_acknowledged() {
    for program in Program::all() {
        let mut server = OwnServer::start();
        let settings = "server_login_retry = 1\nquery_wait_timeout = 5";
        let pooler = program.start(&server.url, PoolMode::Transaction, settings);
        let (builder, mut started) = scheduler_on(pooler.url());
        let scheduler = builder.concurrency(20).start().await.unwrap();
        let mut stored = Vec::new();
        for _ in 0..3 {
            let load = tokio::spawn(enqueue_until_refused(scheduler.clone()));
            for _ in 0..200 {
                started.next().await;
            }
            tokio::task::block_in_place(|| server.stop(Stop::Immediate));
            stored.extend(load.await.unwrap().0);
            tokio::task::block_in_place(|| server.start_again());
            until_accepted(&server.url, &scheduler).await;
        }
        until(&server, "mainspring.jobs", 0).await;
        let mut conn = server.connection();
        for id in &stored {
            let done = format!("mainspring.history WHERE id = {id} AND outcome = 'succeeded'");
            assert_eq!(count(&mut conn, &done), 1, "job {id} of {}", stored.len());
        }
        scheduler.stop().await;
        assert_eq!(count(&mut conn, "mainspring.workers"), 0);
    }
}

// The pooler tells the first ones that its server is away.
async fn until_accepted(url: &str, scheduler: &Scheduler) {
    let accepted = async { while scheduler.enqueue(act("back")).await.is_err() {} };
    in_time(url, "an enqueue that is accepted", accepted).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_goes_on_when_the_pooler_is_back() {
    let database = TestDatabase::new();
    for program in Program::all() {
        let start = |port| program.start_on(port, &database.url(), PoolMode::Transaction, "");
        let pooler = start(Program::free_port());
        let (port, url) = (pooler.port, pooler.url().to_owned());
        let (builder, mut started) = scheduler_on(&url);
        let scheduler = builder.start().await.unwrap();
        drop(pooler);
        assert!(scheduler.enqueue(act("refused")).await.is_err());
        let _pooler = start(port);
        until_accepted(&database.url(), &scheduler).await;
        while started.next().await.act != "back" {}
        scheduler.stop().await;
        assert_eq!(count(&mut database.connection(), "mainspring.workers"), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_sessions_serve_two_processes() {
    let database = TestDatabase::new();
    for program in Program::all() {
        let pooler = program.start(&database.url(), PoolMode::Transaction, "default_pool_size = 2");
        let start = |name: &str| {
            let builder = Scheduler::builder(pooler.url()).worker_name(name).handler(behave).concurrency(20);
            // A busy machine may starve heartbeats for longer than the default allows.
            builder.heartbeat_timeout(Duration::from_secs(30)).start()
        };
        let (one, two) = (start("one").await.unwrap(), start("two").await.unwrap());
        for n in 0..60 {
            one.enqueue(lasting("plain", 5)).await.unwrap();
            two.enqueue(act("keyed").key(format!("k{}", n % 5)).queue("q")).await.unwrap();
        }
        until(&database, "mainspring.jobs", 0).await;
        one.stop().await;
        two.stop().await;
        assert_eq!(count(&mut database.connection(), "mainspring.history WHERE attempts <> 1"), 0);
    }
}

// The moment since when no session is free.
const HELD: &str = "CREATE TABLE public.held AS SELECT now() AS at";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heartbeats_go_past_a_pooler_without_a_free_session() {
    for program in Program::all() {
        let database = TestDatabase::new();
        let pooler = program.start(&database.url(), PoolMode::Transaction, "default_pool_size = 2");
        let builder = Scheduler::builder(pooler.url()).handler(behave).listen_url(database.url());
        let scheduler = builder.heartbeat_timeout(Duration::from_millis(1500)).start().await.unwrap();
        let mut strangers = [pooler.connection(), pooler.connection()];
        strangers.iter_mut().for_each(|stranger| stranger.batch_execute("BEGIN; SELECT 1").unwrap());
        database.connection().batch_execute(HELD).unwrap();
        let beats = "mainspring.workers, public.held WHERE id = 1 AND heartbeat_at > at + 2 * timeout";
        until(&database, beats, 1).await;
        drop(strangers);
        scheduler.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heartbeats_go_through_the_pooler_where_the_direct_address_refuses_them() {
    for program in Program::all() {
        let database = TestDatabase::new();
        let pooler = program.start(&database.url(), PoolMode::Transaction, "");
        let (proxy, listen_url) = through_proxy(&database.url());
        let builder = Scheduler::builder(pooler.url()).handler(behave).listen_url(listen_url);
        let scheduler = builder.heartbeat_timeout(Duration::from_millis(1500)).start().await.unwrap();
        proxy.set(Mode::Refuse);
        database.connection().batch_execute(HELD).unwrap();
        let beats = "mainspring.workers, public.held WHERE id = 1 AND heartbeat_at > at + 2 * timeout";
        until(&database, beats, 1).await;
        scheduler.stop().await;
    }
}
