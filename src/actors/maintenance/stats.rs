//! Stores what this process has counted: one statement every ten seconds, and none while nothing happens.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::engine::outage::{Failure, Outage};
use crate::error::StoreError;
use crate::shared::Shared;
use crate::store::Durability;
use crate::store::stats::add;
use crate::text::one_line;

const INTERVAL: Duration = Duration::from_secs(10);

/// Stores for ever. What cannot be stored is added to what follows.
pub(super) async fn store_forever(shared: Arc<Shared>) {
    let mut outage = Outage::default();
    loop {
        // Not at the same moment in every process.
        actix_rt::time::sleep(INTERVAL.mul_f64(0.95 + 0.1 * fastrand::f64())).await;
        if !shared.telemetry.has_changed() {
            continue;
        }
        match store(&shared).await {
            Ok(()) if outage.recovered() => log::info!("storing statistics again"),
            Ok(()) => {}
            Err(error) => {
                if outage.failed(Instant::now(), INTERVAL) == Failure::First {
                    log::error!(
                        "cannot store statistics, trying again every ten seconds: {}",
                        one_line(error)
                    );
                }
            }
        }
    }
}

// The thread of the statement notes what is stored: this future may be dropped before the reply.
async fn store(shared: &Shared) -> Result<(), StoreError> {
    let telemetry = Arc::clone(&shared.telemetry);
    shared.store.run(Durability::Relaxed, move |conn| telemetry.store(|added| add(conn, added))).await
}
