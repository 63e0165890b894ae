//! The three ways to register a handler, and panics in each.

use actix::{Actor, AsyncContext, Context, Handler, Message, ResponseFuture};
use diesel::connection::SimpleConnection;
use mainspring::{Enqueue, JobContext, JobResult, Scheduler, SchedulerError, Task, WorkerActor};
use serde::{Deserialize, Serialize};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::database::TestDatabase;
use crate::support::rows::count;
use crate::support::waiting::until;

#[derive(Debug, Serialize, Deserialize, Message)]
#[rtype(result = "JobResult")]
struct Audit {
    how: String,
}
impl Task for Audit {
    const NAME: &'static str = "audit";
}

struct AuditTrail {
    seen: std::sync::Arc<AtomicUsize>,
}
impl Actor for AuditTrail {
    type Context = Context<Self>;
    fn stopped(&mut self, _: &mut Context<Self>) {
        self.seen.fetch_add(100, Ordering::SeqCst);
    }
}
impl Handler<Audit> for AuditTrail {
    type Result = JobResult;
    fn handle(&mut self, task: Audit, _: &mut Context<Self>) -> JobResult {
        assert!(task.how != "panic", "the auditor fainted");
        self.seen.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

#[derive(Debug, Serialize, Deserialize, Message)]
#[rtype(result = "JobResult")]
struct Local {
    how: String,
}
impl Task for Local {
    const NAME: &'static str = "local";
}
impl Handler<Local> for WorkerActor {
    type Result = ResponseFuture<JobResult>;
    fn handle(&mut self, task: Local, ctx: &mut Context<Self>) -> Self::Result {
        assert!(task.how != "panic", "the worker fainted");
        if task.how == "stop the worker" {
            // Its own end, which the supervisor must notice.
            let address = ctx.address();
            assert!(address.connected());
            actix::ActorContext::terminate(ctx);
        }
        let job = self.job();
        Box::pin(async move {
            // A future that is not `Send`.
            let not_send = Rc::new(job.attempt());
            tokio::task::yield_now().await;
            job.enqueue(Enqueue::new(Audit { how: format!("after attempt {not_send}") })).await?;
            Ok(())
        })
    }
}

#[actix::test]
async fn an_actor_and_the_worker_handle_tasks_and_their_panics_fail_attempts() {
    let database = TestDatabase::new();
    let seen = std::sync::Arc::new(AtomicUsize::new(0));
    let trail = AuditTrail { seen: seen.clone() }.start();
    let scheduler =
        Scheduler::builder(database.url()).actor::<Audit>(trail).message::<Local>().start().await.unwrap();
    scheduler.enqueue(Enqueue::new(Local { how: "well".into() })).await.unwrap();
    until(&database, "mainspring.history WHERE outcome = 'succeeded'", 2).await;
    assert_eq!(seen.load(Ordering::SeqCst), 1);

    scheduler.enqueue(Enqueue::new(Local { how: "panic".into() })).await.unwrap();
    let failed = "mainspring.jobs WHERE attempts = 1 AND state = 'scheduled' AND last_error LIKE";
    until(&database, &format!("{failed} 'panicked at %handlers.rs%: the worker fainted'"), 1).await;

    scheduler.enqueue(Enqueue::new(Audit { how: "panic".into() })).await.unwrap();
    until(&database, &format!("{failed} 'the actor that handles `audit` gave no reply%'"), 1).await;
    scheduler.stop().await;
}

#[actix::test]
async fn a_worker_that_ends_comes_back_and_no_job_is_lost() {
    let database = TestDatabase::new();
    let trail = AuditTrail { seen: Default::default() }.start();
    let scheduler = Scheduler::builder(database.url())
        .worker_threads(1)
        .actor::<Audit>(trail)
        .message::<Local>()
        .start()
        .await
        .unwrap();
    scheduler.enqueue(Enqueue::new(Local { how: "stop the worker".into() }).max_attempts(1)).await.unwrap();
    for _ in 0..20 {
        scheduler.enqueue(Enqueue::new(Local { how: "well".into() })).await.unwrap();
    }
    until(&database, "mainspring.jobs WHERE state <> 'dead'", 0).await;
    // The job that ended its worker may have sent its result before, or not.
    let ended = "(SELECT id FROM mainspring.history WHERE task = 'local' UNION ALL SELECT id FROM mainspring.jobs) AS ended";
    assert_eq!(count(&mut database.connection(), ended), 21);
    scheduler.stop().await;
}

async fn nothing(_: Audit, _: JobContext) -> JobResult {
    Ok(())
}

#[tokio::test]
async fn wrong_settings_are_named_with_what_was_expected_and_start_nothing() {
    let builder = || Scheduler::builder("postgres://127.0.0.1:1/none").handler(nothing);
    let cases = [
        (builder().concurrency(0), "concurrency must be 1 to 100000, got 0"),
        (builder().pool_size(0), "pool_size must be 1 to 1000, got 0"),
        (builder().handler(nothing), "task `audit` has two handlers, expected one: remove a registration"),
        (Scheduler::builder(" "), "database_url must name a PostgreSQL database, got an empty text"),
        (builder().crontab("* * * * * a\n* * * * * a"), "crontab: "),
        (builder().crontab("61 * * * * a"), "crontab: line 1"),
    ];
    for (builder, expected) in cases {
        match builder.start().await {
            Err(SchedulerError::Config(text)) => assert!(text.starts_with(expected), "{text}"),
            other => panic!("{expected}: {other:?}"),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Forgetful;
impl Task for Forgetful {
    const NAME: &'static str = "forgetful";
    const MAX_ATTEMPTS: Option<i16> = Some(1);
}

async fn forget(_: Forgetful, job: JobContext) {
    let _: &u128 = job.data();
}

#[derive(Debug, Serialize, Deserialize, Message)]
#[rtype(result = "()")]
struct Elsewhere;
impl Task for Elsewhere {
    const NAME: &'static str = "elsewhere";
    const MAX_ATTEMPTS: Option<i16> = Some(1);
}
impl Handler<Elsewhere> for WorkerActor {
    type Result = ();
    fn handle(&mut self, _: Elsewhere, ctx: &mut Context<Self>) {
        // By then the job is no longer being handled.
        ctx.run_later(std::time::Duration::ZERO, |worker, _| {
            let job = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| worker.job()));
            assert!(job.is_err(), "no job is handled");
        });
    }
}

#[tokio::test]
async fn a_panic_in_a_public_function_names_the_callers_file() {
    let place = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let database = TestDatabase::new();
    let builder = Scheduler::builder(database.url()).handler(forget).message::<Elsewhere>();
    let scheduler = builder.worker_threads(1).start().await.unwrap();
    let (places, before) = (std::sync::Arc::clone(&place), std::panic::take_hook());
    std::panic::set_hook(Box::new(move |facts| {
        let (text, at) = (facts.to_string(), facts.location().map(ToString::to_string));
        if text.contains("`WorkerActor::job` is for handlers") {
            places.lock().unwrap().extend(at);
        }
        before(facts);
    }));
    scheduler.enqueue(Enqueue::new(Forgetful)).await.unwrap();
    let named = "last_error LIKE 'panicked at tests/it/handlers.rs:%no application data of type `u128`%'";
    until(&database, &format!("mainspring.jobs WHERE state = 'dead' AND {named}"), 1).await;
    scheduler.enqueue(Enqueue::new(Elsewhere)).await.unwrap();
    crate::support::waiting::until_true(&database, "the panic", || !place.lock().unwrap().is_empty()).await;
    assert!(place.lock().unwrap()[0].starts_with("tests/it/handlers.rs:"), "{place:?}");
    scheduler.stop().await;
}

#[derive(Serialize, Deserialize)]
struct Write;
impl Task for Write {
    const NAME: &'static str = "write";
}

async fn write(_: Write, job: JobContext) -> JobResult {
    let mut conn = job.connection().await?;
    let id = job.id();
    job.block(move || conn.batch_execute(&format!("INSERT INTO written VALUES ({id})"))).await?;
    Ok(())
}

#[tokio::test]
async fn a_handler_gets_a_connection_to_the_database_of_its_job() {
    let database = TestDatabase::new();
    database.connection().batch_execute("CREATE TABLE written (job bigint)").unwrap();
    let scheduler = Scheduler::builder(database.url()).handler(write).start().await.unwrap();
    let id = scheduler.enqueue(Enqueue::new(Write)).await.unwrap();
    until(&database, &format!("public.written WHERE job = {id}"), 1).await;
    scheduler.stop().await;
}
