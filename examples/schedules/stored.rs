//! The second idiom: the scheduler keeps the schedules and fires them. The application has no table, and its handler does
//! nothing but its work.

use actix_web::{HttpResponse, web};
use mainspring::schedules::ScheduleFilter;
use mainspring::{JobContext, JobResult, NewSchedule, Overlap, ScheduleChanges, Task};
use serde::{Deserialize, Serialize};

use crate::{Edit, Shared, done};

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct PublishStored {
    report: String,
}
impl Task for PublishStored {
    const NAME: &'static str = "report.publish.stored";
}

pub(crate) async fn publish(task: PublishStored, job: JobContext) -> JobResult {
    log::info!("published {} by the stored schedule's job {}", task.report, job.id());
    Ok(())
}

pub(crate) fn routes(config: &mut web::ServiceConfig) {
    config
        .route("", web::get().to(list))
        .route("/{id}", web::post().to(create))
        .route("/{id}", web::put().to(change))
        .route("/{id}", web::delete().to(delete))
        .route("/{id}/pause", web::post().to(pause))
        .route("/{id}/resume", web::post().to(resume))
        .route("/{id}/run", web::post().to(run));
}

async fn list(shared: web::Data<Shared>) -> actix_web::Result<HttpResponse> {
    Ok(HttpResponse::Ok().json(shared.scheduler.schedules().list(ScheduleFilter::default()).await?))
}

async fn create(
    shared: web::Data<Shared>,
    id: web::Path<String>,
    edit: web::Json<Edit>,
) -> actix_web::Result<HttpResponse> {
    let task = PublishStored { report: id.clone() };
    let schedule = NewSchedule::of(&*id, &task, &edit.expression)?.overlap(Overlap::Skip);
    shared.scheduler.schedules().create(schedule).await?;
    done()
}

async fn change(
    shared: web::Data<Shared>,
    id: web::Path<String>,
    edit: web::Json<Edit>,
) -> actix_web::Result<HttpResponse> {
    let changes = ScheduleChanges::new().expression(&edit.expression);
    shared.scheduler.schedules().update(&*id, changes).await?;
    done()
}

async fn delete(shared: web::Data<Shared>, id: web::Path<String>) -> actix_web::Result<HttpResponse> {
    shared.scheduler.schedules().delete(&*id).await?;
    done()
}

async fn pause(shared: web::Data<Shared>, id: web::Path<String>) -> actix_web::Result<HttpResponse> {
    shared.scheduler.schedules().pause(&*id).await?;
    done()
}

async fn resume(shared: web::Data<Shared>, id: web::Path<String>) -> actix_web::Result<HttpResponse> {
    shared.scheduler.schedules().resume(&*id).await?;
    done()
}

async fn run(shared: web::Data<Shared>, id: web::Path<String>) -> actix_web::Result<HttpResponse> {
    shared.scheduler.schedules().trigger(&*id).await?;
    done()
}
