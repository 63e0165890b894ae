//! The routes and the handler of the example: an import that is started from a page, which shows how far it is.

#[path = "../support/same_origin.rs"]
mod same_origin;

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, get, post, web};
use mainspring::responses::{self, Accepted};
use mainspring::{Enqueue, JobContext, JobError, Scheduler, SchedulerError, Task};
use serde::{Deserialize, Serialize};

use self::same_origin::is_permitted;

/// Imports so many lines.
#[derive(Serialize, Deserialize)]
pub(crate) struct Import {
    pub(crate) lines: u32,
}
impl Task for Import {
    const NAME: &'static str = "import";
}

/// How long a tenth of the lines takes.
pub(crate) struct Pace(pub(crate) Duration);

/// Reports each tenth, and returns how many lines there are.
pub(crate) async fn import(task: Import, job: JobContext) -> Result<u32, JobError> {
    for tenth in 1..=10_u8 {
        job.checkpoint()?;
        tokio::time::sleep(job.data::<Pace>().0).await;
        let done = task.lines / 10 * u32::from(tenth);
        job.progress(tenth * 10, format!("{done} of {} lines", task.lines))?;
    }
    Ok(task.lines)
}

#[get("/")]
async fn page() -> HttpResponse {
    HttpResponse::Ok().content_type("text/html; charset=utf-8").body(include_str!("page.html"))
}

#[post("/imports", guard = "is_permitted")]
async fn start(app: web::Data<Scheduler>) -> Result<Accepted, SchedulerError> {
    app.enqueue(Enqueue::new(Import { lines: 1_000 })).await.map(Accepted)
}

// In an application, whether this person may see this job is asked first.
#[get("/imports/{id}/progress")]
async fn progress(
    app: web::Data<Scheduler>,
    id: web::Path<i64>,
    request: HttpRequest,
) -> Result<HttpResponse, SchedulerError> {
    responses::follow(app.jobs().follow(*id), &request).await
}

/// The routes. The application holds a `web::Data<Scheduler>`.
pub(crate) fn routes(config: &mut web::ServiceConfig) {
    config.service((page, start, progress));
}
