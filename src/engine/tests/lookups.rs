//! Lookups before claims: what changes while they run delays a claim, and keeps none waiting.

use super::*;

/// Longer than the polls of these tests are apart.
const SLOW: Duration = Duration::from_millis(200);

/// Whatever makes known that pauses or flags may have changed.
const CHANGES: [fn(&mut Desk); 4] = [
    |_| {},
    |desk| desk.wake(Wake::Everything),
    |desk| desk.wake(Wake::Flagged),
    |desk| desk.wake(Wake::Ready(at(100))),
];

fn polls_often() -> Desk {
    let mut desk = Desk::at_rest_with(Settings { poll_interval: SLOW / 4, ..settings() });
    desk.wake(Wake::Everything);
    desk
}

/// Performs slow steps beside each other, while changes come, up to a claim. Returns how many lookups there were.
fn lookups_before_a_claim(desk: &mut Desk, change: fn(&mut Desk)) -> usize {
    let mut lookups = 0;
    for _ in 0..10 {
        let steps: Vec<Step> = std::iter::from_fn(|| desk.next()).collect();
        desk.pass(SLOW);
        change(desk);
        let mut claimed = false;
        for step in steps {
            match step {
                Step::LookUp => {
                    lookups += 1;
                    // A poll of that time is noticed first, as by the timer.
                    desk.engine.poll_if_due(desk.now);
                    desk.finished(Done::LookUp(Ok(Claimability::default())));
                }
                Step::Admit(_) => desk.finished(Done::Admit(Ok(nothing_promoted()))),
                Step::Claim(plan) => {
                    desk.finished(Done::Claim(plan.lease, Ok(found(0, 0))));
                    claimed = true;
                }
                other => panic!("expected a step before a claim, found {other:?}"),
            }
        }
        if claimed {
            return lookups;
        }
    }
    panic!("no claim after {lookups} lookups");
}

#[test]
fn changes_and_polls_that_outrun_every_lookup_hold_up_no_claim() {
    for (number, change) in CHANGES.into_iter().enumerate() {
        let mut desk = polls_often();
        for _ in 0..5 {
            let lookups = lookups_before_a_claim(&mut desk, change);
            assert!((1..=2).contains(&lookups), "{lookups} lookups, change {number}");
        }
    }
}

#[test]
fn what_changes_during_a_lookup_is_looked_up_before_the_claim() {
    let mut desk = Desk::at_rest();
    desk.engine.claim.announce(None);
    desk.next_lookup();
    desk.engine.claim.announce(None);
    desk.finished(Done::LookUp(Ok(Claimability::default())));
    desk.next_lookup();
    desk.finished(Done::LookUp(Ok(Claimability::default())));
    desk.next_claim();
}

#[test]
fn what_changes_during_two_lookups_is_looked_up_after_the_claim() {
    let mut desk = Desk::at_rest();
    desk.engine.claim.announce(None);
    for _ in 0..2 {
        desk.next_lookup();
        desk.engine.claim.announce(None);
        desk.finished(Done::LookUp(Ok(Claimability::default())));
    }
    let plan = desk.next_claim();
    desk.expect_nothing();
    desk.finished(Done::Claim(plan.lease, Ok(found(0, 0))));
    desk.next_lookup();
    desk.finished(Done::LookUp(Ok(Claimability { paused: Paused::Everything, ..Claimability::default() })));
    let plan = desk.next_claim();
    assert_eq!(plan.filter.tasks, []);
}

#[test]
fn no_claim_relies_on_lookups_from_before_a_suspension() {
    let mut desk = Desk::at_rest();
    desk.engine.claim.announce(None);
    for _ in 0..2 {
        desk.next_lookup();
        desk.engine.claim.announce(None);
        desk.engine.suspend();
        desk.finished(Done::LookUp(Ok(Claimability::default())));
        desk.expect_nothing();
        desk.engine.resume();
        desk.next_admission();
        desk.finished(Done::Admit(Ok(nothing_promoted())));
    }
    desk.next_lookup();
}

#[test]
fn a_polled_claim_awaits_an_admission_for_a_moment_only() {
    let mut desk = Desk::at_rest();
    desk.pass(Duration::from_secs(10));
    desk.next_admission();
    desk.expect_nothing();
    let moment = desk.engine.wake_at(desk.now).unwrap() - desk.now.instant;
    assert!(moment <= Duration::from_millis(500), "{moment:?}");
    desk.pass(moment);
    desk.next_lookup();
    desk.finished(Done::LookUp(Ok(Claimability::default())));
    desk.next_claim();
}

#[test]
fn reconciliations_that_are_requested_all_the_time_hold_up_no_claim() {
    let mut desk = Desk::at_rest();
    for _ in 0..5 {
        desk.engine.request_reconciliation();
        assert!(matches!(desk.next(), Some(Step::Reconcile)));
        desk.engine.request_reconciliation();
        desk.wake(Wake::Ready(at(100)));
        desk.finished(Done::Reconcile(Ok(Reclaimed::default())));
        let plan = desk.next_claim();
        desk.finished(Done::Claim(plan.lease, Ok(found(0, 0))));
    }
}
