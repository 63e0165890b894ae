//! Counts what this process does with jobs, by task and by chosen queues: numbers since the start, and the change since they
//! were last stored. It keeps the last sample of the gauges too. Knows neither the database nor the actors.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use crate::histogram::SharedHistogram;
use crate::lifecycle::Left;
use crate::lock::lock;
use crate::run_summary::Ending;
use crate::store::errors::CountedErrors;
use crate::store::gauges::Gauges;
use crate::store::stats::{Counts, Kind, Stats};

mod errors;
mod happened;
mod ledger;
mod summary;

use self::errors::Errors;
pub(crate) use self::errors::Failed;
pub(crate) use self::happened::Happened;
use self::ledger::Ledger;

/// The numbers of one process.
#[derive(Debug, Default)]
pub(crate) struct Telemetry {
    tasks: Family,
    /// Empty unless queues are counted.
    queues: Family,
    /// What the database has of them.
    stored: Ledger<Vec<Stats>>,
    gauges: Mutex<Option<Arc<Gauges>>>,
    /// What was passed on as metrics.
    #[cfg(feature = "metrics")]
    told: Mutex<Vec<Stats>>,
    /// Locked while an error is counted, so that errors and numbers that are stored together agree.
    errors: Mutex<Errors>,
}

/// The numbers of all tasks, or of all queues.
#[derive(Debug, Default)]
struct Family {
    by_name: HashMap<String, usize>,
    /// Beginnings of names with their places, the longest first.
    by_beginning: Vec<(String, usize)>,
    named: Vec<(String, Numbers)>,
    others: Numbers,
}

/// Which names are counted under one.
enum Match<'a> {
    Whole,
    Beginning(&'a str),
}

#[derive(Debug, Default)]
struct Numbers {
    enqueued: AtomicU64,
    started: AtomicU64,
    succeeded: AtomicU64,
    failed: AtomicU64,
    dead: AtomicU64,
    cancelled: AtomicU64,
    snoozed: AtomicU64,
    interrupted: AtomicU64,
    lost: AtomicU64,
    rescued: AtomicU64,
    wait: SharedHistogram,
    run: SharedHistogram,
}

/// Where the jobs of a task and of a queue are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    task: usize,
    queue: Option<usize>,
}

impl Telemetry {
    /// Counts the jobs of each of these tasks and queues by itself, and all others together. A queue that ends with `*` stands
    /// for all that begin so. Without queues none is counted.
    pub(crate) fn new<'a>(
        tasks: impl IntoIterator<Item = &'a String>,
        queues: impl IntoIterator<Item = &'a String>,
    ) -> Self {
        let mut family = Self::default();
        tasks.into_iter().for_each(|task| family.tasks.add(task, Match::Whole));
        for queue in queues {
            match queue.strip_suffix('*') {
                Some(prefix) => family.queues.add(queue, Match::Beginning(prefix)),
                None => family.queues.add(queue, Match::Whole),
            }
        }
        family
    }

    /// Where to count jobs of this task and queue.
    pub(crate) fn place(&self, task: &str, queue: Option<&str>) -> Place {
        let queue = queue.filter(|_| !self.queues.named.is_empty()).map(|queue| self.queues.place(queue));
        Place { task: self.tasks.place(task), queue }
    }

    /// Counts what has happened to a job.
    pub(crate) fn count(&self, place: Place, happened: Happened) {
        self.tasks.at(place.task).count(happened);
        if let Some(queue) = place.queue {
            self.queues.at(queue).count(happened);
        }
    }

    /// Counts the same of an attempt that failed or a job that died, and its error.
    pub(crate) fn count_failed(&self, place: Place, happened: Happened, failed: Failed) {
        let mut errors = lock(&self.errors);
        self.count(place, happened);
        errors.add(self.tasks.name(place.task), failed);
    }

    /// Returns the numbers since the start of this process, of what has any.
    pub(crate) fn now(&self) -> Vec<Stats> {
        let tasks = self.tasks.stats(Kind::Task);
        let mut all: Vec<_> = tasks.chain(self.queues.stats(Kind::Queue)).collect();
        all.sort_by(|one, other| (one.kind, &one.name).cmp(&(other.kind, &other.name)));
        all
    }

    /// Returns the same of everything that is counted by name, also of what has no numbers yet, and of the others.
    pub(crate) fn each(&self) -> Vec<Stats> {
        let queues = (!self.queues.named.is_empty()).then(|| self.queues.each(Kind::Queue));
        self.tasks.each(Kind::Task).chain(queues.into_iter().flatten()).collect()
    }

    /// Returns what has changed since the last call, of everything that [`each`](Self::each) returns.
    #[cfg(feature = "metrics")]
    pub(crate) fn news(&self) -> Vec<Stats> {
        let mut told = lock(&self.told);
        let before = std::mem::replace(&mut *told, self.each());
        changes(&before, &told)
    }

    /// Returns `true` if there is something to store, and no other thread stores it now. Waits for nothing.
    pub(crate) fn has_changed(&self) -> bool {
        let Some(stored) = self.stored.at_rest(Instant::now()) else { return false };
        !added(&stored, &self.now()).is_empty() || !lock(&self.errors).is_empty()
    }

    /// The last sample of the gauges that this process knows.
    pub(crate) fn gauges(&self) -> Option<Arc<Gauges>> {
        lock(&self.gauges).clone()
    }

    /// Keeps a sample.
    pub(crate) fn sampled(&self, gauges: Gauges) {
        *lock(&self.gauges) = Some(Arc::new(gauges));
    }

    /// Has `add` store what has changed, which may be nothing. What it fails to store comes again with the next change. Only one
    /// caller stores at a time, so no number is stored twice: `None` if another one does so now.
    pub(crate) fn store<T, E>(
        &self,
        add: impl FnOnce(&[Stats], &[CountedErrors]) -> Result<T, E>,
    ) -> Option<Result<T, E>> {
        let (turn, stored) = self.stored.begin(Instant::now())?;
        let (now, errors) = self.taken();
        let done = add(&added(&stored, &now), &errors);
        if done.is_err() {
            lock(&self.errors).put_back(errors);
        }
        self.stored.end(turn, done.is_ok().then_some(now));
        Some(done)
    }

    fn taken(&self) -> (Vec<Stats>, Vec<CountedErrors>) {
        let mut errors = lock(&self.errors);
        (self.now(), errors.take())
    }
}

