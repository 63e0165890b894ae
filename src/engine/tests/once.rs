//! When a `run_once` ends: not before the last job of this process, and never later than the first error.

use std::collections::HashSet;

use super::*;
use crate::run_summary::RunSummary;
use crate::store::admit::{Admission, Promotion};
use crate::store::settle::{Trouble, TroubleKind};

fn none_ready(desk: &mut Desk) -> bool {
    matches!(desk.engine.take_run_end(), Some(RunEnd::NoneReady))
}

fn goes_on(desk: &mut Desk) -> bool {
    desk.engine.take_run_end().is_none()
}

fn failed(desk: &mut Desk) -> bool {
    matches!(desk.engine.take_run_end(), Some(RunEnd::Failed(_)))
}

/// A run that has looked everywhere, while a job of this process runs.
fn at_work() -> (Desk, LeasedJob) {
    let mut desk = Desk::at_rest();
    let job = desk.leased(TASK, None, 1);
    desk.engine.run_once();
    desk.rest();
    assert!(goes_on(&mut desk), "a job runs");
    (desk, job)
}

#[test]
fn a_run_ends_after_one_look_everywhere_that_finds_nothing() {
    let mut desk = Desk::at_rest();
    desk.engine.run_once();
    let plan = desk.next_admission();
    assert_eq!((plan.due, plan.parked), (DueScan::Full, ParkedScan::AllQueues));
    desk.next_lookup();
    assert!(goes_on(&mut desk));
    desk.finished(Done::LookUp(Ok(Claimability::default())));
    let claim = desk.next_claim();
    assert_eq!(claim.from, None, "from the start of the index");
    desk.finished(Done::Claim(claim.lease, Ok(found(0, 0))));
    desk.expect_nothing();
    assert!(goes_on(&mut desk), "the admission pass may find some");
    desk.finished(Done::Admit(Ok(nothing_promoted())));
    desk.expect_nothing();
    assert!(none_ready(&mut desk));
    assert!(goes_on(&mut desk), "the end is returned once");
}

#[test]
fn without_a_run_no_end_is_returned() {
    let mut desk = Desk::at_rest();
    assert!(goes_on(&mut desk));
    desk.wake(Wake::Everything);
    desk.next_admission();
    desk.finished(Done::Admit(Err(failure())));
    assert!(goes_on(&mut desk));
}

#[test]
fn after_the_last_outcome_everything_is_looked_at_once_more() {
    let (mut desk, job) = at_work();
    desk.end([(job, Outcome::Succeeded)]);
    let settle = desk.next_settle();
    desk.store(settle);
    assert!(goes_on(&mut desk), "the job may have stored another one");
    let plan = desk.next_admission();
    assert_eq!((plan.due, plan.parked), (DueScan::Full, ParkedScan::AllQueues));
    desk.finished(Done::Admit(Ok(nothing_promoted())));
    desk.rest();
    assert!(none_ready(&mut desk));
}

#[test]
fn a_run_waits_for_a_job_that_its_last_look_finds() {
    let (mut desk, job) = at_work();
    desk.end([(job, Outcome::Succeeded)]);
    let settle = desk.next_settle();
    desk.store(settle);
    desk.next_admission();
    desk.finished(Done::Admit(Ok(nothing_promoted())));
    desk.next_lookup();
    desk.finished(Done::LookUp(Ok(Claimability::default())));
    let claim = desk.next_claim();
    let chained = desk.leased(TASK, None, claim.lease);
    desk.finished(Done::Claim(claim.lease, Ok(found(1, 100))));
    desk.expect_nothing();
    assert!(goes_on(&mut desk), "the chained job runs");
    desk.end([(chained, Outcome::Succeeded)]);
    let settle = desk.next_settle();
    desk.store(settle);
    desk.rest();
    assert!(none_ready(&mut desk));
}

#[test]
fn a_second_caller_has_a_look_of_its_own() {
    let mut desk = Desk::at_rest();
    desk.engine.run_once();
    desk.next_admission();
    desk.next_lookup();
    desk.finished(Done::LookUp(Ok(Claimability::default())));
    let claim = desk.next_claim();
    desk.engine.run_once();
    desk.finished(Done::Claim(claim.lease, Ok(found(0, 0))));
    desk.finished(Done::Admit(Ok(nothing_promoted())));
    assert!(goes_on(&mut desk), "what ran had begun before the second call");
    desk.rest();
    assert!(none_ready(&mut desk));
}

#[test]
fn an_enqueue_that_runs_may_bring_a_job() {
    let mut desk = Desk::at_rest();
    desk.engine.run_once();
    desk.rest();
    desk.enqueue(vec![new_job()], 1);
    let plan = desk.next_enqueue();
    assert!(goes_on(&mut desk));
    let done = Done::Enqueue { slot: plan.slot, lease: None, result: Err(failure()) };
    desk.finished(done);
    desk.expect_nothing();
    assert!(none_ready(&mut desk), "its error is that of the caller");
}

#[test]
fn the_first_error_of_a_look_ends_the_run() {
    let mut desk = Desk::at_rest();
    desk.engine.run_once();
    desk.next_admission();
    desk.finished(Done::Admit(Err(failure())));
    assert!(failed(&mut desk));

    let mut desk = Desk::at_rest();
    desk.engine.run_once();
    desk.next_admission();
    desk.next_lookup();
    desk.finished(Done::LookUp(Err(failure())));
    assert!(failed(&mut desk));

    let mut desk = Desk::at_rest();
    desk.wake(Wake::Ready(at(100)));
    let claim = desk.next_claim();
    desk.engine.run_once();
    desk.finished(Done::Claim(claim.lease, Err(failure())));
    assert!(failed(&mut desk));
}

