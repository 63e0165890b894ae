//! Claims: when one starts, how many jobs it requests, from where, and what it leaves out.

use super::*;
use crate::store::claim::TaskShare;

const MILLISECOND: Duration = Duration::from_millis(1);

/// An engine whose jobs finish fast, with a cursor, so that full claims are worth while.
fn fast() -> Desk {
    let mut desk = Desk::at_rest();
    for _ in 0..20 {
        desk.pass(10 * MILLISECOND);
        desk.engine.claim.throughput.record(desk.now.instant, 2_000);
    }
    desk.wake(Wake::Ready(at(100)));
    let plan = desk.next_claim();
    desk.finished(Done::Claim(plan.lease, Ok(found(1, 100))));
    desk.expect_nothing();
    desk.wake(Wake::Ready(at(100)));
    desk
}

#[test]
fn an_idle_engine_claims_nothing_until_jobs_are_announced() {
    let mut desk = Desk::at_rest();
    desk.expect_nothing();
    desk.wake(Wake::Ready(at(100)));
    let plan = desk.next_claim();
    assert_eq!(plan.limit, 10, "as many as could start at once");
    desk.expect_nothing();
}

#[test]
fn a_claim_that_is_not_full_is_the_last_one() {
    let mut desk = Desk::at_rest();
    for (jobs, goes_on) in [(10, true), (9, false)] {
        desk.wake(Wake::Ready(at(100)));
        let plan = desk.next_claim();
        desk.finished(Done::Claim(plan.lease, Ok(found(jobs, 100))));
        assert_eq!(matches!(desk.next(), Some(Step::Claim(_))), goes_on, "{jobs} of 10 jobs");
        desk = Desk::at_rest();
    }
}

#[test]
fn a_claim_starts_where_the_last_one_found_its_first_job() {
    let mut desk = Desk::at_rest();
    desk.wake(Wake::Ready(at(100)));
    let plan = desk.next_claim();
    assert_eq!(plan.from, None, "nothing is known at first");
    desk.finished(Done::Claim(plan.lease, Ok(found(10, 100))));
    let plan = desk.next_claim();
    let slack = TimeDelta::milliseconds(500);
    assert_eq!(plan.from, Some(Position { turn_at: at(100).turn_at - slack, ..at(100) }));
}

#[test]
fn jobs_that_run_take_their_slots_from_the_next_claim() {
    let mut desk = Desk::at_rest();
    let running: Vec<_> = (0..7).map(|_| desk.leased(TASK, None, 1)).collect();
    desk.wake(Wake::Ready(at(100)));
    assert_eq!(desk.next_claim().limit, 3);
    drop(running);
}

#[test]
fn without_a_free_slot_and_without_prefetch_nothing_is_claimed() {
    let mut desk = Desk::at_rest();
    let running: Vec<_> = (0..10).map(|_| desk.leased(TASK, None, 1)).collect();
    desk.wake(Wake::Ready(at(100)));
    desk.expect_nothing();
    drop(running);
}

#[test]
fn two_full_claims_run_in_parallel_and_never_three() {
    let mut desk = fast();
    let first = desk.next_claim();
    assert_eq!(first.limit, 1_000);
    desk.expect_nothing();
    desk.finished(Done::Claim(first.lease, Ok(found(1_000, 100))));
    let second = desk.next_claim();
    let third = desk.next_claim();
    assert_eq!((second.limit, third.limit), (1_000, 1_000));
    assert_ne!(second.lease, third.lease);
    desk.expect_nothing();
}

#[test]
fn a_second_claim_needs_connections_a_backlog_and_no_counting() {
    for (reason, change) in [
        ("few connections", (|s: &mut Settings| s.connections = 4) as fn(&mut Settings)),
        ("a task limit", |s| {
            s.task_limits.insert(LIMITED.to_owned(), 2_000);
        }),
        ("an order by age", |s| s.age_every = Some(Duration::from_secs(60))),
    ] {
        let mut desk = fast();
        change(&mut desk.engine.settings);
        let first = desk.next_claim();
        desk.finished(Done::Claim(first.lease, Ok(found(1_000, 100))));
        desk.next_claim();
        assert!(desk.next().is_none(), "{reason}");
    }
}

