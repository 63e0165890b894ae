//! A shop with all kinds of work, to see the dashboards and alerts of `ops/` with figures. `cargo run --example dashboards`, then
//!
//! - `curl localhost:9464/metrics` is what Prometheus scrapes: `prometheus --config.file=ops/prometheus.yml`,
//! - `ops/draw.py` draws both dashboards, and Grafana imports them from `ops/grafana`.
//!
//! Mails fail now and then, some imports die, exports come in bursts and wait, the queue of one tenant is paused, and for one task
//! there is no handler. `DATABASE_URL` names the database; without it a private PostgreSQL starts under `target/`. `PORT` is the
//! port (default 9464).

use std::f64::consts::TAU;
use std::time::{Duration, Instant};

use actix_web::{App, HttpServer, web};
use mainspring::embedded::{EmbeddedOptions, database_url};
use mainspring::{Backoff, Enqueue, JobContext, JobError, JobResult, NewJob, Scheduler, Task, health};
use serde::{Deserialize, Serialize};
use tokio::time::{interval, sleep};

#[derive(Serialize, Deserialize)]
struct SendMail {}
impl Task for SendMail {
    const NAME: &'static str = "mail.send";
    const BACKOFF: Backoff = Backoff::constant(Duration::from_secs(20));
}

async fn send_mail(_: SendMail, _: JobContext) -> JobResult {
    takes(30.0).await;
    if fastrand::u8(..100) < 4 { Err("no route to the mail server".into()) } else { Ok(()) }
}

#[derive(Serialize, Deserialize)]
struct Export {}
impl Task for Export {
    const NAME: &'static str = "report.export";
}

async fn export(_: Export, _: JobContext) -> JobResult {
    takes(900.0).await;
    Ok(())
}

#[derive(Serialize, Deserialize)]
struct Import {}
impl Task for Import {
    const NAME: &'static str = "prices.import";
}

async fn import(_: Import, _: JobContext) -> JobResult {
    takes(200.0).await;
    if fastrand::u8(..100) < 10 { Err(JobError::discard("the file has no prices")) } else { Ok(()) }
}

/// Takes about so many milliseconds, and sometimes much longer.
async fn takes(millis: f64) {
    sleep(Duration::from_secs_f64(millis / 1_000.0 * (0.6 - fastrand::f64().ln() / 2.0))).await;
}

/// Adds the work of each second, for ever. Mails come and go within ten minutes, and exports in a burst in every five.
async fn add_work(scheduler: Scheduler) -> Result<(), Box<dyn std::error::Error>> {
    let (began, mut seconds) = (Instant::now(), interval(Duration::from_secs(1)));
    loop {
        let second = seconds.tick().await.duration_since(began.into()).as_secs();
        let mails = 25.0 + 20.0 * (second as f64 / 600.0 * TAU).sin() + 5.0 * fastrand::f64();
        let mut jobs = Vec::new();
        for _ in 0..mails as usize {
            jobs.push(NewJob::try_from(Enqueue::new(SendMail {}))?);
        }
        for _ in 0..if second % 300 == 120 { 150 } else { fastrand::usize(0..3) } {
            jobs.push(Enqueue::new(Export {}).try_into()?);
        }
        if second % 3 == 0 {
            jobs.push(Enqueue::new(Import {}).try_into()?);
        }
        if second % 20 == 0 {
            jobs.push(Enqueue::new(Export {}).queue("tenant:7").try_into()?);
        }
        if second % 120 == 60 {
            jobs.push(NewJob::new("legacy.sync", &serde_json::json!({})));
        }
        scheduler.enqueue_many(jobs).await?;
    }
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("error")).init();
    let port = std::env::var("PORT").map_or(Ok(9464), |port| port.parse())?;
    let database = database_url(EmbeddedOptions::kept_in(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/target/mainspring-dashboards"
    )))?;
    let builder = Scheduler::builder(database.url()).handler(send_mail).handler(export).handler(import);
    let scheduler = builder.concurrency(20).start().await?;
    scheduler.queues().pause("tenant:7").await?;
    let adding = actix_web::rt::spawn(add_work(scheduler.clone()));
    let shared = web::Data::new(scheduler.clone());
    let app =
        move || App::new().app_data(shared.clone()).route("/metrics", web::get().to(health::prometheus));
    HttpServer::new(app).workers(1).bind(("127.0.0.1", port))?.run().await?;
    adding.abort();
    scheduler.stop().await;
    Ok(())
}
