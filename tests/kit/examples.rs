//! Mainspring's own examples, tested with the kit.

use std::time::Duration;

use actix_web::test::{TestRequest, call_and_read_body, call_service, init_service};
use actix_web::{App, web};
use mainspring::testing::{TestScheduler, assert_enqueued};
use mainspring::{Scheduler, SchedulerBuilder};

#[path = "../../examples/progress/app.rs"]
mod progress;

use self::progress::{Import, Pace, import, routes};

fn scheduler(database_url: &str) -> SchedulerBuilder {
    Scheduler::builder(database_url).handler(import).app_data(Pace(Duration::ZERO))
}

#[actix_web::test]
async fn the_example_progress_adds_an_import_that_returns_its_lines() {
    let jobs = TestScheduler::start(scheduler).await.unwrap();
    let app = App::new().app_data(web::Data::new(jobs.scheduler())).configure(routes);
    let app = init_service(app).await;
    let post = || TestRequest::post().uri("/imports").insert_header(("host", "localhost:8080"));
    // The page of another site adds nothing.
    let strange = post().insert_header(("origin", "http://example.org"));
    assert_eq!(call_service(&app, strange.to_request()).await.status(), 404);
    let body = call_and_read_body(&app, post().to_request()).await;
    let id = serde_json::from_slice::<serde_json::Value>(&body).unwrap()["id"].as_i64().unwrap();
    assert_eq!(jobs.enqueued::<Import>().len(), 1);
    assert_enqueued!(jobs, Import { lines: 1_000_u32 });

    let attempt = jobs.run_one::<Import>().await.unwrap();
    assert!(attempt.has_succeeded() && attempt.job.id == id, "{attempt}");
    let outcome = jobs.scheduler().jobs().outcome(id).await.unwrap().unwrap();
    assert_eq!(outcome.value::<u32>(), Ok(1_000));
}
