//! A job that lost its key while it ran is not run again, however its attempt ends. The newer job runs.

use std::sync::Arc;
use std::time::Duration;

use mainspring::Scheduler;
use tokio::sync::Semaphore;

use crate::support::database::TestDatabase;
use crate::support::jobs::act;
use crate::support::rows::count;
use crate::support::schedulers::scheduler;
use crate::support::waiting::until;

/// A job that ran when a newer one took its key, and that newer one, which runs too.
struct Superseded {
    database: TestDatabase,
    scheduler: Scheduler,
    gate: Arc<Semaphore>,
    old: i64,
    new: i64,
}

impl Superseded {
    async fn start(old: &str) -> Self {
        let database = TestDatabase::new();
        let gate = Arc::new(Semaphore::new(0));
        let (builder, mut started) = scheduler(&database);
        let builder = builder.app_data(Arc::clone(&gate)).grace_period(Duration::from_millis(1));
        let scheduler = builder.start().await.unwrap();
        let old = scheduler.enqueue(act(old).key("k")).await.unwrap();
        assert_eq!(started.next().await.id, old);
        let new = scheduler.enqueue(act("at gate").key("k")).await.unwrap();
        assert_eq!(started.next().await.id, new);
        Self { database, scheduler, gate, old, new }
    }

    /// Lets both jobs end.
    async fn end(&self) {
        self.gate.add_permits(2);
        until(&self.database, &succeeded(self.new), 1).await;
        until(&self.database, "mainspring.jobs WHERE state = 'running'", 0).await;
        self.scheduler.stop().await;
    }

    fn count(&self, from: &str) -> i64 {
        count(&mut self.database.connection(), from)
    }
}

fn succeeded(id: i64) -> String {
    format!("mainspring.history WHERE id = {id} AND outcome = 'succeeded'")
}

fn dead(error: &str) -> String {
    format!("mainspring.jobs WHERE state = 'dead' AND key IS NULL AND last_error = '{error}'")
}

#[tokio::test]
async fn a_superseded_job_that_does_not_succeed_is_dead() {
    for (act, error) in [
        ("at gate, then fail", "superseded: disk on fire"),
        ("at gate, then snooze", "superseded: it snoozed"),
    ] {
        let jobs = Superseded::start(act).await;
        jobs.end().await;
        assert_eq!(jobs.count(&dead(error)), 1, "{act}");
    }
}

#[tokio::test]
async fn a_superseded_job_that_is_interrupted_is_dead_and_the_newer_one_waits() {
    let jobs = Superseded::start("at gate").await;
    jobs.scheduler.stop().await;
    let error = "superseded: interrupted: the worker stopped before the job ended";
    assert_eq!(jobs.count(&dead(error)), 1);
    let new = jobs.new;
    let waits = format!("mainspring.jobs WHERE id = {new} AND state = 'ready' AND attempts = 0");
    assert_eq!(jobs.count(&waits), 1);
}

#[tokio::test]
async fn a_superseded_job_that_succeeds_is_done() {
    let jobs = Superseded::start("at gate").await;
    jobs.end().await;
    assert_eq!(jobs.count(&succeeded(jobs.old)), 1);
    assert_eq!(jobs.count("mainspring.jobs"), 0);
}
