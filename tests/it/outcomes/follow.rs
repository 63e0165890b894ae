//! A job is followed: by a stream, and by a browser.

use std::pin::Pin;
use std::sync::Arc;

use actix_web::body::MessageBody;
use actix_web::dev::ServiceResponse;
use actix_web::http::StatusCode;
use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::{App, HttpRequest, HttpResponse, web};
use futures_util::StreamExt;
use mainspring::{Follow, JobUpdate, SchedulerError, StoreError, responses};
use tokio::sync::Semaphore;

use super::*;
use crate::support::waiting::in_time;

/// Reports two pages, waits at the gate after each, and returns how many there were.
#[derive(Debug, Serialize, Deserialize)]
struct Print {}
impl Task for Print {
    const NAME: &'static str = "print";
}

async fn print(_: Print, job: JobContext) -> Result<u8, JobError> {
    let gate = job.data::<Arc<Semaphore>>();
    for page in 1..=2_u8 {
        job.progress(page * 40, format!("page {page}"))?;
        gate.acquire().await?.forget();
    }
    Ok(2)
}

async fn printer(database: &TestDatabase) -> (Scheduler, Arc<Semaphore>) {
    let gate = Arc::new(Semaphore::new(0));
    let builder = Scheduler::builder(database.url()).handler(print).app_data(Arc::clone(&gate));
    (builder.start().await.unwrap(), gate)
}

async fn next(database: &TestDatabase, updates: &mut Follow) -> Option<Result<JobUpdate, SchedulerError>> {
    in_time(&database.url(), "an update", updates.next()).await
}

async fn until_progress(database: &TestDatabase, updates: &mut Follow, percent: i16) {
    loop {
        let update = next(database, updates).await.unwrap().unwrap();
        if update.progress == Some(percent) {
            assert_eq!((update.outcome.state, update.attempts), (JobStatus::Running, 1));
            return;
        }
    }
}

#[tokio::test]
async fn a_follower_sees_the_progress_and_at_the_end_the_value() {
    let database = TestDatabase::new();
    let (scheduler, gate) = printer(&database).await;
    let id = scheduler.enqueue(Enqueue::new(Print {})).await.unwrap();
    let mut updates = scheduler.jobs().follow(id);
    for percent in [40, 80] {
        until_progress(&database, &mut updates, percent).await;
        gate.add_permits(1);
    }
    let last = loop {
        let update = next(&database, &mut updates).await.unwrap().unwrap();
        if update.outcome.state.is_over() {
            break update;
        }
    };
    assert_eq!(last.outcome.value(), Ok(2));
    assert!(next(&database, &mut updates).await.is_none());
    let mut late = scheduler.jobs().follow(id);
    assert_eq!(next(&database, &mut late).await.unwrap().unwrap(), last, "a job that has ended before");
    assert!(next(&database, &mut late).await.is_none());
    scheduler.stop().await;
}

#[tokio::test]
async fn a_stream_ends_with_the_job_and_with_the_scheduler() {
    let database = TestDatabase::new();
    let (scheduler, gate) = printer(&database).await;
    let not_found = |end| matches!(end, Some(Err(SchedulerError::Store(StoreError::NotFound { .. }))));
    let mut unknown = scheduler.jobs().follow(4_711);
    assert!(not_found(next(&database, &mut unknown).await));
    assert!(next(&database, &mut unknown).await.is_none());

    let waiting = scheduler.enqueue(Enqueue::new(Print {}).run_in(Duration::from_secs(3_600))).await.unwrap();
    let mut updates = scheduler.jobs().follow(waiting);
    assert_eq!(next(&database, &mut updates).await.unwrap().unwrap().outcome.state, JobStatus::Scheduled);
    scheduler.jobs().delete([waiting]).await.unwrap();
    assert!(not_found(next(&database, &mut updates).await));

    let running = scheduler.enqueue(Enqueue::new(Print {})).await.unwrap();
    let mut updates = scheduler.jobs().follow(running);
    until_progress(&database, &mut updates, 40).await;
    let stop = tokio::spawn(async move { scheduler.stop().await });
    loop {
        match next(&database, &mut updates).await.unwrap() {
            Ok(update) => assert_eq!(update.outcome.state, JobStatus::Running),
            Err(error) => break assert!(matches!(error, SchedulerError::Stopped), "{error}"),
        }
    }
    gate.add_permits(2);
    stop.await.unwrap();
}

