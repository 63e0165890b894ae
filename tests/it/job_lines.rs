//! The fields of log lines about attempts, and the job that is current where a handler logs.

use std::time::Duration;

use actix::{Context, Handler, Message};
use mainspring::{Enqueue, JobContext, JobError, JobResult, Next, Scheduler, Task, WorkerActor};
use serde::{Deserialize, Serialize};

use crate::support::database::TestDatabase;
use crate::support::logs::{self, Fields};

#[derive(Serialize, Deserialize)]
struct Line {
    act: String,
}
impl Task for Line {
    const NAME: &'static str = "job_lines.line";
    const MAX_ATTEMPTS: Option<i16> = Some(2);
}

async fn act(task: Line, job: JobContext) -> JobResult {
    match task.act.as_str() {
        "retry" if job.attempt() == 1 => Err(JobError::retry_in(Duration::ZERO, "not yet")),
        "die" => Err(JobError::retry_in(Duration::ZERO, "never")),
        "snooze" if job.snoozes() == 0 => Err(JobError::snooze(Duration::ZERO)),
        "cancel" => Err(JobError::cancel("no longer wanted")),
        "discard" => Err(JobError::discard("no use")),
        _ => Ok(()),
    }
}

fn line(act: &str) -> Enqueue<Line> {
    Enqueue::new(Line { act: act.into() })
}

fn field<'a>(fields: &'a Fields, name: &str) -> &'a str {
    fields.get(name).map_or("none", String::as_str)
}

#[tokio::test]
async fn each_line_of_an_attempt_has_the_fields_of_its_job() {
    logs::keep();
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let acts = ["succeed", "retry", "die", "snooze", "cancel", "discard"];
    let ids = acts.map(|act| line(act).queue("lines").insert(&mut conn).unwrap());
    Scheduler::builder(database.url()).handler(act).run_once().await.unwrap();
    let mut seen = 0;
    for id in ids {
        for (text, fields) in logs::fields_with(&format!("job {id} `job_lines.line`")) {
            let named = ["job", "task", "queue"].map(|name| field(&fields, name));
            assert_eq!(named, [id.to_string().as_str(), "job_lines.line", "lines"], "{text}");
            assert!(["1", "2"].contains(&field(&fields, "attempt")), "{text}");
            if !text.contains(" started") {
                let took: f64 = field(&fields, "milliseconds").parse().unwrap();
                assert!((0.0..60_000.0).contains(&took), "{text}");
            }
            seen += 1;
        }
    }
    assert_eq!(seen, 18, "a start and an end of each of nine attempts");
}

#[derive(Serialize, Deserialize, Message)]
#[rtype(result = "()")]
struct Spoken {}
impl Task for Spoken {
    const NAME: &'static str = "job_lines.spoken";
}

async fn log_around(job: JobContext, next: Next) -> JobResult {
    log::info!(target: "mainspring::test", "middleware of {}", job.key().unwrap_or_default());
    next.call().await
}

async fn log_everywhere(_: Spoken, job: JobContext) -> JobResult {
    let key = job.key().unwrap_or_default().to_owned();
    log::info!(target: "mainspring::test", "body of {key}");
    tokio::task::yield_now().await;
    log::info!(target: "mainspring::test", "resumed body of {key}");
    let (in_block, in_transaction, in_spawned) = (key.clone(), key.clone(), key.clone());
    job.block(move || log::info!(target: "mainspring::test", "block of {in_block}")).await;
    let spawned = async move { log::info!(target: "mainspring::test", "spawned of {in_spawned}") };
    tokio::task::spawn_local(spawned).await?;
    job.transaction(move |_| {
        log::info!(target: "mainspring::test", "transaction of {in_transaction}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_logger_knows_the_job_whose_code_logs() {
    logs::keep();
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let ids: Vec<(String, i64)> = (0..20)
        .map(|n| format!("job_lines.{n}."))
        .map(|key| (key.clone(), Enqueue::new(Spoken {}).key(key).insert(&mut conn).unwrap()))
        .collect();
    let builder = Scheduler::builder(database.url()).handler(log_everywhere).wrap(log_around);
    builder.worker_threads(2).run_once().await.unwrap();
    for (key, id) in ids {
        let lines = logs::fields_with(&format!(" of {key}"));
        assert_eq!(lines.len(), 6, "{lines:?}");
        for (text, fields) in lines {
            let expected = if text.contains("spawned") { "none".to_owned() } else { id.to_string() };
            assert_eq!(field(&fields, "current"), expected, "{text}");
        }
    }
    assert!(JobContext::current().is_none());
}

impl Handler<Spoken> for WorkerActor {
    type Result = ();

    fn handle(&mut self, _: Spoken, _: &mut Context<Self>) {
        log::info!(target: "mainspring::test", "worker handles {}", self.job().key().unwrap_or_default());
    }
}

#[tokio::test]
async fn a_logger_knows_the_job_that_a_worker_handles_itself() {
    logs::keep();
    let database = TestDatabase::new();
    let id = Enqueue::new(Spoken {}).key("job_lines.message").insert(&mut database.connection()).unwrap();
    Scheduler::builder(database.url()).message::<Spoken>().run_once().await.unwrap();
    let lines = logs::fields_with("worker handles job_lines.message");
    assert_eq!((lines.len(), field(&lines[0].1, "current")), (1, id.to_string().as_str()));
}
