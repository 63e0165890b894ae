//! A REST API whose routes are the verbs of a scheduler: what it accepts, and what it replies.

use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::{Method, StatusCode};
use actix_web::test::{TestRequest, init_service, read_body};
use actix_web::{App, Error, web};
use mainspring::jobs::{Act, Job, JobAct, JobFilter};
use mainspring::responses::{self, Accepted};
use mainspring::schedules::{ScheduleFilter, ScheduleFire, ScheduleRow};
use mainspring::{NewJob, NewSchedule, ScheduleChanges, Scheduler, SchedulerError, Waited};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::support::database::TestDatabase;
use crate::support::jobs::act;
use crate::support::schedulers::scheduler;

mod once;
mod transactions;

type Shared = web::Data<Scheduler>;

async fn job(app: Shared, id: web::Path<i64>) -> Result<Job, SchedulerError> {
    app.jobs().require(*id).await
}

async fn jobs(app: Shared, filter: web::Query<JobFilter>) -> Result<web::Json<Vec<Job>>, SchedulerError> {
    app.jobs().list(filter.into_inner()).await.map(web::Json)
}

async fn run_now(app: Shared, payload: web::Json<Value>) -> Result<Accepted, responses::Error> {
    let job = NewJob::new("act", &payload).run_in(Duration::from_secs(3_600));
    Ok(Accepted(app.jobs().insert(job).await?))
}

async fn cancel(app: Shared, id: web::Path<i64>) -> Result<JobAct, SchedulerError> {
    app.jobs().act_on(*id, Act::Cancel(None)).await
}

async fn retry(app: Shared, id: web::Path<i64>) -> Result<JobAct, SchedulerError> {
    app.jobs().act_on(*id, Act::Retry(None)).await
}

async fn wait(app: Shared, path: web::Path<(i64, u64)>) -> Result<Waited, SchedulerError> {
    app.jobs().wait(path.0, Duration::from_secs(path.1)).await
}

async fn create(
    app: Shared,
    new: web::Json<NewSchedule>,
) -> Result<(ScheduleRow, StatusCode), SchedulerError> {
    Ok((app.schedules().create(new.into_inner()).await?, StatusCode::CREATED))
}

async fn change(
    app: Shared,
    name: web::Path<String>,
    changes: web::Json<ScheduleChanges>,
) -> Result<ScheduleRow, SchedulerError> {
    app.schedules().update(&*name, changes.into_inner()).await
}

async fn schedule(app: Shared, name: web::Path<String>) -> Result<ScheduleRow, SchedulerError> {
    app.schedules().require(&*name).await
}

async fn schedules(
    app: Shared,
    filter: web::Query<ScheduleFilter>,
) -> Result<web::Json<Vec<ScheduleRow>>, SchedulerError> {
    app.schedules().list(filter.into_inner()).await.map(web::Json)
}

async fn trigger(app: Shared, name: web::Path<String>) -> Result<ScheduleFire, SchedulerError> {
    app.schedules().trigger(&*name).await
}

async fn delete(app: Shared, name: web::Path<String>) -> Result<(), SchedulerError> {
    app.schedules().delete(&*name).await
}

fn routes(config: &mut web::ServiceConfig) {
    mainspring::responses::configure(config);
    config
        .route("/jobs", web::get().to(jobs))
        .route("/jobs", web::post().to(run_now))
        .route("/jobs/{id}", web::get().to(job))
        .route("/jobs/{id}/cancel", web::post().to(cancel))
        .route("/jobs/{id}/retry", web::post().to(retry))
        .route("/jobs/{id}/end/{seconds}", web::get().to(wait))
        .route("/schedules", web::get().to(schedules))
        .route("/schedules", web::post().to(create))
        .route("/schedules/{name}", web::get().to(schedule))
        .route("/schedules/{name}", web::put().to(change))
        .route("/schedules/{name}", web::delete().to(delete))
        .route("/schedules/{name}/trigger", web::post().to(trigger));
}

