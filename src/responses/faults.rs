//! Log lines about the causes of 5xx responses: a route that passes an error on with `?` logs nothing itself. During an outage each
//! request fails, so one kind of cause has one line a minute.

use std::collections::HashMap;
use std::fmt::Display;
use std::mem::{Discriminant, discriminant};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use actix_web::http::StatusCode;
use diesel::result::{DatabaseErrorKind, Error as DieselError};

use crate::error::{SchedulerError, StoreError};
use crate::text::one_line;

/// The target of these lines.
const TARGET: &str = "mainspring::responses";
/// How long further causes of a kind are counted and not logged.
const SILENCE: Duration = Duration::from_secs(60);

static LOGGED: LazyLock<Mutex<Logged>> = LazyLock::new(Mutex::default);

/// Logs the cause of a response, unless its status is below 500.
pub(super) fn log(kind: Kind, status: StatusCode, cause: &impl Display) {
    if !status.is_server_error() {
        return;
    }
    let others = LOGGED.lock().unwrap_or_else(PoisonError::into_inner).failed(kind, Instant::now());
    let (status, cause) = (status.as_u16(), one_line(cause));
    match others {
        Some(0) => log::error!(target: TARGET, "the cause of a response {status}: {cause}"),
        Some(others) => {
            log::error!(target: TARGET, "the cause of a response {status}, after {others} others of its kind: {cause}");
        }
        None => log::debug!(target: TARGET, "the cause of a response {status}: {cause}"),
    }
}

/// What tells causes apart. Texts do not: a text may differ with each request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Scheduler(Discriminant<SchedulerError>),
    Store(Discriminant<StoreError>),
    Driver(Discriminant<DieselError>),
    Server(Discriminant<DatabaseErrorKind>),
    /// An error of the application's own, by its status.
    Application(u16),
}

impl From<&SchedulerError> for Kind {
    fn from(error: &SchedulerError) -> Self {
        match error {
            SchedulerError::Store(error) => error.into(),
            other => Self::Scheduler(discriminant(other)),
        }
    }
}

impl From<&StoreError> for Kind {
    fn from(error: &StoreError) -> Self {
        match error {
            StoreError::Database(error) => match &*error.0 {
                DieselError::DatabaseError(kind, _) => Self::Server(discriminant(kind)),
                other => Self::Driver(discriminant(other)),
            },
            other => Self::Store(discriminant(other)),
        }
    }
}

/// When each kind was last logged, and how many causes of it have come since.
#[derive(Debug, Default)]
struct Logged(HashMap<Kind, (Instant, u64)>);

impl Logged {
    /// Returns how many causes were not logged since the last line of the kind, if a line is due.
    fn failed(&mut self, kind: Kind, now: Instant) -> Option<u64> {
        match self.0.get_mut(&kind) {
            Some((at, others)) if now.duration_since(*at) < SILENCE => {
                *others += 1;
                None
            }
            _ => Some(self.0.insert(kind, (now, 0)).map_or(0, |(_, others)| others)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_of_cause_has_one_line_a_minute_with_the_count_of_the_others() {
        let (start, mut logged) = (Instant::now(), Logged::default());
        let away = Kind::from(&StoreError::Connect("refused".into()));
        let denied = Kind::from(&StoreError::Denied("jobs".into()));
        let mut failed = |kind, after| logged.failed(kind, start + Duration::from_secs(after));
        assert_eq!([0, 1, 59].map(|after| failed(away, after)), [Some(0), None, None]);
        assert_eq!(failed(denied, 59), Some(0), "another kind");
        assert_eq!([60, 61, 300, 301].map(|after| failed(away, after)), [Some(2), None, Some(1), None]);
    }

    #[test]
    fn texts_do_not_tell_kinds_apart_but_codes_of_the_server_do() {
        let refused = |kind, text: &str| {
            let error = DieselError::DatabaseError(kind, Box::new(text.to_owned()));
            Kind::from(&StoreError::from_diesel(error))
        };
        let lost = refused(DatabaseErrorKind::ClosedConnection, "of pid 7");
        assert_eq!(lost, refused(DatabaseErrorKind::ClosedConnection, "of pid 8"));
        assert_ne!(lost, refused(DatabaseErrorKind::Unknown, "of pid 7"));
    }
}
