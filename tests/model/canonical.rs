//! Brings a state into the form that stands for all states of the same meaning: workers that change places, and other numbers
//! for the same ids and leases.

use super::fleet::Fleet;
use super::protocol::Variant;
use super::state::{Attempt, Job, Lease, Outcome, Process, State, Worker};

/// A number that is not taken. Canonical numbers are small.
pub const UNUSED: u8 = 100;

/// Forgets what changes nothing any more, sorts, and renumbers.
pub fn canonical(mut state: State, fleet: &Fleet) -> State {
    forget(&mut state, fleet);
    state.workers.sort_unstable();
    let (mut ids, mut leases) = (Numbers::default(), Numbers::default());
    visit(&mut state, &mut |id| *id = ids.of(*id), &mut |lease| *lease = leases.of(*lease));
    state.server.rows.sort_unstable_by_key(|row| row.id);
    state.standby.iter_mut().for_each(|standby| standby.database.rows.sort_unstable_by_key(|row| row.id));
    state
}

fn forget(state: &mut State, fleet: &Fleet) {
    if state.left.failovers == 0 {
        state.standby = None;
    }
    let jobs = [Some(state.server.job), state.standby.as_ref().map(|standby| standby.database.job)];
    let is_spent = |lease: Lease| jobs.iter().flatten().all(|job| *job != Job::Running(lease));
    for worker in &mut state.workers {
        worker.forget(fleet);
        // A settle that changes nothing may as well execute now.
        if let Attempt::Ended(lease, _) = worker.attempt
            && is_spent(lease)
            && fleet.variant != Variant::SettleIgnoresLeases
        {
            worker.attempt = Attempt::None;
        }
    }
    if fleet.variant != Variant::SearchIgnoresLeases {
        state.search = state.search.take().filter(|search| !is_spent(search.orphan));
    }
}

impl Worker {
    fn forget(&mut self, fleet: &Fleet) {
        if self.process == Process::Dead {
            (self.confirmed, self.reply) = (self.times.fence, None);
        }
        self.reply = self.reply.filter(|sent| *sent < self.confirmed);
        // A claim for an earlier id is given back when its reply comes, whenever that is.
        if let Attempt::Claimed(lease) = self.attempt
            && !self.is_own(lease, fleet)
        {
            self.end(Outcome::GivenBack);
        }
    }
}

#[derive(Default)]
struct Numbers {
    found: [u8; 16],
    count: usize,
}

impl Numbers {
    // In the order in which they are visited.
    fn of(&mut self, number: u8) -> u8 {
        let known = self.found[..self.count].iter().position(|found| *found == number);
        let place = known.unwrap_or_else(|| {
            self.found[self.count] = number;
            self.count += 1;
            self.count - 1
        });
        place as u8
    }
}

// The workers come first, so that their places give the numbers.
fn visit(state: &mut State, id: &mut dyn FnMut(&mut u8), number: &mut dyn FnMut(&mut u8)) {
    let mut lease = |lease: &mut Lease, id: &mut dyn FnMut(&mut u8)| {
        id(&mut lease.id);
        number(&mut lease.number);
    };
    for worker in &mut state.workers {
        id(&mut worker.id);
        if let Some(held) = Attempt::lease_mut(&mut worker.attempt) {
            lease(held, id);
        }
    }
    for database in [Some(&mut state.server), state.standby.as_mut().map(|standby| &mut standby.database)]
        .into_iter()
        .flatten()
    {
        if let Job::Running(held) = &mut database.job {
            lease(held, id);
        }
        database.rows.iter_mut().for_each(|row| id(&mut row.id));
    }
    if let Some(search) = &mut state.search {
        search.known.iter_mut().for_each(&mut *id);
        lease(&mut search.orphan, id);
    }
}
