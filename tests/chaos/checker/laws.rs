//! What must hold whatever is broken, proven from the record and the database. Each law returns the cases that break it.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::facts::Facts;
use super::timeline::{Attempt, Ending, Reply, Timeline};
use crate::clock::Moment;
use crate::record::Stored;
use crate::workload::{Kind, limit};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Law {
    /// A job whose enqueue returned an id is in the database, or has succeeded. Where the history refuses its line, no row is left.
    NothingLost,
    /// An enqueue that reports "not stored" has stored nothing.
    RefusedIsRefused,
    /// A job never runs beside itself.
    NeverBesideItself,
    /// Jobs that share a key run one at a time.
    OneOfAKey,
    /// A queue or a task never runs more jobs than its limit.
    LimitHolds,
    /// The effect of a transactional job is there once if it succeeded, and not otherwise.
    EffectOnce,
    /// A fire adds at most one job.
    FireOnce,
    /// Every job comes to an end.
    EveryJobEnds,
    /// No job is dead but those that are made to die.
    NobodyDies,
    /// A job that the database counts as succeeded has run to its end.
    SuccessIsReal,
    /// A job that has succeeded does not run again. Holds where a process that lives can store each outcome in time.
    SucceedsOnce,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    pub law: Law,
    pub case: String,
}

type Cases = Vec<String>;
type Find = fn(&Timeline, &Facts) -> Cases;

const LAWS: [(Law, Find); 10] = [
    (Law::NothingLost, lost),
    (Law::RefusedIsRefused, refused_and_run),
    (Law::NeverBesideItself, beside_themselves),
    (Law::OneOfAKey, keys_shared),
    (Law::LimitHolds, limits_broken),
    (Law::EffectOnce, effects_wrong),
    (Law::FireOnce, fires_doubled),
    (Law::EveryJobEnds, endless),
    (Law::NobodyDies, dead),
    (Law::SuccessIsReal, successes_unseen),
];

pub fn check(timeline: &Timeline, facts: &Facts) -> Vec<Violation> {
    let cases = LAWS.iter().flat_map(|(law, find)| {
        let found: BTreeSet<String> = find(timeline, facts).into_iter().collect();
        found.into_iter().map(|case| Violation { law: *law, case })
    });
    cases.collect()
}

/// The law that only holds where no process is cut off from the server for longer than others.
pub fn run_after_success(timeline: &Timeline) -> Vec<Violation> {
    let mut done: HashMap<i64, &Attempt> = HashMap::new();
    let mut found = Vec::new();
    for attempt in timeline.known_attempts().filter(|attempt| !timeline.may_be_lost(attempt.until)) {
        if let Some(before) = done.get(&attempt.start.job) {
            let case = format!("{}, then {}", told(timeline, before), told(timeline, attempt));
            found.push(Violation { law: Law::SucceedsOnce, case });
        }
        if attempt.end == Ending::Succeeded {
            done.insert(attempt.start.job, attempt);
        }
    }
    found
}

fn lost(timeline: &Timeline, facts: &Facts) -> Cases {
    let stored = timeline.asks.iter().filter_map(|(token, ask)| match &ask.reply {
        Some((at, Reply::Stored(job))) if !timeline.may_be_lost(*at) => Some((token, ask, *job)),
        _ => None,
    });
    let done = succeeded(timeline);
    let lost = stored.filter(|(_, _, job)| !facts.jobs.contains_key(job) && !done.contains(job));
    lost.map(|(token, ask, job)| format!("job {job} ({:?}, {token}) was acknowledged and is gone", ask.kind))
        .collect()
}

fn succeeded(timeline: &Timeline) -> HashSet<i64> {
    // A transaction completes its job before the handler returns.
    let done = |attempt: &&Attempt| attempt.end == Ending::Succeeded || attempt.start.kind == Kind::Booked;
    timeline.attempts.iter().filter(done).map(|attempt| attempt.start.job).collect()
}

fn refused_and_run(timeline: &Timeline, _: &Facts) -> Cases {
    let refused = timeline.asks.iter().filter_map(|(token, ask)| match &ask.reply {
        Some((_, Reply::Refused(Stored::No, why))) => Some((token.as_str(), why)),
        _ => None,
    });
    let refused: HashMap<&str, &String> = refused.collect();
    let ran = timeline.attempts.iter().filter_map(|attempt| {
        let why = refused.get(attempt.start.token.as_str())?;
        Some(format!("job {} ran; its enqueue had returned: {why}", attempt.start.job))
    });
    ran.collect()
}

fn beside_themselves(timeline: &Timeline, _: &Facts) -> Cases {
    let mut by_job: HashMap<i64, Vec<&Attempt>> = HashMap::new();
    timeline.known_attempts().for_each(|attempt| by_job.entry(attempt.start.job).or_default().push(attempt));
    by_job.into_values().flat_map(|attempts| overlaps(timeline, &attempts)).collect()
}

fn keys_shared(timeline: &Timeline, _: &Facts) -> Cases {
    let mut by_key: HashMap<&str, Vec<&Attempt>> = HashMap::new();
    // A job that is replaced while it runs gives its key away.
    for attempt in timeline.known_attempts().filter(|attempt| attempt.start.kind == Kind::Keyed) {
        by_key.entry(attempt.start.key.as_deref().unwrap_or_default()).or_default().push(attempt);
    }
    by_key.into_values().flat_map(|attempts| overlaps(timeline, &attempts)).collect()
}