#[test]
fn every_five_seconds_a_small_full_scan_finds_what_came_late() {
    let mut desk = fast();
    let plan = desk.next_claim();
    desk.finished(Done::Claim(plan.lease, Ok(found(1_000, 100))));
    desk.pass(Duration::from_secs(5));
    let full_scan = desk.next_claim();
    assert_eq!((full_scan.from, full_scan.limit), (None, 10));
}

#[test]
fn a_slow_full_scan_does_not_hold_up_other_claims() {
    let mut desk = fast();
    desk.pass(Duration::from_secs(5));
    let full_scan = desk.next_claim();
    assert_eq!(full_scan.from, None);
    desk.wake(Wake::Ready(at(100)));
    desk.expect_nothing();
    assert!(desk.engine.wake_at(desk.now).unwrap() <= desk.now.instant + 20 * MILLISECOND);
    desk.pass(20 * MILLISECOND);
    let beside = desk.next_claim();
    assert!(beside.from.is_some(), "it starts at the cursor");
}

#[test]
fn pauses_are_looked_up_before_the_claim_that_they_concern() {
    let mut desk = Desk::at_rest();
    desk.engine.resume();
    desk.wake(Wake::Everything);
    let admission = desk.next_admission();
    assert_eq!(admission.parked, ParkedScan::AllQueues);
    desk.next_lookup();
    desk.expect_nothing();
    let paused = Paused::Tasks([TASK.to_owned()].into());
    desk.finished(Done::LookUp(Ok(Claimability { paused, ..Claimability::default() })));
    let plan = desk.next_claim();
    assert_eq!(plan.filter.tasks.iter().map(|share| share.task.as_str()).collect::<Vec<_>>(), [LIMITED]);
}

#[test]
fn while_everything_is_paused_nothing_is_admitted_or_claimed() {
    let mut desk = Desk::new(settings());
    desk.next_lookup();
    desk.expect_nothing();
    let everything = Claimability { paused: Paused::Everything, ..Claimability::default() };
    desk.finished(Done::LookUp(Ok(everything.clone())));
    assert!(matches!(desk.notices()[..], [Notice::AllPaused(PauseChange::Paused)]));
    let plan = desk.next_claim();
    assert!(plan.filter.tasks.is_empty());
    desk.finished(Done::Claim(plan.lease, Ok(found(0, 0))));
    desk.expect_nothing();
    desk.wake(Wake::Everything);
    desk.next_lookup();
    desk.finished(Done::LookUp(Ok(everything)));
    assert!(desk.notices().is_empty(), "it is reported once");
    let plan = desk.next_claim();
    desk.finished(Done::Claim(plan.lease, Ok(found(0, 0))));
    desk.wake(Wake::Everything);
    desk.next_lookup();
    desk.finished(Done::LookUp(Ok(Claimability::default())));
    assert!(matches!(desk.notices()[..], [Notice::AllPaused(PauseChange::Resumed)]));
    desk.next_admission();
}

#[test]
fn a_lookup_that_fails_is_repeated_after_a_pause_and_reported_once() {
    let mut desk = Desk::at_rest();
    desk.wake(Wake::Flagged);
    desk.next_lookup();
    desk.finished(Done::LookUp(Err(failure())));
    assert!(matches!(desk.notices()[..], [Notice::ClaimsFail(_)]));
    desk.expect_nothing();
    desk.pass(Duration::from_millis(500));
    desk.next_lookup();
    desk.finished(Done::LookUp(Err(failure())));
    assert!(desk.notices().is_empty());
}