/// The portal on a database, with a gate for its jobs.
struct Portal {
    _database: TestDatabase,
    scheduler: Scheduler,
    gate: Arc<Semaphore>,
}

impl Portal {
    async fn start() -> Self {
        let (database, gate) = (TestDatabase::new(), Arc::new(Semaphore::new(0)));
        let (builder, _started) = scheduler(&database);
        let scheduler = builder.concurrency(1).app_data(Arc::clone(&gate)).start().await.unwrap();
        Self { _database: database, scheduler, gate }
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let shared = web::Data::new(self.scheduler.clone());
        let app = init_service(App::new().app_data(shared).configure(routes)).await;
        let request = TestRequest::with_uri(path).method(method);
        let request = match body {
            Some(body) => request.set_json(body),
            None => request,
        };
        sent(&app, request.to_request()).await
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        self.ask(Method::GET, path, None).await
    }

    async fn post(&self, path: &str) -> (u16, Value) {
        self.ask(Method::POST, path, None).await
    }
}

async fn sent<R, S>(app: &S, request: R) -> (u16, Value)
where
    S: Service<R, Response = ServiceResponse, Error = Error>,
{
    let response = app.call(request).await.unwrap();
    let status = response.status().as_u16();
    let body = read_body(response).await;
    (status, if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap() })
}

#[actix_web::test]
async fn a_job_is_shown_waited_for_and_cancelled_by_one_line_each() {
    let portal = Portal::start().await;
    let id = portal.scheduler.enqueue(act("at gate").queue("tenant:1")).await.unwrap();
    let (status, job) = portal.get(&format!("/jobs/{id}")).await;
    assert_eq!((status, &job["id"], &job["queue"]), (200, &json!(id), &json!("tenant:1")));
    let (status, listed) = portal.get("/jobs?queue=tenant:1&limit=5").await;
    assert_eq!((status, listed.as_array().unwrap().len(), &listed[0]["id"]), (200, 1, &json!(id)));
    let (status, job) = portal.get(&format!("/jobs/{id}/end/0")).await;
    assert_eq!((status, &job["id"]), (202, &json!(id)), "it waits at the gate");
    let conflict = portal.post(&format!("/jobs/{id}/retry")).await;
    assert_eq!((conflict.0, &conflict.1["id"]), (409, &json!(id)));
    assert!(conflict.1["error"].as_str().unwrap().starts_with(&format!("job {id}: unchanged: ")));

    portal.gate.add_permits(1);
    let (status, job) = portal.get(&format!("/jobs/{id}/end/60")).await;
    assert_eq!((status, &job["state"]), (200, &json!("succeeded")));
    let later = act("go").run_in(Duration::from_secs(3_600));
    let later = portal.scheduler.enqueue(later).await.unwrap();
    let cancelled = portal.post(&format!("/jobs/{later}/cancel")).await;
    assert_eq!(cancelled, (200, json!({"id": later, "result": "cancelled"})));
    let again = portal.post(&format!("/jobs/{later}/cancel")).await;
    assert_eq!((again.0, &again.1["result"]), (409, &json!("finished")));
    portal.scheduler.stop().await;
}

#[actix_web::test]
async fn a_request_that_adds_a_job_is_accepted_or_its_payload_refused() {
    let portal = Portal::start().await;
    let (status, body) = portal.ask(Method::POST, "/jobs", Some(json!({"act": "go"}))).await;
    let id = body["id"].as_i64().unwrap();
    assert_eq!((status, body), (202, json!({"id": id})));
    assert_eq!(portal.get(&format!("/jobs/{id}")).await.0, 200);
    let (status, body) = portal.ask(Method::POST, "/jobs", Some(json!({"act": 7}))).await;
    assert_eq!((status, &body["field"]), (400, &json!("payload")));
    portal.scheduler.stop().await;
}

