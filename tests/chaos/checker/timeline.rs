//! The record in the shape in which the laws read it: attempts with the times at which they executed, enqueues with their replies,
//! and what was done to processes.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use crate::clock::Moment;
use crate::record::{End, Entry, Start, Stored, What};
use crate::workload::Kind;

/// A process that was paused drops its futures within this time after it goes on. It polls none of them meanwhile.
const WAKE: Duration = Duration::from_secs(1);
/// What was confirmed so long before a lag may not have been sent yet.
const SENDING: Duration = Duration::from_millis(500);
/// A job starts at most so long after its claim was confirmed, in nanoseconds: until the fence shuts.
const BUFFERED: u64 = 3_000_000_000;

#[derive(Debug, Default)]
pub struct Timeline {
    pub attempts: Vec<Attempt>,
    pub asks: HashMap<String, Ask>,
    pub processes: HashMap<u32, Life>,
    pub names: HashMap<u32, String>,
    pub faults: Vec<(Moment, String)>,
    /// The values of each quantity, in the order of time.
    pub samples: BTreeMap<String, Vec<u64>>,
    /// When something was whole again, for this process or for all.
    pub recoveries: Vec<(Moment, Option<u32>)>,
    /// Between these times a primary has confirmed what its successor may lack.
    pub lags: Vec<(Moment, Moment)>,
}

/// An execution of a job.
#[derive(Debug, Clone)]
pub struct Attempt {
    pub pid: u32,
    pub start: Start,
    pub from: Moment,
    pub until: Moment,
    pub end: Ending,
    /// When it executed: all of the time but for the pauses of its process.
    pub spans: Vec<(Moment, Moment)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    Succeeded,
    Failed,
    Dropped,
    /// Its process died first.
    Died,
}

#[derive(Debug, Clone)]
pub struct Ask {
    pub pid: u32,
    pub at: Moment,
    pub kind: Kind,
    pub key: Option<String>,
    pub reply: Option<(Moment, Reply)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    Stored(i64),
    Refused(Stored, String),
}

/// What was done to a process.
#[derive(Debug, Clone, Default)]
pub struct Life {
    pub ready: Option<Moment>,
    pub killed: Option<Moment>,
    pub terminated: Option<Moment>,
    pub exited: Option<Moment>,
    pub pauses: Vec<(Moment, Moment)>,
    /// The last line it wrote itself.
    last: Option<Moment>,
}

#[derive(Default)]
struct Open {
    end: Option<(Moment, Ending)>,
    alive: Vec<Moment>,
}

impl Timeline {
    pub fn of(entries: &[Entry]) -> Self {
        let mut timeline = Self::default();
        let mut starts = Vec::new();
        let mut open: HashMap<(u32, u64), Open> = HashMap::new();
        for Entry(at, pid, what) in entries {
            timeline.processes.entry(*pid).or_default().last = Some(*at);
            let mut end = |run, ending| open.entry((*pid, run)).or_default().end = Some((*at, ending));
            match what {
                What::Started(start) => starts.push((*at, *pid, start.clone())),
                What::Ended { run, end: End::Succeeded } => end(*run, Ending::Succeeded),
                What::Ended { run, end: End::Failed } => end(*run, Ending::Failed),
                What::Dropped { run } => end(*run, Ending::Dropped),
                What::Alive { run } => open.entry((*pid, *run)).or_default().alive.push(*at),
                other => timeline.note(*at, *pid, other),
            }
        }
        for (from, pid, start) in starts {
            let open = open.remove(&(pid, start.run)).unwrap_or_default();
            let attempt = timeline.attempt(from, pid, start, &open);
            timeline.attempts.push(attempt);
        }
        timeline
    }

