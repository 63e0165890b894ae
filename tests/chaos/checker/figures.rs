//! How long it took until work went on, computed from the record. Each scenario is judged by one of these figures.

use std::collections::HashMap;
use std::time::Duration;

use super::growth;
use super::timeline::{Ask, Attempt, Ending, Life, Reply, Timeline};
use crate::clock::Moment;
use crate::workload::{Kind, never_fails};

/// A job that has lost so many processes in a row is a suspect, see docs/LIFECYCLE.md.
const SUSPECTED_AFTER: usize = 3;

/// What is measured. The worst case counts, except where it says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Figure {
    /// From a SIGKILL or SIGSTOP of a process to the next start of each job that it ran, unless the job is a suspect by then.
    Rescue,
    /// From each recovery to the first start of any job, without the time of faults that came in between.
    Back,
    /// From each recovery to the first start in each worker, or in the one that it concerns.
    BackEach,
    /// From the last recovery to the first start of any job.
    BackAtLast,
    /// From SIGTERM to the end of the process.
    Stop,
    /// From enqueue to start of plain jobs: 99 of 100.
    Wait,
    /// The same, for those added more than 15 s after the first fault.
    WaitLater,
    /// How long enqueues wait for their reply that do not name the key `k0`: 99 of 100.
    Reply,
    /// From the reply to the start of the jobs that the scenario itself has added.
    Added,
    /// How many jobs ran again although they had succeeded or had never failed by themselves.
    Repeated,
    /// How many jobs of kinds that never fail have spent more than one attempt.
    Spent,
    /// The longest time without a fire of cron.
    CronGap,
    /// How many measured quantities have grown.
    Growth,
}

impl Figure {
    pub fn describe(self) -> &'static str {
        match self {
            Self::Rescue => "kill or pause to next start of the job",
            Self::BackAtLast => "last recovery to first start",
            Self::Back => "recovery to first start",
            Self::BackEach => "recovery to first start in each worker",
            Self::Stop => "SIGTERM to exit",
            Self::Wait => "enqueue to start, p99",
            Self::WaitLater => "enqueue to start 15 s after the fault, p99",
            Self::Reply => "enqueue to reply, p99",
            Self::Added => "commit to start",
            Self::Repeated => "jobs run again",
            Self::Spent => "jobs that lost an attempt",
            Self::CronGap => "longest gap of cron",
            Self::Growth => "quantities that grew",
        }
    }

    pub fn unit(self) -> &'static str {
        match self {
            Self::Repeated | Self::Spent | Self::Growth => "",
            _ => " s",
        }
    }

    /// The measured values in order. A case that never came to its end is infinite.
    pub fn measure(self, timeline: &Timeline) -> Vec<f64> {
        let mut values = match self {
            Self::Rescue => rescues(timeline),
            Self::Back => timeline.recoveries.iter().map(|(at, _)| back(timeline, *at)).collect(),
            Self::BackEach => recoveries(timeline),
            Self::BackAtLast => timeline
                .recoveries
                .last()
                .map(|(at, _)| first_start(timeline, *at, None))
                .into_iter()
                .collect(),
            Self::Stop => timeline.processes.values().filter_map(stop).collect(),
            Self::Wait => waits(timeline, Moment(0)),
            Self::WaitLater => waits(timeline, later(timeline)),
            Self::Reply => timeline.asks.values().filter_map(reply).collect(),
            Self::Added => added(timeline),
            Self::Repeated => vec![repeated(timeline) as f64],
            Self::Spent => vec![spent(timeline) as f64],
            Self::CronGap => cron_gaps(timeline),
            Self::Growth => vec![growth::grown(&timeline.samples).len() as f64],
        };
        values.sort_by(f64::total_cmp);
        values
    }

    /// The one of the values in order that is judged.
    pub fn judged(self, values: &[f64]) -> Option<f64> {
        match self {
            Self::Wait | Self::WaitLater | Self::Reply => values.get(values.len() * 99 / 100).copied(),
            _ => values.last().copied(),
        }
    }
}

fn seconds(until: Moment, from: Moment) -> f64 {
    until.since(from).as_secs_f64()
}

// A job that was done when its process died has no next start, and neither has one that a short pause left alone. A suspect
// waits for its turn to run beside no other one.
fn rescues(timeline: &Timeline) -> Vec<f64> {
    let mut found = Vec::new();
    for attempt in &timeline.attempts {
        let stops =
            stops(timeline, attempt).filter(|at| losses(timeline, attempt.start.job, *at) < SUSPECTED_AFTER);
        found.extend(stops.filter_map(|at| next_start(timeline, attempt, at)));
    }
    found
}

/// When the process of an attempt was killed or paused while it ran.
fn stops<'a>(timeline: &'a Timeline, attempt: &'a Attempt) -> impl Iterator<Item = Moment> + 'a {
    let life = timeline.processes.get(&attempt.pid);
    let killed = life.and_then(|life| life.killed.filter(|_| life.terminated.is_none()));
    let paused = life.into_iter().flat_map(|life| life.pauses.iter().map(|(at, _)| *at));
    killed.into_iter().chain(paused).filter(|at| attempt.from <= *at && *at <= attempt.until)
}