#[actix_web::test]
async fn the_cancel_of_a_running_job_is_accepted_and_not_done() {
    let portal = Portal::start().await;
    let id = portal.scheduler.enqueue(act("at gate")).await.unwrap();
    let mut running = mainspring::jobs::JobFilter::new();
    running.state = mainspring::JobState::Running.into();
    while portal.scheduler.jobs().list(running.clone()).await.unwrap().is_empty() {
        actix_web::rt::task::yield_now().await;
    }
    let cancelled = portal.post(&format!("/jobs/{id}/cancel")).await;
    assert_eq!(cancelled, (202, json!({"id": id, "result": "cancelling"})));
    let (status, job) = portal.get(&format!("/jobs/{id}/end/60")).await;
    assert_eq!((status, &job["state"]), (200, &json!("cancelled")));
    portal.scheduler.stop().await;
}

#[actix_web::test]
async fn what_is_not_there_is_404_in_the_form_of_all_errors() {
    let portal = Portal::start().await;
    assert_eq!(portal.get("/jobs/7").await, (404, json!({"error": "there is no job `7`"})));
    assert_eq!(portal.get("/jobs/7/end/0").await, (404, json!({"error": "there is no such job"})));
    let unknown = json!({"id": 7, "result": "unknown", "error": "there is no job `7`"});
    assert_eq!(portal.post("/jobs/7/cancel").await, (404, unknown));
    for (method, path) in [(Method::GET, "/nowhere"), (Method::PATCH, "/jobs/7")] {
        let text = format!("there is no route {method} {path}");
        assert_eq!(portal.ask(method, path, None).await, (404, json!({"error": text})));
    }
    let none = (404, json!({"error": "there is no schedule `s`"}));
    assert_eq!(portal.get("/schedules/s").await, none);
    assert_eq!(portal.post("/schedules/s/trigger").await, none);
    assert_eq!(portal.ask(Method::DELETE, "/schedules/s", None).await, none);
    assert_eq!(portal.ask(Method::PUT, "/schedules/s", Some(json!({}))).await, none);
    portal.scheduler.stop().await;
}

#[actix_web::test]
async fn a_schedule_is_made_read_edited_and_sent_back() {
    let portal = Portal::start().await;
    let new = json!({"name": "acme/a", "task": "act", "expression": "0 8 * * *", "payload": {"act": "go"},
        "zone": "Europe/Berlin", "queue": "tenant:1", "flags": ["slow"], "ends_at": "2127-01-01T09:00:00+02:00"});
    let (status, row) = portal.ask(Method::POST, "/schedules", Some(new.clone())).await;
    assert_eq!(
        (status, &row["name"], &row["ends_at"]),
        (201, &json!("acme/a"), &json!("2127-01-01T07:00:00Z"))
    );
    let path = "/schedules/acme%2Fa";
    let taken = portal.ask(Method::POST, "/schedules", Some(new)).await;
    assert_eq!(taken, (409, json!({"error": "there is already a schedule `acme/a`"})));

    let (status, mut read) = portal.get(path).await;
    assert_eq!((status, read["next_fires"].as_array().unwrap().len()), (200, 5));
    read["expression"] = json!("0 9 * * *");
    read["ends_at"] = Value::Null;
    let (status, changed) = portal.ask(Method::PUT, path, Some(read.clone())).await;
    assert_eq!(status, 200, "{changed}");
    for field in ["name", "task", "payload", "zone", "queue", "overlap", "expression", "ends_at"] {
        assert_eq!(changed[field], read[field], "{field}");
    }
    assert_ne!(changed["next_fires"], read["next_fires"]);
    let (_, partly) = portal.ask(Method::PUT, path, Some(json!({"queue": null, "priority": -1}))).await;
    assert_eq!(
        (&partly["queue"], &partly["priority"], &partly["zone"]),
        (&Value::Null, &json!(-1), &read["zone"])
    );

    let (status, fire) = portal.post(&format!("{path}/trigger")).await;
    assert_eq!((status, &fire["outcome"]), (200, &json!("enqueued")));
    let (status, job) = portal.get(&format!("/jobs/{}/end/60", fire["job_id"])).await;
    assert_eq!((status, &job["state"]), (200, &json!("succeeded")));
    let (_, listed) = portal.get("/schedules?prefix=acme/").await;
    assert_eq!(listed.as_array().unwrap().len(), 1);
    assert_eq!(portal.ask(Method::DELETE, path, None).await, (204, Value::Null));
    portal.scheduler.stop().await;
}

