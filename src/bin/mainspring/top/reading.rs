//! What one look finds: the states of jobs, queues and workers, and what each task does.

use std::cmp::Ordering;
use std::time::Instant;

use chrono::{DateTime, Timelike, Utc};
use mainspring::Session;
use mainspring::stats::{self, Histogram, Kind, Stats};
use mainspring::status::Status;

use super::rates::{Rate, Rates};
use crate::database::read;
use crate::failure::Failure;

#[derive(Debug)]
pub(super) struct Reading {
    pub(super) at: DateTime<Utc>,
    pub(super) status: Status,
    /// All tasks together.
    pub(super) all: Activity,
    pub(super) tasks: Vec<Activity>,
}

/// What a task does.
#[derive(Debug, Default)]
pub(super) struct Activity {
    pub(super) task: String,
    pub(super) rate: Rate,
    pub(super) wait: Histogram,
    pub(super) run: Histogram,
}

/// The order of the tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Rate,
    Failures,
    Name,
}

impl Reading {
    pub(super) fn read(
        conn: &mut Session<'_>,
        task: Option<&str>,
        rates: &mut Rates,
    ) -> Result<Self, Failure> {
        let (now, at) = (Instant::now(), Utc::now());
        let span = rates.span(now);
        let (status, found) =
            read(conn, |conn| Ok((mainspring::status::read(conn)?, stats::since(conn, span)?)))?;
        let wanted = |stats: &Stats| stats.kind == Kind::Task && task.is_none_or(|task| stats.name == task);
        let found: Vec<Stats> = found.into_iter().filter(wanted).collect();
        let counts = found.iter().map(|stats| (stats.name.clone(), stats.counts)).collect();
        let rates = rates.take(now, at.second(), counts);
        let tasks: Vec<Activity> = found
            .into_iter()
            .map(|Stats { name, wait, run, .. }| {
                let rate = rates.get(&name).copied().unwrap_or_default();
                Activity { task: name, rate, wait, run }
            })
            .collect();
        let all = tasks.iter().fold(Activity::default(), Activity::plus);
        Ok(Self { at, status, all, tasks })
    }

    pub(super) fn sort(&mut self, order: Order) {
        self.tasks.sort_by(|one, two| order.compare(one, two).then_with(|| one.task.cmp(&two.task)));
    }
}

impl Activity {
    fn plus(mut self, other: &Self) -> Self {
        self.rate = self.rate.plus(other.rate);
        self.wait.merge(&other.wait);
        self.run.merge(&other.run);
        self
    }

    pub(super) fn name(&self) -> &str {
        if self.task == Stats::OTHERS { "all others" } else { &self.task }
    }
}

impl Order {
    fn compare(self, one: &Activity, two: &Activity) -> Ordering {
        match self {
            Self::Rate => two.rate.started.total_cmp(&one.rate.started),
            Self::Failures => (two.rate.dead, two.rate.failed)
                .partial_cmp(&(one.rate.dead, one.rate.failed))
                .unwrap_or(Ordering::Equal),
            Self::Name => Ordering::Equal,
        }
    }

    pub(super) fn next(self) -> Self {
        match self {
            Self::Rate => Self::Failures,
            Self::Failures => Self::Name,
            Self::Name => Self::Rate,
        }
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Rate => "rate",
            Self::Failures => "failures",
            Self::Name => "name",
        }
    }
}
