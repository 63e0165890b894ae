//! What is played, by name: the load, what is broken and when, and the figure with its bar. A new scenario is an entry of a table.

mod failover;
mod growth;
mod handlers;
mod machine;
mod network;
mod patroni;
mod server;
mod stops;

use std::path::Path as Folder;
use std::time::Duration;

use crate::checker::Figure;
use crate::fault::{COMBINABLE, Fault};
use crate::patroni::{Address, Replication};
use crate::stage::Stage;
use crate::trouble::Outcome;
use crate::workload::{Kind, MIXED};

/// How long a worker without a heartbeat keeps its jobs, as by default.
const LEASE: Duration = Duration::from_secs(4);
/// Until everything is as before a fault: the fence, the rescue, and a poll.
const AFTERWARDS: Duration = Duration::from_secs(6);

#[derive(Clone)]
pub struct Scenario {
    pub name: &'static str,
    pub about: &'static str,
    pub figure: Figure,
    /// The most that the figure may be.
    pub bar: f64,
    /// How long the fault lasts, or the faults go on, unless a duration is given.
    pub time: Duration,
    /// The same in the short set, which the scenario is part of.
    pub short_time: Option<Duration>,
    pub workers: usize,
    /// What the producer adds, and how often a second.
    pub kinds: &'static [Kind],
    pub rate: f64,
    pub grace: Duration,
    pub lease: Duration,
    pub path: Path,
    pub outcomes: Outcomes,
    disk: Disk,
    plan: Plan,
}

/// How processes reach the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Path {
    /// By a proxy of their own.
    Proxy,
    /// The same, and there is a standby.
    ProxyWithStandby,
    /// By a list of two hosts, primary and standby.
    Hosts,
    /// The servers are those of a cluster under Patroni.
    Patroni(Address, Replication),
}

/// Whether a process that lives may be too late to store an outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcomes {
    MayBeLate,
    Kept,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Disk {
    Large,
    Small,
}

#[derive(Clone, Copy)]
enum Plan {
    /// The fault lasts for the whole time, and jobs run meanwhile that would not end before it.
    Lasting(Fault),
    /// The fault comes again and again, each lasting for so many milliseconds, with as long pauses.
    Recurring(Fault, (u64, u64)),
    Own(fn(&mut Stage) -> Outcome<()>),
}

impl Scenario {
    const fn new(name: &'static str, figure: Figure, bar: f64, seconds: u64, plan: Plan) -> Self {
        Self {
            name,
            about: "",
            figure,
            bar,
            time: Duration::from_secs(seconds),
            short_time: None,
            workers: 3,
            kinds: &MIXED,
            rate: 25.0,
            grace: Duration::from_secs(5),
            lease: LEASE,
            path: Path::Proxy,
            outcomes: Outcomes::MayBeLate,
            disk: Disk::Large,
            plan,
        }
    }

    const fn about(mut self, about: &'static str) -> Self {
        self.about = about;
        self
    }

    /// The load is these kinds, so many jobs a second.
    const fn load(mut self, kinds: &'static [Kind], rate: f64) -> Self {
        self.kinds = kinds;
        self.rate = rate;
        self
    }

    const fn grace(mut self, seconds: u64) -> Self {
        self.grace = Duration::from_secs(seconds);
        self
    }

    const fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    const fn path(mut self, path: Path) -> Self {
        self.path = path;
        // No process reaches the new primary much later than the others.
        if matches!(path, Path::Patroni(..)) {
            self.outcomes = Outcomes::Kept;
        }
        self
    }

    /// Puts the scenario into the short set.
    const fn short(mut self, seconds: u64) -> Self {
        self.short_time = Some(Duration::from_secs(seconds));
        self
    }

    const fn small_disk(mut self) -> Self {
        self.disk = Disk::Small;
        self
    }

    pub fn has_standby(&self) -> bool {
        matches!(self.path, Path::ProxyWithStandby | Path::Hosts)
    }

    /// Gives the server the disk that the scenario wants.
    pub fn prepare(&self, folder: &Folder) -> Outcome<()> {
        if self.disk == Disk::Small { server::mount_small_disk(folder) } else { Ok(()) }
    }

    /// Undoes [`Self::prepare`].
    pub fn clean_up(&self, folder: &Folder) {
        if self.disk == Disk::Small {
            server::unmount(folder);
        }
    }

    /// Breaks what it breaks, and returns when that is over.
    pub fn play(&self, stage: &mut Stage) -> Outcome<()> {
        match self.plan {
            Plan::Lasting(fault) => lasting(stage, fault)?,
            Plan::Recurring(fault, range) => recurring(stage, fault, range)?,
            Plan::Own(play) => play(stage)?,
        }
        stage.wait(AFTERWARDS)
    }
}

fn lasting(stage: &mut Stage, fault: Fault) -> Outcome<()> {
    hold_jobs(stage, stage.time.as_secs() + 2)?;
    fault.last_for(stage, stage.time)
}

/// Adds four jobs that run so long, each alone in a queue, and returns when they run.
fn hold_jobs(stage: &mut Stage, seconds: u64) -> Outcome<()> {
    (0..4).try_for_each(|_| stage.add(Kind::Held, seconds))?;
    stage.wait(Duration::from_secs(1))
}

fn recurring(stage: &mut Stage, fault: Fault, (least, most): (u64, u64)) -> Outcome<()> {
    let end = std::time::Instant::now() + stage.time;
    while std::time::Instant::now() < end {
        let (lasts, rests) = (stage.milliseconds(least, most), stage.milliseconds(least, most));
        fault.last_for(stage, lasts)?;
        stage.wait(rests)?;
    }
    Ok(())
}

/// Two faults that the seed chooses, one within or across the other.
fn combination(stage: &mut Stage) -> Outcome<()> {
    hold_jobs(stage, stage.time.as_secs() + 2)?;
    let mut faults = COMBINABLE;
    stage.random.shuffle(&mut faults);
    let third = stage.time / 3;
    let first = faults[0].begin(stage)?;
    stage.wait(third)?;
    let second = faults[1].begin(stage)?;
    stage.wait(third)?;
    let crossed = stage.random.bool();
    let (sooner, later) = if crossed { (first, second) } else { (second, first) };
    sooner.mend(stage)?;
    stage.wait(third)?;
    later.mend(stage)
}

/// All of them, in the order of the table.
pub fn all() -> Vec<Scenario> {
    let combined = Scenario::new("combination", Figure::BackAtLast, 10.0, 15, Plan::Own(combination))
        .about("two faults that the seed chooses, at the same time")
        .short(9);
    let tables = [
        machine::SCENARIOS.as_slice(),
        &server::SCENARIOS,
        &network::SCENARIOS,
        &failover::SCENARIOS,
        &patroni::SCENARIOS,
        &stops::SCENARIOS,
        &handlers::SCENARIOS,
        &growth::SCENARIOS,
    ];
    tables.into_iter().flatten().cloned().chain([combined]).collect()
}