    fn note(&mut self, at: Moment, pid: u32, what: &What) {
        match what {
            What::Ready { name } => {
                self.life(pid).ready = Some(at);
                self.names.insert(pid, name.clone());
            }
            What::Asked { token, kind, key } => {
                let ask = Ask { pid, at, kind: *kind, key: key.clone(), reply: None };
                self.asks.insert(token.clone(), ask);
            }
            What::Stored { token, job } => self.reply(token, at, Reply::Stored(*job)),
            What::Refused { token, stored, why } => {
                self.reply(token, at, Reply::Refused(*stored, why.clone()))
            }
            What::Killed { pid } => self.life(*pid).killed = Some(at),
            What::Terminated { pid } => self.life(*pid).terminated = Some(at),
            What::Exited { pid, .. } => self.life(*pid).exited = Some(at),
            What::Paused { pid } => self.life(*pid).pauses.push((at, Moment(u64::MAX))),
            What::Resumed { pid } => {
                if let Some(pause) = self.life(*pid).pauses.last_mut() {
                    pause.1 = at;
                }
            }
            What::FaultBegan { what } => self.faults.push((at, what.clone())),
            What::Sample { quantity, value } => {
                self.samples.entry(quantity.clone()).or_default().push(*value)
            }
            What::FaultOver { pid, .. } => self.recoveries.push((at, *pid)),
            What::LagBegan => self.lags.push((at, Moment(u64::MAX))),
            What::LagOver => {
                if let Some(lag) = self.lags.last_mut() {
                    lag.1 = at;
                }
            }
            What::StopAsked
            | What::Stopped
            | What::Started(_)
            | What::Alive { .. }
            | What::Ended { .. }
            | What::Dropped { .. } => {}
        }
    }

    /// Whether the successor of a primary may lack what was confirmed at that time.
    pub fn may_be_lost(&self, at: Moment) -> bool {
        self.lags.iter().any(|(from, until)| *from <= at.plus(SENDING) && at <= *until)
    }

    /// The attempts of which the last primary knows. It may lack the claims of others.
    pub fn known_attempts(&self) -> impl Iterator<Item = &Attempt> {
        let unknown = |at: Moment| {
            self.lags
                .iter()
                .any(|(from, until)| *from <= at.plus(SENDING) && at.0 <= until.0.saturating_add(BUFFERED))
        };
        self.attempts.iter().filter(move |attempt| !unknown(attempt.from))
    }

    fn life(&mut self, pid: u32) -> &mut Life {
        self.processes.entry(pid).or_default()
    }

    fn reply(&mut self, token: &str, at: Moment, reply: Reply) {
        if let Some(ask) = self.asks.get_mut(token) {
            ask.reply = Some((at, reply));
        }
    }

    fn attempt(&self, from: Moment, pid: u32, start: Start, open: &Open) -> Attempt {
        let life = self.processes.get(&pid).cloned().unwrap_or_default();
        let death = life.killed.or(life.last).unwrap_or(from).max(from);
        let (until, end) = open.end.unwrap_or((death, Ending::Died));
        let mut spans = vec![(from, until)];
        for (pause, resumed) in life.pauses {
            let awake = if resumed.0 == u64::MAX { resumed } else { resumed.plus(WAKE) };
            spans = spans.into_iter().flat_map(|span| without(span, (pause, awake))).collect();
        }
        // What it did before it was dropped counts, however soon after a pause.
        let dropped = end == Ending::Dropped || end == Ending::Died;
        spans.extend(open.alive.iter().map(|at| (*at, *at)));
        spans.extend((!dropped).then_some((until, until)));
        Attempt { pid, start, from, until, end, spans }
    }
}

impl Life {
    /// Whether it ran at that time, and was meant to run on.
    pub fn was_there(&self, at: Moment) -> bool {
        let ends = [self.killed, self.terminated, self.exited].into_iter().flatten().min();
        self.ready.is_some_and(|ready| ready < at) && ends.is_none_or(|end| end > at.plus(WAKE))
    }
}

impl Attempt {
    /// Whether both executed at the same time.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.spans
            .iter()
            .any(|one| other.spans.iter().any(|two| one.0 < two.1 && two.0 < one.1 || inside(*one, *two)))
    }
}

// A point in time has no length, so it overlaps nothing but a span around it.
fn inside(one: (Moment, Moment), two: (Moment, Moment)) -> bool {
    let within = |point: (Moment, Moment), span: (Moment, Moment)| {
        point.0 == point.1 && span.0 < point.0 && point.0 < span.1
    };
    within(one, two) || within(two, one)
}

fn without(span: (Moment, Moment), hole: (Moment, Moment)) -> Vec<(Moment, Moment)> {
    if hole.1 <= span.0 || span.1 <= hole.0 {
        return vec![span];
    }
    let before = (span.0, hole.0);
    let after = (hole.1, span.1);
    [before, after].into_iter().filter(|(from, until)| from < until).collect()
}