/// How many attempts of a job in a row were lost with their processes until then.
fn losses(timeline: &Timeline, job: i64, until: Moment) -> usize {
    let attempts = timeline.attempts.iter().filter(|one| one.start.job == job && one.from <= until);
    let mut attempts: Vec<_> = attempts.collect();
    attempts.sort_by_key(|one| one.from);
    let ended = |one: &Attempt| one.until <= until && matches!(one.end, Ending::Succeeded | Ending::Failed);
    attempts.iter().rev().take_while(|one| !ended(one) && stops(timeline, one).any(|at| at <= until)).count()
}

fn next_start(timeline: &Timeline, attempt: &Attempt, at: Moment) -> Option<f64> {
    let again = |one: &&Attempt| one.start.job == attempt.start.job && one.from > at;
    timeline.attempts.iter().filter(again).map(|one| seconds(one.from, at)).min_by(f64::total_cmp)
}

fn first_start(timeline: &Timeline, at: Moment, pid: Option<u32>) -> f64 {
    let after = timeline.attempts.iter().filter(|one| one.from >= at && pid.is_none_or(|pid| one.pid == pid));
    after.map(|one| seconds(one.from, at)).min_by(f64::total_cmp).unwrap_or(f64::INFINITY)
}

// Another fault may begin before any job has started. The time until it is over does not count.
fn back(timeline: &Timeline, at: Moment) -> f64 {
    let until = first_start(timeline, at, None);
    let later = timeline.faults.iter().map(|(began, _)| *began).filter(|began| *began > at);
    let broken = later.filter(|began| seconds(*began, at) < until).filter_map(|began| {
        let over = timeline.recoveries.iter().map(|(over, _)| *over).find(|over| *over > began)?;
        Some(seconds(over, at).min(until) - seconds(began, at))
    });
    until - broken.sum::<f64>()
}

fn recoveries(timeline: &Timeline) -> Vec<f64> {
    timeline.recoveries.iter().flat_map(|(at, pid)| back_each(timeline, *at, *pid)).collect()
}

fn back_each(timeline: &Timeline, at: Moment, pid: Option<u32>) -> Vec<f64> {
    let workers = timeline.names.iter().filter(|(_, name)| name.starts_with("worker")).map(|(pid, _)| *pid);
    let concerned: Vec<u32> = pid.map_or_else(|| workers.collect(), |pid| vec![pid]);
    let there = |pid: &u32| timeline.processes.get(pid).is_some_and(|life| life.was_there(at));
    concerned.into_iter().filter(there).map(|pid| first_start(timeline, at, Some(pid))).collect()
}

fn stop(life: &Life) -> Option<f64> {
    let asked = life.terminated?;
    Some(life.exited.filter(|_| life.killed.is_none()).map_or(f64::INFINITY, |exited| seconds(exited, asked)))
}

fn first_starts(timeline: &Timeline) -> HashMap<&str, &Attempt> {
    let mut first: HashMap<&str, &Attempt> = HashMap::new();
    for attempt in &timeline.attempts {
        first.entry(&attempt.start.token).or_insert(attempt);
    }
    first
}

fn waits(timeline: &Timeline, from: Moment) -> Vec<f64> {
    let first = first_starts(timeline);
    let plain = timeline.asks.iter().filter(|(_, ask)| ask.kind == Kind::Plain && ask.at >= from);
    plain.filter_map(|(token, ask)| Some(seconds(first.get(token.as_str())?.from, ask.at))).collect()
}

fn later(timeline: &Timeline) -> Moment {
    timeline.faults.first().map_or(Moment(0), |(at, _)| at.plus(Duration::from_secs(15)))
}

fn reply(ask: &Ask) -> Option<f64> {
    let others = ask.key.as_deref() != Some("k0");
    let waited = ask.reply.as_ref().map_or(f64::INFINITY, |(at, _)| seconds(*at, ask.at));
    others.then_some(waited)
}

fn added(timeline: &Timeline) -> Vec<f64> {
    let first = first_starts(timeline);
    let own = timeline.asks.iter().filter(|(_, ask)| ask.pid == std::process::id());
    let stored = own.filter_map(|(token, ask)| match &ask.reply {
        Some((at, Reply::Stored(_))) => Some((token.as_str(), *at)),
        _ => None,
    });
    stored.map(|(token, at)| first.get(token).map_or(f64::INFINITY, |one| seconds(one.from, at))).collect()
}

pub fn repeated(timeline: &Timeline) -> usize {
    let mut last: HashMap<i64, Ending> = HashMap::new();
    let mut repeated = 0;
    for attempt in timeline.attempts.iter().filter(|one| never_fails(one.start.kind)) {
        let before = last.insert(attempt.start.job, attempt.end);
        repeated += usize::from(before.is_some_and(|end| end != Ending::Failed));
    }
    repeated
}

pub fn spent(timeline: &Timeline) -> usize {
    let spent = timeline.attempts.iter().filter(|one| one.start.attempt > 1 && never_fails(one.start.kind));
    spent.map(|one| one.start.job).collect::<std::collections::HashSet<_>>().len()
}

fn cron_gaps(timeline: &Timeline) -> Vec<f64> {
    let fires = timeline.attempts.iter().filter(|one| one.start.kind == Kind::Cron);
    let times: Vec<Moment> = fires.map(|one| one.from).collect();
    times.windows(2).map(|pair| seconds(pair[1], pair[0])).collect()
}
