//! The model for the checker: what may happen in each state, and what must hold always and sometimes.

use stateright::{Model, Property};

use super::canonical::canonical;
use super::protocol::{Replication, Times, Trouble, Variant};
use super::state::{State, Worker};

/// Workers under a protocol, and the trouble that they may meet.
#[derive(Clone, Copy, Debug)]
pub struct Fleet {
    pub variant: Variant,
    /// Of each worker.
    pub times: &'static [Times],
    pub trouble: Trouble,
    pub replication: Replication,
    pub excuses: Excuses,
    /// By how many ticks the clock of the server may step, and that of a standby may differ.
    pub steps: &'static [i8],
}

/// Whether a job may run beside itself of which a failover or a crash of the server has lost something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Excuses {
    Lost,
    None,
}

/// What may happen. A worker is named by its place, and a row by its id.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    Tick,
    /// A beat executes in the moment in which it is sent, and its reply is under way. A reply that is not received is lost.
    Beat(usize),
    /// A beat executes late, and its reply is lost: it would shut the fence earlier.
    LateBeat(usize),
    Wait(usize),
    EndWait(usize),
    Confirm(usize),
    Register(usize),
    /// A claim executes, and its reply is under way. It was sent while the fence was open.
    Claim(usize),
    /// A claim for an id that the worker no longer has.
    ClaimForEarlierId(usize),
    Start(usize),
    Finish(usize),
    /// The attempt ends because the worker stops, or the claim's reply is lost and the lease is taken back.
    GiveBack(usize),
    Settle(usize),
    /// A settle executes, and its reply is lost.
    SettleUnconfirmed(usize),
    Crash(usize),
    Stop(usize),
    Continue(usize),
    Rescue(u8),
    /// A process finds an orphan, and remembers it.
    Search,
    /// It takes the orphan.
    EndSearch,
    Replicate,
    FailOver(i8),
    Step(i8),
    /// A person deletes the row of a worker, and does nothing about its jobs.
    Delete(u8),
}

impl Fleet {
    /// The age behind which nothing changes, even if the clock steps back.
    pub fn oldest(&self) -> i8 {
        let often = i8::try_from(self.trouble.steps + self.trouble.failovers).expect("a few");
        let furthest_back = self.steps.iter().copied().min().unwrap_or_default().min(0);
        self.longest() - often * furthest_back
    }

    pub fn longest(&self) -> i8 {
        self.times.iter().map(|times| times.lost).max().unwrap_or_default()
    }

    /// How long a process has known of an orphan when it takes it.
    pub fn patience_with_orphans(&self) -> i8 {
        if self.variant == Variant::SearchTakesAtOnce { 0 } else { self.longest() }
    }
}

impl Action {
    /// The place of the worker that it is about.
    pub fn worker(&self) -> Option<usize> {
        match *self {
            Self::Beat(worker)
            | Self::LateBeat(worker)
            | Self::Wait(worker)
            | Self::EndWait(worker)
            | Self::Confirm(worker)
            | Self::Register(worker)
            | Self::Claim(worker)
            | Self::ClaimForEarlierId(worker)
            | Self::Start(worker)
            | Self::Finish(worker)
            | Self::GiveBack(worker)
            | Self::Settle(worker)
            | Self::SettleUnconfirmed(worker)
            | Self::Crash(worker)
            | Self::Stop(worker)
            | Self::Continue(worker) => Some(worker),
            Self::Tick
            | Self::Rescue(_)
            | Self::Delete(_)
            | Self::Search
            | Self::EndSearch
            | Self::Replicate
            | Self::FailOver(_)
            | Self::Step(_) => None,
        }
    }
}

impl Model for Fleet {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![canonical(State::new(self.times, self.trouble), self)]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        // What follows a fault is of no interest.
        if state.fault.is_some() {
            return;
        }
        actions.push(Action::Tick);
        for worker in 0..state.workers.len() {
            self.of_worker(state, worker, actions);
        }
        self.of_server(state, actions);
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        self.act(&mut next, action);
        Some(canonical(next, self))
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::<Self>::always(TWICE, |fleet, state| {
                state.excused || state.workers.iter().filter(|worker| worker.runs(fleet)).count() < 2
            }),
            Property::<Self>::always(FAULT, |_, state| state.fault.is_none()),
            Property::<Self>::sometimes("the job of a lost worker runs elsewhere", |fleet, state| {
                let is_lost = |worker: &Worker| !state.server.has_row(worker.id);
                state.workers.iter().any(|worker| worker.runs(fleet)) && state.workers.iter().any(is_lost)
            }),
            Property::<Self>::sometimes("the job is done", |_, state| state.settled),
        ]
    }
}

pub const TWICE: &str = "the job runs once at a time";
pub const FAULT: &str = "no lease is taken from the living, and nothing settled runs again";
