//! What verbs return, as responses. The bodies are the types' own JSON.

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, Responder};
use serde::Serialize;

use super::body::response;
use crate::attempt::JobOutcome;
use crate::error::StoreError;
use crate::scheduler::Waited;
use crate::store::jobs::{ActResult, Job, JobAct};
use crate::store::queues::QueueStatus;
use crate::store::schedules::{ScheduleFire, ScheduleRow};
use crate::stored::Stored;

macro_rules! rows {
    ($($row:ty,)+) => {
        $(
            /// 200, with the fields by their names.
            #[cfg_attr(docsrs, doc(cfg(feature = "actix-web")))]
            impl Responder for $row {
                type Body = BoxBody;

                fn respond_to(self, _: &HttpRequest) -> HttpResponse {
                    HttpResponse::Ok().json(self)
                }
            }
        )+
    };
}

rows! { Job, ScheduleRow, ScheduleFire, QueueStatus, }

/// A job was added, and runs later: 202, with its id.
///
/// ```
/// use actix_web::web;
/// use mainspring::responses::Accepted;
/// use mainspring::{Enqueue, Scheduler, SchedulerError, Task};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct Import { file: String }
/// impl Task for Import { const NAME: &'static str = "import"; }
///
/// async fn import(app: web::Data<Scheduler>, task: web::Json<Import>) -> Result<Accepted, SchedulerError> {
///     app.enqueue(Enqueue::new(task.into_inner())).await.map(Accepted) // {"id": 4711}
/// }
/// # let _ = import;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted(pub i64);

#[derive(Serialize)]
struct AcceptedBody {
    id: i64,
}

/// 202, with the id.
#[cfg_attr(docsrs, doc(cfg(feature = "actix-web")))]
impl Responder for Accepted {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        HttpResponse::Accepted().json(AcceptedBody { id: self.0 })
    }
}

/// The body of an act.
#[derive(Serialize)]
struct ActBody {
    id: i64,
    result: ActResult,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// | result | status |
/// |---|---|
/// | done | 200 |
/// | [`Cancelling`](ActResult::Cancelling): it runs, and its worker is notified | 202 |
/// | [`Unknown`](ActResult::Unknown) | 404, with `error` |
/// | any other that is not done | 409, with `error` |
#[cfg_attr(docsrs, doc(cfg(feature = "actix-web")))]
impl Responder for JobAct {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        let Self { id, result } = self;
        let status = match result {
            ActResult::Cancelling => StatusCode::ACCEPTED,
            ActResult::Unknown => StatusCode::NOT_FOUND,
            done if done.was_done() => StatusCode::OK,
            _ => StatusCode::CONFLICT,
        };
        let error = (!result.was_done()).then(|| match result {
            ActResult::Unknown => StoreError::not_found("job", &id.to_string()).to_string(),
            other => format!("job {id}: {}", other.describe()),
        });
        HttpResponse::build(status).json(ActBody { id, result, error })
    }
}

/// | wait | status |
/// |---|---|
/// | [`Ended`](Waited::Ended) | 200, with the job |
/// | [`TimedOut`](Waited::TimedOut) | 202, with the job as it was seen last |
/// | [`Gone`](Waited::Gone) | 404, with `error` |
#[cfg_attr(docsrs, doc(cfg(feature = "actix-web")))]
impl Responder for Waited {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        match self {
            Self::Ended(job) => HttpResponse::Ok().json(job),
            Self::TimedOut(job) => HttpResponse::Accepted().json(job),
            Self::Gone => response(StatusCode::NOT_FOUND, "there is no such job", None, Stored::No),
        }
    }
}

/// 200 for a job that is over, and 202 for one that is not.
#[cfg_attr(docsrs, doc(cfg(feature = "actix-web")))]
impl Responder for JobOutcome {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        let status = if self.state.is_over() { StatusCode::OK } else { StatusCode::ACCEPTED };
        HttpResponse::build(status).json(self)
    }
}
