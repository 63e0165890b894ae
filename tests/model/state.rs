//! The state of the model. Times are ages in ticks, and end at a limit behind which nothing changes any more. So the states
//! are finite although time goes on for ever. Ids and leases are small numbers, of which only equality counts.

use super::protocol::{Times, Trouble};

/// Everything at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    pub workers: Vec<Worker>,
    pub server: Database,
    pub standby: Option<Standby>,
    pub search: Option<Search>,
    pub left: Trouble,
    /// Whether a success of the job was stored.
    pub settled: bool,
    /// Whether a failover or a crash has lost a change of the job, or a worker.
    pub excused: bool,
    pub fault: Option<Fault>,
}

/// What must never happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// A worker's lease was taken while it may run the job.
    TakenFromTheLiving,
    /// A job that was settled was claimed again.
    SettledRunsAgain,
}

/// One process. It knows its job, and its fence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Worker {
    pub times: Times,
    pub process: Process,
    /// How long ago it sent the last beat that was confirmed.
    pub confirmed: i8,
    /// How long ago it sent the beat whose reply is under way.
    pub reply: Option<i8>,
    /// A beat that has arrived, and waits for a lock.
    pub waiting: Option<Waiting>,
    pub attempt: Attempt,
    /// The id under which it has registered.
    pub id: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Process {
    Runs,
    Stopped,
    Dead,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Waiting {
    /// How long ago it arrived, and was sent.
    pub arrived: i8,
    pub order: Order,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Order {
    Newest,
    /// A newer beat has executed.
    Overtaken,
}

/// What a process has of the job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Attempt {
    None,
    /// The reply to the claim is under way.
    Claimed(Lease),
    Running(Lease),
    /// The outcome is not stored yet, as far as the process knows.
    Ended(Lease, Outcome),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    Succeeded,
    GivenBack,
}

/// The right to the job, and the id for which it was claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Lease {
    pub number: u8,
    pub id: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Database {
    pub rows: Vec<Row>,
    pub job: Job,
}

/// What is left when the standby takes over, or when the server starts again after a crash.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Standby {
    pub database: Database,
    pub lacks: Lacks,
}

/// What the server has and the standby has not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lacks {
    /// Beats at most.
    Beats,
    /// Claims, outcomes, rescues or registrations.
    Changes,
}

/// The row of a worker. Ages are on the server's clock, and less than zero for a time that lies ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Row {
    pub id: u8,
    pub times: Times,
    pub heartbeat: i8,
    pub steady: i8,
    pub stored_by: Start,
}

/// Which start of the server has stored the last beat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Start {
    This,
    Earlier,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Job {
    Ready,
    Running(Lease),
    Settled,
}

/// A search for orphans that has looked at the rows, and found an orphan so long ago. The time is that of a process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Search {
    pub known: Vec<u8>,
    pub orphan: Lease,
    pub age: i8,
}

impl State {
    pub fn new(times: &[Times], left: Trouble) -> Self {
        let row = |(id, times): (u8, &Times)| Row::new(id, *times);
        let worker = |(id, times): (u8, &Times)| Worker {
            times: *times,
            process: Process::Runs,
            confirmed: 0,
            reply: None,
            waiting: None,
            attempt: Attempt::None,
            id,
        };
        let server = Database { rows: (0..).zip(times).map(row).collect(), job: Job::Ready };
        Self {
            workers: (0..).zip(times).map(worker).collect(),
            standby: (left.failovers > 0).then(|| Standby::of(&server)),
            server,
            search: None,
            left,
            settled: false,
            excused: false,
            fault: None,
        }
    }
}

impl Standby {
    /// It has received all that was written so far.
    pub fn of(server: &Database) -> Self {
        Self { database: server.clone(), lacks: Lacks::Beats }
    }
}

impl Attempt {
    pub fn lease_mut(&mut self) -> Option<&mut Lease> {
        match self {
            Self::None => None,
            Self::Claimed(lease) | Self::Running(lease) | Self::Ended(lease, _) => Some(lease),
        }
    }
}

impl Database {
    pub fn has_row(&self, id: u8) -> bool {
        self.rows.iter().any(|row| row.id == id)
    }
}
