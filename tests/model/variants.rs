//! Protocols that are wrong on purpose. The search finds a fault in each, so it would find one in the protocol itself.

use stateright::{Checker, HasDiscoveries, Model};

use super::fleet::{Excuses, FAULT, Fleet, TWICE};
use super::protocol::{PARTS, Parts, Replication, Times, Trouble, Variant};
use super::searches::{RUNS, fleet, large, small, two_timeouts, workers};
use super::swarm::follow;

const NONE: Trouble = Trouble::NONE;

fn fails(name: &str, fleet: Fleet) {
    let checker = fleet.checker().finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
    println!("{name}: found after {} states", checker.unique_state_count());
    let found = checker.discoveries();
    assert!(found.contains_key(TWICE) || found.contains_key(FAULT), "{name}: {fleet:?}");
}

fn variant_fails(variant: Variant, trouble: Trouble) {
    fails(&format!("{variant:?}"), Fleet { variant, ..small(trouble) });
}

#[test]
fn a_fence_later_than_the_time_out_fails() {
    let parts = Parts { fence: 110, ..PARTS };
    fails("late fence", Fleet { times: workers(2, Times::new(parts, 4, 0)), ..small(NONE) });
}

#[test]
fn a_drift_beyond_the_bound_fails() {
    fails("drift", fleet(10, 25, NONE));
}

#[test]
fn a_fence_that_counts_from_the_reply_fails() {
    variant_fails(Variant::FenceCountsFromReply, NONE);
}

#[test]
fn a_fence_that_counts_no_time_of_a_stopped_process_fails() {
    variant_fails(Variant::FenceIgnoresStops, Trouble { stops: 1, ..NONE });
}

#[test]
fn a_claim_behind_a_rescue_fails_if_it_is_started() {
    variant_fails(Variant::FenceIgnoresIds, NONE);
}

#[test]
fn a_beat_that_stores_a_deleted_row_again_fails() {
    variant_fails(Variant::BeatResurrects, NONE);
}

#[test]
fn a_late_beat_that_is_stored_behind_a_newer_one_fails() {
    variant_fails(Variant::BeatIgnoresNumbers, Trouble { waits: 1, ..NONE });
}

#[test]
fn a_settle_without_the_lease_fails() {
    variant_fails(Variant::SettleIgnoresLeases, NONE);
}

#[test]
fn a_search_for_orphans_without_the_lease_fails() {
    variant_fails(Variant::SearchIgnoresLeases, NONE);
}

#[test]
fn a_search_that_takes_an_orphan_at_once_fails() {
    variant_fails(Variant::SearchTakesAtOnce, Trouble { deletions: 1, ..NONE });
}

#[test]
fn a_rescuer_that_does_not_wait_behind_a_gap_fails() {
    variant_fails(Variant::RescuerIgnoresGaps, Trouble { failovers: 1, ..NONE });
}

#[test]
fn a_rescuer_that_waits_for_its_own_time_out_alone_fails() {
    fails("own time-out", Fleet { variant: Variant::RescuerUsesOwnTimeout, ..two_timeouts(NONE) });
}

#[test]
fn a_rescuer_that_waits_for_the_other_time_out_alone_fails() {
    let (variant, trouble) = (Variant::RescuerUsesOtherTimeout, Trouble { steps: 1, ..NONE });
    fails("other time-out", Fleet { variant, steps: &[2], ..two_timeouts(trouble) });
}

#[test]
fn a_rescuer_that_trusts_beats_of_another_server_fails() {
    variant_fails(Variant::RescuerIgnoresStarts, Trouble { failovers: 1, ..NONE });
}

// The bound is in docs/notes/leases.md.
#[test]
fn a_step_of_the_clock_beyond_the_bound_fails() {
    fails("step", Fleet { steps: &[4], ..fleet(10, 0, Trouble { steps: 1, ..NONE }) });
}

// The stated exception: nothing is excused here.
#[test]
fn asynchronous_replication_fails() {
    let replication = Replication::Asynchronous;
    fails(
        "asynchronous",
        Fleet { excuses: Excuses::None, replication, ..small(Trouble { failovers: 1, ..NONE }) },
    );
}

fn random_runs_find(variants: &[Variant], runs: u64) {
    for &variant in variants {
        let found = follow(&Fleet { variant, ..large() }, runs);
        println!("{variant:?}: found in random run {}", found.runs);
        assert!(found.fault.is_some(), "{variant:?}");
    }
}

#[test]
fn random_runs_find_most_of_them() {
    let variants = [
        Variant::BeatResurrects,
        Variant::FenceIgnoresIds,
        Variant::FenceIgnoresStops,
        Variant::RescuerIgnoresGaps,
        Variant::SearchTakesAtOnce,
        Variant::SettleIgnoresLeases,
    ];
    random_runs_find(&variants, 10 * RUNS);
}

#[test]
#[ignore = "takes minutes"]
fn more_random_runs_find_others() {
    let variants = [Variant::BeatIgnoresNumbers, Variant::FenceCountsFromReply, Variant::SearchIgnoresLeases];
    random_runs_find(&variants, 100 * RUNS);
}