#[test]
fn a_task_at_its_limit_is_left_out_until_one_of_its_jobs_ends() {
    let limits = BTreeMap::from([(LIMITED.to_owned(), 2)]);
    let mut desk = Desk::at_rest_with(Settings { task_limits: limits, ..settings() });
    let one = desk.leased(LIMITED, None, 1);
    desk.wake(Wake::Ready(at(100)));
    let plan = desk.next_claim();
    let share = |plan: &ClaimPlan| plan.filter.tasks.iter().find(|s| s.task == LIMITED).map(|s| s.most);
    assert_eq!(share(&plan), Some(Some(1)));
    let two = desk.leased(LIMITED, None, plan.lease);
    desk.finished(Done::Claim(plan.lease, Ok(found(1, 100))));
    desk.wake(Wake::Ready(at(100)));
    let plan = desk.next_claim();
    assert_eq!(share(&plan), None, "both slots of the task are taken");
    desk.finished(Done::Claim(plan.lease, Ok(found(0, 100))));
    desk.end([(one, Outcome::Succeeded)]);
    let settle = desk.next_settle();
    desk.store(settle);
    let plan = desk.next_claim();
    assert_eq!((share(&plan), plan.from), (Some(Some(1)), None), "jobs that were passed over lie anywhere");
    drop(two);
}

#[test]
fn flagged_jobs_behind_a_tasks_limit_are_claimed_when_a_job_of_it_ends() {
    let limits = BTreeMap::from([(LIMITED.to_owned(), 1)]);
    let mut desk = Desk::at_rest_with(Settings { task_limits: limits, ..settings() });
    let one = desk.leased(LIMITED, None, 1);
    desk.wake(Wake::Flagged);
    desk.next_lookup();
    desk.finished(Done::LookUp(Ok(Claimability { flagged_jobs: true, ..Claimability::default() })));
    let plan = desk.next_claim();
    desk.finished(Done::Claim(plan.lease, Ok(found(0, 0))));
    desk.end([(one, Outcome::Succeeded)]);
    let settle = desk.next_settle();
    desk.store(settle);
    // A job without flags takes the slot of the task first.
    for (jobs, flagged) in [(1, FlaggedJobs::Some), (0, FlaggedJobs::Some), (0, FlaggedJobs::None)] {
        let plan = desk.next_claim();
        assert_eq!(plan.filter.flagged, flagged, "{jobs}");
        desk.finished(Done::Claim(plan.lease, Ok(found(jobs, 100))));
        desk.engine.claim.limit_freed();
    }
}

#[test]
fn flags_are_read_only_while_jobs_with_flags_may_be_ready() {
    let mut desk = Desk::at_rest();
    desk.wake(Wake::Flagged);
    desk.next_lookup();
    desk.finished(Done::LookUp(Ok(Claimability { flagged_jobs: true, ..Claimability::default() })));
    let plan = desk.next_claim();
    assert_eq!(plan.filter.flagged, FlaggedJobs::Some);
    desk.finished(Done::Claim(plan.lease, Ok(found(0, 0))));
    desk.wake(Wake::Ready(at(100)));
    assert_eq!(desk.next_claim().filter.flagged, FlaggedJobs::None);
}

#[test]
fn one_claim_in_four_is_ordered_by_age() {
    let mut desk = Desk::at_rest_with(Settings { age_every: Some(Duration::from_secs(60)), ..settings() });
    let by_age = |desk: &mut Desk| {
        desk.wake(Wake::Ready(at(100)));
        let plan = desk.next_claim();
        desk.finished(Done::Claim(plan.lease, Ok(found(1, 100))));
        plan.filter.age_every.is_some()
    };
    let claims: Vec<bool> = (0..8).map(|_| by_age(&mut desk)).collect();
    assert_eq!(claims.iter().filter(|by_age| **by_age).count(), 2, "{claims:?}");
}

#[test]
fn a_claim_whose_reply_is_lost_is_reclaimed_before_the_next_one() {
    let mut desk = Desk::at_rest();
    desk.wake(Wake::Ready(at(100)));
    let plan = desk.next_claim();
    desk.finished(Done::Claim(plan.lease, Err(failure())));
    assert!(matches!(desk.notices()[..], [Notice::ClaimsFail(_)]));
    desk.expect_nothing();
    desk.pass(Duration::from_millis(500));
    assert!(matches!(desk.next(), Some(Step::Reclaim(lease)) if lease == plan.lease));
    desk.expect_nothing();
    desk.finished(Done::Reclaim(plan.lease, Err(failure())));
    desk.expect_nothing();
    desk.pass(Duration::from_millis(500));
    assert!(matches!(desk.next(), Some(Step::Reclaim(lease)) if lease == plan.lease));
    desk.finished(Done::Reclaim(plan.lease, Ok(reclaimed(3))));
    desk.next_lookup();
    desk.finished(Done::LookUp(Ok(Claimability::default())));
    let again = desk.next_claim();
    assert_eq!(again.from, None, "the jobs that went back lie anywhere");
    desk.finished(Done::Claim(again.lease, Ok(found(0, 0))));
    assert!(matches!(desk.notices()[..], [Notice::ClaimsRecovered]));
}

