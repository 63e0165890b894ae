//! The seed application: a web server with a scheduler inside. `cargo run --example demo`, then for instance
//! `curl -X POST localhost:8080/api/test-scheduler` and `curl localhost:8080/api/jobs`. The dashboard is at
//! <http://localhost:8080/jobs/>.
//!
//! - `DATABASE_URL` names the database; without it a private PostgreSQL starts under `target/`.
//! - `MAINSPRING_SCHEMA` names the schema.
//! - `PORT` is the port (default 8080), `RUST_LOG` the log level (default info).
//! - With `DEMO_FAST=1` every minute becomes two seconds.
//!
//! With `-- --once` it runs the jobs that are ready, prints how they ended, and exits, as a script or a cron pod does.

#[path = "support/listen.rs"]
mod listen;
#[path = "support/same_origin.rs"]
mod same_origin;

use std::sync::LazyLock;
use std::time::Duration;

use actix_web::error::ErrorBadRequest;
use actix_web::{App, HttpResponse, HttpServer, Responder, get, post, web};
use chrono::Utc;
use diesel::PgConnection;
use diesel::r2d2::{ConnectionManager, Pool};
use mainspring::dashboard::{Access, Rights, loopback_only};
use mainspring::embedded::{EmbeddedOptions, database_url};
use mainspring::jobs::JobFilter;
use mainspring::{
    CronExpression, Enqueue, JobContext, JobResult, Redacted, Scheduler, SchedulerBuilder, Schema,
    StoreError, Task,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::Mutex;

use self::listen::listen;
use self::same_origin::is_permitted;

static EVERY_MINUTE: LazyLock<&str> =
    LazyLock::new(|| if std::env::var("DEMO_FAST").is_ok() { "*/2 * * * * *" } else { "* * * * *" });

/// A system task: cron adds it, and its key keeps it from piling up.
#[derive(Serialize, Deserialize)]
struct CleanSessions {}
impl Task for CleanSessions {
    const NAME: &'static str = "session.cleanup";
}

async fn clean_sessions(_: CleanSessions, job: JobContext) -> JobResult {
    log::info!("cleaning up sessions, as was due at {}", job.run_at());
    Ok(())
}

/// A user's task: it runs when a request starts it, and then schedules itself again.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PublishReport {
    schedule_id: String,
    report_id: String,
    /// Opens the report's source. No log line and no page shows it.
    token: Redacted<String>,
}
impl Task for PublishReport {
    const NAME: &'static str = "report.publish";
}
impl Default for PublishReport {
    fn default() -> Self {
        Self { schedule_id: "demo".into(), report_id: "demo".into(), token: Redacted::default() }
    }
}

async fn publish_report(task: PublishReport, job: JobContext) -> JobResult {
    log::info!("publishing report {} of schedule {}", task.report_id, task.schedule_id);
    let next = CronExpression::parse(*EVERY_MINUTE)?.next_after(Utc::now());
    let key = format!("schedule:{}", task.schedule_id);
    job.enqueue(Enqueue::new(task).run_at(next).key(key)).await?;
    Ok(())
}

/// What the routes share. The scheduler is there while the worker runs, and the application's own pool always.
struct Shared {
    database_url: String,
    pool: Pool<ConnectionManager<PgConnection>>,
    schema: Schema,
    scheduler: Mutex<Option<Scheduler>>,
}

impl Shared {
    fn new(database_url: String, schema: Schema) -> Self {
        // The default of r2d2 blocks a request for 30 s while the database is away.
        let pool = Pool::builder().max_size(4).connection_timeout(Duration::from_secs(5));
        let pool = pool.build_unchecked(ConnectionManager::new(&database_url));
        Self { database_url, pool, schema, scheduler: Mutex::default() }
    }

    /// A scheduler that runs nothing. The dashboard reads through it, so it also shows what waits while the worker is stopped.
    fn observer(&self) -> SchedulerBuilder {
        let builder = Scheduler::builder(&self.database_url).schema(self.schema.name()).without_cron();
        builder.worker_name("dashboard").pool_size(2).handler_pool_size(0)
    }

    fn builder(&self) -> SchedulerBuilder {
        let crontab = format!("{} session.cleanup ?jobKey=session.cleanup", *EVERY_MINUTE);
        let builder = Scheduler::builder(&self.database_url).schema(self.schema.name()).concurrency(5);
        builder.handler(clean_sessions).handler(publish_report).crontab(&crontab)
    }
}

