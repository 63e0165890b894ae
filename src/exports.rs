//! What monitoring gets to see: the numbers of this process and the last gauges, each under a name, with a unit and with labels of a
//! bounded number of values. Knows no format, no actor and no SQL.

use std::collections::BTreeMap;

use crate::histogram::Histogram;
use crate::probe::Health;
use crate::store::gauges::{Gauges, Measured};
use crate::store::stats::{Kind, Stats};

#[cfg(feature = "metrics")]
pub(crate) mod facade;
pub(crate) mod names;
pub(crate) mod prometheus;

use self::names::{Export, OUTCOMES, QUEUES, TASKS};

/// Tasks beyond these, by name, are shown together: each takes 70 lines. Queues are bounded where they are chosen.
const NAMES: usize = 100;
/// All tasks, or queues, that have no label of their own. OpenTelemetry has the same word for it.
pub(crate) const OTHERS: &str = "_OTHER";

/// One name with its values.
#[derive(Debug)]
pub(crate) struct Figure {
    pub(crate) export: &'static Export,
    /// By the values of the labels, in the order of the export's labels.
    pub(crate) values: BTreeMap<Vec<String>, Value>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Number(f64),
    Durations(Histogram),
}

impl Value {
    // Two names may share a label: `_OTHER` is also the name of a task.
    fn add(&mut self, other: Self) {
        match (self, other) {
            (Self::Number(sum), Self::Number(more)) => *sum += more,
            (Self::Durations(sum), Self::Durations(more)) => sum.merge(&more),
            (Self::Number(_), Self::Durations(_)) | (Self::Durations(_), Self::Number(_)) => {}
        }
    }
}

impl Figure {
    fn new(export: &'static Export) -> Self {
        Self { export, values: BTreeMap::new() }
    }

    fn single(export: &'static Export, number: f64) -> Self {
        let mut figure = Self::new(export);
        figure.add(&[], Value::Number(number));
        figure
    }

    fn add(&mut self, labels: &[&str], value: Value) {
        let labels = labels.iter().map(|label| (*label).to_owned()).collect();
        match self.values.get_mut(&labels) {
            Some(sum) => sum.add(value),
            None => drop(self.values.insert(labels, value)),
        }
    }
}

/// Returns everything that is shown. The statistics are all that this process counts, also those that are zero.
pub(crate) fn figures(stats: &[Stats], gauges: Option<&Gauges>, health: &Health) -> Vec<Figure> {
    let mut all = counted(stats, Kind::Task, &TASKS);
    if stats.iter().any(|stats| stats.kind == Kind::Queue) {
        all.extend(counted(stats, Kind::Queue, &QUEUES));
    }
    all.extend(gauges.into_iter().flat_map(sampled));
    let ready = if health.ready().passed() { 1.0 } else { 0.0 };
    all.push(Figure::single(&names::READY, ready));
    all
}

fn counted(stats: &[Stats], kind: Kind, exports: &'static names::Counted) -> Vec<Figure> {
    let mut figures = exports.all().map(Figure::new);
    let named = stats.iter().filter(|stats| stats.kind == kind);
    for (place, stats) in named.enumerate() {
        let label = label(if place < NAMES { &stats.name } else { Stats::OTHERS });
        let [enqueued, started, outcomes, rescued, wait, run] = &mut figures;
        enqueued.add(&[label], Value::Number(stats.counts.enqueued as f64));
        started.add(&[label], Value::Number(stats.counts.started as f64));
        rescued.add(&[label], Value::Number(stats.counts.rescued as f64));
        for (outcome, count) in OUTCOMES {
            outcomes.add(&[label, outcome], Value::Number(count(&stats.counts) as f64));
        }
        wait.add(&[label], Value::Durations(stats.wait.clone()));
        run.add(&[label], Value::Durations(stats.run.clone()));
    }
    figures.into()
}

fn sampled(gauges: &Gauges) -> Vec<Figure> {
    let (mut jobs, mut estimated) = (Figure::new(&names::JOBS), Figure::new(&names::JOBS_ESTIMATED));
    for gauge in &gauges.jobs {
        let state = gauge.state.as_str();
        jobs.add(&[state, label(&gauge.task)], Value::Number(gauge.jobs as f64));
        if gauge.task == Gauges::OTHERS {
            let flag = if gauge.measured == Measured::Estimated { 1.0 } else { 0.0 };
            estimated.add(&[state], Value::Number(flag));
        }
    }
    let mut oldest = Figure::new(&names::OLDEST_READY);
    gauges.oldest_ready.iter().for_each(|age| oldest.add(&[label(&age.task)], Value::Number(age.seconds)));
    let mut workers = Figure::new(&names::WORKERS);
    workers.add(&["alive"], Value::Number(gauges.workers as f64));
    workers.add(&["lost"], Value::Number(gauges.lost_workers as f64));
    let sampled_at = gauges.sampled_at.timestamp_millis() as f64 / 1_000.0;
    vec![
        jobs,
        estimated,
        oldest,
        workers,
        Figure::single(&names::HORIZON_SECONDS, gauges.horizon_seconds),
        Figure::single(&names::HORIZON_TRANSACTIONS, gauges.horizon_transactions as f64),
        Figure::single(&names::DEAD_ROWS, gauges.dead_rows as f64),
        Figure::single(&names::SAMPLED_AT, sampled_at),
    ]
}

fn label(name: &str) -> &str {
    if name == Stats::OTHERS { OTHERS } else { name }
}

#[cfg(test)]
mod tests;
