//! How often something happens, from counts that only grow.
//!
//! Processes add their counts every ten seconds, so that counts of a short span jump. A rate here is that of a minute.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use mainspring::stats::Counts;

const MINUTE: Duration = Duration::from_secs(60);
/// With looks of so long, no counts from before them are needed.
const ENOUGH: Duration = Duration::from_secs(30);
/// It starts again after so long: the database adds up all minutes since the start at each look.
const LONGEST: Duration = Duration::from_secs(600);

pub(super) type ByTask<T> = BTreeMap<String, T>;

/// The looks of the last minute.
#[derive(Debug, Default)]
pub(super) struct Rates {
    start: Option<Instant>,
    looks: VecDeque<Look>,
}

#[derive(Debug)]
struct Look {
    at: Instant,
    counts: ByTask<Counts>,
}

/// How often what happened in a second.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Rate {
    pub(super) started: f64,
    pub(super) succeeded: f64,
    pub(super) failed: f64,
    pub(super) dead: f64,
}

impl Rates {
    /// How far back the counts of a look at this moment have to reach: at the start, over the minute that runs and the one
    /// before it.
    pub(super) fn span(&mut self, now: Instant) -> Duration {
        let start = self.start.filter(|start| now.duration_since(*start) <= LONGEST).unwrap_or_else(|| {
            self.looks.clear();
            now
        });
        self.start = Some(start);
        2 * MINUTE + now.duration_since(start)
    }

    /// Takes the counts of a look and returns the rates. `second` is how long the minute has run, as the wall clock shows it.
    pub(super) fn take(&mut self, now: Instant, second: u32, counts: ByTask<Counts>) -> ByTask<Rate> {
        while self.looks.get(1).is_some_and(|look| now.duration_since(look.at) >= MINUTE) {
            self.looks.pop_front();
        }
        let enough = self.looks.front().filter(|look| now.duration_since(look.at) >= ENOUGH);
        let rates = counts.iter().map(|(task, now_counted)| {
            let rate = match enough {
                Some(look) => Rate::of(now_counted, look.counts.get(task)).over(now.duration_since(look.at)),
                None => Rate::of(now_counted, None).over(MINUTE + Duration::from_secs(second.into())),
            };
            (task.clone(), rate)
        });
        let rates = rates.collect();
        self.looks.push_back(Look { at: now, counts });
        rates
    }
}

impl Rate {
    // Not a rate yet: how often altogether.
    fn of(now: &Counts, before: Option<&Counts>) -> Self {
        let added = |count: fn(&Counts) -> u64| count(now).saturating_sub(before.map_or(0, count)) as f64;
        Self {
            started: added(|counts| counts.started),
            succeeded: added(|counts| counts.succeeded),
            failed: added(|counts| counts.failed),
            dead: added(|counts| counts.dead),
        }
    }

    fn over(self, span: Duration) -> Self {
        self.each(Self::default(), |count, _| count / span.as_secs_f64())
    }

    /// The sum of both.
    pub(super) fn plus(self, other: Self) -> Self {
        self.each(other, |one, two| one + two)
    }

    fn each(self, other: Self, join: impl Fn(f64, f64) -> f64) -> Self {
        Self {
            started: join(self.started, other.started),
            succeeded: join(self.succeeded, other.succeeded),
            failed: join(self.failed, other.failed),
            dead: join(self.dead, other.dead),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(started: u64) -> ByTask<Counts> {
        let mut counts = Counts::default();
        counts.started = started;
        counts.failed = started / 10;
        BTreeMap::from([("mail".to_owned(), counts)])
    }

    #[test]
    fn the_first_look_is_over_the_minute_that_runs_and_the_last_one() {
        let mut rates = Rates::default();
        let now = Instant::now();
        assert_eq!(rates.span(now), 2 * MINUTE);
        let rate = rates.take(now, 20, counts(800))["mail"];
        assert_eq!((rate.started, rate.failed, rate.dead), (10.0, 1.0, 0.0));
    }

    #[test]
    fn later_looks_are_over_the_last_minute() {
        let mut rates = Rates::default();
        let start = Instant::now();
        let mut rate = Rate::default();
        // Ten a second, and twenty a second after two minutes.
        for second in 0..=240 {
            let now = start + Duration::from_secs(second);
            assert_eq!(rates.span(now), 2 * MINUTE + Duration::from_secs(second));
            let all = 1_000 + 10 * second + 10 * second.saturating_sub(120);
            rate = rates.take(now, (second % 60) as u32, counts(all))["mail"];
            if (60..=120).contains(&second) {
                assert_eq!(rate.started, 10.0, "after {second} s");
            }
        }
        assert_eq!(rate.started, 20.0);
        assert!(rates.looks.len() <= 62, "{} looks", rates.looks.len());
    }

    #[test]
    fn it_starts_again_before_its_span_is_long() {
        let mut rates = Rates::default();
        let start = Instant::now();
        rates.span(start);
        rates.take(start, 0, counts(6_000_000));
        let later = start + LONGEST + Duration::from_secs(1);
        assert_eq!(rates.span(later), 2 * MINUTE);
        assert_eq!(rates.take(later, 0, counts(600))["mail"].started, 10.0);
    }

    #[test]
    fn a_task_that_was_not_there_before_counts_from_zero() {
        let mut rates = Rates::default();
        let start = Instant::now();
        rates.span(start);
        rates.take(start, 0, ByTask::new());
        let later = start + MINUTE;
        rates.span(later);
        assert_eq!(rates.take(later, 0, counts(600))["mail"].started, 10.0);
    }
}
