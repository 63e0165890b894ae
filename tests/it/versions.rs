//! Versions of tasks: payloads carry theirs, newer programs upgrade older ones, and older programs leave newer ones alone.

use mainspring::{JobContext, JobError, JobResult, Scheduler, SchedulerBuilder, Task};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::mpsc::UnboundedSender;

use crate::support::database::TestDatabase;
use crate::support::waiting::{Reports, reports};

mod claims;
mod deploys;
mod doors;
mod schedules;
mod upgrades;

/// The task of the first program.
#[derive(Debug, Serialize, Deserialize)]
struct First {
    to: String,
}
impl Task for First {
    const NAME: &'static str = "mail";
}

/// The task of the third program: a mail has several recipients.
#[derive(Debug, Serialize, Deserialize)]
struct Third {
    recipients: Vec<String>,
}
impl Task for Third {
    const NAME: &'static str = "mail";
    const VERSION: i32 = 2;

    fn upgrade(from: i32, mut mail: Value) -> Result<Value, JobError> {
        match mail["to"].as_str() {
            Some("nobody") => Err("nobody has no address")?,
            Some("ended") => return Err(JobError::cancel("the contract has ended")),
            Some("panic") => panic!("out of ink"),
            _ => {}
        }
        // The second program had the field `address` for a while.
        let field = if from < 1 { "to" } else { "address" };
        mail["recipients"] = Value::from(vec![mail[field].take()]);
        Ok(mail)
    }
}

/// What a handler got: the version of the stored payload, and the recipients.
type Got = (i32, String);

fn report(job: &JobContext, recipients: String) {
    let _ = job.data::<UnboundedSender<Got>>().send((job.version(), recipients));
}

async fn first(mail: First, job: JobContext) -> JobResult {
    report(&job, mail.to);
    Ok(())
}

async fn third(mail: Third, job: JobContext) -> JobResult {
    report(&job, mail.recipients.join(" "));
    Ok(())
}

/// The first program.
fn old(database: &TestDatabase) -> (SchedulerBuilder, Reports<Got>) {
    let (sender, got) = reports(&database.url());
    (Scheduler::builder(database.url()).handler(first).app_data(sender), got)
}

/// The third program.
fn new(database: &TestDatabase) -> (SchedulerBuilder, Reports<Got>) {
    let (sender, got) = reports(&database.url());
    (Scheduler::builder(database.url()).handler(third).app_data(sender), got)
}
