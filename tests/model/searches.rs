//! The protocol itself: nothing that must not happen is found, and what should happen is.

use stateright::{Checker, Model};

use super::fleet::{Excuses, Fleet};
use super::protocol::{PARTS, Replication, Times, Trouble, Variant};
use super::swarm::follow;

/// The largest drift of a clock that is promised, in hundredths.
pub const DRIFT: i32 = 5;

/// How many random runs are followed.
pub const RUNS: u64 = 1_000;

pub fn workers(count: usize, times: Times) -> &'static [Times] {
    vec![times; count].leak()
}

/// Two workers and one job. A time-out has so many ticks.
pub fn fleet(timeout: i32, drift: i32, trouble: Trouble) -> Fleet {
    Fleet {
        variant: Variant::Sound,
        times: workers(2, Times::new(PARTS, timeout, drift)),
        trouble,
        replication: Replication::Synchronous,
        excuses: Excuses::Lost,
        steps: &[0],
    }
}

pub fn small(trouble: Trouble) -> Fleet {
    fleet(4, DRIFT, trouble)
}

/// The time-out of one worker is twice as long as that of the other.
pub fn two_timeouts(trouble: Trouble) -> Fleet {
    const TIMES: [Times; 2] = [Times::new(PARTS, 3, 0), Times::new(PARTS, 6, 0)];
    Fleet { times: &TIMES, ..fleet(6, 0, trouble) }
}

/// Three workers in a fine time, and one piece of every trouble but steps of the clock.
pub fn large() -> Fleet {
    let trouble = Trouble {
        crashes: 1,
        stops: 1,
        late_beats: 1,
        late_claims: 1,
        waits: 1,
        deletions: 1,
        failovers: 1,
        steps: 0,
    };
    let times = workers(3, Times::new(PARTS, 20, DRIFT));
    Fleet { times, steps: &[-20, 0, 20], ..fleet(20, DRIFT, trouble) }
}

/// Searches everything.
fn holds(name: &str, fleet: Fleet) {
    let checker = fleet.checker().spawn_bfs().join();
    let (states, depth) = (checker.unique_state_count(), checker.max_depth());
    println!("{name}: {states} states, at most {depth} steps from the first");
    checker.assert_properties();
}

#[test]
fn it_holds_where_a_process_dies_and_requests_come_late() {
    holds("crash", small(Trouble { crashes: 1, late_beats: 1, late_claims: 1, ..Trouble::NONE }));
}

#[test]
fn it_holds_where_rows_are_deleted_by_hand_and_claims_come_late() {
    holds("deletion", small(Trouble { late_claims: 1, deletions: 1, ..Trouble::NONE }));
}

#[test]
fn it_holds_where_a_process_stops_and_continues() {
    holds("stop", small(Trouble { stops: 1, ..Trouble::NONE }));
}

#[test]
fn it_holds_where_a_beat_waits_for_a_lock() {
    holds("lock", small(Trouble { waits: 1, ..Trouble::NONE }));
}

#[test]
fn it_holds_where_a_standby_takes_over_that_replicates_synchronously() {
    let trouble = Trouble { failovers: 1, ..Trouble::NONE };
    holds("failover", Fleet { steps: &[0, 3], ..small(trouble) });
}

#[test]
fn it_holds_where_the_server_crashes_and_forgets_nothing_of_the_job() {
    let trouble = Trouble { failovers: 1, ..Trouble::NONE };
    holds("server crash", Fleet { replication: Replication::Relaxed, ..small(trouble) });
}

#[test]
fn it_holds_where_the_clock_of_the_server_steps_forward_a_little() {
    holds("step", Fleet { steps: &[1], ..fleet(4, 0, Trouble { steps: 1, ..Trouble::NONE }) });
}

#[test]
fn it_holds_where_time_outs_differ_and_the_clock_steps() {
    holds("two time-outs", Fleet { steps: &[2], ..two_timeouts(Trouble { steps: 1, ..Trouble::NONE }) });
}

#[test]
fn it_holds_in_finer_time() {
    holds("fine", fleet(7, DRIFT, Trouble::NONE));
}

#[test]
fn it_holds_in_random_runs_of_three_workers_and_every_trouble() {
    let found = follow(&large(), RUNS);
    assert!(found.fault.is_none(), "{:?}", found.fault);
    assert_eq!(found.examples.len(), 2, "{:?}", found.examples);
}

#[test]
#[ignore = "takes ten minutes on two cores, in the release profile"]
fn it_holds_in_larger_spaces() {
    let failover = Trouble { failovers: 1, ..Trouble::NONE };
    let runs = follow(&large(), 100 * RUNS);
    assert!(runs.fault.is_none(), "{:?}", runs.fault);
    let late = Trouble { crashes: 1, late_beats: 1, late_claims: 1, ..Trouble::NONE };
    holds("two crashes", small(Trouble { crashes: 2, deletions: 2, ..late }));
    holds("crash, stop and lock", small(Trouble { stops: 1, waits: 1, ..late }));
    holds("failover and crash", Fleet { steps: &[0, 3], ..small(Trouble { failovers: 1, ..late }) });
    holds("failover, clock ahead or behind", Fleet { steps: &[-3, 0, 3], ..small(failover) });
    holds("failover in finer time", Fleet { steps: &[0, 6], ..fleet(7, DRIFT, failover) });
    holds("asynchronous failover", Fleet { replication: Replication::Asynchronous, ..small(failover) });
    holds("crash in finer time", fleet(7, DRIFT, late));
    holds("step in finer time", Fleet { steps: &[3], ..fleet(10, 0, Trouble { steps: 1, ..Trouble::NONE }) });
}
