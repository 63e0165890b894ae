//! Suspension, lost leases, reconciliation, and the drain at a stop.

use super::*;

#[test]
fn a_suspended_engine_gives_back_what_has_not_started_and_claims_nothing() {
    let mut desk = Desk::at_rest();
    let jobs = (0..3).map(|_| desk.leased(TASK, None, 1)).collect();
    desk.prefetch.put(jobs);
    desk.engine.suspend();
    let settle = desk.next_settle();
    assert_eq!(settle.leases.len(), 3);
    desk.store(settle);
    desk.wake(Wake::Everything);
    desk.expect_nothing();
    desk.engine.resume();
    desk.next_admission();
    desk.next_lookup();
}

#[test]
fn a_resumed_engine_accepts_jobs_for_its_workers_again() {
    let mut desk = Desk::at_rest();
    desk.engine.suspend();
    desk.engine.resume();
    let job = desk.leased(TASK, None, 1);
    desk.prefetch.put(vec![job]);
    assert_eq!(desk.prefetch.len(), 1);
}

#[test]
fn free_slots_of_a_blocked_thread_are_not_claimed_for() {
    let mut desk = Desk::at_rest();
    desk.engine.slots_changed(Slots::AllBut(4));
    desk.next_lookup();
    desk.finished(Done::LookUp(Ok(Claimability::default())));
    assert_eq!(desk.next_claim().limit, 6);
}

#[test]
fn with_all_threads_blocked_nothing_is_claimed_and_the_prefetch_goes_back() {
    let mut desk = Desk::at_rest();
    let job = desk.leased(TASK, None, 1);
    desk.prefetch.put(vec![job]);
    desk.engine.slots_changed(Slots::None);
    let settle = desk.next_settle();
    assert_eq!(settle.leases.len(), 1);
    desk.store(settle);
    desk.wake(Wake::Ready(at(100)));
    desk.expect_nothing();
    desk.engine.slots_changed(Slots::None);
    desk.expect_nothing();
    desk.engine.slots_changed(Slots::AllBut(5));
    desk.next_lookup();
    desk.finished(Done::LookUp(Ok(Claimability::default())));
    assert_eq!(desk.next_claim().limit, 5);
}

#[test]
fn after_lost_leases_the_prefetch_is_given_back_and_claims_go_on() {
    let mut desk = Desk::at_rest();
    let job = desk.leased(TASK, None, 1);
    desk.prefetch.put(vec![job]);
    desk.engine.leases_lost();
    desk.wake(Wake::Ready(at(100)));
    let settle = desk.next_settle();
    assert_eq!(settle.leases.len(), 1);
    assert!(matches!(desk.next(), Some(Step::Reconcile)));
    desk.finished(Done::Reconcile(Ok(reclaimed(0))));
    desk.next_claim();
}

#[test]
fn a_reconciliation_waits_for_running_claims_and_keeps_new_ones_waiting() {
    let mut desk = Desk::at_rest();
    desk.wake(Wake::Ready(at(100)));
    let claim = desk.next_claim();
    desk.engine.request_reconciliation();
    desk.expect_nothing();
    desk.finished(Done::Claim(claim.lease, Ok(found(10, 100))));
    assert!(matches!(desk.next(), Some(Step::Reconcile)));
    desk.expect_nothing();
    desk.finished(Done::Reconcile(Ok(reclaimed(2))));
    assert!(matches!(desk.notices()[..], [Notice::OutcomesLost { jobs: 2 }]));
    desk.next_lookup();
}

#[test]
fn a_reconciliation_keeps_jobs_from_starting_with_their_enqueue() {
    let mut desk = Desk::at_rest();
    desk.engine.request_reconciliation();
    assert!(matches!(desk.next(), Some(Step::Reconcile)));
    desk.enqueue(vec![new_job()], 1);
    assert_eq!(desk.next_enqueue().start_as, None);
}

#[test]
fn a_drain_ends_when_every_lease_is_settled() {
    let mut desk = Desk::at_rest();
    let running = desk.leased(TASK, None, 1);
    let buffered = desk.leased(TASK, None, 1);
    desk.prefetch.put(vec![buffered]);
    desk.engine.drain(desk.now);
    let settle = desk.next_settle();
    assert_eq!(settle.leases.len(), 1);
    desk.store(settle);
    assert_eq!(desk.engine.drained(), None, "a job runs");
    desk.end([(running, Outcome::Interrupted)]);
    let settle = desk.next_settle();
    assert_eq!(desk.engine.drained(), None, "its outcome is not stored");
    desk.store(settle);
    assert_eq!(desk.engine.drained(), Some(Drained::Agreed));
    desk.wake(Wake::Everything);
    desk.expect_nothing();
}

#[test]
fn a_drain_waits_for_claims_and_for_the_reclaim_of_a_lost_reply() {
    let mut desk = Desk::at_rest();
    desk.wake(Wake::Ready(at(100)));
    let claim = desk.next_claim();
    desk.engine.drain(desk.now);
    assert_eq!(desk.engine.drained(), None);
    desk.finished(Done::Claim(claim.lease, Err(failure())));
    assert_eq!(desk.engine.drained(), None);
    desk.pass(Duration::from_millis(500));
    assert!(matches!(desk.next(), Some(Step::Reclaim(_))));
    desk.finished(Done::Reclaim(claim.lease, Ok(reclaimed(1))));
    assert_eq!(desk.engine.drained(), Some(Drained::Agreed));
}

#[test]
fn a_drain_with_an_open_reconciliation_is_not_sure_of_the_database() {
    let mut desk = Desk::at_rest();
    desk.engine.request_reconciliation();
    desk.engine.drain(desk.now);
    desk.expect_nothing();
    assert_eq!(desk.engine.drained(), Some(Drained::Unsure));
}

#[test]
fn a_draining_engine_stores_the_jobs_that_it_is_given() {
    let mut desk = Desk::at_rest();
    desk.engine.drain(desk.now);
    desk.enqueue(vec![new_job()], 1);
    let plan = desk.next_enqueue();
    assert_eq!((plan.start_as, desk.engine.drained()), (None, None));
}