fn failed(error: impl ToString) -> HttpResponse {
    HttpResponse::InternalServerError().json(json!({"error": error.to_string()}))
}

#[post("/api/test-scheduler", guard = "is_permitted")]
async fn test_scheduler(shared: web::Data<Shared>, body: web::Bytes) -> actix_web::Result<HttpResponse> {
    let body: &[u8] = if body.is_empty() { b"{}" } else { &body };
    let report: PublishReport = serde_json::from_slice(body).map_err(ErrorBadRequest)?;
    let Some(scheduler) = shared.scheduler.lock().await.clone() else {
        return Ok(failed("Worker not running"));
    };
    let key = format!("schedule:{}", report.schedule_id);
    // An error is a response of its own: 400 with the field, 503 while the database is away.
    let id = scheduler.enqueue(Enqueue::new(report).key(key)).await?;
    Ok(HttpResponse::Ok().json(json!({"success": true, "message": "Job enqueued", "jobId": id})))
}

#[post("/api/worker/stop", guard = "is_permitted")]
async fn stop_worker(shared: web::Data<Shared>) -> impl Responder {
    if let Some(scheduler) = shared.scheduler.lock().await.take() {
        scheduler.stop().await;
    }
    HttpResponse::Ok().json(json!({"success": true, "message": "Worker stopped"}))
}

#[post("/api/worker/start", guard = "is_permitted")]
async fn start_worker(shared: web::Data<Shared>) -> actix_web::Result<HttpResponse> {
    let mut place = shared.scheduler.lock().await;
    if place.is_none() {
        *place = Some(shared.builder().start().await?);
    }
    Ok(HttpResponse::Ok().json(json!({"success": true, "message": "Worker started"})))
}

#[get("/api/jobs")]
async fn jobs(shared: web::Data<Shared>) -> actix_web::Result<HttpResponse> {
    let list = move || {
        let mut conn = shared.pool.get().map_err(|error| StoreError::Connect(error.to_string()))?;
        mainspring::jobs::list(&mut shared.schema.on(&mut conn), &JobFilter::new())
    };
    Ok(HttpResponse::Ok().json(web::block(list).await??))
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("info")).init();
    let schema = Schema::new(std::env::var("MAINSPRING_SCHEMA").unwrap_or_else(|_| "mainspring".into()))?;
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/target/mainspring-demo");
    match std::env::args().nth(1).as_deref() {
        None => serve(folder, schema).await,
        Some("--once") => run_once(folder, schema).await,
        Some(other) => Err(format!("unknown argument `{other}`: expected none, or --once").into()),
    }
}

async fn run_once(folder: &str, schema: Schema) -> Result<(), Box<dyn std::error::Error>> {
    let database = database_url(EmbeddedOptions::kept_in(folder))?;
    let summary = Shared::new(database.url().to_owned(), schema).builder().run_once().await?;
    println!("{summary}");
    Ok(())
}

async fn serve(folder: &str, schema: Schema) -> Result<(), Box<dyn std::error::Error>> {
    // Before anything else, so that a port that is taken is reported before jobs run.
    let (listener, address) = listen()?;
    let database = database_url(EmbeddedOptions::kept_in(folder))?;
    println!("database: {}", database.engine());
    let shared = web::Data::new(Shared::new(database.url().to_owned(), schema));
    *shared.scheduler.lock().await = Some(shared.builder().start().await?);
    let observer = shared.observer().start().await?;
    let access = loopback_only(|_| Access::Act(Rights::all()));
    let dashboard = mainspring::dashboard("/jobs", &observer, access);
    let data = shared.clone();
    let routes = || (test_scheduler, stop_worker, start_worker, jobs);
    let app = move || App::new().app_data(data.clone()).service(routes()).service(dashboard.clone());
    println!("listening on http://{address}, the dashboard is at http://{address}/jobs/");
    // The server ends at Ctrl-C or SIGTERM, once its requests are served. Then the scheduler stops in order. A second signal
    // ends the process at once.
    Scheduler::exit_at_second_signal()?;
    HttpServer::new(app).workers(2).listen(listener)?.run().await?;
    if let Some(scheduler) = shared.scheduler.lock().await.take() {
        scheduler.stop().await;
    }
    observer.stop().await;
    Ok(())
}