fn overlaps(timeline: &Timeline, attempts: &[&Attempt]) -> Cases {
    let pairs =
        attempts.iter().enumerate().flat_map(|(at, one)| attempts[..at].iter().map(move |two| (two, one)));
    let beside = pairs.filter(|(one, two)| one.overlaps(two));
    beside.map(|(one, two)| format!("{} beside {}", told(timeline, one), told(timeline, two))).collect()
}

fn told(timeline: &Timeline, attempt: &Attempt) -> String {
    let process = timeline.names.get(&attempt.pid).map_or("?", String::as_str);
    let (from, until) = (attempt.from.0 as f64 / 1e9, attempt.until.0 as f64 / 1e9);
    let (job, kind, end) = (attempt.start.job, attempt.start.kind, attempt.end);
    format!("job {job} ({kind:?}) in {process} {from:.3} to {until:.3} ({end:?})")
}

/// When how many more attempts run: 1 or -1, and the number of the attempt.
type Edge = (Moment, i32, usize);

fn limits_broken(timeline: &Timeline, _: &Facts) -> Cases {
    let mut by_limit: HashMap<(&str, usize), Vec<Edge>> = HashMap::new();
    let attempts: Vec<&Attempt> = timeline.known_attempts().collect();
    for (number, attempt) in attempts.iter().enumerate() {
        let Some(limit) = limit(&attempt.start) else { continue };
        let edges = by_limit.entry(limit).or_default();
        for (from, until) in attempt.spans.iter().filter(|(from, until)| from < until) {
            edges.extend([(*from, 1, number), (*until, -1, number)]);
        }
    }
    let broken = |(limit, edges)| too_many(timeline, &attempts, limit, edges);
    by_limit.into_iter().filter_map(broken).collect()
}

fn too_many(
    timeline: &Timeline,
    attempts: &[&Attempt],
    (limited, limit): (&str, usize),
    mut edges: Vec<Edge>,
) -> Option<String> {
    edges.sort_unstable();
    let mut running = HashSet::new();
    for (at, step, number) in edges {
        if step < 0 {
            running.remove(&number);
        } else {
            running.insert(number);
        }
        if running.len() > limit {
            let jobs: Vec<String> = running.iter().map(|number| told(timeline, attempts[*number])).collect();
            let at = at.0 as f64 / 1e9;
            return Some(format!("{limited} of limit {limit} ran at {at:.3}: {}", jobs.join("; ")));
        }
    }
    None
}

fn effects_wrong(timeline: &Timeline, facts: &Facts) -> Cases {
    let mut effects: HashMap<i64, usize> = HashMap::new();
    facts.effects.iter().for_each(|effect| *effects.entry(effect.job).or_default() += 1);
    let booked = timeline.known_attempts().filter(|attempt| attempt.start.kind == Kind::Booked);
    let booked: BTreeSet<i64> =
        booked.map(|attempt| attempt.start.job).chain(effects.keys().copied()).collect();
    let wrong = booked.into_iter().filter_map(|job| {
        let state = facts.jobs.get(&job).map_or("gone", |job| job.state.as_str());
        let count = effects.get(&job).copied().unwrap_or_default();
        let wanted = if state == "gone" { count.min(1) } else { usize::from(state == "succeeded") };
        (count != wanted).then(|| format!("job {job} is {state} and has {count} effects"))
    });
    wrong.collect()
}

fn fires_doubled(timeline: &Timeline, facts: &Facts) -> Cases {
    let mut by_fire: HashMap<&str, BTreeSet<i64>> = HashMap::new();
    for attempt in timeline.known_attempts() {
        if let Some(fire) = &attempt.start.fire {
            by_fire.entry(fire).or_default().insert(attempt.start.job);
        }
    }
    let doubled = by_fire.into_iter().filter(|(_, jobs)| jobs.len() > 1);
    let seen = doubled.map(|(fire, jobs)| format!("fire {fire} has run as the jobs {jobs:?}"));
    seen.chain(facts.double_fires.iter().map(|fire| format!("fire {fire} is stored twice"))).collect()
}

fn endless(_: &Timeline, facts: &Facts) -> Cases {
    let living = facts.jobs.values().filter(|job| job.lives());
    living.map(|job| format!("job {} is still {}: {}", job.id, job.state, job.error)).collect()
}

fn dead(timeline: &Timeline, facts: &Facts) -> Cases {
    let mortal = [Kind::Replaced, Kind::Panicking, Kind::Aborting, Kind::Overflowing];
    let run = timeline.attempts.iter().map(|attempt| (attempt.start.job, attempt.start.kind));
    let asked = timeline.asks.values().filter_map(|ask| match &ask.reply {
        Some((_, Reply::Stored(job))) => Some((*job, ask.kind)),
        _ => None,
    });
    let made_to = run.chain(asked).filter(|(_, kind)| mortal.contains(kind));
    let made_to: HashSet<i64> = made_to.map(|(job, _)| job).collect();
    let dead = facts.jobs.values().filter(|job| job.state == "dead");
    let wrongly = dead.filter(|job| !made_to.contains(&job.id));
    wrongly.map(|job| format!("job {} is dead: {}", job.id, job.error)).collect()
}

fn successes_unseen(timeline: &Timeline, facts: &Facts) -> Cases {
    let seen = succeeded(timeline);
    let unseen = facts.jobs.values().filter(|job| job.state == "succeeded" && !seen.contains(&job.id));
    unseen.map(|job| format!("job {} has succeeded without an attempt that did", job.id)).collect()
}
