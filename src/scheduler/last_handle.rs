//! What all handles of a scheduler own together. Tells a scheduler that was dropped from one that was stopped.

use std::sync::Arc;
use std::time::Duration;

use super::stop::StopOnDrop;
use crate::config::Part;
use crate::shared::Shared;
use crate::text::one_line;

/// Owned by the handles of a scheduler that has started. When the last of them is dropped, the scheduler stops.
pub(super) struct LastHandle {
    pub(super) shared: Arc<Shared>,
    stop: StopOnDrop,
}

impl LastHandle {
    pub(super) fn new(stop: StopOnDrop) -> Self {
        Self { shared: Arc::clone(&stop.shared), stop }
    }

    pub(super) fn request_stop(&self, grace_period: Duration) {
        self.stop.request_stop(grace_period);
    }
}

impl Drop for LastHandle {
    fn drop(&mut self) {
        if !self.shared.is_stopping() && self.shared.config.part == Part::Worker {
            log::warn!(
                "worker {} `{}` stops, because the last handle of its scheduler was dropped: bind what start returns, \
                 or call stop",
                self.shared.worker_id(),
                one_line(&self.shared.config.worker_name)
            );
        }
    }
}
