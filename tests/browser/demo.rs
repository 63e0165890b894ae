//! A shop with work in every state, the same each time. Its long jobs run until they are cancelled, so the others wait.

use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use mainspring::queues::QueueSettings;
use mainspring::{
    Batch, Enqueue, JobContext, JobResult, NewJob, NewSchedule, Scheduler, Task, Wait, Workflow,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::support::waiting::{Watched, until};

macro_rules! tasks {
    ($($kind:ident $name:literal),*) => {
        $(#[derive(Serialize, Deserialize)]
        struct $kind { r#for: String }
        impl Task for $kind { const NAME: &'static str = $name; })*
    };
}

tasks!(Mail "mail.send", Invoice "invoice.render", Export "report.export", Import "prices.import");

/// Jobs that run at once, which are the exports.
const RUNNING: usize = 3;

async fn last<T>(_: T, job: JobContext) -> JobResult {
    job.progress(u8::try_from(25 * job.id() % 100).unwrap(), "rows are read")?;
    Err(job.end_requested().await)
}

/// Starts the scheduler of the shop, and returns when its long jobs run.
pub async fn start(database: &impl Watched) -> Scheduler {
    let url = database.watched_url();
    let builder =
        Scheduler::builder(url.clone()).concurrency(RUNNING).worker_threads(1).worker_name("shop-1");
    let builder = builder
        .handler(last::<Mail>)
        .handler(last::<Invoice>)
        .handler(last::<Export>)
        .handler(last::<Import>);
    let scheduler = builder.start().await.unwrap();
    for customer in ["acme", "globex", "initech"] {
        scheduler.enqueue(Enqueue::new(Export { r#for: customer.into() })).await.unwrap();
    }
    until(database, "mainspring.jobs WHERE state = 'running' AND progress > 0", RUNNING as i64).await;
    add_jobs(&scheduler).await;
    add_workflows(&scheduler).await;
    add_schedules(&scheduler).await;
    PgConnection::establish(&url).unwrap().batch_execute(include_str!("demo.sql")).unwrap();
    scheduler
}

async fn add_jobs(scheduler: &Scheduler) {
    let (queues, jobs) = (scheduler.queues(), scheduler.jobs());
    queues.set("imports", QueueSettings::concurrency(1)).await.unwrap();
    queues.set("mails", QueueSettings::concurrency(50).rate(600, Duration::from_secs(60))).await.unwrap();
    queues.pause("tenant/globex").await.unwrap();
    let of = |task: &'static str, whom: String| NewJob::new(task, &json!({ "for": whom, "language": "en" }));
    for order in 1..=4 {
        jobs.insert(of("mail.send", format!("order {order}")).queue("mails")).await.unwrap();
        jobs.insert(of("invoice.render", format!("order {order}"))).await.unwrap();
    }
    for shop in ["north", "south", "west"] {
        jobs.insert(of("prices.import", shop.into()).queue("imports").key(format!("prices/{shop}")))
            .await
            .unwrap();
    }
    jobs.insert(of("invoice.render", "globex".into()).queue("tenant/globex")).await.unwrap();
    let later = Duration::from_secs(5 * 3_600);
    jobs.insert(of("mail.send", "newsletter".into()).run_in(later).key("newsletter").flags(["slow"]))
        .await
        .unwrap();
    for (task, error) in [
        (
            "mail.send",
            "no route to mx2.mail.example within 20 s\ncaused by: connection refused (os error 111)",
        ),
        ("prices.import", "line 1207 has no price"),
        ("prices.import", "line 88 has no price"),
    ] {
        let id = jobs.insert(of(task, "acme".into())).await.unwrap();
        jobs.fail([id], Some(error)).await.unwrap();
    }
}

/// Workflow 1, with a dead job, and a batch.
async fn add_workflows(scheduler: &Scheduler) {
    let step = |name: &str| NewJob::new("order.step", &json!({ "step": name }));
    let order = Workflow::new("order 17")
        .job("charge", step("charge"))
        .job("reserve", step("reserve"))
        .job("ship", step("ship").after(Wait::signal("order:17:approved")))
        .job("review", step("review"))
        .after("ship", "charge")
        .after("ship", "reserve")
        .after("review", "ship");
    let added = scheduler.workflows().start(order).await.unwrap();
    let charge = added.job("charge").unwrap();
    scheduler.jobs().fail([charge], Some("the card has expired")).await.unwrap();
    let photos = (0..8).map(|photo| NewJob::new("photo.resize", &json!({ "photo": photo })));
    let batch = Batch::new("album 7", NewJob::new("album.publish", &json!({}))).members(photos);
    scheduler.workflows().start(batch).await.unwrap();
}

async fn add_schedules(scheduler: &Scheduler) {
    for (name, task, expression) in [
        ("reports/acme/monthly", "report.export", "0 6 1 * *"),
        ("reports/globex/daily", "report.export", "30 5 * * 1-5"),
        ("prices/hourly", "prices.import", "5 * * * *"),
    ] {
        let new = NewSchedule::new(name, task, expression).payload(json!({ "for": name }));
        scheduler.schedules().create(new).await.unwrap();
    }
    scheduler.schedules().pause("reports/globex/daily").await.unwrap();
}
