//! The ways in which a handler gives its job a result.

use actix::{Actor, Context, Handler, Message};
use mainspring::{JobResult, WorkerActor};

use super::*;

/// A handler of an actor of the application.
#[derive(Debug, Serialize, Deserialize, Message)]
#[rtype(result = "Result<String, JobError>")]
struct Greet {}
impl Task for Greet {
    const NAME: &'static str = "greet";
}

/// A handler of the worker's own actor.
#[derive(Debug, Serialize, Deserialize, Message)]
#[rtype(result = "Result<u8, JobError>")]
struct Count {}
impl Task for Count {
    const NAME: &'static str = "count";
}

struct Greeter;
impl Actor for Greeter {
    type Context = Context<Self>;
}
impl Handler<Greet> for Greeter {
    type Result = Result<String, JobError>;
    fn handle(&mut self, _: Greet, _: &mut Self::Context) -> Self::Result {
        Ok("good morning".into())
    }
}
impl Handler<Count> for WorkerActor {
    type Result = Result<u8, JobError>;
    fn handle(&mut self, _: Count, _: &mut Self::Context) -> Self::Result {
        Ok(7)
    }
}

#[actix::test]
async fn actors_return_values_as_functions_do() {
    let database = TestDatabase::new();
    let builder = Scheduler::builder(database.url()).actor::<Greet>(Greeter.start().recipient());
    let scheduler = builder.message::<Count>().start().await.unwrap();
    let greeting = Enqueue::new(Greet {}).wait(&scheduler, PATIENCE).await.unwrap();
    assert_eq!(greeting.value(), Ok("good morning".to_owned()));
    assert_eq!(Enqueue::new(Count {}).wait(&scheduler, PATIENCE).await.unwrap().value(), Ok(7));
    scheduler.stop().await;
}

/// Sets its result in a transaction that commits, or not at first.
#[derive(Debug, Serialize, Deserialize)]
struct Invoice {
    fails_first: bool,
}
impl Task for Invoice {
    const NAME: &'static str = "invoice";
}

async fn invoice(task: Invoice, job: JobContext) -> Result<String, JobError> {
    let (within, fails) = (job.clone(), task.fails_first && job.attempt() == 1);
    job.transaction(move |conn| {
        conn.batch_execute("INSERT INTO invoices VALUES (1)").map_err(JobError::from)?;
        within.set_result(&"in the transaction")?;
        if fails { Err(JobError::retry_in(Duration::ZERO, "no ink")) } else { Ok(()) }
    })
    .await?;
    Ok("too late".into())
}

#[tokio::test]
async fn a_result_that_is_set_in_a_transaction_is_stored_with_its_effect() {
    let database = TestDatabase::new();
    database.connection().batch_execute("CREATE TABLE invoices (n integer)").unwrap();
    let scheduler = Scheduler::builder(database.url()).handler(invoice).start().await.unwrap();
    for fails_first in [false, true] {
        let outcome = Enqueue::new(Invoice { fails_first }).wait(&scheduler, PATIENCE).await.unwrap();
        assert_eq!(
            outcome.value(),
            Ok("in the transaction".to_owned()),
            "what is returned later is not kept"
        );
    }
    assert_eq!(count(&mut database.connection(), "invoices"), 2);
    scheduler.stop().await;
}

/// Sets a result, and tries a transaction that fails before one that commits.
#[derive(Debug, Serialize, Deserialize)]
struct Again {}
impl Task for Again {
    const NAME: &'static str = "again";
    const MAX_ATTEMPTS: Option<i16> = Some(1);
}

async fn again(_: Again, job: JobContext) -> JobResult {
    job.set_result(&7)?;
    let failed = job.transaction(|_| Err::<(), _>(JobError::from("no ink"))).await;
    assert!(failed.is_err());
    job.transaction(|_| Ok(())).await
}

#[tokio::test]
async fn a_transaction_that_is_rolled_back_leaves_the_result_to_the_next() {
    let database = TestDatabase::new();
    let scheduler = Scheduler::builder(database.url()).handler(again).start().await.unwrap();
    let outcome = Enqueue::new(Again {}).wait(&scheduler, PATIENCE).await.unwrap();
    assert_eq!(outcome.value(), Ok(7));
    scheduler.stop().await;
}

/// Sets a result, and returns none.
#[derive(Debug, Serialize, Deserialize)]
struct Note {
    size: usize,
}
impl Task for Note {
    const NAME: &'static str = "note";
    const MAX_ATTEMPTS: Option<i16> = Some(1);
}

async fn note(task: Note, job: JobContext) -> JobResult {
    job.set_result(&"first")?;
    job.set_result(&"x".repeat(task.size))
}

#[tokio::test]
async fn the_last_result_that_was_set_holds_and_one_too_large_fails_the_attempt() {
    let database = TestDatabase::new();
    let scheduler = Scheduler::builder(database.url()).handler(note).start().await.unwrap();
    let mebibyte = 1 << 20;
    let outcome = Enqueue::new(Note { size: mebibyte - 2 }).wait(&scheduler, PATIENCE).await.unwrap();
    assert_eq!(outcome.value::<String>().map(|text| text.len()), Ok(mebibyte - 2));
    let outcome = Enqueue::new(Note { size: mebibyte - 1 }).wait(&scheduler, PATIENCE).await.unwrap();
    assert_eq!(outcome.state, JobStatus::Dead);
    assert!(outcome.error.unwrap().contains("1048577 bytes"));
    until(&database, "mainspring.results", 1).await;
    scheduler.stop().await;
}
