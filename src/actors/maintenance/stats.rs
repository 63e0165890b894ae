//! Stores what this process has counted, and samples the gauges: one statement every ten seconds. While nothing happens it is one a
//! minute.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::engine::outage::{Failure, Outage};
use crate::error::StoreError;
use crate::shared::Shared;
use crate::store::Durability;
use crate::store::gauges::store;
use crate::text::one_line;

const INTERVAL: Duration = Duration::from_secs(10);
// Jobs that are added by SQL, and that no worker knows, are seen by then.
const IDLE_INTERVAL: Duration = Duration::from_secs(60);

/// Stores for ever. What cannot be stored is added to what follows.
pub(super) async fn store_forever(shared: Arc<Shared>) {
    let mut outage = Outage::default();
    let mut stored_at = None;
    loop {
        let now = Instant::now();
        if is_due(&shared, stored_at, now) {
            let stored = store_once(&shared).await;
            stored_at = stored.is_ok().then_some(now);
            report(stored, &mut outage);
        }
        // Not at the same moment in every process.
        actix_rt::time::sleep(INTERVAL.mul_f64(0.95 + 0.1 * fastrand::f64())).await;
    }
}

fn is_due(shared: &Shared, stored_at: Option<Instant>, now: Instant) -> bool {
    let Some(stored_at) = stored_at else { return true };
    let is_busy = shared.telemetry.gauges().is_none_or(|gauges| gauges.is_busy());
    is_busy || now.saturating_duration_since(stored_at) >= IDLE_INTERVAL || shared.telemetry.has_changed()
}

fn report(stored: Result<(), StoreError>, outage: &mut Outage) {
    match stored {
        Ok(()) if outage.recovered() => log::info!("storing statistics again"),
        Ok(()) => {}
        Err(error) => {
            if outage.failed(Instant::now(), INTERVAL) == Failure::First {
                log::error!("cannot store statistics, trying again every ten seconds: {}", one_line(error));
            }
        }
    }
}

// The thread of the statement notes what is stored: this future may be dropped before the reply.
async fn store_once(shared: &Shared) -> Result<(), StoreError> {
    let telemetry = Arc::clone(&shared.telemetry);
    let sampled = shared
        .store
        .run(Durability::Relaxed, move |conn| {
            telemetry.store(|added, errors| store(conn, added, errors)).transpose()
        })
        .await?;
    if let Some(gauges) = sampled.flatten() {
        shared.telemetry.sampled(gauges);
    }
    Ok(())
}
