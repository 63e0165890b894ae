//! Enqueues: what is stored together, what starts at once, and where the replies go.

use super::*;
use crate::store::enqueue::{Added, WaitsFor};

fn added(id: i64, now: Now) -> Added {
    Added {
        id,
        priority: 0,
        run_at: now.utc,
        scheduled: false,
        due_in: Duration::ZERO,
        waits_for: WaitsFor::Claim,
        flagged: false,
    }
}

fn waiting(desk: &Desk, plan: EnqueuePlan) -> Done {
    let results = plan.requests.iter().map(|jobs| Ok(jobs.iter().map(|_| added(1, desk.now)).collect()));
    let result = Ok(Enqueued::Waiting(results.collect()));
    Done::Enqueue { slot: plan.slot, lease: plan.start_as, result }
}

fn refused(plan: EnqueuePlan) -> Done {
    let results = plan.requests.iter().map(|_| Err(NotStored::Refused(failure()))).collect();
    Done::Enqueue { slot: plan.slot, lease: plan.start_as, result: Ok(Enqueued::Waiting(results)) }
}

fn replies(desk: &mut Desk) -> Vec<(u32, usize)> {
    let reply = |notice| match notice {
        Notice::Reply(reply, Ok(ids)) => Some((reply, ids.len())),
        _ => None,
    };
    desk.notices().into_iter().filter_map(reply).collect()
}

#[test]
fn requests_that_arrive_while_a_statement_runs_are_stored_together() {
    let mut desk = Desk::at_rest();
    desk.enqueue(vec![new_job()], 1);
    let first = desk.next_enqueue();
    desk.enqueue(vec![new_job(), new_job()], 2);
    desk.enqueue(vec![new_job()], 3);
    desk.expect_nothing();
    let done = waiting(&desk, first);
    desk.finished(done);
    assert_eq!(replies(&mut desk), [(1, 1)]);
    let second = desk.next_enqueue();
    assert_eq!(desk.stored_by(&second), [2, 3]);
}

#[test]
fn a_statement_waits_a_moment_for_the_callers_of_the_one_before() {
    let mut desk = Desk::at_rest();
    (1..=8).for_each(|reply| desk.enqueue(vec![new_job()], reply));
    let plan = desk.next_enqueue();
    let done = refused(plan);
    desk.finished(done);
    desk.enqueue(vec![new_job()], 1);
    desk.expect_nothing();
    assert_eq!(desk.engine.wake_at(desk.now), Some(desk.now.instant + Duration::from_micros(500)));
    (2..=7).for_each(|reply| desk.enqueue(vec![new_job()], reply));
    desk.expect_nothing();
    desk.enqueue(vec![new_job()], 8);
    let plan = desk.next_enqueue();
    assert_eq!(desk.stored_by(&plan), [1, 2, 3, 4, 5, 6, 7, 8]);

    let done = refused(plan);
    desk.finished(done);
    desk.enqueue(vec![new_job()], 1);
    desk.expect_nothing();
    desk.pass(Duration::from_micros(500));
    let plan = desk.next_enqueue();
    assert_eq!(desk.stored_by(&plan), [1], "the others did not come");
    let done = refused(plan);
    desk.finished(done);
    desk.enqueue(vec![new_job()], 2);
    let plan = desk.next_enqueue();
    assert_eq!(desk.stored_by(&plan), [2], "a caller who came alone is not waited for");
}

#[test]
fn a_statement_takes_whole_requests_up_to_its_bound() {
    let mut desk = Desk::at_rest();
    for (reply, jobs) in [(1, 1_500), (2, 500), (3, 1), (4, 5_000)] {
        desk.enqueue(vec![new_job(); jobs], reply);
    }
    for expected in [vec![1, 2], vec![3], vec![4]] {
        let plan = desk.next_enqueue();
        assert_eq!(desk.stored_by(&plan), expected);
        let done = waiting(&desk, plan);
        desk.finished(done);
    }
}

#[test]
fn jobs_start_with_their_enqueue_only_where_nothing_speaks_against_it() {
    type Change = fn(&mut Desk) -> NewJob;
    let cases: [(&str, bool, Change); 7] = [
        ("an idle process", true, |_| new_job()),
        ("an unknown task", false, |_| NewJob::new("test.unknown", &serde_json::Value::Null)),
        ("a limited task", false, |desk| {
            desk.engine.settings.task_limits.insert(TASK.to_owned(), 5);
            new_job()
        }),
        ("jobs that may wait", false, |desk| {
            desk.wake(Wake::Ready(at(1)));
            new_job()
        }),
        ("pauses that may have changed", false, |desk| {
            desk.wake(Wake::Flagged);
            new_job()
        }),
        ("a suspended process", false, |desk| {
            desk.engine.suspend();
            new_job()
        }),
        ("a draining process", false, |desk| {
            desk.engine.drain(desk.now);
            new_job()
        }),
    ];
    for (reason, starts, change) in cases {
        let mut desk = Desk::at_rest();
        let job = change(&mut desk);
        desk.enqueue(vec![job], 1);
        assert_eq!(desk.next_enqueue().start_as.is_some(), starts, "{reason}");
    }
}

#[test]
fn jobs_start_with_their_enqueue_only_where_all_of_them_have_a_slot() {
    let mut desk = Desk::at_rest();
    let running: Vec<_> = (0..8).map(|_| desk.leased(TASK, None, 1)).collect();
    desk.enqueue(vec![new_job(); 3], 1);
    let plan = desk.next_enqueue();
    assert_eq!(plan.start_as, None);
    let done = waiting(&desk, plan);
    desk.finished(done);
    let claim = desk.next_claim();
    desk.finished(Done::Claim(claim.lease, Ok(found(0, 0))));
    desk.enqueue(vec![new_job(); 2], 2);
    assert!(desk.next_enqueue().start_as.is_some());
    drop(running);
}

