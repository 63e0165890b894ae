//! The application under test: its tasks, its handlers and its scheduler.

use std::sync::Arc;
use std::time::Duration;

use diesel::RunQueryDsl;
use mainspring::{Backoff, Enqueue, JobContext, JobError, JobResult, Scheduler, SchedulerBuilder, Task};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PublishReport {
    pub(crate) report: String,
    pub(crate) copies: Option<u32>,
}
impl Task for PublishReport {
    const NAME: &'static str = "report.publish";
    const MAX_ATTEMPTS: Option<i16> = Some(3);
    const BACKOFF: Backoff = Backoff::constant(Duration::from_secs(3_600));
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mail {
    pub(crate) to: String,
}
impl Task for Mail {
    const NAME: &'static str = "mail.send";
}

/// Pays an invoice once: the effect and the end of the job are one transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pay {
    pub(crate) invoice: i32,
    pub(crate) at_gate: Gate,
}
impl Task for Pay {
    const NAME: &'static str = "invoice.pay";
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Gate {
    BeforePaying,
    AfterPaying,
}

pub(crate) fn report(name: &str) -> Enqueue<PublishReport> {
    Enqueue::new(PublishReport { report: name.into(), copies: None })
}

pub(crate) fn mail(to: &str) -> Enqueue<Mail> {
    Enqueue::new(Mail { to: to.into() })
}

async fn publish(task: PublishReport, job: JobContext) -> JobResult {
    match task.report.as_str() {
        "torn" => Err(JobError::discard("the paper is torn")),
        "broken" => Err(std::io::Error::other("the press is broken"))?,
        "endless" => {
            job.enqueue(report("endless")).await?;
            Ok(())
        }
        _ => {
            job.enqueue(mail("readers@example.org")).await?;
            Ok(())
        }
    }
}

async fn send(_: Mail, _: JobContext) -> JobResult {
    Ok(())
}

/// A permit for each payment that has started.
pub(crate) struct Starts(pub(crate) Semaphore);

impl Starts {
    /// Waits for the next start.
    pub(crate) async fn next(&self) {
        self.0.acquire().await.unwrap().forget();
    }
}

async fn pay(task: Pay, job: JobContext) -> JobResult {
    job.try_data::<Arc<Starts>>().iter().for_each(|starts| starts.0.add_permits(1));
    let gate = Arc::clone(job.data::<Arc<Semaphore>>());
    if task.at_gate == Gate::BeforePaying {
        gate.acquire().await?.forget();
    }
    job.transaction(move |conn| {
        diesel::sql_query("INSERT INTO payments SELECT $1")
            .bind::<diesel::sql_types::Integer, _>(task.invoice)
            .execute(&mut **conn)
            .map_err(JobError::from)
    })
    .await?;
    if task.at_gate == Gate::AfterPaying {
        gate.acquire().await?.forget();
    }
    Ok(())
}

/// The scheduler of the application, as in production.
pub(crate) fn scheduler(database_url: &str) -> SchedulerBuilder {
    Scheduler::builder(database_url)
        .app_data(Arc::new(Semaphore::new(0)))
        .handler(publish)
        .handler(send)
        .handler(pay)
        .crontab("30 2 * * * mail.send ?id=nightly&tz=Europe/Berlin {to: 'night@example.org'}")
}
