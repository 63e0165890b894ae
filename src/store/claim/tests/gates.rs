//! Claims of tasks that have limits over all processes.

use std::sync::Barrier;
use std::thread;

use super::*;
use crate::lifecycle::{History, Outcome};
use crate::rows::count;
use crate::store::queues::{TaskLimit, remove_task_limit, set_task_limit};
use crate::store::settle::{Settlement, settle};

const ALL: Option<Position> = None;

fn gated(tasks: &[&str], lease: i64, filtered: Option<Filtered>) -> ClaimRequest {
    let mut gated = ClaimRequest { lease, ..request(tasks, filtered) };
    let gate = GateShare { counts: Counts::Slots, from: ALL };
    gated.tasks.iter_mut().filter(|share| share.task == "a").for_each(|share| share.gate = Some(gate));
    gated
}

fn limited_to(database: &TestDatabase, limit: TaskLimit) -> PgConnection {
    let mut conn = connect(&Config::new(database.url())).unwrap();
    set_task_limit(&mut conn, "a", &limit).unwrap();
    conn
}

fn of_a(claimed: &Claimed) -> usize {
    claimed.jobs.iter().filter(|job| job.task == "a").count()
}

fn open(room: i64, token_in: Option<i64>) -> GateState {
    GateState::Open { room, token_in }
}

fn end(conn: &mut PgConnection, jobs: &[ClaimedJob], lease: i64, outcome: &Outcome) {
    let settlements: Vec<Settlement> =
        jobs.iter().map(|job| Settlement::new(job.id, lease, outcome.clone())).collect();
    assert_eq!(settle(conn, &settlements, History::Skip).unwrap().len(), jobs.len());
}

#[test]
fn every_form_of_a_claim_keeps_the_limit_of_a_task_and_takes_others() {
    let oldest = Filtered { age_every: Some(Duration::from_secs(60)), ..Filtered::default() };
    let flagged = Filtered { flagged: true, ..Filtered::default() };
    for (tasks, filtered) in [
        (&["a"][..], None),
        (&["a", "b"], None),
        (&["a", "b"], Some(Filtered { flagged: true, ..oldest.clone() })),
        (&["a"], Some(flagged)),
        (&["a", "b"], Some(oldest)),
    ] {
        let database = TestDatabase::new();
        let conn = &mut limited_to(&database, TaskLimit::new().concurrency(3));
        fill(conn, "state, priority", "'ready', n % 2", 20);
        fill(conn, "state, flags", "'ready', ARRAY['f']", 5);
        conn.batch_execute("UPDATE mainspring.jobs SET task = 'b' WHERE id % 4 = 0").unwrap();
        let others = if tasks.len() == 1 { 0 } else { 5 };
        let first = claim(conn, &gated(tasks, 7, filtered.clone())).unwrap();
        assert_eq!((of_a(&first), first.jobs.len() >= 3 + others), (3, true), "{filtered:?}");
        assert_eq!(first.gates[0].state, open(3, None));
        let second = claim(conn, &gated(tasks, 8, filtered.clone())).unwrap();
        assert_eq!((of_a(&second), second.gates[0].state), (0, open(0, None)), "{filtered:?}");
        let ended: Vec<ClaimedJob> = first.jobs.into_iter().filter(|job| job.task == "a").take(2).collect();
        end(conn, &ended, 7, &Outcome::Succeeded);
        let third = claim(conn, &gated(tasks, 9, filtered.clone())).unwrap();
        assert_eq!((of_a(&third), third.gates[0].state), (2, open(2, None)), "{filtered:?}");
        assert_eq!(count(conn, "mainspring.task_slots"), 3, "slots of ended jobs are gone");
    }
}

