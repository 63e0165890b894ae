//! Random runs, for spaces that are too large to be searched. Each run prefers other actions, so that rare orders of events are
//! reached: a worker whose beats are lost for long, or a server that does little but rescue.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::mem::discriminant;

use fastrand::Rng;
use stateright::{Expectation, Model};

use super::fleet::{Action, Fleet};

const STEPS: usize = 300;
const WEIGHTS: [u32; 5] = [1, 1, 10, 50, 100];

/// What random runs have found.
#[derive(Debug, Default)]
pub struct Found {
    pub runs: u64,
    /// The property that did not hold, and the actions that led there.
    pub fault: Option<(&'static str, Vec<Action>)>,
    /// What has happened that should happen.
    pub examples: BTreeSet<&'static str>,
}

/// Follows so many runs, or fewer if one finds a fault.
pub fn follow(fleet: &Fleet, runs: u64) -> Found {
    let mut found = Found::default();
    while found.fault.is_none() && found.runs < runs {
        found.runs += 1;
        run(fleet, found.runs, &mut found);
    }
    found
}

fn run(fleet: &Fleet, seed: u64, found: &mut Found) {
    let (mut random, mut state) = (Rng::with_seed(seed), fleet.init_states().swap_remove(0));
    let (mut actions, mut path) = (Vec::new(), Vec::new());
    for _ in 0..STEPS {
        actions.clear();
        fleet.actions(&state, &mut actions);
        let action = choose(&actions, seed, &mut random);
        path.push(action.clone());
        let Some(next) = fleet.next_state(&state, action) else { return };
        state = next;
        for property in fleet.properties() {
            let holds = (property.condition)(fleet, &state);
            match property.expectation {
                Expectation::Always if !holds => {
                    found.fault = Some((property.name, path));
                    return;
                }
                Expectation::Sometimes if holds => drop(found.examples.insert(property.name)),
                Expectation::Always | Expectation::Sometimes | Expectation::Eventually => {}
            }
        }
    }
}

fn choose(actions: &[Action], seed: u64, random: &mut Rng) -> Action {
    let mut left = random.u32(0..actions.iter().map(|action| weight(action, seed)).sum());
    let chosen = actions.iter().find(|action| {
        let (before, weight) = (left, weight(action, seed));
        left = left.saturating_sub(weight);
        before < weight
    });
    chosen.unwrap_or(&actions[0]).clone()
}

// A kind of action has the same weight throughout a run, at each place of a worker.
fn weight(action: &Action, seed: u64) -> u32 {
    let mut hasher = DefaultHasher::new();
    (seed, discriminant(action), action.worker()).hash(&mut hasher);
    WEIGHTS[(hasher.finish() % WEIGHTS.len() as u64) as usize]
}