#[test]
fn jobs_that_are_about_to_start_count_as_running() {
    let mut desk = Desk::at_rest();
    desk.enqueue(vec![new_job(); 8], 1);
    assert!(desk.next_enqueue().start_as.is_some());
    desk.wake(Wake::Ready(at(100)));
    assert_eq!(desk.next_claim().limit, 2);
}

#[test]
fn a_start_whose_reply_is_lost_is_reclaimed() {
    let mut desk = Desk::at_rest();
    desk.enqueue(vec![new_job()], 1);
    let plan = desk.next_enqueue();
    let lease = plan.start_as.unwrap();
    let done = Done::Enqueue { slot: plan.slot, lease: plan.start_as, result: Err(failure()) };
    desk.finished(done);
    assert!(matches!(desk.notices()[..], [Notice::Reply(1, Err(_))]));
    desk.wake(Wake::Ready(at(100)));
    desk.expect_nothing();
    desk.pass(Duration::from_millis(500));
    assert!(matches!(desk.next(), Some(Step::Reclaim(reclaimed)) if reclaimed == lease));
}

#[test]
fn requests_without_keys_pass_a_statement_that_waits_for_a_key() {
    let mut desk = Desk::at_rest();
    let mut keyed = new_job();
    keyed.options.key = Some("k".to_owned());
    desk.enqueue(vec![keyed.clone()], 1);
    let slow = desk.next_enqueue();
    desk.enqueue(vec![keyed], 2);
    desk.enqueue(vec![new_job()], 3);
    desk.expect_nothing();
    assert_eq!(desk.engine.wake_at(desk.now), Some(desk.now.instant + Duration::from_millis(100)));
    desk.pass(Duration::from_millis(100));
    let beside = desk.next_enqueue();
    assert_eq!(desk.stored_by(&beside), [3]);
    desk.enqueue(vec![new_job()], 4);
    desk.expect_nothing();
    let done = waiting(&desk, beside);
    desk.finished(done);
    let done = waiting(&desk, slow);
    desk.finished(done);
    assert_eq!(replies(&mut desk), [(3, 1), (1, 1)]);
}

#[test]
fn a_stored_job_is_claimed_promoted_or_admitted() {
    let mut desk = Desk::at_rest();
    let jobs = [
        Added { waits_for: WaitsFor::Queue("a".to_owned()), ..added(1, desk.now) },
        Added { scheduled: true, due_in: Duration::from_secs(1), ..added(2, desk.now) },
    ];
    jobs.iter().for_each(|job| desk.engine.added(job, desk.now));
    assert_eq!(desk.next_admission().queues, ["a"]);
    desk.finished(Done::Admit(Ok(Passed::default())));
    desk.pass(Duration::from_secs(1));
    assert!(matches!(desk.next_admission().due, DueScan::Within(_)));
    let job = added(3, desk.now);
    desk.engine.added(&job, desk.now);
    desk.next_claim();
}

fn key_held(plan: EnqueuePlan) -> Done {
    let held = plan.requests.into_iter().map(|jobs| Err(NotStored::KeyHeld(jobs))).collect();
    Done::Enqueue { slot: plan.slot, lease: None, result: Ok(Enqueued::Waiting(held)) }
}

#[test]
fn a_request_of_a_held_key_is_tried_alone_and_rarely_until_its_time_out() {
    let mut desk = Desk::at_rest();
    desk.enqueue(vec![new_job().key("held")], 1);
    let plan = desk.next_enqueue();
    desk.finished(key_held(plan));
    let mut tries = 0;
    let refused = loop {
        if let Some(Notice::Reply(1, Err(StoreError::KeyHeld { keys, waited }))) = desk.notices().pop() {
            break (keys, waited >= Duration::from_secs(30));
        }
        // Another request goes on, and by itself.
        desk.enqueue(vec![new_job()], 2);
        let plan = desk.next_enqueue();
        assert_eq!(desk.stored_by(&plan), [2]);
        let done = waiting(&desk, plan);
        desk.finished(done);
        desk.pass(Duration::from_secs(2));
        let plan = desk.next_enqueue();
        assert_eq!(desk.stored_by(&plan), [1]);
        desk.finished(key_held(plan));
        tries += 1;
    };
    assert_eq!((refused, tries), (("held".to_owned(), true), 15));
    assert!(!matches!(desk.next(), Some(Step::Enqueue(_))));
}

#[test]
fn a_process_that_stops_waits_for_no_key() {
    let mut desk = Desk::at_rest();
    desk.enqueue(vec![new_job().key("held")], 1);
    let plan = desk.next_enqueue();
    desk.finished(key_held(plan));
    desk.engine.drain(desk.now);
    assert!(matches!(desk.notices().pop(), Some(Notice::Reply(1, Err(StoreError::KeyHeld { .. })))));
}

#[test]
fn a_job_of_a_newer_version_than_that_of_this_process_does_not_start_here() {
    for (version, starts) in [(2, true), (3, false)] {
        let mut desk = Desk::at_rest();
        desk.enqueue(vec![new_job().version(version)], 1);
        assert_eq!(desk.next_enqueue().start_as.is_some(), starts, "version {version} of 2");
    }
}
