//! Settles: what is stored together, what is tried again, and what becomes of a lost lease.

use std::collections::HashSet;

use super::*;

fn failed(delay: Duration) -> Outcome {
    Outcome::Failed { error: "broken".to_owned(), delay, payload: None }
}

#[test]
fn outcomes_that_arrive_while_a_settle_runs_are_stored_by_the_next() {
    let mut desk = Desk::at_rest();
    let jobs: Vec<_> = (0..3).map(|_| desk.leased(TASK, None, 1)).collect();
    let mut jobs = jobs.into_iter().map(|job| (job, Outcome::Succeeded));
    desk.end(jobs.by_ref().take(1));
    let first = desk.next_settle();
    desk.end(jobs);
    desk.expect_nothing();
    desk.store(first);
    let second = desk.next_settle();
    assert_eq!(second.leases.len(), 2);
    desk.store(second);
    assert_eq!(desk.leases.count(), 0);
}

#[test]
fn ended_jobs_free_their_slots_before_they_are_stored() {
    let mut desk = Desk::at_rest();
    let jobs: Vec<_> = (0..10).map(|_| desk.leased(TASK, None, 1)).collect();
    desk.wake(Wake::Ready(at(100)));
    desk.expect_nothing();
    desk.end(jobs.into_iter().map(|job| (job, Outcome::Succeeded)));
    let settle = desk.next_settle();
    assert_eq!(settle.leases.len(), 10);
    assert!(desk.next_claim().limit >= 10);
    desk.store(settle);
}

#[test]
fn a_failed_settle_is_repeated_without_locked_rows_and_then_after_pauses() {
    let mut desk = Desk::at_rest();
    let job = desk.leased(TASK, None, 1);
    desk.end([(job, Outcome::Succeeded)]);
    let fails = |desk: &mut Desk, plan: SettlePlan| {
        desk.finished(Done::Settle { leases: plan.leases, result: Err(failure()) });
    };
    let plan = desk.next_settle();
    assert_eq!(plan.locked_rows, LockedRows::Wait);
    fails(&mut desk, plan);
    assert!(matches!(desk.notices()[..], [Notice::Retried(..)]));
    let plan = desk.next_settle();
    assert_eq!(plan.locked_rows, LockedRows::Skip);
    fails(&mut desk, plan);
    assert!(matches!(desk.notices()[..], [Notice::SettlesFail { jobs: 1, .. }]));
    desk.expect_nothing();
    desk.pass(Duration::from_millis(500));
    let plan = desk.next_settle();
    desk.store(plan);
    assert!(matches!(desk.notices()[..], [Notice::SettlesRecovered]));
    assert_eq!(desk.leases.count(), 0);
}

#[test]
fn outcomes_of_locked_rows_wait_and_hold_up_no_others() {
    let mut desk = Desk::at_rest();
    let jobs: Vec<_> = (0..2).map(|_| desk.leased(TASK, None, 1)).collect();
    desk.end(jobs.into_iter().map(|job| (job, Outcome::Succeeded)));
    let plan = desk.next_settle();
    let locked = HashSet::from([plan.leases[0].settlement().id]);
    let stored = Stored { settled: vec![settled(&plan.leases[1])], locked };
    desk.finished(Done::Settle { leases: plan.leases, result: Ok(stored) });
    assert!(matches!(desk.notices()[..], [Notice::RowsHeld { jobs: 1, .. }]));
    assert_eq!(desk.leases.count(), 1);
    desk.expect_nothing();
    desk.pass(Duration::from_millis(500));
    let plan = desk.next_settle();
    assert_eq!((plan.leases.len(), plan.locked_rows), (1, LockedRows::Skip));
    desk.store(plan);
    assert!(matches!(desk.notices()[..], [Notice::HeldRowsFreed]));
    assert_eq!(desk.leases.count(), 0);
}

#[test]
fn a_lease_that_the_database_does_not_know_is_closed_and_reported() {
    let mut desk = Desk::at_rest();
    let job = desk.leased(TASK, Some("a"), 1);
    desk.end([(job, Outcome::Succeeded)]);
    let plan = desk.next_settle();
    desk.finished(Done::Settle { leases: plan.leases, result: Ok(Stored::default()) });
    assert!(matches!(desk.notices()[..], [Notice::LeaseLost { .. }]));
    assert_eq!(desk.leases.count(), 0);
    assert_eq!(desk.next_admission().queues, ["a"], "the job may have freed its slot elsewhere");
}

#[test]
fn a_lease_that_is_dropped_anywhere_is_settled_as_untouched() {
    let mut desk = Desk::at_rest();
    drop(desk.leased(TASK, None, 1));
    let plan = desk.next_settle();
    assert_eq!(plan.leases[0].settlement().outcome, Outcome::Untouched);
    assert!(plan.released_from.is_some(), "other processes are told");
}

#[test]
fn each_outcome_has_its_effect_on_the_queue_of_the_job() {
    let minute = Duration::from_secs(60);
    let cases = [
        (Outcome::Succeeded, true, false),
        (Outcome::Discarded { reason: String::new() }, true, false),
        (failed(minute), true, true),
        (failed(Duration::ZERO), true, true),
        (Outcome::Snoozed { delay: minute }, true, true),
        (Outcome::Untouched, false, false),
        (Outcome::Interrupted, false, false),
    ];
    for (outcome, admits, waits) in cases {
        let mut desk = Desk::at_rest();
        let job = desk.leased(TASK, Some("a"), 1);
        desk.end([(job, outcome.clone())]);
        let plan = desk.next_settle();
        desk.store(plan);
        let admission = matches!(desk.next(), Some(Step::Admit(plan)) if plan.queues == ["a"]);
        assert_eq!(admission, admits, "{outcome:?}");
        if admits && waits && outcome.delay() > Duration::ZERO {
            desk.finished(Done::Admit(Ok(Passed::default())));
            desk.expect_nothing();
            desk.pass(outcome.delay());
            assert!(desk.next().is_some(), "{outcome:?} is due again");
        }
    }
}