async fn progress(
    app: web::Data<Scheduler>,
    id: web::Path<i64>,
    request: HttpRequest,
) -> Result<HttpResponse, SchedulerError> {
    responses::follow(app.jobs().follow(*id), &request).await
}

/// Reads the events of a stream up to one that contains the text, and returns all that was read.
async fn read_until(database: &TestDatabase, body: &mut Pin<Box<impl MessageBody>>, text: &str) -> String {
    let mut read = String::new();
    while !read.contains(text) {
        let chunk = std::future::poll_fn(|context| body.as_mut().poll_next(context));
        let Some(chunk) = in_time(&database.url(), text, chunk).await else { panic!("no {text} in: {read}") };
        read.push_str(std::str::from_utf8(&chunk.ok().unwrap()).unwrap());
    }
    read
}

fn id_of(events: &str) -> &str {
    events.rsplit_once("id: ").unwrap().1.split_once('\n').unwrap().0
}

/// What a browser gets that asks for a job, and names the last event that it was sent.
async fn ask(scheduler: &Scheduler, id: i64, last: Option<&str>) -> ServiceResponse {
    let data = web::Data::new(scheduler.clone());
    let app = init_service(App::new().app_data(data).route("/{id}", web::get().to(progress))).await;
    let request = TestRequest::with_uri(&format!("/{id}"));
    let request = last.into_iter().fold(request, |request, id| request.insert_header(("Last-Event-ID", id)));
    call_service(&app, request.to_request()).await
}

#[actix::test]
async fn a_browser_gets_events_and_those_that_it_has_missed() {
    let database = TestDatabase::new();
    let (scheduler, gate) = printer(&database).await;
    let id = scheduler.enqueue(Enqueue::new(Print {})).await.unwrap();
    let response = ask(&scheduler, id, None).await;
    assert_eq!(response.headers().get("content-type").unwrap(), "text/event-stream");
    let mut body = Box::pin(response.into_body());
    let first = read_until(&database, &mut body, "\"progress\":40,\"progress_note\":\"page 1\"}\n\n").await;
    assert!(first.starts_with("retry: 1000\nevent: update\nid: "), "{first}");
    drop(body);

    let mut body = Box::pin(ask(&scheduler, id, Some(id_of(&first))).await.into_body());
    let silent = read_until(&database, &mut body, ":\n\n").await;
    assert!(!silent.contains("event:"), "it knows that update: {silent}");
    gate.add_permits(2);
    let rest = read_until(&database, &mut body, "event: end").await;
    assert!(rest.contains(r#""state":"succeeded""#) && rest.contains(r#""value":2"#), "{rest}");

    let known = ask(&scheduler, id, Some(id_of(&rest))).await;
    assert_eq!(known.status(), StatusCode::NO_CONTENT, "it stays away");
    assert_eq!(ask(&scheduler, 4_711, None).await.status(), StatusCode::NOT_FOUND);
    scheduler.stop().await;
}

#[actix::test]
async fn a_browser_that_comes_back_is_never_turned_away_for_good() {
    let database = TestDatabase::new();
    let (scheduler, _gate) = printer(&database).await;
    let late = || Enqueue::new(Print {}).run_in(Duration::from_secs(3_600));
    let id = scheduler.enqueue(late()).await.unwrap();
    let mut body = Box::pin(ask(&scheduler, id, None).await.into_body());
    let first = read_until(&database, &mut body, "\n\n").await;
    scheduler.jobs().delete([id]).await.unwrap();
    read_until(&database, &mut body, "event: gone").await;
    let gone = ask(&scheduler, id, Some(id_of(&first))).await;
    assert_eq!(gone.status(), StatusCode::OK);
    read_until(&database, &mut Box::pin(gone.into_body()), "event: gone").await;

    let other = scheduler.enqueue(late()).await.unwrap();
    scheduler.stop().await;
    assert_eq!(ask(&scheduler, other, None).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    let again = ask(&scheduler, other, Some(id_of(&first))).await;
    assert_eq!(again.status(), StatusCode::OK);
    read_until(&database, &mut Box::pin(again.into_body()), "retry: 2000").await;
}
