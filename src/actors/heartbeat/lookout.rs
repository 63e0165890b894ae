//! Looks at what a heartbeat does not: the schema, cancellations, and whether other workers are lost. It looks again when the
//! next of them would be. A look that hangs delays no heartbeat.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedSender;

use super::keeper::Report;
use crate::actors::rescue::{Rescue, Rescuer};
use crate::engine::outage::PAUSE_AFTER_ERROR;
use crate::error::StoreError;
use crate::lock::lock;
use crate::shared::Shared;
use crate::store::migrate::check_schema;
use crate::store::presence::{CancelledAttempt, Others, cancelled_attempts, others};
use crate::store::{Durability, Session};

const LONGEST_BETWEEN_LOOKS: Duration = Duration::from_secs(60);
// The jobs of a lost worker wait, and what was in the way may be a lock of a moment.
const PAUSE_AFTER_FAILED_RESCUE: Duration = Duration::from_millis(100);

/// Looks forever, and at once when it is notified.
pub(super) async fn look_out(shared: Arc<Shared>, reports: UnboundedSender<Report>, notified: Arc<Notify>) {
    let mut lookout = Lookout { shared, reports, rescuer: Rescuer::default() };
    loop {
        let pause = lookout.look().await;
        tokio::select! {
            () = actix_rt::time::sleep(pause) => {}
            () = notified.notified() => {}
        }
    }
}

struct Lookout {
    shared: Arc<Shared>,
    reports: UnboundedSender<Report>,
    rescuer: Rescuer,
}

/// What a look has found.
struct Look {
    schema: Result<(), StoreError>,
    cancelled: Vec<CancelledAttempt>,
    /// How long until another worker may be lost.
    next_loss: Option<Duration>,
    longest_timeout: Duration,
}

impl Lookout {
    /// Looks, rescues, and returns when to look again.
    async fn look(&mut self) -> Duration {
        let worker_id = self.shared.worker_id();
        match self.shared.store.run(Durability::Relaxed, move |conn| look(conn, worker_id)).await {
            Ok(Look { schema, cancelled, next_loss, longest_timeout }) => {
                let fits = schema.is_ok();
                lock(&self.shared.orphans).note_timeout(longest_timeout);
                // The actor that reads it has ended if it is lost.
                let _ = self.reports.send(Report::Schema(schema));
                self.shared.signals.cancel(cancelled, &self.shared.leases.all_open());
                if fits { self.rescue(next_loss).await } else { self.shared.config.heartbeat_interval() }
            }
            // An outage is reported by the heartbeats. What the server refuses is not.
            Err(error) => {
                if error.is_refusal() {
                    self.rescuer.failed(&error);
                }
                PAUSE_AFTER_ERROR
            }
        }
    }

    // A lost worker may be left that another process rescues now, or that this one must not rescue behind a gap of its own.
    async fn rescue(&mut self, next_loss: Option<Duration>) -> Duration {
        let config = &self.shared.config;
        let (timeout, interval) = (config.heartbeat_timeout, config.heartbeat_interval());
        if self.until_search().is_zero() {
            self.rescuer.rescue_orphans(&self.shared).await;
        }
        match next_loss.unwrap_or(timeout) {
            Duration::ZERO => match self.rescuer.rescue_lost_workers(&self.shared).await {
                Rescue::Done => interval,
                Rescue::Failed => PAUSE_AFTER_FAILED_RESCUE,
            },
            wait => wait.min(timeout).min(LONGEST_BETWEEN_LOOKS).min(self.until_search()),
        }
    }

    fn until_search(&self) -> Duration {
        let now = Instant::now();
        lock(&self.shared.orphans).search_at(now).saturating_duration_since(now)
    }
}

fn look(conn: &mut Session<'_>, worker_id: i32) -> Result<Look, StoreError> {
    let schema = match check_schema(conn) {
        Err(error) if !error.is_about_schema() => return Err(error),
        schema => schema,
    };
    if schema.is_err() {
        return Ok(Look { schema, cancelled: Vec::new(), next_loss: None, longest_timeout: Duration::ZERO });
    }
    let cancelled = cancelled_attempts(conn, worker_id)?;
    // A time that has passed is no duration.
    let Others { next_loss, longest_timeout } = others(conn, worker_id)?;
    let next_loss = next_loss.map(|wait| wait.to_std().unwrap_or_default());
    Ok(Look { schema, cancelled, next_loss, longest_timeout })
}
