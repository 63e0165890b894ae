//! What may happen in a state.

use super::fleet::{Action, Fleet};
use super::protocol::Variant;
use super::state::{Attempt, Job, Process, State};

impl Fleet {
    pub fn of_worker(&self, state: &State, worker: usize, actions: &mut Vec<Action>) {
        let own = &state.workers[worker];
        let (left, is_alive) = (state.left, own.process != Process::Dead);
        let has_row = state.server.has_row(own.id) || self.variant == Variant::BeatResurrects;
        match own.process {
            Process::Runs => self.of_running_process(state, worker, actions),
            Process::Stopped => actions.push(Action::Continue(worker)),
            Process::Dead => {}
        }
        if left.late_beats > 0 && has_row {
            actions.push(Action::LateBeat(worker));
        }
        if own.waiting.is_some() {
            actions.push(Action::EndWait(worker));
        }
        if state.server.job == Job::Ready && own.attempt == Attempt::None {
            if is_alive || left.late_claims > 0 {
                actions.push(Action::Claim(worker));
            }
            if left.late_claims > 0 {
                actions.push(Action::ClaimForEarlierId(worker));
            }
        }
        if let Attempt::Ended(..) = own.attempt {
            actions.extend([Action::Settle(worker), Action::SettleUnconfirmed(worker)]);
        }
        if is_alive && left.crashes > 0 {
            actions.push(Action::Crash(worker));
        }
    }

    fn of_running_process(&self, state: &State, worker: usize, actions: &mut Vec<Action>) {
        let own = &state.workers[worker];
        if state.server.has_row(own.id) || self.variant == Variant::BeatResurrects {
            actions.push(Action::Beat(worker));
            if state.left.waits > 0 && own.waiting.is_none() {
                actions.push(Action::Wait(worker));
            }
        } else {
            actions.push(Action::Register(worker));
        }
        if own.reply.is_some() {
            actions.push(Action::Confirm(worker));
        }
        match own.attempt {
            Attempt::Claimed(_) => actions.extend([Action::Start(worker), Action::GiveBack(worker)]),
            Attempt::Running(_) => actions.extend([Action::Finish(worker), Action::GiveBack(worker)]),
            Attempt::None | Attempt::Ended(..) => {}
        }
        if state.left.stops > 0 {
            actions.push(Action::Stop(worker));
        }
    }

    pub fn of_server(&self, state: &State, actions: &mut Vec<Action>) {
        let lost = state.server.rows.iter().filter(|row| state.server.may_be_rescued(row, self));
        actions.extend(lost.map(|row| Action::Rescue(row.id)));
        if state.left.deletions > 0 {
            actions.extend(state.server.rows.iter().map(|row| Action::Delete(row.id)));
        }
        if let Some(search) = &state.search {
            if search.age >= self.patience_with_orphans() {
                actions.push(Action::EndSearch);
            }
        } else if state.server.orphan().is_some() {
            actions.push(Action::Search);
        }
        if state.standby.as_ref().is_some_and(|standby| standby.database != state.server) {
            actions.push(Action::Replicate);
        }
        if state.left.failovers > 0 {
            actions.extend(self.steps.iter().map(|skew| Action::FailOver(*skew)));
        }
        if state.left.steps > 0 {
            actions.extend(self.steps.iter().map(|step| Action::Step(*step)));
        }
    }
}
