//! Why a request got no page, and the words for it. Texts of the database stay out of them, and go to the log.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};

use super::access::Right;
use super::routes::Method;
use crate::error::{SchedulerError, StoreError};
use crate::responses::{self, log_cause};
use crate::stored::Stored;

#[derive(Debug)]
pub(super) enum Failure {
    Denied,
    SignIn,
    NoPage,
    /// The path has these methods.
    NoMethod(Vec<Method>),
    ForeignOrigin,
    NoRight(Right),
    /// There is none of this kind and name.
    NotFound(String),
    /// What the client sent does not fit.
    Invalid(String),
    TooLarge,
    /// So many viewers have a stream of changes that there is none for this one.
    TooManyStreams,
    /// The content type of the body is another one.
    NoJson,
    /// It cannot be done as things are: why, and the page to go back to.
    NotDone {
        why: String,
        back: String,
    },
    Scheduler(Arc<SchedulerError>),
}

/// A failure in words.
pub(super) struct Words {
    pub(super) title: &'static str,
    pub(super) text: String,
    /// What the viewer can do about it.
    pub(super) advice: &'static str,
}

impl From<SchedulerError> for Failure {
    fn from(error: SchedulerError) -> Self {
        Self::Scheduler(Arc::new(error))
    }
}

impl From<Arc<SchedulerError>> for Failure {
    fn from(error: Arc<SchedulerError>) -> Self {
        Self::Scheduler(error)
    }
}

impl Failure {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Denied | Self::ForeignOrigin | Self::NoRight(_) => StatusCode::FORBIDDEN,
            Self::SignIn => StatusCode::UNAUTHORIZED,
            Self::NoPage | Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::NoMethod(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Invalid(_) => StatusCode::BAD_REQUEST,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooManyStreams => StatusCode::SERVICE_UNAVAILABLE,
            Self::NoJson => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::NotDone { .. } => StatusCode::CONFLICT,
            Self::Scheduler(error) => error.status_code(),
        }
    }

    /// Logs the cause where it is not the client's.
    pub(super) fn log(&self) {
        if let Self::Scheduler(error) = self {
            log_cause(error);
        }
    }

    /// The same as JSON, in the form of all errors of this crate. Logs the cause where it is not the client's.
    pub(super) fn as_json(&self) -> HttpResponse {
        match self {
            Self::Scheduler(error) => error.error_response(),
            Self::Invalid(why) => responses::Error::new(self.status(), why).error_response(),
            other => responses::Error::new(other.status(), other.words().text).error_response(),
        }
    }

    pub(super) fn words(&self) -> Words {
        let words = |title, text: &str, advice| Words { title, text: text.to_owned(), advice };
        match self {
            Self::Denied => words("Access denied", "This request may not see the dashboard.", ""),
            Self::SignIn => words("Sign in", "A name and a password are needed.", ""),
            Self::NoPage => words("No such page", "The dashboard has no page at this address.", ""),
            Self::NoMethod(_) => words("Not possible", "This address does not take such a request.", ""),
            Self::ForeignOrigin => words(
                "Refused",
                "The request does not come from a page of this site, so nothing was changed.",
                "Behind a proxy over plain http, let it pass the header Host on as it came.",
            ),
            Self::NoRight(right) => Words {
                title: "Not permitted",
                text: format!("You may not {}. Nothing was changed.", right.describe()),
                advice: "The application decides who may do what.",
            },
            Self::NotFound(what) => words(
                "Not found",
                what,
                "It may have been deleted, or finished longer ago than the history goes back.",
            ),
            Self::Invalid(why) => words("Does not fit", why, "Nothing was changed. Go back and correct it."),
            Self::TooLarge => words("Too large", "What was sent is too large. Nothing was changed.", ""),
            Self::TooManyStreams => {
                words("Too many viewers", "The page reads itself again every ten seconds instead.", "")
            }
            Self::NoJson => {
                words("No JSON", "The content type must be application/json.", "Nothing was changed.")
            }
            Self::NotDone { why, .. } => words("Nothing was changed", why, ""),
            Self::Scheduler(error) => of_scheduler(error),
        }
    }
}

fn of_scheduler(error: &SchedulerError) -> Words {
    if let SchedulerError::Store(store) = error
        && matches!(
            store,
            StoreError::Invalid { .. } | StoreError::NotFound { .. } | StoreError::AlreadyExists { .. }
        )
    {
        return Words { title: "Not possible", text: store.to_string(), advice: "Nothing was changed." };
    }
    let (title, text, advice) = match error {
        SchedulerError::Stopped | SchedulerError::Interrupted => (
            "The scheduler has stopped",
            "This process runs no jobs any more.",
            "Start it again, or ask another instance of the application.",
        ),
        SchedulerError::Store(StoreError::TimedOut { .. }) => (
            "No reply in time",
            "The database has not replied in time.",
            "Try again. A filter by state reads the least.",
        ),
        SchedulerError::Store(store) if store.is_out_of_reach() => (
            "The database cannot be reached",
            "Nothing can be read or changed until it is back.",
            "Try again in some seconds. The log of the application has the cause.",
        ),
        SchedulerError::Store(_) | SchedulerError::Config(_) => (
            "The database refuses this",
            "The scheduler could not read what this page shows.",
            "The log of the application has the cause.",
        ),
    };
    let unsure = "It may have been carried out. Look before you repeat it.";
    let advice = if error.stored() == Stored::Unknown { unsure } else { advice };
    Words { title, text: text.to_owned(), advice }
}
