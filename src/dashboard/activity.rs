//! What jobs did in the last hour, added up by minute and by task. The server sends the rows as they are stored, and the sums are made here:
//! the server would need a second for them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::store::stats::{Counts, Histogram, Minute};

/// What jobs did in a minute, or what those of a task did.
#[derive(Debug, Clone, Default)]
pub(super) struct Activity {
    pub(super) counts: Counts,
    pub(super) wait: Histogram,
    pub(super) run: Histogram,
}

impl Activity {
    fn add(&mut self, minute: &Minute) {
        self.counts.merge(&minute.counts);
        self.wait.merge(&minute.wait);
        self.run.merge(&minute.run);
    }
}

/// The last hour.
#[derive(Debug, Default)]
pub(super) struct LastHour {
    /// By the beginnings of the minutes in which something was counted.
    pub(super) minutes: BTreeMap<DateTime<Utc>, Activity>,
    pub(super) tasks: BTreeMap<String, HourOfTask>,
}

/// What the jobs of a task did in it.
#[derive(Debug, Default)]
pub(super) struct HourOfTask {
    pub(super) whole: Activity,
    pub(super) minutes: BTreeMap<DateTime<Utc>, Counts>,
}

impl HourOfTask {
    fn add(&mut self, minute: &Minute) {
        self.whole.add(minute);
        self.minutes.entry(minute.begins_at).or_default().merge(&minute.counts);
    }
}

impl LastHour {
    pub(super) fn new(found: &[Minute]) -> Self {
        let mut hour = Self::default();
        for minute in found {
            hour.minutes.entry(minute.begins_at).or_default().add(minute);
            match hour.tasks.get_mut(&minute.task) {
                Some(task) => task.add(minute),
                None => hour.tasks.entry(minute.task.clone()).or_default().add(minute),
            }
        }
        hour
    }
}
