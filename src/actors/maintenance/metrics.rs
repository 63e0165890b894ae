//! Passes what has changed on to the crate `metrics`, every five seconds. A stop passes on the rest.

use std::sync::Arc;
use std::time::Duration;

use crate::shared::Shared;

// Scrapes are rarely closer. It costs some microseconds a task.
const INTERVAL: Duration = Duration::from_secs(5);

/// Passes on for ever.
pub(super) async fn record_forever(shared: Arc<Shared>) {
    loop {
        shared.record_metrics();
        actix_rt::time::sleep(INTERVAL).await;
    }
}
