//! The safety nets: polls for jobs that were not announced, and the release of jobs that did not start in time.

use std::time::Duration;

use super::Engine;
use super::cursor::Cooldown;
use super::facts::{Notifications, Now};

// A job that did not start for so long is better off with another process.
const STALE_AFTER: Duration = Duration::from_millis(250);
const STALE_CHECK_INTERVAL: Duration = Duration::from_millis(100);
// Without notifications, polls are how jobs of other processes are found.
const MAX_POLL_INTERVAL_WITHOUT_NOTIFICATIONS: Duration = Duration::from_secs(1);

impl<R> Engine<R> {
    /// Forgets all cursors: jobs may be anywhere.
    pub(super) fn look_everywhere(&mut self) {
        self.claim.announce(None);
        self.admission.look_everywhere();
    }

    pub(super) fn set_poll(&mut self, now: Now) {
        let usual = self.settings.poll_interval;
        let interval = match now.notifications {
            Notifications::Received => usual,
            Notifications::Missing => usual.min(MAX_POLL_INTERVAL_WITHOUT_NOTIFICATIONS),
        };
        // Up to a tenth sooner, so that many processes do not poll in step.
        self.poll_at = Some(now.instant + interval.mul_f64(1.0 - 0.1 * self.random.f64()));
    }

    pub(super) fn poll_if_due(&mut self, now: Now) {
        if self.poll_at.is_none_or(|at| now.instant < at) {
            return;
        }
        let cooldown = match now.notifications {
            Notifications::Received => Cooldown::Long,
            Notifications::Missing => Cooldown::Short,
        };
        self.claim.poll(cooldown);
        self.admission.poll(cooldown, now.instant);
        self.set_poll(now);
    }

    /// Has the prefetch buffer checked in a moment, if it holds jobs.
    pub(super) fn watch_prefetch(&mut self, now: Now) {
        if self.prefetch.len() > 0 {
            self.stale_check_at.get_or_insert(now.instant + STALE_CHECK_INTERVAL);
        }
    }

    pub(super) fn release_stale_if_due(&mut self, now: Now) {
        if self.stale_check_at.is_none_or(|at| now.instant < at) {
            return;
        }
        self.stale_check_at = None;
        let stale = self.prefetch.take_stale(STALE_AFTER, now.instant);
        if !stale.is_empty() {
            self.claim.throughput.reset(now.instant);
            self.settle.push(stale);
        }
        self.watch_prefetch(now);
    }
}
