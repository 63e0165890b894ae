//! The first idiom: the application keeps the schedules in a table of its own, and each job adds its successor under the
//! key `report:ID`. The key guarantees at most one successor, whatever the number of requests.

use actix_web::{HttpResponse, web};
use chrono::Utc;
use diesel::connection::SimpleConnection;
use diesel::insert_into;
use diesel::prelude::*;
use mainspring::{CronExpression, Enqueue, JobContext, JobResult, Session, StoreError, Task, jobs};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{Edit, Shared, done};

diesel::table! {
    reports (id) {
        id -> Text,
        expression -> Text,
        paused -> Bool,
    }
}

pub(crate) fn make_table(conn: &mut PgConnection) -> QueryResult<()> {
    conn.batch_execute(
        "CREATE TABLE IF NOT EXISTS reports (id text PRIMARY KEY, expression text NOT NULL, paused bool NOT NULL)",
    )
}

#[derive(Debug, Queryable, Serialize)]
struct Report {
    id: String,
    expression: String,
    paused: bool,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct PublishChained {
    report: String,
}
impl Task for PublishChained {
    const NAME: &'static str = "report.publish.chained";
}

impl PublishChained {
    fn of(report: &str) -> Enqueue<Self> {
        Enqueue::new(Self { report: report.to_owned() }).key(format!("report:{report}"))
    }
}

/// Adds the successor first, so that the chain goes on even if the work below fails for good.
pub(crate) async fn publish(task: PublishChained, job: JobContext) -> JobResult {
    let (mut conn, id) = (job.connection().await?, task.report.clone());
    job.block(move || conn.transaction(|conn| chain(conn, &id))).await?;
    log::info!("published {} by the chained job {}", task.report, job.id());
    Ok(())
}

/// Adds the next job of the report, unless the report is paused or gone.
fn chain(conn: &mut Session<'_>, id: &str) -> QueryResult<()> {
    // The lock makes an edit at this moment come before or after, not in between.
    let found = reports::table.find(id).for_update().first::<Report>(&mut **conn).optional()?;
    let Some(report) = found.filter(|report| !report.paused) else { return Ok(()) };
    let next = read(&report.expression)?.next_after(Utc::now());
    PublishChained::of(id).run_at(next).insert(conn)?;
    Ok(())
}

fn read(expression: &str) -> Result<CronExpression, StoreError> {
    Ok(CronExpression::parse(expression)?)
}

pub(crate) fn routes(config: &mut web::ServiceConfig) {
    config
        .route("", web::get().to(list))
        .route("/{id}", web::post().to(create))
        .route("/{id}", web::put().to(change))
        .route("/{id}/pause", web::post().to(pause))
        .route("/{id}/run", web::post().to(run));
}

async fn list(shared: web::Data<Shared>) -> actix_web::Result<HttpResponse> {
    let all = |conn: &mut Session<'_>| reports::table.order(reports::id).load::<Report>(&mut **conn);
    Ok(HttpResponse::Ok().json(shared.with_connection(all).await?))
}

async fn create(
    shared: web::Data<Shared>,
    id: web::Path<String>,
    edit: web::Json<Edit>,
) -> actix_web::Result<HttpResponse> {
    read(&edit.expression)?;
    let work = move |conn: &mut Session<'_>| {
        conn.transaction(|conn| {
            let row =
                (reports::id.eq(&*id), reports::expression.eq(&edit.expression), reports::paused.eq(false));
            insert_into(reports::table).values(row).on_conflict_do_nothing().execute(&mut **conn)?;
            chain(conn, &id)
        })
    };
    shared.with_connection(work).await?;
    done()
}

/// Moves the waiting job to another time, by its key. A change resumes a paused report.
async fn change(
    shared: web::Data<Shared>,
    id: web::Path<String>,
    edit: web::Json<Edit>,
) -> actix_web::Result<HttpResponse> {
    read(&edit.expression)?;
    let work = move |conn: &mut Session<'_>| {
        conn.transaction(|conn| {
            let fields = (reports::expression.eq(&edit.expression), reports::paused.eq(false));
            let changed = diesel::update(reports::table.find(&*id)).set(fields).execute(&mut **conn)?;
            chain(conn, &id).map(|()| changed > 0)
        })
    };
    done_if(shared.with_connection(work).await?)
}

/// Removes the waiting job. A running one finds its report paused, and adds no successor.
async fn pause(shared: web::Data<Shared>, id: web::Path<String>) -> actix_web::Result<HttpResponse> {
    let work = move |conn: &mut Session<'_>| {
        conn.transaction(|conn| -> QueryResult<bool> {
            let paused = diesel::update(reports::table.find(&*id))
                .set(reports::paused.eq(true))
                .execute(&mut **conn)?;
            jobs::remove(conn, &format!("report:{id}"))?;
            Ok(paused > 0)
        })
    };
    done_if(shared.with_connection(work).await?)
}

/// Replaces the waiting job by one that starts within milliseconds, and adds its successor as any other.
async fn run(shared: web::Data<Shared>, id: web::Path<String>) -> actix_web::Result<HttpResponse> {
    let known = {
        let id = id.clone();
        let count =
            move |conn: &mut Session<'_>| reports::table.find(&*id).count().get_result::<i64>(&mut **conn);
        shared.with_connection(count).await? > 0
    };
    if known {
        shared.scheduler.enqueue(PublishChained::of(&id)).await?;
    }
    done_if(known)
}

fn done_if(found: bool) -> actix_web::Result<HttpResponse> {
    match found {
        true => done(),
        false => Ok(HttpResponse::NotFound().json(json!({"error": "there is no such report"}))),
    }
}
