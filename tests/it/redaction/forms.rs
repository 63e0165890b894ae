//! Forms and requests that bring a payload back: the mark is never stored in the place of a value.

use mainspring::dashboard::{Access, Dashboard, Rights};
use mainspring::{NewJob, NewSchedule, Scheduler, Task};
use serde_json::{Value, json};

use super::pages::{open, read};
use super::{Login, MARK, Plain, SECRET, payload, shown, with_types};
use crate::dashboard::openapi::call;
use crate::dashboard::{Reply, ask, own};
use crate::support::database::TestDatabase;
use crate::support::rows::count;

async fn added() -> (TestDatabase, Scheduler, i64) {
    let database = TestDatabase::new();
    let scheduler = with_types(&database).await;
    let id = scheduler.jobs().insert(NewJob::new(Login::NAME, &payload(SECRET))).await.unwrap();
    (database, scheduler, id)
}

async fn send(dashboard: &Dashboard, like: i64, task: &str, payload: &Value) -> Reply {
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("task", task)
        .append_pair("payload", &payload.to_string())
        .append_pair("priority", "3")
        .finish();
    ask(dashboard.clone(), own(&format!("add-job?id={like}"), &form)).await
}

fn marked(database: &TestDatabase) -> i64 {
    count(&mut database.connection(), "mainspring.jobs WHERE payload::text LIKE '%[redacted]%'")
}

#[actix_web::test]
async fn a_job_that_is_run_again_as_it_is_has_its_redacted_values() {
    let (database, scheduler, id) = added().await;
    let dashboard = open(&scheduler);
    let form = read(&dashboard, &format!("add-job?id={id}")).await.text;
    assert!(form.contains(MARK) && form.contains("gets the redacted values of job"), "{form}");
    assert!(!form.contains(SECRET), "{form}");
    assert_eq!(send(&dashboard, id, Login::NAME, &shown()).await.status, 303);
    let both = format!(
        "mainspring.jobs WHERE payload = (SELECT payload FROM mainspring.jobs WHERE id = {id}) AND id >= {id}"
    );
    assert_eq!((count(&mut database.connection(), &both), marked(&database)), (2, 0));
    scheduler.stop().await;
}

#[actix_web::test]
async fn beside_a_change_each_redacted_value_is_written_anew() {
    let (database, scheduler, id) = added().await;
    let dashboard = open(&scheduler);
    let mut changed = shown();
    changed["user"] = json!("eve");
    for (like, task, payload) in [
        (id, Login::NAME, &changed),
        // A task whose payloads are shown whole.
        (id, Plain::NAME, &shown()),
        (id + 1, Login::NAME, &shown()),
        (0, Login::NAME, &json!({"user": "a", "password": "b", "others": [{"user": "c", "password": MARK}]})),
    ] {
        let refused = send(&dashboard, like, task, payload).await;
        let why = "stands for a value that is not shown: write the value";
        assert!(refused.status == 400 && refused.text.contains(why), "{}", refused.text);
        assert!(!refused.text.contains(SECRET), "{}", refused.text);
    }
    changed["password"] = json!("another");
    changed["others"] = json!([]);
    assert_eq!(send(&dashboard, id, Login::NAME, &changed).await.status, 303);
    assert_eq!((count(&mut database.connection(), "mainspring.jobs"), marked(&database)), (2, 0));
    scheduler.stop().await;
}

#[actix_web::test]
async fn a_viewer_who_sees_no_payload_gets_none_from_another_job() {
    let (_database, scheduler, id) = added().await;
    let all = |_: &_| Access::Act(Rights::all());
    let hidden = mainspring::dashboard("/jobs", &scheduler, all);
    let part = mainspring::dashboard("/jobs", &scheduler, all).payloads(|_, _, mut payload| {
        payload["user"] = "hidden".into();
        Some(payload)
    });
    for dashboard in [hidden, part] {
        let form = read(&dashboard, &format!("add-job?id={id}")).await.text;
        assert!(form.contains("So the field is empty") && !form.contains(MARK), "{form}");
        assert_eq!(send(&dashboard, id, Login::NAME, &shown()).await.status, 400);
    }
    scheduler.stop().await;
}

#[actix_web::test]
async fn the_api_refuses_the_mark_in_jobs_and_schedules() {
    let (database, scheduler, _) = added().await;
    let new = NewSchedule::new("nightly", Login::NAME, "0 8 * * *").payload(payload(SECRET));
    scheduler.schedules().create(new).await.unwrap();
    let dashboard = open(&scheduler);
    for (path, body) in [
        ("api/add-job", json!({"task": Login::NAME, "payload": shown()})),
        (
            "api/create-schedule",
            json!({"name": "new", "task": Login::NAME, "expression": "@daily", "payload": shown()}),
        ),
        ("api/update-schedule", json!({"name": "nightly", "changes": {"payload": shown()}})),
    ] {
        let refused = ask(dashboard.clone(), call("POST", path, &body)).await;
        assert!(
            refused.status == 400 && refused.text.contains("write the value"),
            "{path}: {}",
            refused.text
        );
    }
    let kept = ask(
        dashboard.clone(),
        call("POST", "api/update-schedule", &json!({"name": "nightly", "changes": {"priority": 3}})),
    );
    assert!(kept.await.text.contains(MARK));
    let stored = "mainspring.schedules WHERE payload->>'password' = 'value-5tapl3' AND priority = 3";
    assert_eq!((count(&mut database.connection(), stored), marked(&database)), (1, 0));
    scheduler.stop().await;
}

#[actix_web::test]
async fn the_form_of_a_schedule_keeps_a_payload_that_is_left_empty() {
    let (database, scheduler, _) = added().await;
    let new = NewSchedule::new("nightly", Login::NAME, "0 8 * * *").payload(payload(SECRET));
    scheduler.schedules().create(new).await.unwrap();
    let dashboard = open(&scheduler);
    let form = read(&dashboard, "update-schedule?name=nightly").await.text;
    assert!(form.contains("Leave the field empty to keep it.") && !form.contains(SECRET), "{form}");
    let fields = |payload: &str| {
        let pairs =
            [("task", Login::NAME), ("expression", "0 9 * * *"), ("zone", "UTC"), ("payload", payload)];
        form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
    };
    let refused =
        ask(dashboard.clone(), own("update-schedule?name=nightly", &fields(&shown().to_string()))).await;
    assert!(refused.status == 400 && refused.text.contains("write the value"), "{}", refused.text);
    assert_eq!(ask(dashboard.clone(), own("update-schedule?name=nightly", &fields(""))).await.status, 303);
    let stored =
        "mainspring.schedules WHERE payload->>'password' = 'value-5tapl3' AND expression = '0 9 * * *'";
    assert_eq!(count(&mut database.connection(), stored), 1);
    scheduler.stop().await;
}
