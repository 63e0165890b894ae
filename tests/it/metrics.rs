//! Metrics of a running scheduler: the text for Prometheus, also over HTTP, and the recorder of the application.

use actix_web::{App, test, web};
use mainspring::{Enqueue, JobContext, Scheduler, Task, health};
use metrics_util::debugging::{DebugValue, DebuggingRecorder};
use nom_openmetrics::parser::prometheus as parse;
use serde::{Deserialize, Serialize};

use crate::support::database::TestDatabase;
use crate::support::waiting::until;

// A task of this file alone: other tests of the process have the same recorder.
#[derive(Serialize, Deserialize)]
struct Metered {}
impl Task for Metered {
    const NAME: &'static str = "metrics.metered\n\"";
}

async fn metered(_: Metered, _: JobContext) {}

fn sample(text: &str, name: &str, outcome: Option<&str>) -> f64 {
    let (_, families) = parse(text).unwrap();
    let mut samples = families.iter().flat_map(|family| &family.samples).filter(|sample| {
        let label = |name: &str| {
            sample.labels().iter().find(|label| label.name == name).map(|label| label.value.as_str())
        };
        sample.name() == name
            && label("task").is_none_or(|task| task == Metered::NAME)
            && label("outcome") == outcome
    });
    samples.next().unwrap_or_else(|| panic!("no {name} in {text}")).number()
}

#[actix_web::test]
async fn a_scrape_has_the_numbers_of_the_process_and_the_last_gauges() {
    let database = TestDatabase::new();
    let scheduler = Scheduler::builder(database.url()).handler(metered).start().await.unwrap();
    for _ in 0..3 {
        scheduler.enqueue(Enqueue::new(Metered {})).await.unwrap();
    }
    until(&database, "mainspring.history WHERE outcome = 'succeeded'", 3).await;
    crate::gauges::known(&scheduler).await;
    let app = App::new()
        .app_data(web::Data::new(scheduler.clone()))
        .route("/metrics", web::get().to(health::prometheus));
    let app = test::init_service(app).await;
    let response = test::call_service(&app, test::TestRequest::get().uri("/metrics").to_request()).await;
    assert_eq!(response.headers().get("content-type").unwrap(), "text/plain; version=0.0.4; charset=utf-8");
    let body = test::read_body(response).await;
    let text = std::str::from_utf8(&body).unwrap();
    assert_eq!(sample(text, "mainspring_jobs_enqueued_total", None), 3.0);
    assert_eq!(sample(text, "mainspring_outcomes_total", Some("succeeded")), 3.0);
    assert_eq!(sample(text, "mainspring_run_seconds_count", None), 3.0);
    assert_eq!(sample(text, "mainspring_ready", None), 1.0);
    scheduler.stop().await;
    let last = scheduler.prometheus();
    assert_eq!(
        (sample(&last, "mainspring_ready", None), sample(&last, "mainspring_workers", None)),
        (0.0, 1.0)
    );
}

#[tokio::test]
async fn a_recorder_has_everything_when_the_scheduler_has_stopped() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    recorder.install().unwrap();
    let database = TestDatabase::new();
    let scheduler = Scheduler::builder(database.url()).handler(metered).start().await.unwrap();
    for _ in 0..5 {
        scheduler.enqueue(Enqueue::new(Metered {})).await.unwrap();
    }
    until(&database, "mainspring.history WHERE outcome = 'succeeded'", 5).await;
    scheduler.stop().await;
    let mut found = 0;
    for (key, _, _, value) in snapshotter.snapshot().into_vec() {
        let labels: Vec<_> = key.key().labels().map(|label| (label.key(), label.value())).collect();
        if key.key().name() == "mainspring.outcomes"
            && labels.contains(&("task", Metered::NAME))
            && labels.contains(&("outcome", "succeeded"))
        {
            let DebugValue::Counter(count) = value else { panic!("{value:?}") };
            found = count;
        }
    }
    // The other test of this file may have run meanwhile.
    assert!((5..=8).contains(&found), "{found}");
}
