//! When the server last refused a connection, and why. The pools write it down, and heartbeats read it.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::error::StoreError;
use crate::lock::lock;

// The cause of a refusal is asked for by a connection of its own, so rarely.
const CAUSE_HOLDS: Duration = Duration::from_secs(30);

/// Clones share what is written down.
#[derive(Debug, Clone, Default)]
pub(super) struct Refusals(Arc<Mutex<Noted>>);

#[derive(Debug, Default)]
struct Noted {
    last: Option<(Instant, String)>,
    cause: Option<(Instant, RefusalKind)>,
}

/// Why a connection could not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RefusalKind {
    /// There are as many as the server, the database or the role may have.
    TooMany,
    /// Anything else: the server was away, or it is another one.
    Other,
}

/// A connection that could not be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) reason: String,
    pub(crate) cause: RefusalKind,
}

impl Refusals {
    /// Notes a failure, and finds out its cause unless it was found lately.
    pub(super) fn note(&self, reason: &StoreError, cause: impl FnOnce() -> RefusalKind) {
        let now = Instant::now();
        let is_known = {
            let mut noted = lock(&self.0);
            noted.last = Some((
                now,
                match reason {
                    // The text of the error that comes of it begins as this one's does.
                    StoreError::Connect(reason) => reason.clone(),
                    other => other.to_string(),
                },
            ));
            noted.cause.is_some_and(|(at, _)| now.duration_since(at) < CAUSE_HOLDS)
        };
        if !is_known {
            let cause = cause();
            lock(&self.0).cause = Some((now, cause));
        }
    }

    /// Forgets all: a server was found after a while without one.
    pub(super) fn forget(&self) {
        *lock(&self.0) = Noted::default();
    }

    /// The last one, if it was within the period.
    pub(super) fn within(&self, period: Duration) -> Option<Refusal> {
        let noted = lock(&self.0);
        let (_, reason) = noted.last.as_ref().filter(|(at, _)| at.elapsed() < period)?;
        let cause = noted.cause.map_or(RefusalKind::Other, |(_, cause)| cause);
        Some(Refusal { reason: reason.clone(), cause })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(refusals: &Refusals, cause: RefusalKind) {
        refusals.note(&StoreError::Connect("no".into()), || cause);
    }

    #[test]
    fn a_refusal_has_the_cause_that_was_found_lately() {
        let refusals = Refusals::default();
        refused(&refusals, RefusalKind::TooMany);
        refusals.note(&StoreError::Connect("again".into()), || panic!("the cause is asked for twice"));
        let last = refusals.within(CAUSE_HOLDS).map(|refusal| (refusal.reason, refusal.cause));
        assert_eq!(last, Some(("again".into(), RefusalKind::TooMany)));
    }

    #[test]
    fn what_was_refused_before_a_server_was_found_is_forgotten() {
        let refusals = Refusals::default();
        refused(&refusals, RefusalKind::TooMany);
        refusals.forget();
        assert_eq!(refusals.within(CAUSE_HOLDS), None);
        refused(&refusals, RefusalKind::Other);
        assert_eq!(refusals.within(CAUSE_HOLDS).map(|refusal| refusal.cause), Some(RefusalKind::Other));
    }
}
