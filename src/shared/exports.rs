//! What monitoring gets to see of this process. Costs no statement and waits for nothing.

use super::Shared;
use crate::exports::{Figure, figures, prometheus};
use crate::store::stats::Stats;

impl Shared {
    /// Returns the figures since the start of this process, as text for Prometheus.
    pub(crate) fn prometheus(&self) -> String {
        prometheus::text(&self.figures(&self.telemetry.each()))
    }

    /// Passes on to the crate `metrics` what has changed since the last call.
    #[cfg(feature = "metrics")]
    pub(crate) fn record_metrics(&self) {
        crate::exports::facade::record(&self.figures(&self.telemetry.news()));
    }

    fn figures(&self, stats: &[Stats]) -> Vec<Figure> {
        figures(stats, self.telemetry.gauges().as_deref(), &self.health())
    }
}
