//! What becomes of a state when something happens.

use super::canonical::UNUSED;
use super::fleet::{Action, Fleet};
use super::server::Stored;
use super::state::{Attempt, Order, Outcome, Process, Search, State, Waiting};

impl Fleet {
    pub fn act(&self, state: &mut State, action: Action) {
        match action {
            Action::Tick => self.tick(state),
            Action::Beat(worker)
            | Action::LateBeat(worker)
            | Action::Wait(worker)
            | Action::EndWait(worker) => {
                self.beat(state, worker, &action);
            }
            Action::Confirm(worker) => state.workers[worker].confirm(self),
            Action::Register(worker) => state.register(worker, self),
            Action::Claim(worker) => {
                if state.workers[worker].process == Process::Dead {
                    state.left.late_claims -= 1;
                }
                state.claim(worker, state.workers[worker].id, self);
            }
            Action::ClaimForEarlierId(worker) => {
                state.left.late_claims -= 1;
                state.claim(worker, UNUSED, self);
            }
            Action::Start(worker) => state.workers[worker].start(self),
            Action::Finish(worker) => state.workers[worker].end(Outcome::Succeeded),
            Action::GiveBack(worker) => state.workers[worker].end(Outcome::GivenBack),
            Action::Settle(worker) | Action::SettleUnconfirmed(worker) => {
                if let Attempt::Ended(lease, outcome) = state.workers[worker].attempt {
                    state.settle(lease, outcome, self);
                }
                if action == Action::Settle(worker) {
                    state.workers[worker].attempt = Attempt::None;
                }
            }
            Action::Crash(worker) | Action::Stop(worker) | Action::Continue(worker) => {
                self.of_process(state, worker, &action);
            }
            _ => self.at_server(state, action),
        }
    }

    fn tick(&self, state: &mut State) {
        state.workers.iter_mut().for_each(|worker| worker.tick(self));
        state.server.age(1, self);
        if let Some(search) = &mut state.search {
            search.age = (search.age + 1).min(self.longest());
        }
        state.standby.iter_mut().for_each(|standby| standby.database.age(1, self));
    }

    fn beat(&self, state: &mut State, worker: usize, action: &Action) {
        match action {
            Action::Wait(_) => {
                state.left.waits -= 1;
                state.workers[worker].waiting = Some(Waiting { arrived: 0, order: Order::Newest });
            }
            Action::EndWait(_) => {
                if let Some(waiting) = state.workers[worker].waiting.take() {
                    state.beat_that_waited(worker, waiting, self);
                }
            }
            Action::LateBeat(_) => {
                state.left.late_beats -= 1;
                state.beat(worker, 0, self);
            }
            _ => {
                if state.beat(worker, 0, self) == Stored::Yes {
                    let own = &mut state.workers[worker];
                    own.reply = Some(0);
                    own.waiting.iter_mut().for_each(|waiting| waiting.order = Order::Overtaken);
                }
            }
        }
    }

    fn of_process(&self, state: &mut State, worker: usize, action: &Action) {
        let own = &mut state.workers[worker];
        match action {
            Action::Crash(_) => {
                state.left.crashes -= 1;
                own.die();
            }
            Action::Stop(_) => {
                state.left.stops -= 1;
                own.process = Process::Stopped;
            }
            _ => {
                own.process = Process::Runs;
                own.compare(self);
            }
        }
    }

    fn at_server(&self, state: &mut State, action: Action) {
        match action {
            Action::Rescue(id) => state.rescue(id, self),
            Action::Delete(id) => {
                state.left.deletions -= 1;
                state.delete(id, self);
            }
            Action::Search => {
                let known = state.server.rows.iter().map(|row| row.id).collect();
                state.search = state.server.orphan().map(|orphan| Search { known, orphan, age: 0 });
            }
            Action::EndSearch => {
                if let Some(search) = state.search.take() {
                    state.end_search(&search, self);
                }
            }
            Action::Replicate => state.replicate(),
            Action::FailOver(skew) => {
                state.left.failovers -= 1;
                state.fail_over(skew, self);
            }
            Action::Step(ticks) => {
                state.left.steps -= 1;
                state.server.age(ticks, self);
            }
            _ => {}
        }
    }
}
