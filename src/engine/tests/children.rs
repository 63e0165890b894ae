//! Jobs that waited for others of this process, and start in it.

use std::num::NonZeroI64;

use super::*;
use crate::engine::releases::MOST_PARENTS;
use crate::store::claim::{Carried, Ended};
use crate::store::waits::{EventsLeft, Released};

/// Settles jobs of which each is told of by an event with the id of the job.
fn end_parents(desk: &mut Desk, parents: usize) -> Vec<i64> {
    let jobs: Vec<_> = (0..parents).map(|_| desk.leased(TASK, None, 7)).collect();
    let ids = jobs.iter().map(|leased| leased.job.id).collect();
    desk.end(jobs.into_iter().map(|job| (job, Outcome::Succeeded)));
    let plan = desk.next_settle();
    let told =
        |lease: &Lease| Settled { told_from: NonZeroI64::new(lease.key().0), ..settled(lease, desk.now) };
    let settled = plan.leases.iter().map(told).collect();
    let result = Ok(Isolated { settled, ..Isolated::default() });
    desk.finished(Done::Settle { leases: plan.leases, result });
    ids
}

fn next_children(desk: &mut Desk) -> ChildrenPlan {
    match desk.next() {
        Some(Step::ClaimChildren(plan)) => plan,
        other => panic!("expected a claim of children, found {other:?}"),
    }
}

fn next_release(desk: &mut Desk) {
    match desk.next() {
        Some(Step::Release) => desk.finished(Done::Release(Ok(Released::default()))),
        other => panic!("expected a release, found {other:?}"),
    }
}

#[test]
fn children_of_what_has_ended_are_claimed_and_the_rest_is_released() {
    let mut desk = Desk::at_rest();
    let jobs = end_parents(&mut desk, 2);
    let plan = next_children(&mut desk);
    assert_eq!(plan.parents, Ended { told_from: jobs[0], jobs });
    assert_eq!((plan.tasks, plan.limit), (vec![TASK.to_owned()], 10));
    // Those that end meanwhile wait for the next claim.
    let later = end_parents(&mut desk, 1);
    desk.expect_nothing();
    desk.finished(Done::ClaimChildren(plan.lease, Ok(Carried::All)));
    let plan = next_children(&mut desk);
    assert_eq!(plan.parents.jobs, later);
    desk.finished(Done::ClaimChildren(plan.lease, Ok(Carried::NotAll)));
    next_release(&mut desk);
    desk.expect_nothing();
}

#[test]
fn where_jobs_wait_or_no_slot_is_free_children_are_released_for_all() {
    let mut desk = Desk::at_rest();
    desk.wake(Wake::Ready(at(5)));
    let claim = desk.next_claim();
    end_parents(&mut desk, 1);
    next_release(&mut desk);
    desk.finished(Done::Claim(claim.lease, Ok(found(0, 0))));
    desk.expect_nothing();

    let mut desk = Desk::at_rest_with(Settings { concurrency: 1, ..settings() });
    let _running = desk.leased(TASK, None, 8);
    end_parents(&mut desk, 1);
    next_release(&mut desk);
}

#[test]
fn children_of_many_outcomes_are_released_by_one_statement() {
    let mut desk = Desk::at_rest();
    end_parents(&mut desk, MOST_PARENTS + 1);
    next_release(&mut desk);
    desk.expect_nothing();
}

#[test]
fn a_claim_of_children_whose_reply_is_lost_is_taken_back() {
    let mut desk = Desk::at_rest();
    end_parents(&mut desk, 1);
    let plan = next_children(&mut desk);
    desk.finished(Done::ClaimChildren(plan.lease, Err(failure())));
    next_release(&mut desk);
    desk.pass(Duration::from_secs(1));
    match desk.next() {
        Some(Step::Reclaim(lease)) => assert_eq!(lease, plan.lease),
        other => panic!("expected a reclaim, found {other:?}"),
    }
}

#[test]
fn a_claim_of_children_keeps_slots_free_and_holds_up_a_drain() {
    let mut desk = Desk::at_rest();
    end_parents(&mut desk, 1);
    let plan = next_children(&mut desk);
    assert_eq!(desk.engine.capacity().free_slots(), 0);
    desk.enqueue(vec![new_job()], 1);
    assert_eq!(desk.next_enqueue().start_as, None);
    let mut desk = Desk::at_rest();
    end_parents(&mut desk, 1);
    let other = next_children(&mut desk);
    desk.engine.drain(desk.now);
    assert_eq!(desk.engine.drained(), None);
    desk.finished(Done::ClaimChildren(other.lease, Ok(Carried::All)));
    assert_eq!(desk.engine.drained(), Some(Drained::Agreed));
    assert_ne!(plan.lease, 0);
}

#[test]
fn a_release_that_is_due_covers_what_ends_before_it() {
    let mut desk = Desk::at_rest();
    desk.wake(Wake::ParentsEnded);
    end_parents(&mut desk, 1);
    match desk.next() {
        Some(Step::Release) => {}
        other => panic!("expected a release, found {other:?}"),
    }
    // The one that runs may have looked before this one ended.
    end_parents(&mut desk, 1);
    desk.expect_nothing();
    desk.finished(Done::Release(Ok(Released { left: EventsLeft::None, ..Released::default() })));
    next_release(&mut desk);
    desk.expect_nothing();
}
