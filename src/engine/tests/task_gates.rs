//! Tasks with limits over all processes: when claims leave them out, and when they try again.

use super::*;
use crate::engine::gate_seen::GateSeen;
use crate::store::claim::{Counts, GateState};

const MILLISECOND: Duration = Duration::from_millis(1);

/// An engine at rest for which the second task has a limit over all processes.
fn limited() -> Desk {
    limited_with(settings())
}

fn limited_with(settings: Settings) -> Desk {
    let mut desk = Desk::at_rest_with(settings);
    desk.wake(Wake::Everything);
    while let Some(step) = desk.next() {
        match step {
            Step::Admit(_) => desk.finished(Done::Admit(Ok(nothing_promoted()))),
            Step::LookUp => {
                let limited = [(LIMITED.to_owned(), Counts::Slots)].into();
                desk.finished(Done::LookUp(Ok(Claimability { limited, ..Claimability::default() })));
            }
            Step::Claim(plan) => desk.finished(Done::Claim(plan.lease, Ok(idle()))),
            other => panic!("{other:?}"),
        }
    }
    desk
}

fn gate(jobs: usize, first: i64, state: GateState) -> GateSeen {
    GateSeen { task: LIMITED.to_owned(), state, jobs, first: (jobs > 0).then(|| at(first)) }
}

fn idle() -> Found {
    seen(gate(0, 0, GateState::Idle))
}

fn seen(gate: GateSeen) -> Found {
    Found { jobs: gate.jobs, gates: vec![gate], ..found(0, 0) }
}

fn open(room: i64, token_in: Option<i64>) -> GateState {
    GateState::Open { room, token_in }
}

fn tasks(plan: &ClaimPlan) -> Vec<&str> {
    plan.filter.tasks.iter().map(|share| share.task.as_str()).collect()
}

fn claims_after(desk: &mut Desk, state: GateSeen) -> Duration {
    desk.wake(Wake::Ready(at(100)));
    let plan = desk.next_claim();
    assert_eq!(tasks(&plan), [LIMITED, TASK]);
    desk.finished(Done::Claim(plan.lease, Ok(seen(state))));
    desk.expect_nothing();
    desk.wake(Wake::Ready(at(100)));
    let plan = desk.next_claim();
    assert_eq!(tasks(&plan), [TASK], "the other task does not wait");
    desk.finished(Done::Claim(plan.lease, Ok(found(0, 0))));
    desk.engine.wake_at(desk.now).unwrap() - desk.now.instant
}

#[test]
fn a_job_of_a_limited_task_is_claimed_and_never_started_at_once() {
    let mut desk = limited();
    desk.enqueue(vec![NewJob::new(LIMITED, &serde_json::Value::Null)], 1);
    assert_eq!(desk.next_enqueue().start_as, None);
    let mut desk = limited();
    desk.enqueue(vec![new_job()], 1);
    assert!(desk.next_enqueue().start_as.is_some());
}

#[test]
fn a_full_task_is_tried_again_after_a_pause_that_doubles() {
    let mut desk = limited();
    let mut pauses = vec![claims_after(&mut desk, gate(2, 100, open(2, None)))];
    for _ in 0..9 {
        desk.pass(*pauses.last().unwrap());
        let plan = desk.next_claim();
        assert_eq!(tasks(&plan), [LIMITED, TASK]);
        desk.finished(Done::Claim(plan.lease, Ok(seen(gate(0, 0, open(0, None))))));
        desk.expect_nothing();
        pauses.push(desk.engine.wake_at(desk.now).unwrap() - desk.now.instant);
    }
    assert_eq!(pauses[..4], [5, 10, 20, 40].map(Duration::from_millis));
    assert_eq!(pauses[8..], [500 * MILLISECOND; 2]);
}

#[test]
fn a_freed_slot_is_tried_at_once_and_only_where_it_is_awaited() {
    let mut desk = limited();
    let slot = || Wake::TaskSlotFreed(LIMITED.to_owned());
    desk.wake(slot());
    desk.expect_nothing();
    claims_after(&mut desk, gate(1, 100, open(1, None)));
    desk.wake(slot());
    assert_eq!(tasks(&desk.next_claim()), [LIMITED, TASK]);
    let mut desk = limited();
    claims_after(&mut desk, gate(1, 100, open(1, Some(400))));
    desk.wake(slot());
    desk.expect_nothing();
}

#[test]
fn a_task_without_a_token_is_tried_when_the_next_one_comes() {
    let mut desk = limited();
    let pause = claims_after(&mut desk, gate(1, 100, open(1, Some(400))));
    assert_eq!(pause, 400 * MILLISECOND);
    desk.pass(399 * MILLISECOND);
    desk.expect_nothing();
    desk.pass(MILLISECOND);
    assert_eq!(tasks(&desk.next_claim()), [LIMITED, TASK]);
}

#[test]
fn a_task_with_room_left_is_not_left_out() {
    for state in [gate(1, 100, open(2, Some(9))), gate(0, 0, GateState::Idle), gate(1, 100, open(10, None))] {
        let mut desk = limited();
        desk.wake(Wake::Ready(at(100)));
        let plan = desk.next_claim();
        desk.finished(Done::Claim(plan.lease, Ok(seen(state))));
        desk.wake(Wake::Ready(at(100)));
        assert_eq!(tasks(&desk.next_claim()), [LIMITED, TASK]);
    }
}

#[test]
fn a_limited_task_has_a_cursor_of_its_own() {
    let mut desk = limited();
    desk.wake(Wake::Ready(at(100)));
    let plan = desk.next_claim();
    let state = gate(1, 200, open(5, None));
    desk.finished(Done::Claim(plan.lease, Ok(Found { jobs: 3, gates: vec![state], ..found(3, 300) })));
    desk.wake(Wake::Ready(at(400)));
    let plan = desk.next_claim();
    let start =
        |second| Some(Position { turn_at: at(second).turn_at - TimeDelta::milliseconds(500), ..at(0) });
    assert_eq!(plan.from, start(300));
    let own: Vec<_> = plan.filter.tasks.iter().map(|share| share.gate.map(|gate| gate.from)).collect();
    assert_eq!(own, [Some(start(200)), None]);
}

#[test]
fn a_change_of_limits_lets_all_tasks_be_tried() {
    let mut desk = limited();
    claims_after(&mut desk, gate(1, 100, open(1, None)));
    desk.wake(Wake::Everything);
    desk.next_admission();
    desk.next_lookup();
    desk.finished(Done::LookUp(Ok(Claimability::default())));
    let plan = desk.next_claim();
    assert!(plan.filter.tasks.iter().all(|share| share.gate.is_none()) && tasks(&plan) == [LIMITED, TASK]);
}

#[test]
fn ended_jobs_announce_their_slots_and_not_too_often() {
    let mut desk = limited();
    let end = |desk: &mut Desk| {
        let mut jobs: Vec<LeasedJob> = (0..2).map(|_| desk.leased(LIMITED, None, 7)).collect();
        jobs.iter_mut().for_each(|job| job.lease.hold_task_slot(LIMITED));
        desk.end(jobs.into_iter().map(|job| (job, Outcome::Succeeded)));
        let plan = desk.next_settle();
        let freed = plan.freed_slots.clone();
        desk.store(plan);
        freed
    };
    assert_eq!(end(&mut desk), [LIMITED]);
    assert_eq!(end(&mut desk), [""; 0]);
    desk.pass(50 * MILLISECOND);
    assert_eq!(end(&mut desk), [LIMITED]);
}
