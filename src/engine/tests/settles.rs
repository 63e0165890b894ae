//! Settles: what is stored together, what is tried again, and what becomes of a lost lease.

use std::collections::HashSet;

use super::*;
use crate::engine::outage::PAUSE_AFTER_ERROR;
use crate::leases::Sent;
use crate::store::settle::{Trouble, TroubleKind};

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
    let stored =
        Isolated { settled: vec![settled(&plan.leases[1], desk.now)], locked, ..Isolated::default() };
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
    desk.finished(Done::Settle { leases: plan.leases, result: Ok(Isolated::default()) });
    assert!(matches!(desk.notices()[..], [Notice::LeaseLost { .. }]));
    assert_eq!(desk.leases.count(), 0);
    assert_eq!(desk.next_admission().queues, ["a"], "the job may have freed its slot elsewhere");
}

#[test]
fn an_outcome_is_doubtful_while_an_earlier_statement_had_no_reply() {
    let mut desk = Desk::at_rest();
    let job = desk.leased(TASK, None, 1);
    desk.end([(job, Outcome::Succeeded)]);
    let refused = || StoreError::Overloaded { jobs: 0, bytes: 0 };
    for (error, doubtful) in [(refused(), 0), (StoreError::Interrupted, 1), (refused(), 1)] {
        let plan = desk.next_settle();
        desk.finished(Done::Settle { leases: plan.leases, result: Err(error) });
        desk.pass(PAUSE_AFTER_ERROR);
        let plan = desk.next_settle();
        assert_eq!(plan.doubtful().len(), doubtful);
        desk.finished(Done::Settle { leases: plan.leases, result: Err(refused()) });
        desk.pass(PAUSE_AFTER_ERROR);
    }
    let plan = desk.next_settle();
    desk.notices();
    desk.finished(Done::Settle { leases: plan.leases, result: Ok(Isolated::default()) });
    let notices = desk.notices();
    assert!(notices.iter().any(|notice| matches!(notice, Notice::LeaseLost { sent: Sent::Again, .. })));
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
        (Outcome::Held { reason: String::new(), payload: None }, true, false),
        (failed(minute), true, true),
        (failed(Duration::ZERO), true, true),
        (Outcome::Snoozed { delay: minute, payload: None }, true, true),
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

/// Outcomes after which the job is due again at once.
fn retried_at_once() -> [Outcome; 3] {
    let short = Duration::from_micros(999);
    [failed(Duration::ZERO), failed(short), Outcome::Snoozed { delay: short, payload: None }]
}

#[test]
fn a_job_that_is_due_again_at_once_is_claimed_from_its_new_place() {
    for outcome in retried_at_once() {
        let mut desk = Desk::at_rest();
        desk.wake(Wake::Ready(at(100)));
        let plan = desk.next_claim();
        let job = desk.leased(TASK, None, plan.lease);
        let first = present(&desk).timestamp();
        desk.finished(Done::Claim(plan.lease, Ok(found(1, first))));
        desk.pass(Duration::from_secs(3));
        desk.end([(job, outcome.clone())]);
        let plan = desk.next_settle();
        assert_eq!(plan.released_from, None, "this process has free slots");
        desk.store(plan);
        let plan = desk.next_claim();
        let slack = TimeDelta::milliseconds(500);
        assert_eq!(
            plan.from,
            Some(Position { turn_at: at(first).turn_at - slack, ..at(first) }),
            "{outcome:?}"
        );
        desk.finished(Done::Claim(plan.lease, Ok(found(0, 0))));
        desk.rest();
    }
}

#[test]
fn a_flagged_job_that_is_due_again_at_once_is_claimed_with_its_flags() {
    let mut desk = Desk::at_rest();
    let mut job = claimed_job(1, TASK, None, desk.now);
    job.flags = vec!["large".to_owned()];
    let job = desk.leases.open(job, 1, 1, desk.now.instant);
    desk.end([(job, failed(Duration::ZERO))]);
    let plan = desk.next_settle();
    desk.store(plan);
    assert_eq!(desk.next_claim().filter.flagged, FlaggedJobs::Some);
}

#[test]
fn others_learn_of_a_retry_at_once_that_this_process_has_no_slot_for() {
    for outcome in retried_at_once() {
        let mut desk = Desk::at_rest();
        let jobs: Vec<_> = (0..11).map(|_| desk.leased(TASK, None, 1)).collect();
        let first = jobs[0].lease.position();
        let (ended, running): (Vec<_>, Vec<_>) = jobs.into_iter().enumerate().partition(|(nth, _)| *nth == 0);
        desk.end(ended.into_iter().map(|(_, job)| (job, outcome.clone())));
        let plan = desk.next_settle();
        assert_eq!(plan.released_from, Some(first), "{outcome:?}");
        desk.store(plan);
        drop(running);
    }
}

fn refused(desk: &mut Desk, plan: SettlePlan, id: i64) {
    let others = plan.leases.iter().filter(|lease| lease.settlement().id != id);
    let settled = others.map(|lease| settled(lease, desk.now)).collect::<Vec<_>>();
    let troubles = vec![Trouble { id, kind: TroubleKind::Stuck, problem: "not this one".into() }];
    let result = Ok(Isolated { settled, troubles, ..Isolated::default() });
    desk.finished(Done::Settle { leases: plan.leases, result });
}

#[test]
fn a_refused_outcome_is_tried_alone_less_and_less_often_and_logged_once() {
    let mut desk = Desk::at_rest();
    let jobs: Vec<_> = (0..3).map(|_| desk.leased(TASK, None, 1)).collect();
    let bad = jobs[1].job.id;
    desk.end(jobs.into_iter().map(|job| (job, Outcome::Succeeded)));
    let plan = desk.next_settle();
    refused(&mut desk, plan, bad);
    assert!(matches!(desk.notices()[..], [Notice::Row(RowNotice::OutcomeStuck { .. })]));
    let mut pause = Duration::from_millis(500);
    for _ in 0..10 {
        let other = desk.leased(TASK, None, 1);
        desk.end([(other, Outcome::Succeeded)]);
        let plan = desk.next_settle();
        assert_eq!(plan.leases.len(), 1, "the others do not wait for it");
        desk.store(plan);
        desk.pass(pause - Duration::from_millis(1));
        assert!(!matches!(desk.next(), Some(Step::Settle(_))), "it waits for {pause:?}");
        desk.rest();
        desk.pass(Duration::from_millis(1));
        let plan = desk.next_settle();
        assert_eq!(plan.leases.len(), 1);
        desk.finished(Done::Settle { leases: plan.leases, result: Err(failure()) });
        assert!(desk.notices().is_empty());
        pause = (2 * pause).min(Duration::from_secs(32));
    }
    desk.pass(pause);
    let plan = desk.next_settle();
    desk.store(plan);
    assert!(matches!(desk.notices()[..], [Notice::Row(RowNotice::OutcomeUnstuck { .. })]));
    assert_eq!(desk.leases.count(), 0);
}

#[test]
fn a_stop_tries_a_refused_outcome_once_more_and_ends() {
    let mut desk = Desk::at_rest();
    let job = desk.leased(TASK, None, 1);
    let bad = job.job.id;
    desk.end([(job, Outcome::Succeeded)]);
    let plan = desk.next_settle();
    refused(&mut desk, plan, bad);
    desk.engine.drain(desk.now);
    let plan = desk.next_settle();
    assert_eq!(desk.engine.drained(), None);
    refused(&mut desk, plan, bad);
    desk.expect_nothing();
    assert_eq!(desk.engine.drained(), Some(Drained::Stuck));
}

#[test]
fn a_lost_job_that_cannot_be_taken_back_keeps_no_claim_waiting() {
    let mut desk = Desk::at_rest();
    desk.wake(Wake::Ready(at(100)));
    let plan = desk.next_claim();
    desk.finished(Done::Claim(plan.lease, Err(failure())));
    desk.pass(Duration::from_millis(500));
    let Some(Step::Reclaim(lease)) = desk.next() else { panic!("expected a reclaim") };
    let troubles = vec![Trouble { id: 7, kind: TroubleKind::Stuck, problem: "not this one".into() }];
    desk.finished(Done::Reclaim(lease, Ok(Reclaimed { jobs: 1, troubles })));
    assert!(
        desk.notices()
            .iter()
            .any(|notice| matches!(notice, Notice::Row(RowNotice::NotTakenBack { example: 7, .. })))
    );
    desk.next_lookup();
    desk.finished(Done::LookUp(Ok(Claimability::default())));
    let plan = desk.next_claim();
    desk.finished(Done::Claim(plan.lease, Ok(found(0, 0))));
    desk.rest();
    desk.pass(Duration::from_secs(30));
    assert!(
        std::iter::from_fn(|| desk.next()).any(|step| matches!(step, Step::Reconcile)),
        "it is looked for again"
    );
}
