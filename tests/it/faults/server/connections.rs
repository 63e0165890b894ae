//! Few connections suffice, too few are named, and a stop leaves no thread behind.

use std::sync::atomic::{AtomicU32, Ordering};

use diesel::connection::SimpleConnection;
use mainspring::{Scheduler, StartPolicy};

use crate::support::database::TestDatabase;
use crate::support::jobs::{act, behave, lasting};
use crate::support::process;
use crate::support::rows::count;
use crate::support::waiting::until;

/// A role that runs a scheduler and may have only so many connections; gone at the end.
struct Limited<'a> {
    name: String,
    database: &'a TestDatabase,
}

impl<'a> Limited<'a> {
    fn new(database: &'a TestDatabase, connections: u32) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("mainspring_limited_{}_{number}", std::process::id());
        let create = format!(
            "CREATE ROLE {name} LOGIN PASSWORD 'secret' CONNECTION LIMIT {connections}; \
             SELECT mainspring.grant_worker('{name}')"
        );
        database.connection().batch_execute(&create).unwrap();
        Self { name, database }
    }

    fn url(&self) -> String {
        let url = self.database.url();
        let (scheme, rest) = url.split_once("://").unwrap();
        let (_, place) = rest.rsplit_once('@').unwrap_or(("", rest));
        format!("{scheme}://{}:secret@{place}", self.name)
    }
}

impl Drop for Limited<'_> {
    fn drop(&mut self) {
        let name = &self.name;
        let drop = format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{name}'; \
             DROP OWNED BY {name}; DROP ROLE {name}"
        );
        let _ = self.database.connection().batch_execute(&drop);
    }
}

#[tokio::test]
async fn three_connections_suffice_for_every_kind_of_work() {
    let database = TestDatabase::new();
    let role = Limited::new(&database, 3);
    let builder = Scheduler::builder(role.url()).handler(behave).without_migrations().worker_threads(1);
    let builder = builder.crontab("* * * * * * act ?id=second {act:'cron'}");
    let scheduler = builder.start_policy(StartPolicy::FailAtOnce).start().await.unwrap();
    for n in 0..5 {
        scheduler.enqueue(lasting("plain", 20)).await.unwrap();
        scheduler.enqueue(act("keyed").key(format!("k{n}")).queue("q")).await.unwrap();
    }
    let outside = "mainspring.history WHERE key IS NOT NULL AND outcome = 'succeeded'";
    until(&database, outside, 5).await;
    until(&database, "mainspring.schedules WHERE last_fire_at > created_at", 1).await;
    until(&database, "mainspring.jobs WHERE state = 'running'", 0).await;
    scheduler.stop().await;
    assert_eq!(count(&mut database.connection(), "mainspring.workers"), 0);
}

#[tokio::test]
async fn too_few_connections_are_named_at_the_start() {
    let database = TestDatabase::new();
    let role = Limited::new(&database, 2);
    let builder = Scheduler::builder(role.url()).handler(behave).without_migrations();
    let refused = builder.start_policy(StartPolicy::FailAtOnce).start().await.unwrap_err().to_string();
    assert!(refused.contains("needs 3 connections") && refused.contains("granted 2"), "{refused}");
    assert_eq!(count(&mut database.connection(), "mainspring.workers"), 0);
    // Without the connection that listens, two suffice.
    let builder = Scheduler::builder(role.url()).handler(behave).without_migrations().without_listen();
    let scheduler = builder.start().await.unwrap();
    scheduler.enqueue(act("plain")).await.unwrap();
    until(&database, "mainspring.history", 1).await;
    scheduler.stop().await;
}

/// Not a test of its own: a process whose threads are its own as well.
#[tokio::test]
#[ignore = "the other process of `no_thread_lingers_after_a_stop`"]
async fn another_process_starts_and_stops() {
    let Some(url) = process::given_url() else { return };
    for _ in 0..10 {
        Scheduler::builder(&url).handler(behave).start().await.unwrap().stop().await;
    }
    // A thread that has ended is still listed for a moment.
    crate::support::waiting::block_until("the threads are gone", || {
        let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
        let names = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
        names.filter(|name| name.starts_with("mainspring")).count() == 0
    });
}

#[cfg(target_os = "linux")]
#[test]
fn no_thread_lingers_after_a_stop() {
    crate::support::waiting::block_in_time_once(|| {
        let database = TestDatabase::new();
        let began = std::time::Instant::now();
        process::run(&mut process::command(
            "faults::server::connections::another_process_starts_and_stops",
            &database.url(),
        ));
        // The reaper of a pool looks around each 30 seconds.
        began.elapsed() < std::time::Duration::from_secs(25)
    });
}
