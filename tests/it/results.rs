//! What handlers may return: any result, with any error, and what the error says about the job.

use std::error::Error;
use std::time::Duration;

use actix::{Context, Handler, Message};
use mainspring::{Enqueue, JobContext, JobError, Scheduler, StoreError, Task, WorkerActor};
use serde::{Deserialize, Serialize};

use crate::support::database::TestDatabase;
use crate::support::waiting::until;

macro_rules! tasks {
    ($($task:ident)*) => { $(
        #[derive(Debug, Serialize, Deserialize)]
        struct $task;
        impl Task for $task {
            const NAME: &'static str = stringify!($task);
            const MAX_ATTEMPTS: Option<i16> = Some(1);
        }
    )* };
}

tasks! { Unit Value Io Own Boxed BoxedSend Any AnySnooze AnyOutOfReach Told }

#[derive(Debug, thiserror::Error)]
#[error("no paper")]
struct OutOfPaper;

async fn unit(_: Unit, _: JobContext) {}

async fn value(_: Value, _: JobContext) -> Result<u32, OutOfPaper> {
    Ok(7)
}

async fn io(_: Io, _: JobContext) -> std::io::Result<usize> {
    Err(std::io::Error::other("disk on fire"))
}

async fn own(_: Own, _: JobContext) -> Result<(), OutOfPaper> {
    Err(OutOfPaper)
}

async fn boxed(_: Boxed, _: JobContext) -> Result<(), Box<dyn Error>> {
    Err(JobError::cancel("not wanted"))?
}

async fn boxed_send(_: BoxedSend, _: JobContext) -> Result<(), Box<dyn Error + Send + Sync>> {
    Err(JobError::snooze(Duration::from_secs(3_600)).into_error())?
}

async fn any(_: Any, _: JobContext) -> anyhow::Result<()> {
    use anyhow::Context as _;
    Err(OutOfPaper).context("cannot print")
}

async fn any_snooze(_: AnySnooze, _: JobContext) -> anyhow::Result<()> {
    Err(JobError::snooze(Duration::from_secs(3_600)))?
}

async fn any_out_of_reach(_: AnyOutOfReach, job: JobContext) -> anyhow::Result<()> {
    job.transaction(|_| -> Result<(), _> { Err(StoreError::Connect("refused".into()))? }).await?;
    Ok(())
}

impl Message for Told {
    type Result = Result<u8, OutOfPaper>;
}
impl Handler<Told> for WorkerActor {
    type Result = Result<u8, OutOfPaper>;
    fn handle(&mut self, _: Told, _: &mut Context<Self>) -> Self::Result {
        Err(OutOfPaper)
    }
}

fn builder(database: &TestDatabase) -> mainspring::SchedulerBuilder {
    let builder = Scheduler::builder(database.url()).handler(unit).handler(value).handler(io).handler(own);
    let builder = builder.handler(boxed).handler(boxed_send).handler(any).handler(any_snooze);
    builder.handler(any_out_of_reach).message::<Told>()
}

#[tokio::test]
async fn a_handler_returns_any_result_and_its_error_keeps_the_outcome() {
    let database = TestDatabase::new();
    let scheduler = builder(&database).start().await.unwrap();
    let jobs = [
        Enqueue::new(Unit).try_into(),
        Enqueue::new(Value).try_into(),
        Enqueue::new(Io).try_into(),
        Enqueue::new(Own).try_into(),
        Enqueue::new(Boxed).try_into(),
        Enqueue::new(BoxedSend).try_into(),
        Enqueue::new(Any).try_into(),
        Enqueue::new(AnySnooze).try_into(),
        Enqueue::new(AnyOutOfReach).try_into(),
        Enqueue::new(Told).try_into(),
    ];
    scheduler.enqueue_many(jobs.into_iter().map(Result::unwrap).collect()).await.unwrap();
    for (task, outcome) in [("Unit", "succeeded"), ("Value", "succeeded"), ("Boxed", "cancelled")] {
        let ended = format!("mainspring.history WHERE task = '{task}' AND outcome = '{outcome}'");
        until(&database, &ended, 1).await;
    }
    for (task, error) in
        [("Io", "disk on fire"), ("Own", "no paper"), ("Any", "cannot print: no paper"), ("Told", "no paper")]
    {
        let dead = format!("task = '{task}' AND state = 'dead' AND last_error = '{error}'");
        until(&database, &format!("mainspring.jobs WHERE {dead}"), 1).await;
    }
    let snoozed = "state = 'scheduled' AND attempts = 0 AND run_at > now() + interval '50 minutes'";
    until(&database, &format!("mainspring.jobs WHERE task IN ('BoxedSend', 'AnySnooze') AND {snoozed}"), 2)
        .await;
    let given_back = "task = 'AnyOutOfReach' AND attempts = 0 AND snoozes > 0";
    until(&database, &format!("mainspring.jobs WHERE {given_back}"), 1).await;
    scheduler.stop().await;
}

#[derive(Debug, Serialize, Deserialize)]
struct Entry(u8);
impl Task for Entry {
    const NAME: &'static str = "Entry";
    const MAX_ATTEMPTS: Option<i16> = Some(1);
}

async fn entries(entries: Vec<Entry>, _: JobContext) -> anyhow::Result<Vec<Result<u8, OutOfPaper>>> {
    Ok(entries
        .into_iter()
        .map(|Entry(number)| if number > 1 { Err(OutOfPaper) } else { Ok(number) })
        .collect())
}

#[tokio::test]
async fn a_batch_handler_returns_any_results() {
    let database = TestDatabase::new();
    let scheduler = Scheduler::builder(database.url()).batch_handler(entries).start().await.unwrap();
    scheduler.enqueue(Enqueue::new(vec![Entry(1), Entry(2), Entry(0)])).await.unwrap();
    let dead = "last_error = '1 of 3 entries failed: entry 1: no paper' AND payload = '[2]'";
    until(&database, &format!("mainspring.jobs WHERE {dead}"), 1).await;
    scheduler.stop().await;
}