#[test]
fn eight_that_claim_at_once_take_no_more_than_the_limit() {
    for filtered in [None, Some(Filtered { flagged: true, ..Filtered::default() })] {
        let database = TestDatabase::new();
        let mut conn = limited_to(&database, TaskLimit::new().concurrency(5));
        fill(&mut conn, "state", "'ready'", 100);
        let start = Barrier::new(8);
        let claims = |lease| {
            let mut conn = connect(&Config::new(database.url())).unwrap();
            start.wait();
            let tries =
                (0..20).map(|_| claim(&mut conn, &gated(&["a", "b"], lease, filtered.clone())).unwrap());
            tries.map(|claimed| of_a(&claimed)).sum::<usize>()
        };
        let taken: usize = thread::scope(|scope| {
            let threads: Vec<_> = (1..=8).map(|lease| scope.spawn(move || claims(lease))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(taken, 5);
        assert_eq!(count(&mut conn, "mainspring.jobs WHERE state = 'running'"), 5);
    }
}

#[test]
fn however_a_job_leaves_its_lease_the_slot_is_free() {
    let delay = Duration::from_secs(60);
    let reason = || "no".to_owned();
    for outcome in [
        Outcome::Succeeded,
        Outcome::Completed,
        Outcome::Untouched,
        Outcome::Interrupted,
        Outcome::Discarded { reason: reason() },
        Outcome::Cancelled { reason: reason() },
        Outcome::Postponed { delay },
        Outcome::Snoozed { delay, payload: None },
        Outcome::Failed { error: reason(), delay, payload: None },
    ] {
        let database = TestDatabase::new();
        let conn = &mut limited_to(&database, TaskLimit::new().concurrency(1));
        fill(conn, "state", "'ready'", 2);
        let first = claim(conn, &gated(&["a"], 7, None)).unwrap().jobs;
        assert_eq!(first.len(), 1);
        if outcome == Outcome::Completed {
            conn.batch_execute(&format!("DELETE FROM mainspring.jobs WHERE id = {}", first[0].id)).unwrap();
        } else {
            end(conn, &first, 7, &outcome);
        }
        assert_eq!(claim(conn, &gated(&["a"], 8, None)).unwrap().jobs.len(), 1, "after {outcome:?}");
        assert_eq!(count(conn, "mainspring.task_slots"), 1);
    }
}

#[test]
fn a_claim_takes_tokens_and_learns_when_the_next_one_comes() {
    let database = TestDatabase::new();
    let limit = TaskLimit::new().rate(4, Duration::from_secs(40));
    let conn = &mut limited_to(&database, limit);
    fill(conn, "state", "'ready'", 20);
    let first = claim(conn, &ClaimRequest { limit: 3, ..gated(&["a", "b"], 7, None) }).unwrap();
    assert_eq!((of_a(&first), first.gates[0].state), (3, open(3, None)), "as many as were wanted");
    let second = claim(conn, &gated(&["a", "b"], 8, None)).unwrap();
    let GateState::Open { room: 1, token_in: Some(millis) } = second.gates[0].state else {
        panic!("{second:?}")
    };
    assert!(of_a(&second) == 1 && (5_000..=10_000).contains(&millis), "{second:?}");
    let third = claim(conn, &gated(&["a", "b"], 9, None)).unwrap();
    assert!(matches!(third.gates[0].state, GateState::Open { room: 0, token_in: Some(_) }), "{third:?}");
    conn.batch_execute("UPDATE mainspring.task_limits SET tokens_at = tokens_at - interval '20 seconds'")
        .unwrap();
    assert_eq!(of_a(&claim(conn, &gated(&["a", "b"], 10, None)).unwrap()), 2);
    assert_eq!(count(conn, "mainspring.task_slots"), 0, "a rate alone needs no slots");
}

#[test]
fn a_limit_that_is_held_idle_or_gone_is_told_apart() {
    let database = TestDatabase::new();
    let conn = &mut limited_to(&database, TaskLimit::new().concurrency(1));
    let mut holder = database.connection();
    holder.batch_execute("BEGIN; SELECT FROM mainspring.task_limits FOR UPDATE").unwrap();
    let state = |conn: &mut PgConnection| {
        let claimed = claim(conn, &gated(&["a", "b"], 7, None)).unwrap();
        (claimed.jobs.len(), claimed.gates.first().map(|gate| gate.state))
    };
    assert_eq!(state(conn), (0, Some(GateState::Idle)), "no job is ready");
    fill(conn, "state", "'ready'", 9);
    conn.batch_execute("UPDATE mainspring.jobs SET task = 'b' WHERE id = 1").unwrap();
    assert_eq!(state(conn), (1, Some(GateState::Locked)), "and another task is claimed");
    holder.batch_execute("ROLLBACK").unwrap();
    assert_eq!(state(conn), (1, Some(open(1, None))));
    assert!(remove_task_limit(conn, "a").unwrap() && !remove_task_limit(conn, "a").unwrap());
    assert_eq!(state(conn), (7, None), "all others at once");
    assert_eq!(count(conn, "mainspring.task_slots"), 0);
}

#[test]
fn running_jobs_count_when_a_limit_is_set_and_later_ones_soon() {
    let database = TestDatabase::new();
    let conn = &mut connect(&Config::new(database.url())).unwrap();
    fill(conn, "state", "'ready'", 20);
    assert_eq!(claim(conn, &ClaimRequest { limit: 4, ..request(&["a"], None) }).unwrap().jobs.len(), 4);
    set_task_limit(conn, "a", &TaskLimit::new().concurrency(6)).unwrap();
    assert_eq!(count(conn, "mainspring.task_slots"), 4);
    // As if by a process that did not know of the limit yet.
    let unaware = ClaimRequest { lease: 8, limit: 1, ..request(&["a"], None) };
    assert_eq!(claim(conn, &unaware).unwrap().jobs.len(), 1);
    let later = "UPDATE mainspring.task_limits SET counted_at = counted_at - interval '2 seconds'";
    conn.batch_execute(later).unwrap();
    assert_eq!(of_a(&claim(conn, &gated(&["a"], 9, None)).unwrap()), 1);
    assert_eq!(count(conn, "mainspring.task_slots"), 6);
    set_task_limit(conn, "a", &TaskLimit::new().rate(1, Duration::from_secs(1))).unwrap();
    assert_eq!(count(conn, "mainspring.task_slots"), 0);
}

#[test]
fn after_a_refusal_a_claim_keeps_the_limit_too() {
    let database = TestDatabase::new();
    let conn = &mut limited_to(&database, TaskLimit::new().concurrency(2));
    fill(conn, "state", "'ready'", 9);
    conn.batch_execute("UPDATE mainspring.jobs SET task = 'b' WHERE id > 6").unwrap();
    let ids: Vec<i64> = (1..=9).collect();
    let claimed = claim_of(conn, &gated(&["a", "b"], 7, None), &ids).unwrap();
    assert_eq!((of_a(&claimed), claimed.jobs.len()), (2, 5));
    let again = claim_of(conn, &gated(&["a", "b"], 8, None), &ids).unwrap();
    assert_eq!((again.jobs.len(), again.gates[0].state), (0, open(0, None)));
}

#[test]
fn each_task_of_a_claim_with_gates_is_read_from_its_own_position() {
    let database = TestDatabase::new();
    let conn = &mut limited_to(&database, TaskLimit::new().concurrency(100));
    fill(conn, "state, priority", "'ready', n", 8);
    conn.batch_execute("UPDATE mainspring.jobs SET task = 'b' WHERE id % 2 = 0").unwrap();
    let from = |priority| Some(Position { priority, turn_at: chrono::DateTime::UNIX_EPOCH });
    let mut request = ClaimRequest { position: from(5), ..gated(&["a", "b"], 7, None) };
    request.tasks[0].gate = Some(GateShare { counts: Counts::Slots, from: from(2) });
    let claimed = claim(conn, &request).unwrap();
    let order: Vec<(&str, i16)> = claimed.jobs.iter().map(|job| (job.task.as_str(), job.priority)).collect();
    assert_eq!(order, [("a", 3), ("a", 5), ("b", 6), ("a", 7), ("b", 8)]);
}
