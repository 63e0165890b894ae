//! Redacted values: what is shown of payloads that have them, by processes with their types and without, and to whom.

use std::collections::BTreeMap;

use diesel::connection::SimpleConnection;
use mainspring::{JobContext, JobResult, Redacted, Scheduler, Task};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::support::database::TestDatabase;

mod forms;
mod pages;
mod planted;
mod program;

/// In redacted values. It is in no output at all.
const SECRET: &str = "value-5tapl3";
/// In other values. It is where payloads are shown.
const OPEN: &str = "open-w0rd";
const MARK: &str = "[redacted]";

#[derive(Debug, Serialize, Deserialize)]
struct Login {
    user: String,
    password: Redacted<String>,
    #[serde(default)]
    keys: Redacted<BTreeMap<String, u8>>,
    #[serde(default)]
    others: Vec<Login>,
}
impl Task for Login {
    const NAME: &'static str = "redaction.login";
}

/// A task of the same payloads that redacts nothing.
#[derive(Serialize, Deserialize)]
struct Plain {
    user: String,
    password: String,
}
impl Task for Plain {
    const NAME: &'static str = "redaction.plain";
}

async fn sign_in(_: Login, _: JobContext) -> JobResult {
    Ok(())
}

async fn plain(_: Plain, _: JobContext) -> JobResult {
    Ok(())
}

fn payload(password: &str) -> Value {
    json!({"user": OPEN, "password": password, "others": [{"user": OPEN, "password": password}]})
}

/// The payload as it is shown.
fn shown() -> Value {
    payload(MARK)
}

/// A scheduler with both handlers. It runs nothing, as all tasks are paused.
async fn with_types(database: &TestDatabase) -> Scheduler {
    database.connection().batch_execute("SELECT mainspring.pause_all()").unwrap();
    let builder = Scheduler::builder(database.url()).without_cron().handler(sign_in).handler(plain);
    builder.start().await.unwrap()
}

#[tokio::test]
async fn an_application_gets_payloads_as_they_may_be_shown() {
    let database = TestDatabase::new();
    let (client, unknown) = (Scheduler::builder(database.url()).connect().await.unwrap(), "redaction.none");
    // Nothing is published yet.
    for task in [Login::NAME, Plain::NAME, unknown] {
        assert_eq!(client.tasks().redact(task, payload(SECRET)).await.unwrap(), None, "{task}");
    }
    let scheduler = with_types(&database).await;
    assert_eq!(scheduler.tasks().redact(Login::NAME, payload(SECRET)).await.unwrap(), Some(shown()));
    assert_eq!(scheduler.tasks().redact(Login::NAME, json!({"password": 7})).await.unwrap(), None);
    for handle in [&scheduler, &client] {
        let plain = handle.tasks().redact(Plain::NAME, json!({"other": OPEN})).await.unwrap();
        assert_eq!(plain, Some(json!({"other": OPEN})), "it redacts nothing, whatever it can read");
        assert_eq!(handle.tasks().redact(unknown, payload(SECRET)).await.unwrap(), None);
    }
    assert_eq!(client.tasks().redact(Login::NAME, payload(SECRET)).await.unwrap(), None);
    let published = client.tasks().list().await.unwrap();
    let published: Vec<_> = published.iter().map(|task| (task.name.as_str(), task.redacts)).collect();
    assert_eq!(published, [(Login::NAME, true), (Plain::NAME, false)]);
    scheduler.stop().await;
}