// What is in `now` and not in `before`.
fn added(before: &[Stats], now: &[Stats]) -> Vec<Stats> {
    changes(before, now).into_iter().filter(|added| added.counts != Counts::default()).collect()
}

fn changes(before: &[Stats], now: &[Stats]) -> Vec<Stats> {
    let before: HashMap<_, _> =
        before.iter().map(|stats| ((stats.kind, stats.name.as_str()), stats)).collect();
    let since = |stats: &Stats| match before.get(&(stats.kind, stats.name.as_str())) {
        Some(before) => stats.since(before),
        None => stats.clone(),
    };
    now.iter().map(since).collect()
}

impl Family {
    fn add(&mut self, name: &str, matches: Match<'_>) {
        let place = self.named.len();
        match matches {
            Match::Whole => drop(self.by_name.insert(name.to_owned(), place)),
            Match::Beginning(beginning) => {
                self.by_beginning.push((beginning.to_owned(), place));
                self.by_beginning.sort_by_key(|(beginning, _)| std::cmp::Reverse(beginning.len()));
            }
        }
        self.named.push((name.to_owned(), Numbers::default()));
    }

    /// The place of a name, or one behind the last.
    fn place(&self, name: &str) -> usize {
        let begins = || self.by_beginning.iter().find(|(beginning, _)| name.starts_with(beginning));
        let place = self.by_name.get(name).copied().or_else(|| begins().map(|(_, place)| *place));
        place.unwrap_or(self.named.len())
    }

    fn at(&self, place: usize) -> &Numbers {
        self.named.get(place).map_or(&self.others, |(_, numbers)| numbers)
    }

    fn name(&self, place: usize) -> &str {
        self.named.get(place).map_or(Stats::OTHERS, |(name, _)| name)
    }

    fn each(&self, kind: Kind) -> impl Iterator<Item = Stats> {
        let named = self.named.iter().map(|(name, numbers)| (name.as_str(), numbers));
        named.chain([(Stats::OTHERS, &self.others)]).map(move |(name, numbers)| numbers.stats(kind, name))
    }

    fn stats(&self, kind: Kind) -> impl Iterator<Item = Stats> {
        self.each(kind).filter(|stats| stats.counts != Counts::default())
    }
}

impl Numbers {
    fn count(&self, happened: Happened) {
        let add = |count: &AtomicU64| count.fetch_add(1, Ordering::Relaxed);
        match happened {
            Happened::Enqueued => add(&self.enqueued),
            Happened::Lost => add(&self.lost),
            Happened::Started { wait } => {
                self.wait.record(wait);
                add(&self.started)
            }
            Happened::Ended { how, run } => {
                self.run.record(run);
                add(self.of(how))
            }
            Happened::Rescued(left) => {
                if left != Left::Waiting {
                    add(if left == Left::Gone { &self.cancelled } else { &self.dead });
                }
                add(&self.rescued)
            }
        };
    }

    fn of(&self, how: Ending) -> &AtomicU64 {
        match how {
            Ending::Succeeded => &self.succeeded,
            Ending::Failed | Ending::Held => &self.failed,
            Ending::Dead => &self.dead,
            Ending::Cancelled => &self.cancelled,
            Ending::Snoozed => &self.snoozed,
            Ending::Interrupted => &self.interrupted,
        }
    }

    fn stats(&self, kind: Kind, name: &str) -> Stats {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let counts = Counts {
            enqueued: load(&self.enqueued),
            started: load(&self.started),
            succeeded: load(&self.succeeded),
            failed: load(&self.failed),
            dead: load(&self.dead),
            cancelled: load(&self.cancelled),
            snoozed: load(&self.snoozed),
            interrupted: load(&self.interrupted),
            lost: load(&self.lost),
            rescued: load(&self.rescued),
        };
        // An untouched one is not read, bin by bin.
        let (wait, run) = if counts == Counts::default() {
            Default::default()
        } else {
            (self.wait.load(), self.run.load())
        };
        Stats { kind, name: name.to_owned(), counts, wait, run }
    }
}

#[cfg(test)]
mod tests;
