//! Steps: parts of a handler that are done once, however many attempts their job takes.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use diesel::PgConnection;
use diesel::connection::SimpleConnection;
use mainspring::{Enqueue, JobContext, JobError, JobResult, Scheduler, SchedulerBuilder, Task};
use serde::{Deserialize, Serialize};

use crate::support::database::TestDatabase;
use crate::support::rows::count;
use crate::support::waiting::{until, until_true};

mod attempts;
mod changed;
mod ends;
mod kills;
mod lost;
mod refusals;
mod shown;
mod transactions;

/// Does the steps of the script, and then ends as it says.
#[derive(Serialize, Deserialize)]
struct Walk {
    to: String,
}
impl Task for Walk {
    const NAME: &'static str = "walk";
}

fn job() -> Enqueue<Walk> {
    Enqueue::new(Walk { to: "the river".into() })
}

/// How an attempt ends.
#[derive(Debug, Clone, Copy)]
enum End {
    Well,
    Fail,
    Snooze,
    /// A snooze for an hour.
    Rest,
    Discard,
    Cancel,
    Never,
}

/// The program, as the last deploy has left it, and what it has done.
#[derive(Default)]
struct Script {
    steps: Mutex<Vec<&'static str>>,
    ends: Mutex<VecDeque<End>>,
    ran: Mutex<Vec<String>>,
    got: Mutex<Vec<String>>,
}

impl Script {
    fn new(steps: &[&'static str], ends: &[End]) -> Arc<Self> {
        let script = Arc::new(Self::default());
        script.deploy(steps, ends);
        script
    }

    fn deploy(&self, steps: &[&'static str], ends: &[End]) {
        *self.steps.lock().unwrap() = steps.to_vec();
        *self.ends.lock().unwrap() = ends.iter().copied().collect();
    }

    /// Which closures ran, in order.
    fn ran(&self) -> Vec<String> {
        self.ran.lock().unwrap().clone()
    }

    /// Which values the handler got from all attempts, in order.
    fn got(&self) -> Vec<String> {
        self.got.lock().unwrap().clone()
    }

    fn run(&self, step: &str) -> Result<String, JobError> {
        let mut ran = self.ran.lock().unwrap();
        ran.push(step.to_owned());
        if step.starts_with("bad") { Err("out of paper")? } else { Ok(format!("{step} {}", ran.len())) }
    }
}

async fn walk(_: Walk, job: JobContext) -> JobResult {
    let script = Arc::clone(job.data::<Arc<Script>>());
    let steps = script.steps.lock().unwrap().clone();
    for step in steps {
        let value = job.step(step, || async { script.run(step) }).await?;
        script.got.lock().unwrap().push(value);
    }
    let end = script.ends.lock().unwrap().pop_front();
    match end.expect("the script has an end for each attempt") {
        End::Well => Ok(()),
        End::Fail => Err(JobError::retry_in(Duration::ZERO, "lost the way")),
        End::Snooze => Err(JobError::snooze(Duration::ZERO)),
        End::Rest => Err(JobError::snooze(Duration::from_secs(3_600))),
        End::Discard => Err(JobError::discard("no way")),
        End::Cancel => Err(JobError::cancel("no need")),
        End::Never => std::future::pending().await,
    }
}

fn program(database: &TestDatabase, script: &Arc<Script>) -> SchedulerBuilder {
    let builder = Scheduler::builder(database.url()).worker_threads(1).grace_period(Duration::ZERO);
    builder.handler(walk).app_data(Arc::clone(script))
}

/// Runs one job to its end, which is in the history.
async fn ended(database: &TestDatabase, scheduler: &Scheduler, job: Enqueue<Walk>) -> i64 {
    let id = scheduler.enqueue(job).await.unwrap();
    until(database, &format!("mainspring.history WHERE id = {id}"), 1).await;
    id
}

async fn until_dead(database: &TestDatabase, error: &str) {
    let dead = format!("mainspring.jobs WHERE state = 'dead' AND last_error LIKE '{error}'");
    until(database, &dead, 1).await;
}

async fn until_got(database: &TestDatabase, script: &Script, values: usize) {
    until_true(database, &format!("{values} values"), || script.got().len() >= values).await;
}

/// Lets a process sweep once, and shows that it did by a step of a job that never was.
async fn sweep(database: &TestDatabase) {
    let orphan = "INSERT INTO mainspring.steps (job_id, position, name, value, payload_hash) VALUES (7777777, 1, 'a', '1', 0)";
    database.connection().batch_execute(orphan).unwrap();
    let sweeper = Scheduler::builder(database.url()).start().await.unwrap();
    until(database, "mainspring.steps WHERE job_id = 7777777", 0).await;
    sweeper.stop().await;
}

fn stored(conn: &mut PgConnection) -> i64 {
    count(conn, "mainspring.steps")
}
