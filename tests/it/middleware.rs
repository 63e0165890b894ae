//! Middleware around handlers: its order, what it sees, and what it may change.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix::{Actor, Context, Handler, Message};
use mainspring::{
    Enqueue, JobContext, JobError, JobFuture, JobResult, Middleware, Next, Scheduler, SchedulerBuilder, Task,
    WorkerActor,
};
use serde::{Deserialize, Serialize};

use crate::support::database::TestDatabase;
use crate::support::waiting::{Reports, reports, until};

type Lines = Arc<Mutex<Vec<String>>>;

fn note(job: &JobContext, line: impl Into<String>) {
    job.data::<Lines>().lock().unwrap().push(line.into());
}

fn noted(lines: &Lines) -> Vec<String> {
    lines.lock().unwrap().clone()
}

tokio::task_local! { static LOCALE: String; }

#[derive(Debug, Serialize, Deserialize, Message)]
#[rtype(result = "JobResult")]
struct Greet {
    name: String,
}
impl Task for Greet {
    const NAME: &'static str = "greet";
    const MAX_ATTEMPTS: Option<i16> = Some(1);
}

fn greet(name: &str) -> Enqueue<Greet> {
    Enqueue::new(Greet { name: name.into() })
}

async fn greeting(task: Greet, job: JobContext) -> JobResult {
    let locale = LOCALE.try_with(Clone::clone).unwrap_or_default();
    note(&job, format!("greets {} in {locale}", task.name));
    match task.name.as_str() {
        "panic" => panic!("speechless"),
        "fail" => Err("hoarse")?,
        _ => Ok(()),
    }
}

async fn locale(job: JobContext, next: Next) -> JobResult {
    LOCALE.scope(job.queue().unwrap_or("en").to_owned(), next.call()).await
}

async fn around(job: JobContext, next: Next) -> JobResult {
    let (task, attempt, key) = (job.task().to_owned(), job.attempt(), job.key().unwrap_or("none").to_owned());
    note(&job, format!("before {task} {attempt} {key} {}", job.payload()));
    let result = next.call().await;
    note(&job, format!("after {result:?}"));
    result
}

