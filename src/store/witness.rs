//! Notices what the application's statements meet on a connection that is lent to it: their errors go to the application alone.

use std::fmt;
use std::sync::{Arc, Mutex};

use diesel::connection::{Instrumentation, InstrumentationEvent, get_default_instrumentation};
use diesel::result::{DatabaseErrorKind, Error as DieselError};

use crate::database_error::is_lost;
use crate::lock::lock;

/// What a connection met since it was lent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Met {
    #[default]
    Nothing,
    /// The server, or its default, is read-only.
    ReadOnly,
    /// The connection is lost.
    Loss,
}

/// Shared by a connection and its instrumentation.
#[derive(Debug, Clone, Default)]
pub(super) struct Witness(Arc<Mutex<Met>>);

impl Witness {
    /// Returns what was met, and forgets it.
    pub(super) fn take(&self) -> Met {
        std::mem::take(&mut lock(&self.0))
    }

    /// The instrumentation for the connection. The one that the application set for all connections goes on.
    pub(super) fn instrumentation(&self) -> impl Instrumentation {
        Watching { witness: self.clone(), application: get_default_instrumentation() }
    }

    fn note(&self, error: &DieselError) {
        let met = match error {
            DieselError::DatabaseError(DatabaseErrorKind::ReadOnlyTransaction, _) => Met::ReadOnly,
            error if is_lost(error) => Met::Loss,
            _ => return,
        };
        *lock(&self.0) = met;
    }
}

struct Watching {
    witness: Witness,
    application: Option<Box<dyn Instrumentation>>,
}

impl fmt::Debug for Watching {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.witness.fmt(f)
    }
}

impl Instrumentation for Watching {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        if let InstrumentationEvent::FinishQuery { error: Some(error), .. } = &event {
            self.witness.note(error);
        }
        if let Some(application) = &mut self.application {
            application.on_connection_event(event);
        }
    }
}
