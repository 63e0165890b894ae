//! Older payloads as a newer program reads them.

use diesel::connection::SimpleConnection;
use mainspring::{
    BatchResult, Enqueue, JobContext, JobError, JobResult, NewJob, Next, Scheduler, Sealed, Task,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{First, Got, Third, new, report};
use crate::sealed::Old as TestKeys;
use crate::support::database::TestDatabase;
use crate::support::rows::count;
use crate::support::waiting::reports;

fn to(whom: &str) -> NewJob {
    NewJob::new("mail", &json!({"to": whom})).version(0)
}

#[tokio::test]
async fn an_older_payload_is_upgraded_at_each_attempt_and_stored_as_it_was() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    #[derive(Serialize, Deserialize)]
    struct Again {
        n: i64,
    }
    impl Task for Again {
        const NAME: &'static str = "again";
        const VERSION: i32 = 1;
        fn upgrade(_: i32, mut payload: Value) -> Result<Value, JobError> {
            payload["n"] = (payload["n"].as_i64().unwrap_or_default() + 1).into();
            Ok(payload)
        }
    }
    async fn again(task: Again, job: JobContext) -> JobResult {
        report(&job, format!("{} of {}", task.n, job.payload()));
        if job.attempt() < 3 { Err(JobError::retry_in(std::time::Duration::ZERO, "again")) } else { Ok(()) }
    }
    NewJob::new("again", &json!({"n": 1})).version(0).insert(conn).unwrap();
    let (sender, mut got) = reports::<Got>(&database.url());
    let scheduler = Scheduler::builder(database.url()).handler(again).app_data(sender).start().await.unwrap();
    for _ in 0..3 {
        assert_eq!(got.next().await, (0, "2 of {\"n\": 1}".to_owned()));
    }
    scheduler.stop().await;
}

#[tokio::test]
async fn an_upgrade_that_fails_holds_the_job_unless_it_says_otherwise() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    for whom in ["nobody", "ended", "panic"] {
        to(whom).max_attempts(1).insert(conn).unwrap();
    }
    let (builder, _got) = new(&database);
    let summary = builder.run_once().await.unwrap();
    assert_eq!((summary.held, summary.cancelled, summary.dead), (1, 1, 1), "{summary}");
    let held = "mainspring.jobs WHERE state = 'held' AND attempts = 0 AND last_error = \
        'payload of the task `mail` cannot be upgraded from version 0 to 2: nobody has no address'";
    assert_eq!(count(conn, held), 1);
    let dead = "mainspring.jobs WHERE state = 'dead' AND last_error LIKE '%out of ink%'";
    assert_eq!(count(conn, dead), 1);
}

#[tokio::test]
async fn an_upgraded_payload_that_does_not_fit_is_held() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    NewJob::new("mail", &json!({"to": 7})).version(0).insert(conn).unwrap();
    let (builder, _got) = new(&database);
    let summary = builder.run_once().await.unwrap();
    assert_eq!(summary.held, 1, "{summary}");
    let held = "mainspring.jobs WHERE state = 'held' AND last_error LIKE \
        'payload does not fit the task `mail` at `recipients[0]`: expected%'";
    assert_eq!(count(conn, held), 1);
}

async fn pass(_: JobContext, next: Next) -> JobResult {
    next.call().await
}

#[tokio::test]
async fn middleware_and_batches_get_upgraded_payloads_too() {
    async fn together(mails: Vec<Third>, job: JobContext) -> BatchResult {
        report(&job, mails.iter().map(|mail| mail.recipients.join(" ")).collect::<Vec<_>>().join(", "));
        Ok(mails.iter().map(|_| Ok(())).collect())
    }
    for batch in [false, true] {
        let database = TestDatabase::new();
        let conn = &mut database.connection();
        let (sender, mut got) = reports::<Got>(&database.url());
        let builder = Scheduler::builder(database.url()).wrap(pass).app_data(sender);
        let builder = if batch { builder.batch_handler(together) } else { builder.handler(super::third) };
        to("ada").insert(conn).unwrap();
        if batch {
            Enqueue::new(vec![First { to: "grace".into() }, First { to: "joan".into() }])
                .insert(conn)
                .unwrap();
        }
        builder.run_once().await.unwrap();
        assert_eq!(got.next().await, (0, "ada".to_owned()));
        if batch {
            assert_eq!(got.next().await, (0, "grace, joan".to_owned()));
        }
    }
}