/// Sets its name before and after the attempt.
struct Named(&'static str);

impl Middleware for Named {
    fn handle(&self, job: JobContext, next: Next) -> JobFuture {
        let name = self.0;
        Box::pin(async move {
            note(&job, format!("{name} in"));
            let result = next.call().await;
            note(&job, format!("{name} out"));
            result
        })
    }
}

fn builder(database: &TestDatabase) -> (SchedulerBuilder, Lines) {
    let lines = Lines::default();
    (Scheduler::builder(database.url()).app_data(Arc::clone(&lines)), lines)
}

#[tokio::test]
async fn the_last_middleware_is_the_outermost_and_each_sees_the_result() {
    let database = TestDatabase::new();
    let (builder, lines) = builder(&database);
    let builder =
        builder.handler(greeting).wrap(locale).wrap(around).wrap(Named("inner")).wrap(Named("outer"));
    let scheduler = builder.start().await.unwrap();
    scheduler.enqueue(greet("Ada").queue("fr").key("k1")).await.unwrap();
    until(&database, "mainspring.history WHERE outcome = 'succeeded'", 1).await;
    let expected = [
        "outer in",
        "inner in",
        "before greet 1 k1 {\"name\": \"Ada\"}",
        "greets Ada in fr",
        "after Ok(())",
        "inner out",
        "outer out",
    ];
    assert_eq!(noted(&lines), expected);
    scheduler.stop().await;
}

#[tokio::test]
async fn middleware_sees_the_flags_of_a_job() {
    let database = TestDatabase::new();
    async fn flags(job: JobContext, next: Next) -> JobResult {
        note(&job, format!("{:?}", job.flags()));
        next.call().await
    }
    let (builder, lines) = builder(&database);
    let scheduler = builder.handler(greeting).wrap(flags).start().await.unwrap();
    for job in [greet("Ada"), greet("Bea").flags(["gpu", "eu"])] {
        scheduler.enqueue(job).await.unwrap();
        until(&database, "mainspring.jobs", 0).await;
    }
    assert_eq!(noted(&lines), ["[]", "greets Ada in ", "[\"eu\", \"gpu\"]", "greets Bea in "]);
    scheduler.stop().await;
}

async fn seen(job: JobContext, next: Next) -> JobResult {
    let result = next.call().await;
    note(&job, result.as_ref().map_or_else(ToString::to_string, |()| "done".into()));
    result
}

async fn forgiving(job: JobContext, next: Next) -> JobResult {
    match next.call().await {
        Err(error) if error.to_string() == "hoarse" => {
            note(&job, "forgiven");
            Ok(())
        }
        result => result,
    }
}

#[tokio::test]
async fn middleware_sees_panics_and_misfits_and_may_change_results() {
    let database = TestDatabase::new();
    let (builder, lines) = builder(&database);
    let scheduler = builder.handler(greeting).wrap(seen).wrap(forgiving).start().await.unwrap();
    scheduler.enqueue(greet("panic")).await.unwrap();
    until(&database, "mainspring.jobs WHERE state = 'dead' AND last_error LIKE '%speechless'", 1).await;
    let misfit = mainspring::NewJob::new("greet", &serde_json::json!({"name": 7})).max_attempts(1);
    misfit.insert(&mut database.connection()).unwrap();
    until(&database, "mainspring.jobs WHERE state = 'held'", 1).await;
    scheduler.enqueue(greet("fail")).await.unwrap();
    until(&database, "mainspring.history WHERE outcome = 'succeeded'", 1).await;
    let lines = noted(&lines);
    assert_eq!(lines.len(), 6, "{lines:?}");
    assert!(lines[1].starts_with("panicked at ") && lines[1].ends_with("speechless"), "{lines:?}");
    assert!(lines[2].contains("expected a string") || lines[2].contains("`name`"), "{lines:?}");
    assert_eq!(lines[3..], ["greets fail in ", "hoarse", "forgiven"]);
    scheduler.stop().await;
}

async fn fainting(_: JobContext, _: Next) -> JobResult {
    panic!("the middleware fainted");
}

#[tokio::test]
async fn a_panic_of_middleware_fails_the_attempt_before_its_handler() {
    let database = TestDatabase::new();
    let (builder, lines) = builder(&database);
    let scheduler = builder.handler(greeting).wrap(fainting).start().await.unwrap();
    scheduler.enqueue(greet("Ada")).await.unwrap();
    until(&database, "mainspring.jobs WHERE state = 'dead' AND last_error LIKE '%middleware fainted'", 1)
        .await;
    assert_eq!(noted(&lines), [""; 0]);
    scheduler.stop().await;
}

#[derive(Debug, Serialize, Deserialize, Message)]
#[rtype(result = "JobResult")]
struct Local {}
impl Task for Local {
    const NAME: &'static str = "local";
}
impl Handler<Local> for WorkerActor {
    type Result = JobResult;
    fn handle(&mut self, _: Local, _: &mut Context<Self>) -> JobResult {
        note(&self.job(), "the worker");
        Ok(())
    }
}

struct Greeter(Lines);
impl Actor for Greeter {
    type Context = Context<Self>;
}
impl Handler<Greet> for Greeter {
    type Result = JobResult;
    fn handle(&mut self, task: Greet, _: &mut Context<Self>) -> JobResult {
        self.0.lock().unwrap().push(format!("the actor greets {}", task.name));
        Ok(())
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Entry(u8);
impl Task for Entry {
    const NAME: &'static str = "entry";
}

async fn entries(entries: Vec<Entry>, job: JobContext) -> mainspring::BatchResult {
    note(&job, "the batch");
    Ok(entries.iter().map(|_| Ok(())).collect())
}

// Lets a job pass at its second start.
async fn not_at_first(job: JobContext, next: Next) -> JobResult {
    if job.snoozes() == 0 {
        note(&job, format!("puts {} off", job.task()));
        return Err(JobError::snooze(Duration::ZERO));
    }
    next.call().await
}

async fn reported(job: JobContext, next: Next) -> JobResult {
    let result = next.call().await;
    let _ = job.data::<tokio::sync::mpsc::UnboundedSender<String>>().send(job.task().to_owned());
    result
}

#[actix::test]
async fn batches_actors_and_messages_start_only_when_middleware_calls_next() {
    let database = TestDatabase::new();
    let (builder, lines) = builder(&database);
    let (sender, mut ended): (_, Reports<String>) = reports(&database.url());
    let greeter = Greeter(Arc::clone(&lines)).start();
    let builder = builder.actor::<Greet>(greeter).message::<Local>().batch_handler(entries);
    let scheduler = builder.app_data(sender).wrap(not_at_first).wrap(reported).start().await.unwrap();
    scheduler.enqueue(greet("Ada")).await.unwrap();
    until(&database, "mainspring.history WHERE outcome = 'succeeded'", 1).await;
    scheduler.enqueue(Enqueue::new(Local {})).await.unwrap();
    until(&database, "mainspring.history WHERE outcome = 'succeeded'", 2).await;
    scheduler.enqueue(Enqueue::new(vec![Entry(1)])).await.unwrap();
    until(&database, "mainspring.history WHERE outcome = 'succeeded'", 3).await;
    let expected = [
        "puts greet off",
        "the actor greets Ada",
        "puts local off",
        "the worker",
        "puts entry off",
        "the batch",
    ];
    assert_eq!(noted(&lines), expected);
    for task in ["greet", "greet", "local", "local", "entry", "entry"] {
        assert_eq!(ended.next().await, task);
    }
    scheduler.stop().await;
}