#[test]
fn an_error_that_lasts_ends_each_run() {
    let mut desk = Desk::at_rest();
    for _ in 0..3 {
        desk.engine.run_once();
        desk.next_admission();
        desk.finished(Done::Admit(Err(failure())));
        assert!(failed(&mut desk));
        desk.pass(Duration::from_millis(500));
        assert!(matches!(desk.next(), Some(Step::Admit(_))));
        desk.finished(Done::Admit(Ok(nothing_promoted())));
    }
}

#[test]
fn outcomes_that_cannot_be_stored_end_the_run_after_the_second_try() {
    let (mut desk, job) = at_work();
    desk.end([(job, Outcome::Succeeded)]);
    let plan = desk.next_settle();
    desk.finished(Done::Settle { leases: plan.leases, result: Err(failure()) });
    assert!(goes_on(&mut desk), "it may have waited for a row");
    let plan = desk.next_settle();
    desk.finished(Done::Settle { leases: plan.leases, result: Err(failure()) });
    assert!(failed(&mut desk));
}

#[test]
fn rows_that_others_hold_and_outcomes_that_are_refused_do_not_keep_a_run() {
    let (mut desk, first) = at_work();
    let second = desk.leased(TASK, None, 1);
    desk.end([(first, Outcome::Succeeded), (second, Outcome::Succeeded)]);
    let plan = desk.next_settle();
    let ids: Vec<i64> = plan.leases.iter().map(|lease| lease.key().0).collect();
    let trouble = Trouble { id: ids[1], kind: TroubleKind::Stuck, problem: "refused".into() };
    let stored = Isolated { locked: HashSet::from([ids[0]]), troubles: vec![trouble], ..Isolated::default() };
    desk.finished(Done::Settle { leases: plan.leases, result: Ok(stored) });
    desk.rest();
    assert!(none_ready(&mut desk));
    assert_eq!(desk.engine.summary(), RunSummary { unstored: 2, ..RunSummary::default() });
}

#[test]
fn a_run_ends_at_a_stop_and_in_a_process_that_may_not_claim() {
    let (mut desk, _job) = at_work();
    desk.engine.drain(desk.now);
    assert!(matches!(desk.engine.take_run_end(), Some(RunEnd::Stopped)));
    desk.engine.run_once();
    assert!(matches!(desk.engine.take_run_end(), Some(RunEnd::Stopped)));

    let (mut desk, _job) = at_work();
    desk.engine.suspend();
    assert!(failed(&mut desk));
    desk.engine.run_once();
    assert!(failed(&mut desk));
    assert!(goes_on(&mut desk));
}

#[test]
fn a_run_waits_for_an_admission_elsewhere_and_not_for_a_lock_that_stays() {
    let mut desk = Desk::at_rest();
    desk.wake(Wake::Parked("a".to_owned(), None));
    let began = desk.now.instant;
    desk.engine.run_once();
    loop {
        match desk.next() {
            Some(Step::Admit(_)) => {
                let locked = Admission { locked: vec!["a".to_owned()], ..Admission::default() };
                desk.finished(Done::Admit(Ok(Passed { admission: locked, ..nothing_promoted() })));
            }
            Some(Step::LookUp) => desk.finished(Done::LookUp(Ok(Claimability::default()))),
            Some(Step::Claim(plan)) => desk.finished(Done::Claim(plan.lease, Ok(found(0, 0)))),
            Some(other) => panic!("an unexpected step: {other:?}"),
            None if none_ready(&mut desk) => break,
            None => {
                let due = desk.engine.wake_at(desk.now).unwrap();
                desk.pass(due - desk.now.instant);
            }
        }
    }
    let waited = desk.now.instant - began;
    assert!(waited > Duration::from_millis(100) && waited < Duration::from_secs(1), "{waited:?}");
}

#[test]
fn a_run_does_not_wait_for_a_rate_a_later_job_or_the_end_of_a_pause() {
    let mut desk = Desk::at_rest();
    desk.engine.run_once();
    desk.next_admission();
    let promotion = Promotion { next_due_in: Some(Duration::from_secs(1)), ..Promotion::default() };
    let admission =
        Admission { tokens_in: vec![("a".to_owned(), Duration::from_secs(1))], ..Admission::default() };
    let passed = Passed { promotion: Some(promotion), admission, ..Passed::default() };
    desk.finished(Done::Admit(Ok(passed)));
    desk.next_lookup();
    desk.finished(Done::LookUp(Ok(Claimability { paused: Paused::Everything, ..Claimability::default() })));
    desk.wake(Wake::Parked("b".to_owned(), None));
    desk.rest();
    assert!(none_ready(&mut desk));
}

#[test]
fn the_summary_counts_what_became_of_each_job() {
    let (mut desk, job) = at_work();
    let failed = Outcome::Failed { error: "broken".into(), delay: Duration::from_secs(3), payload: None };
    let others: Vec<_> = (0..3).map(|_| desk.leased(TASK, None, 1)).collect();
    let outcomes = [failed, Outcome::Discarded { reason: "no use".into() }, Outcome::Untouched];
    desk.end([(job, Outcome::Succeeded)]);
    desk.end(others.into_iter().zip(outcomes));
    let settle = desk.next_settle();
    desk.store(settle);
    let expected = RunSummary { succeeded: 1, failed: 1, dead: 1, ..RunSummary::default() };
    assert_eq!(desk.engine.summary(), expected);
}