/// Its upgrade changes nothing.
#[derive(Serialize, Deserialize)]
struct Number {
    n: u128,
}
impl Task for Number {
    const NAME: &'static str = "number";
    const VERSION: i32 = 1;
}

#[tokio::test]
async fn a_payload_that_no_upgrade_changes_keeps_each_digit() {
    let database = TestDatabase::new();
    let payload = "{\"n\": 123456789012345678901234567890123456789}";
    NewJob::from_json("number", payload).unwrap().version(0).insert(&mut database.connection()).unwrap();
    async fn handler(number: Number, job: JobContext) -> JobResult {
        report(&job, number.n.to_string());
        Ok(())
    }
    let (sender, mut got) = reports::<Got>(&database.url());
    Scheduler::builder(database.url()).handler(handler).app_data(sender).run_once().await.unwrap();
    assert_eq!(got.next().await, (0, "123456789012345678901234567890123456789".to_owned()));
}

#[tokio::test]
async fn entries_of_two_versions_are_two_batches_under_one_key() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    let batch = |version, to: &str| {
        NewJob::new("mail", &json!([{"to": to}])).version(version).key("digest").queue("q")
    };
    let ids = [(0, "a"), (0, "b"), (1, "c"), (1, "d"), (0, "e")]
        .map(|(version, to)| batch(version, to).insert(conn).unwrap());
    assert!(ids[0] == ids[1] && ids[2] == ids[3] && ids[1] < ids[2] && ids[3] < ids[4], "{ids:?}");
    for (version, payload, key) in [
        ("NULL", "[{\"to\": \"a\"}, {\"to\": \"b\"}]", "NULL"),
        ("1", "[{\"to\": \"c\"}, {\"to\": \"d\"}]", "NULL"),
        ("NULL", "[{\"to\": \"e\"}]", "'digest'"),
    ] {
        let stored = format!(
            "mainspring.jobs WHERE version IS NOT DISTINCT FROM {version} AND payload = '{payload}' \
             AND key IS NOT DISTINCT FROM {key} AND NOT superseded"
        );
        assert_eq!(count(conn, &stored), 1, "{payload}");
    }
    // A running batch of another version is run again with what fails of it, as one of the same version is.
    conn.batch_execute(
        "UPDATE mainspring.jobs SET state = 'running', lease = 1, worker_id = 1, locked_at = now() WHERE key = 'digest'",
    )
    .unwrap();
    batch(1, "f").insert(conn).unwrap();
    assert_eq!(count(conn, "mainspring.jobs WHERE state = 'running' AND NOT superseded AND key IS NULL"), 1);
    assert_eq!(count(conn, "mainspring.jobs WHERE key = 'digest' AND version = 1"), 1);
}

/// Its card was plain in version 0.
#[derive(Serialize, Deserialize)]
struct Charge {
    card: Sealed<String, TestKeys>,
}
impl Task for Charge {
    const NAME: &'static str = "charge";
    const VERSION: i32 = 1;
    fn upgrade(_: i32, mut charge: Value) -> Result<Value, JobError> {
        let card: String = serde_json::from_value(charge["card"].take())?;
        charge["card"] = serde_json::to_value(Sealed::<_, TestKeys>::new(card))?;
        Ok(charge)
    }
}

#[tokio::test]
async fn an_upgrade_seals_a_field_that_was_plain() {
    let database = TestDatabase::new();
    NewJob::new("charge", &json!({"card": "4111"})).insert(&mut database.connection()).unwrap();
    async fn handler(charge: Charge, job: JobContext) -> JobResult {
        report(&job, charge.card.into_inner());
        Ok(())
    }
    let (sender, mut got) = reports::<Got>(&database.url());
    Scheduler::builder(database.url()).handler(handler).app_data(sender).run_once().await.unwrap();
    assert_eq!(got.next().await, (0, "4111".to_owned()));
}
