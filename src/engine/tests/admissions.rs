//! Admission passes: when one starts, what it reads, and what it means for the claims.

use super::*;
use crate::store::admit::{Admission, AdmissionResult, ParkedJobs, Promotion};

fn parked(desk: &mut Desk, queue: &str) {
    desk.wake(Wake::Parked(queue.to_owned(), Some(at(100))));
}

fn admitted(queue: &str, jobs: usize) -> Admission {
    let first = (jobs > 0).then(|| at(100));
    let result = AdmissionResult {
        queue: queue.to_owned(),
        scan: ParkedJobs::Scanned,
        first,
        row_at: Some("(0,1)".to_owned()),
    };
    Admission { admitted: jobs, position: first, results: vec![result], ..Admission::default() }
}

fn passed(admission: Admission) -> Done {
    Done::Admit(Ok(Passed { admission, ..Passed::default() }))
}

#[test]
fn a_parked_job_starts_one_pass_over_its_queue_alone() {
    let mut desk = Desk::at_rest();
    parked(&mut desk, "a");
    parked(&mut desk, "b");
    let plan = desk.next_admission();
    assert_eq!(plan.queues, ["a", "b"]);
    assert_eq!((plan.due, plan.parked), (DueScan::None, ParkedScan::NamedQueues));
    parked(&mut desk, "c");
    desk.expect_nothing();
    desk.finished(passed(admitted("a", 0)));
    assert_eq!(desk.next_admission().queues, ["c"]);
}

#[test]
fn admitted_jobs_are_claimed() {
    let mut desk = Desk::at_rest();
    parked(&mut desk, "a");
    desk.next_admission();
    desk.finished(passed(admitted("a", 2)));
    assert_eq!(desk.next_claim().limit, 10);
}

#[test]
fn an_ended_job_of_a_queue_lets_the_next_one_in() {
    let mut desk = Desk::at_rest();
    let job = desk.leased(TASK, Some("a"), 1);
    desk.end([(job, Outcome::Succeeded)]);
    let settle = desk.next_settle();
    desk.store(settle);
    assert_eq!(desk.next_admission().queues, ["a"]);
}

#[test]
fn a_scheduled_job_is_promoted_when_it_is_due() {
    let mut desk = Desk::at_rest();
    desk.wake(Wake::DueSoon);
    desk.next_admission();
    let promotion = Promotion { next_due_in: Some(Duration::from_secs(3)), ..Promotion::default() };
    desk.finished(Done::Admit(Ok(Passed { promotion: Some(promotion), ..Passed::default() })));
    desk.expect_nothing();
    desk.pass(Duration::from_millis(2_999));
    desk.expect_nothing();
    desk.pass(Duration::from_millis(1));
    assert!(matches!(desk.next_admission().due, DueScan::Within(_)));
}

#[test]
fn a_full_promotion_is_followed_by_another_one() {
    let mut desk = Desk::at_rest();
    desk.wake(Wake::DueSoon);
    desk.next_admission();
    let promotion = Promotion { promoted: MAX_PROMOTED, position: Some(at(100)), ..Promotion::default() };
    desk.finished(Done::Admit(Ok(Passed { promotion: Some(promotion), ..Passed::default() })));
    assert_eq!(desk.next_admission().due, DueScan::Full, "not all that was due is promoted");
    assert!(matches!(desk.next(), Some(Step::Claim(_))), "and a claim beside it");
}

#[test]
fn a_queue_without_a_token_is_admitted_from_when_it_has_one() {
    let mut desk = Desk::at_rest();
    parked(&mut desk, "a");
    desk.next_admission();
    let tokens_in = vec![("a".to_owned(), Duration::from_secs(2))];
    desk.finished(passed(Admission { tokens_in, ..admitted("a", 0) }));
    desk.expect_nothing();
    desk.pass(Duration::from_secs(2));
    assert_eq!(desk.next_admission().queues, ["a"]);
}

#[test]
fn a_queue_whose_row_is_locked_is_tried_again_later_and_later() {
    let mut desk = Desk::at_rest();
    parked(&mut desk, "a");
    let mut pauses = Vec::new();
    for _ in 0..3 {
        desk.next_admission();
        desk.finished(passed(Admission { locked: vec!["a".to_owned()], ..Admission::default() }));
        desk.expect_nothing();
        let due = desk.engine.wake_at(desk.now).unwrap();
        pauses.push((due - desk.now.instant).as_millis());
        desk.pass(due - desk.now.instant);
    }
    assert_eq!(pauses, [5, 10, 20]);
}

#[test]
fn a_refused_pass_is_reported_only_when_it_lasts() {
    let mut desk = Desk::at_rest();
    let reports = [(); 3].map(|()| {
        desk.pass(Duration::from_secs(1));
        desk.wake(Wake::Everything);
        desk.next_admission();
        desk.finished(Done::Admit(Err(StoreError::Denied("a table".into()))));
        desk.notices().len()
    });
    assert_eq!(reports, [0, 1, 0]);
}

#[test]
fn a_pass_that_fails_is_repeated_after_a_pause_with_all_it_looked_for() {
    let mut desk = Desk::at_rest();
    desk.wake(Wake::Everything);
    parked(&mut desk, "a");
    desk.next_admission();
    desk.finished(Done::Admit(Err(failure())));
    assert!(matches!(desk.notices()[..], [Notice::AdmissionsFail(_)]));
    desk.rest();
    desk.pass(Duration::from_millis(500));
    let plan = desk.next_admission();
    assert_eq!(
        (plan.queues, plan.due, plan.parked),
        (vec!["a".to_owned()], DueScan::Full, ParkedScan::AllQueues)
    );
    desk.finished(Done::Admit(Err(failure())));
    assert!(desk.notices().is_empty(), "a repeated failure is not reported again");
}

#[test]
fn the_next_pass_over_a_queue_starts_at_its_cursor() {
    let mut desk = Desk::at_rest();
    parked(&mut desk, "a");
    let plan = desk.next_admission();
    let hints = |plan: &AdmissionPlan, now: Instant| {
        plan.cursors.lock().unwrap().start(&plan.queues, now).remove(0).parked_from
    };
    assert_eq!(hints(&plan, desk.now.instant), None);
    let admission = admitted("a", 1);
    let utc = present(&desk);
    plan.cursors.lock().unwrap().advance(&admission.results, desk.now.instant, utc, Duration::ZERO);
    desk.finished(passed(admission));
    desk.next_claim();
    desk.wake(Wake::Parked("a".to_owned(), Some(at(500))));
    let plan = desk.next_admission();
    assert!(hints(&plan, desk.now.instant).is_some_and(|from| from < at(100)));
}
