//! The panels and the alerts on a real Prometheus that scrapes running schedulers each second. `.ci/ops` runs it.

use actix_web::{App, HttpServer, web};
use diesel::connection::SimpleConnection;
use mainspring::{Scheduler, health};
use serde_json::Value;

use super::prometheus::Prometheus;
use super::{queries, read};
use crate::gauges::known;
use crate::support::database::TestDatabase;
use crate::support::jobs::{act, behave, behave_too, other};
use crate::support::waiting::{until, until_true};

/// What shows nothing, and why.
const EMPTY: [(&str, &str); 1] = [("mainspring_jobs_estimated", "there are too few jobs to estimate")];
/// What may show zero, and why. All others show more once there is work.
const MAYBE_ZERO: [(&str, &str); 4] = [
    ("mainspring_jobs_rescued_total", "no worker is lost"),
    ("mainspring_horizon_seconds", "no transaction stays open"),
    ("mainspring_horizon_transactions", "no transaction stays open"),
    ("mainspring_dead_rows", "the server counts them late"),
];

/// A server with the numbers of both schedulers, on a thread of its own. Returns the port.
fn serve(first: &Scheduler, second: &Scheduler) -> u16 {
    let shared = [("/first", first), ("/second", second)].map(|(path, scheduler)| (path, scheduler.clone()));
    let app = move || {
        let scopes = shared.iter().map(|(path, scheduler)| {
            let route = web::get().to(health::prometheus);
            web::scope(path).app_data(web::Data::new(scheduler.clone())).route("/metrics", route)
        });
        scopes.fold(App::new(), App::service)
    };
    let server = HttpServer::new(app).workers(1).disable_signals().bind(("127.0.0.1", 0)).unwrap();
    let port = server.addrs()[0].port();
    actix_web::rt::spawn(server.run());
    port
}

/// Scrapes both each second. The alerts of the repository fire as soon as their expressions hold.
fn scraping(port: u16) -> Prometheus {
    let job = |name: &str| {
        format!(
            "  - job_name: {name}\n    metrics_path: /{name}/metrics\n    static_configs:\n      \
             - targets: ['127.0.0.1:{port}']\n        labels: {{instance: {name}}}\n"
        )
    };
    let configuration = format!(
        "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: [alerts.yml]\n\
         scrape_configs:\n{}{}",
        job("first"),
        job("second")
    );
    let rules = read("ops/alerts.yml");
    let at_once: Vec<&str> =
        rules.lines().map(|line| if line.contains(" for: ") { "        for: 0s" } else { line }).collect();
    assert_eq!(
        at_once.iter().filter(|line| line.ends_with("for: 0s")).count(),
        rules.matches("- alert:").count()
    );
    Prometheus::start(&configuration, &at_once.join("\n"))
}

/// The task that an alert is about, or the instance.
fn about(labels: &Value) -> String {
    let label = labels.get("task").or_else(|| labels.get("instance"));
    label.and_then(Value::as_str).unwrap_or_default().to_owned()
}

#[actix_web::test]
#[ignore = "needs Prometheus, for which `.ci/ops` looks"]
async fn each_panel_shows_series_and_the_alerts_of_the_faults_fire() {
    let database = TestDatabase::new();
    let builder = || Scheduler::builder(database.url()).handler(behave).handler(behave_too);
    let (first, second) = (builder().start().await.unwrap(), builder().start().await.unwrap());
    known(&first).await;
    known(&second).await;
    let prometheus = scraping(serve(&first, &second));
    // Increases count from the first scrape on.
    until_true(&database, "two targets that are up, and no alert", || {
        prometheus.query("count(up == 1) == 2 and on () count(mainspring_outcomes_total)").len() == 1
            && prometheus.firing(about).is_empty()
    })
    .await;

    for _ in 0..50 {
        first.enqueue(other()).await.unwrap();
    }
    for what in ["succeed", "succeed", "fail", "discard", "discard"] {
        first.enqueue(act(what)).await.unwrap();
    }
    // One is due for long and known to nobody, and one is parked.
    let waiting = "SELECT mainspring.add_job('unknown', run_at => now() - interval '1 hour'), \
        mainspring.set_queue('held', 1), mainspring.pause_queue('held'), mainspring.add_job('act', queue => 'held')";
    database.connection().batch_execute(waiting).unwrap();
    until(&database, "mainspring.jobs WHERE state = 'dead'", 2).await;
    second.stop().await;

    for (title, expression) in queries("ops/grafana/prometheus.json", "expr") {
        let is_among = |names: &[(&str, &str)]| names.iter().any(|(name, _)| expression.contains(name));
        let (is_empty, may_be_zero) = (is_among(&EMPTY), is_among(&MAYBE_ZERO));
        let expression = expression.replace("$__rate_interval", "5m");
        until_true(&database, &format!("{title}: {expression}"), || {
            let series = prometheus.query(&expression);
            let shows = |value: f64| value.is_finite() && (may_be_zero || value > 0.0);
            if is_empty { series.is_empty() } else { series.iter().any(|(_, value)| shows(*value)) }
        })
        .await;
    }
    let expected = [
        ("MainspringAttemptsFail", "act"),
        ("MainspringJobsDie", "act"),
        ("MainspringJobsWait", "unknown"),
        ("MainspringNotReady", "second"),
    ];
    let expected = expected.map(|(name, about)| (name.to_owned(), about.to_owned()));
    until_true(&database, &format!("these alerts, and no others: {expected:?}"), || {
        prometheus.firing(about) == expected
    })
    .await;
    first.stop().await;
}
