//! Enqueues that wait: for how long, how many, and what their callers learn.

use super::*;
use crate::error::Stored;

fn replies(desk: &mut Desk) -> Vec<(u32, Result<usize, Stored>)> {
    let reply = |notice| match notice {
        Notice::Reply(reply, Ok(ids)) => Some((reply, Ok(ids.len()))),
        Notice::Reply(reply, Err(error)) => Some((reply, Err(error.stored()))),
        _ => None,
    };
    desk.notices().into_iter().filter_map(reply).collect()
}

fn started(plan: &EnqueuePlan) -> Done {
    let ids = plan.requests.iter().map(|jobs| vec![1; jobs.len()]).collect();
    Done::Enqueue { slot: plan.slot, lease: plan.start_as, result: Ok(Enqueued::Started(ids)) }
}

#[test]
fn each_caller_learns_in_time_whether_its_job_may_be_stored() {
    let mut desk = Desk::at_rest();
    desk.enqueue(vec![new_job()], 1);
    let sent = desk.next_enqueue();
    desk.pass(Duration::from_secs(5));
    desk.enqueue(vec![new_job()], 2);
    desk.pass(Duration::from_secs(5));
    assert_eq!(replies(&mut desk), []);
    desk.pass(Duration::from_millis(10));
    desk.next();
    assert_eq!(replies(&mut desk), [(1, Err(Stored::Unknown))]);
    assert!(desk.engine.wake_at(desk.now).is_some_and(|at| at <= desk.now.instant + Duration::from_secs(5)));
    desk.pass(Duration::from_secs(5));
    desk.next();
    assert_eq!(replies(&mut desk), [(2, Err(Stored::No))]);
    // The late reply of the database reaches nobody, and the next request goes on.
    desk.finished(started(&sent));
    assert_eq!(replies(&mut desk), []);
    desk.enqueue(vec![new_job()], 3);
    let next = std::iter::from_fn(|| desk.next()).find_map(|step| match step {
        Step::Enqueue(plan) => Some(plan),
        _ => None,
    });
    let next = next.expect("an enqueue");
    assert_eq!(desk.stored_by(&next), [3]);
}

#[test]
fn many_jobs_get_more_time() {
    let mut desk = Desk::at_rest();
    desk.enqueue(vec![new_job(); 5_000], 1);
    let plan = desk.next_enqueue();
    assert!(plan.timeout >= Duration::from_secs(15), "{:?}", plan.timeout);
    desk.pass(Duration::from_secs(14));
    desk.next();
    assert_eq!(replies(&mut desk), []);
}

#[test]
fn what_waits_is_bounded_and_the_rest_is_refused_at_once() {
    let mut desk = Desk::at_rest();
    // A request that comes alone is accepted whatever its size.
    desk.enqueue(vec![new_job(); 20_000], 1);
    let plan = desk.next_enqueue();
    desk.enqueue(vec![new_job()], 2);
    assert_eq!(replies(&mut desk), [(2, Err(Stored::No))]);
    desk.finished(started(&plan));
    for reply in 3..12 {
        desk.enqueue(vec![NewJob::new(TASK, &serde_json::json!("x".repeat(200_000)))], reply);
    }
    let refused: Vec<u32> =
        replies(&mut desk).into_iter().filter(|(_, ids)| ids.is_err()).map(|(reply, _)| reply).collect();
    assert_eq!(refused, [7, 8, 9, 10, 11]);
}

#[test]
fn what_is_stored_refused_or_given_up_makes_room() {
    let mut desk = Desk::at_rest();
    desk.enqueue(vec![new_job(); 10_000], 1);
    let stored = desk.next_enqueue();
    desk.finished(started(&stored));
    desk.enqueue(vec![new_job().key("held"); 10_000], 2);
    let held = desk.next_enqueue();
    let requests = held.requests.into_iter().map(|jobs| Err(NotStored::KeyHeld(jobs))).collect();
    desk.finished(Done::Enqueue { slot: held.slot, lease: None, result: Ok(Enqueued::Waiting(requests)) });
    desk.engine.drain(desk.now);
    desk.enqueue(vec![new_job(); 5_000], 3);
    let lost = desk.next_enqueue();
    desk.enqueue(vec![new_job(); 5_000], 4);
    desk.pass(Duration::from_secs(60));
    desk.next();
    desk.finished(Done::Enqueue { slot: lost.slot, lease: lost.start_as, result: Err(failure()) });
    assert_eq!(replies(&mut desk).len(), 4);
    desk.enqueue(vec![new_job(); 9_999], 5);
    desk.enqueue(vec![new_job()], 6);
    assert_eq!(replies(&mut desk), []);
}