#[actix_web::test]
async fn what_does_not_fit_is_refused_with_nothing_stored() {
    let portal = Portal::start().await;
    let new = json!({"name": "s", "task": "act", "expression": "@daily", "payload": {"act": "go"}});
    portal.ask(Method::POST, "/schedules", Some(new.clone())).await;
    let edited = |field: &str, value: Value| {
        let mut body = new.clone();
        body[field] = value;
        body["name"] = json!("t");
        body
    };
    for (body, error) in [
        (edited("prioritty", json!(1)), "the body does not fit: a schedule must have the fields name, task,"),
        (edited("priority", json!("s3cret")), "the body does not fit: priority must be an integer"),
        (
            edited("payload", json!(["s3cret"])),
            "the body does not fit: payload must be an object or null, got an array",
        ),
        (edited("expression", json!("soon")), "expression must "),
        (
            edited("payload", json!({"act": 77_777})),
            "payload does not fit the task `act` at `act`: expected a string",
        ),
        (json!({"name": "t"}), "the body does not fit: missing field `task`"),
        (json!([]), "the body does not fit: "),
    ] {
        let (status, refused) = portal.ask(Method::POST, "/schedules", Some(body)).await;
        let text = refused["error"].as_str().unwrap();
        assert!(status == 400 && text.starts_with(error), "{status} {refused}");
        assert!(!text.contains("s3cret") && !text.contains("77"), "{text}");
    }
    let (_, refused) = portal.ask(Method::POST, "/schedules", Some(edited("overlap", json!("never")))).await;
    assert_eq!(refused["field"], "overlap");
    assert_eq!(portal.get("/jobs?limit=many").await.1["field"], "limit");
    let renamed = portal.ask(Method::PUT, "/schedules/s", Some(json!({"name": "t", "paused": true}))).await;
    assert_eq!((renamed.0, &renamed.1["field"]), (400, &json!("name")));
    let (_, listed) = portal.get("/schedules").await;
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["paused"]), (1, &json!(false)));
    portal.scheduler.stop().await;
}

#[actix_web::test]
async fn a_path_query_or_body_of_another_kind_has_the_form_of_all_errors() {
    let portal = Portal::start().await;
    let starts = |(status, body): (u16, Value), expected: u16, text: &str| {
        assert_eq!(status, expected, "{body}");
        assert!(body["error"].as_str().unwrap().starts_with(text), "{body}");
    };
    starts(portal.get("/jobs/abc").await, 404, "the path does not fit: ");
    starts(portal.get("/jobs?limit=many").await, 400, "the query does not fit: ");
    starts(portal.get("/jobs?tsak=a").await, 400, "the query does not fit: unknown field `tsak`");
    let shared = web::Data::new(portal.scheduler.clone());
    let limit = mainspring::responses::json_config().limit(64);
    let app = init_service(App::new().app_data(shared).configure(routes).app_data(limit)).await;
    let post = || TestRequest::post().uri("/schedules");
    let untyped = sent(&app, post().set_payload("{}").to_request()).await;
    starts(untyped, 415, "the body does not fit: its content type must be application/json");
    let broken = post().set_payload("{\"name\"").insert_header(("content-type", "application/json"));
    starts(sent(&app, broken.to_request()).await, 400, "the body does not fit: EOF");
    let large = sent(&app, post().set_json(json!({"name": "n".repeat(100)})).to_request()).await;
    starts(large, 413, "the body is too large: at most 64 bytes are accepted");
    portal.scheduler.stop().await;
}
