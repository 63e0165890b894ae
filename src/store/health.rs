//! Health as the database shows it, for those who look from outside of any scheduler.

use chrono::TimeDelta;
use diesel::sql_types::Timestamptz;
use serde::{Deserialize, Serialize};

use super::moment::Moment;
use super::statement::Statement;
use super::workers::{self, WorkerStatus};
use crate::clock::Clock;
use crate::error::StoreError;
use crate::probe::{Probe, Reason, clock_reason};
use crate::store::migrate::verify;
use crate::store::session::AsSession;

/// What the database shows of the schedulers that work on it. As JSON, the fields of the probe come first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[must_use = "an inspection does nothing but report"]
#[non_exhaustive]
pub struct Inspection {
    /// Passed if at least one living worker has no problem, and nothing else is wrong.
    #[serde(flatten)]
    pub probe: Probe,
    /// How far the clock of the database is ahead of that of this machine, in seconds.
    pub clock_difference_seconds: f64,
    /// The workers that were judged, by name.
    pub workers: Vec<WorkerStatus>,
}

/// Judges from outside: the version of the schema, the heartbeats of the workers, what they report with them, and the clock.
/// With a name, only the workers of that name are judged.
///
/// ```no_run
/// # fn main() -> Result<(), mainspring::StoreError> {
/// use mainspring::health;
///
/// let mut conn = mainspring::database::connect("postgres://localhost/app")?;
/// for reason in health::inspect(&mut conn, None)?.probe.reasons {
///     println!("{}: {reason}", reason.code());
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// [`StoreError::Database`] when the database refuses, [`StoreError::Denied`] where the role may not read workers. A schema that
/// does not fit is a reason and no error.
pub fn inspect(conn: &mut impl AsSession, worker: Option<&str>) -> Result<Inspection, StoreError> {
    // The schema may be missing, so its clock is not called.
    let difference = clock_difference(conn, "statement_timestamp()")?;
    let mut reasons: Vec<Reason> = clock_reason(difference).into_iter().collect();
    let mut judged = Vec::new();
    match verify(conn) {
        Ok(()) => {
            judged = workers::list(conn)?;
            judged.retain(|found| worker.is_none_or(|name| found.name == name));
            reasons.extend(worker_reason(&judged));
        }
        Err(StoreError::SchemaTooNew { .. }) => reasons.push(Reason::SchemaTooNew),
        Err(error) if error.is_about_schema() => reasons.push(Reason::SchemaUnusable),
        Err(error) => return Err(error),
    }
    let clock_difference_seconds = difference.num_milliseconds() as f64 / 1_000.0;
    Ok(Inspection { probe: Probe { reasons }, clock_difference_seconds, workers: judged })
}

fn worker_reason(workers: &[WorkerStatus]) -> Option<Reason> {
    let mut living = workers.iter().filter(|worker| !worker.lost).peekable();
    if living.peek().is_none() {
        return Some(Reason::NoLivingWorker);
    }
    living.all(|worker| !worker.problems.is_empty()).then_some(Reason::NoReadyWorker)
}

/// How far the database's clock, as that SQL reads it, is ahead of the clock of this machine.
pub(super) fn clock_difference(conn: &mut impl AsSession, clock: &str) -> Result<TimeDelta, StoreError> {
    let own = Clock::default();
    let sent = own.now();
    let (Moment(received_at),): (Moment,) =
        Statement::<(Timestamptz,)>::new(format!("SELECT {clock}")).get_result(conn)?;
    Ok(Clock::ahead_of(received_at, sent, own.now()))
}
