//! What a handler may not ask of its steps: the error says so, nothing wrong is stored, and no value shows.

use mainspring::{
    BatchResult, Enqueue, JobContext, JobError, JobErrorKind, JobResult, Scheduler, StepError, Task,
};
use serde::{Deserialize, Serialize};

use super::{End, Script, job, program, stored, until_dead};
use crate::support::database::TestDatabase;
use crate::support::rows::count;
use crate::support::waiting::until;

/// Does what its text says with steps, and asserts how that ends.
#[derive(Serialize, Deserialize)]
struct Trick {
    what: String,
}
impl Task for Trick {
    const NAME: &'static str = "trick";
    const MAX_ATTEMPTS: Option<i16> = Some(1);
}

const MIB: usize = 1 << 20;

async fn text(job: &JobContext, name: &str, bytes: usize) -> Result<String, StepError> {
    // Two quotes are part of the value.
    job.step(name, || async { Ok("x".repeat(bytes - 2)) }).await
}

fn refused<T>(result: Result<T, StepError>) -> String {
    match result {
        Err(StepError::Refused { problem, .. }) => problem,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it was not refused"),
    }
}

async fn trick(task: Trick, job: JobContext) -> JobResult {
    let number = |n: i32| async move { Ok(n) };
    match task.what.as_str() {
        "two at once" => {
            let (first, second) =
                tokio::join!(job.step("first", || number(1)), job.step("second", || number(2)));
            assert_eq!(first?, 1);
            let problem = refused(second);
            assert!(problem.starts_with("began while `first` is being done"), "{problem}");
            assert_eq!(job.step("second", || number(3)).await?, 3);
        }
        "twice" => {
            job.step("same", || number(1)).await?;
            let problem = refused(job.step("same", || number(2)).await);
            assert!(problem.contains("give each step a name of its own"), "{problem}");
        }
        "names" => {
            for (name, got) in
                [(String::new(), "got 0"), ("n".repeat(129), "got 129"), ("a\0b".into(), "NUL")]
            {
                let problem = refused(job.step(name, || number(1)).await);
                assert!(problem.contains("name must ") && problem.contains(got), "{problem}");
            }
            job.step("\u{fc}\u{20ac}".repeat(64), || number(1)).await?;
        }
        "one value" => {
            let problem = refused(text(&job, "large", MIB + 1).await);
            assert_eq!(problem, "has a value of 1048577 bytes: at most 1048576 are stored");
            assert_eq!(text(&job, "large", MIB).await?.len(), MIB - 2);
        }
        "all values" => {
            for n in 0..16 {
                text(&job, &format!("{n}"), MIB).await?;
            }
            let problem = refused(text(&job, "one more", 3).await);
            assert_eq!(
                problem,
                "brings the values of the job to 16777219 bytes: at most 16777216 are stored"
            );
        }
        "no JSON" => {
            let map = || async { Ok(std::collections::HashMap::from([((1, 2), 3)])) };
            let problem = refused(job.step("map", map).await);
            assert!(problem.starts_with("has a value that cannot be written as JSON"), "{problem}");
        }
        other => panic!("{other}"),
    }
    Err(JobError::discard("as expected"))
}

#[tokio::test]
async fn a_step_that_breaks_a_rule_is_refused_and_not_stored() {
    let database = TestDatabase::new();
    let scheduler = Scheduler::builder(database.url()).handler(trick).start().await.unwrap();
    let conn = &mut database.connection();
    for (what, left) in
        [("two at once", 2), ("twice", 1), ("names", 1), ("one value", 1), ("all values", 16), ("no JSON", 0)]
    {
        let id = scheduler.enqueue(Enqueue::new(Trick { what: what.into() })).await.unwrap();
        until(&database, &format!("mainspring.jobs WHERE id = {id} AND state = 'dead'"), 1).await;
        let expected = format!("mainspring.jobs WHERE id = {id} AND last_error = 'as expected'");
        until(&database, &expected, 1).await;
        assert_eq!(count(conn, &format!("mainspring.steps WHERE job_id = {id}")), left, "{what}");
    }
    scheduler.stop().await;
}

#[tokio::test]
async fn a_step_that_fails_stores_nothing_and_its_error_passes_through() {
    let database = TestDatabase::new();
    let script = Script::new(&["charge", "bad printer"], &[]);
    let scheduler = program(&database, &script).start().await.unwrap();
    scheduler.enqueue(job().max_attempts(1)).await.unwrap();
    until_dead(&database, "out of paper").await;
    assert_eq!(stored(&mut database.connection()), 1);
    scheduler.stop().await;
}

#[test]
fn the_kind_of_an_error_stays_what_the_closure_said() {
    let minute = std::time::Duration::from_secs(60);
    for (error, kind) in [
        (JobError::snooze(minute), JobErrorKind::Snoozed),
        (JobError::cancel("no"), JobErrorKind::Cancelled),
        (JobError::discard("no"), JobErrorKind::Discarded),
        (JobError::from("no"), JobErrorKind::Failed),
    ] {
        let text = error.to_string();
        let passed: JobError = StepError::Failed(error.into_error()).into();
        assert_eq!((passed.kind(), passed.to_string()), (kind, text));
    }
}

#[tokio::test]
async fn a_step_without_connections_of_handlers_is_an_error() {
    let database = TestDatabase::new();
    let script = Script::new(&["charge"], &[End::Well]);
    let builder = program(&database, &script).handler_pool_size(0);
    let scheduler = builder.start().await.unwrap();
    scheduler.enqueue(job().max_attempts(1)).await.unwrap();
    let error = "step `charge` cannot be read or stored: there are no connections: handler_pool_size is 0";
    until_dead(&database, error).await;
    assert_eq!(script.ran(), [] as [&str; 0]);
    scheduler.stop().await;
}

#[derive(Serialize, Deserialize)]
struct Mail(u8);
impl Task for Mail {
    const NAME: &'static str = "mail";
    const MAX_ATTEMPTS: Option<i16> = Some(1);
}

async fn send(_: Vec<Mail>, job: JobContext) -> BatchResult {
    job.step("send", || async { Ok(1) }).await?;
    Ok(Vec::new())
}

#[tokio::test]
async fn a_batch_has_no_steps() {
    let database = TestDatabase::new();
    let scheduler = Scheduler::builder(database.url()).batch_handler(send).start().await.unwrap();
    scheduler.enqueue(Enqueue::new(vec![Mail(1)])).await.unwrap();
    until_dead(&database, "step `send` is refused: a batch has no steps%").await;
    assert_eq!(stored(&mut database.connection()), 0);
    scheduler.stop().await;
}

#[tokio::test]
async fn a_value_has_been_through_json_in_the_first_attempt_too() {
    #[derive(Serialize, Deserialize)]
    struct Half {
        kept: u8,
        #[serde(skip)]
        lost: u8,
    }
    async fn cut(_: Trick, job: JobContext) -> JobResult {
        let half = job.step("cut", || async { Ok(Half { kept: 1, lost: 2 }) }).await?;
        Err(JobError::discard(format!("kept {}, lost {}", half.kept, half.lost)))
    }
    let database = TestDatabase::new();
    let scheduler = Scheduler::builder(database.url()).handler(cut).start().await.unwrap();
    let id = scheduler.enqueue(Enqueue::new(Trick { what: String::new() })).await.unwrap();
    for _ in 0..2 {
        until_dead(&database, "kept 1, lost 0").await;
        scheduler.jobs().retry([id], None).await.unwrap();
    }
    scheduler.stop().await;
}