#[test]
fn jobs_that_do_not_start_in_time_go_back_and_the_prefetch_shrinks() {
    let mut desk = fast();
    let plan = desk.next_claim();
    let jobs = (0..20).map(|_| desk.leased(TASK, None, plan.lease)).collect();
    desk.prefetch.put(jobs);
    desk.finished(Done::Claim(plan.lease, Ok(found(20, 100))));
    desk.expect_nothing();
    desk.pass(Duration::from_millis(100));
    desk.expect_nothing();
    desk.pass(Duration::from_millis(200));
    let settle = desk.next_settle();
    assert_eq!(settle.leases.len(), 20);
    assert!(settle.leases.iter().all(|lease| lease.settlement().outcome == Outcome::Untouched));
    assert_eq!(desk.engine.claim.throughput.prefetch_size(), 0);
}

#[test]
fn a_poll_reads_from_the_start_and_comes_again() {
    let mut desk = Desk::at_rest();
    desk.wake(Wake::Ready(at(100)));
    let plan = desk.next_claim();
    desk.finished(Done::Claim(plan.lease, Ok(found(1, 100))));
    desk.pass(Duration::from_secs(10));
    let admission = desk.next_admission();
    assert_eq!(admission.due, DueScan::Full);
    desk.expect_nothing();
    desk.finished(Done::Admit(Ok(nothing_promoted())));
    desk.next_lookup();
    desk.finished(Done::LookUp(Ok(Claimability::default())));
    let plan = desk.next_claim();
    assert_eq!(plan.from, None);
    desk.finished(Done::Claim(plan.lease, Ok(found(0, 0))));
    let next = desk.engine.wake_at(desk.now).unwrap();
    assert!(next <= desk.now.instant + Duration::from_secs(10));
}

#[test]
fn a_claim_asks_for_the_versions_that_this_process_can_read() {
    let mut desk = Desk::at_rest();
    desk.wake(Wake::Ready(at(100)));
    let versions = |share: &TaskShare| (share.task.clone(), share.version);
    let asked: Vec<_> = desk.next_claim().filter.tasks.iter().map(versions).collect();
    assert_eq!(asked, [(LIMITED.to_owned(), 0), (TASK.to_owned(), 2)]);
}

#[test]
fn claims_rest_after_one_that_has_read_many_jobs_of_newer_versions() {
    let long = 10 * MILLISECOND;
    let beside = |newer, jobs: usize, took| {
        let mut desk = Desk::at_rest();
        desk.wake(Wake::Everything);
        while let Some(step) = desk.next() {
            match step {
                Step::LookUp => {
                    desk.finished(Done::LookUp(Ok(Claimability { newer, ..Claimability::default() })));
                }
                Step::Claim(plan) => {
                    let found = Found { took, ..found(jobs.min(plan.limit), 100) };
                    desk.finished(Done::Claim(plan.lease, Ok(found)));
                    break;
                }
                Step::Admit(_) => desk.finished(Done::Admit(Ok(nothing_promoted()))),
                other => panic!("expected a step before a claim, found {other:?}"),
            }
        }
        desk.wake(Wake::Ready(at(100)));
        desk
    };
    for (newer, jobs, took) in
        [(NewerJobs::None, 1, long), (NewerJobs::Ahead, 10, long), (NewerJobs::Ahead, 1, MILLISECOND)]
    {
        let mut desk = beside(newer, jobs, took);
        assert!(matches!(desk.next(), Some(Step::Claim(_))), "{newer:?}, {jobs} jobs, {took:?}");
    }
    let mut desk = beside(NewerJobs::Ahead, 1, long);
    desk.expect_nothing();
    assert_eq!(desk.engine.wake_at(desk.now), Some(desk.now.instant + 20 * long));
    desk.pass(20 * long);
    desk.next_claim();
}
