//! Many at once: whatever order their acts come in, no row leaves the table of moves, no key is held twice, and each job
//! that is gone was ended by exactly one of them.

use std::collections::BTreeSet;
use std::sync::Barrier;
use std::thread;

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::sql_types::{BigInt, Nullable, Text};

use super::super::claim::claim;
use super::super::jobs::{self, ActResult, JobAct};
use super::super::presence::{find_orphans, rescue_orphans};
use super::super::settle::{Settlement, settle, settle_free};
use super::super::{admit, enqueue, remove, workers};
use super::{KEYS, QUEUES, Statement, TASKS, TestDatabase, claim_request, new_job, new_worker, some_outcome};
use crate::lifecycle::{History, JobState};

const THREADS: u64 = 6;
const STEPS: usize = 150;

/// How many rows one of the crowd took out of the table without a line in the history.
fn walk(conn: &mut PgConnection, seed: u64) -> i64 {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut worker = new_worker(conn);
    let mut leased: Vec<(i64, i64)> = Vec::new();
    let mut gone = 0;
    for _ in 0..STEPS {
        // Each once: an id that is given twice is returned twice.
        let ids: Vec<i64> = BTreeSet::from_iter((0..3).map(|_| random.i64(1..400))).into_iter().collect();
        match random.u8(0..16) {
            0..5 => {
                let jobs: Vec<_> = (0..random.usize(1..4)).map(|_| new_job(&mut random).0).collect();
                assert_eq!(enqueue::enqueue(conn, &jobs).expect("enqueue").len(), jobs.len());
            }
            5 => {
                let removed = remove(conn, &format!("key {}", random.u8(0..KEYS))).expect("remove");
                gone += i64::from(removed.is_some());
            }
            6..8 => {
                let lease = random.i64(1..);
                let claimed = claim(conn, &claim_request(worker, lease, 4)).expect("claim").jobs;
                leased.extend(claimed.iter().map(|job| (job.id, lease)));
            }
            8..11 => {
                let outcome = |(id, lease)| Settlement::new(id, lease, some_outcome(&mut random));
                let settlements: Vec<_> = leased.drain(..).map(outcome).collect();
                // As on the connections of outcomes: one that has waited for a row too long leaves out those that are held, as often as it
                // takes.
                conn.batch_execute("SET lock_timeout = '100ms'").expect("be impatient");
                if settle(conn, &settlements, History::Keep).is_err() {
                    while !settle_free(conn, &settlements, History::Keep).expect("settle").1.is_empty() {}
                }
                conn.batch_execute("SET lock_timeout = 0").expect("be patient");
            }
            11 => {
                let names: Vec<String> = (0..QUEUES).map(|number| format!("queue {number}")).collect();
                admit::admit(conn, &names, &[], &TASKS.map(String::from), None).expect("admit");
            }
            12 => {
                workers::release(conn, &[worker]).expect("release");
                worker = new_worker(conn);
            }
            13 => drop(jobs::retry(conn, &ids, None).expect("retry")),
            14 => drop(by_hand(conn, &ids, &mut random)),
            _ => {
                let deleted =
                    |acts: Vec<JobAct>| acts.iter().filter(|act| act.result == ActResult::Deleted).count();
                gone += deleted(jobs::delete(conn, &ids).expect("delete")) as i64;
            }
        }
    }
    gone
}

fn by_hand(conn: &mut PgConnection, ids: &[i64], random: &mut fastrand::Rng) -> Vec<JobAct> {
    let act = [jobs::complete, jobs::fail, jobs::cancel][random.usize(0..3)];
    act(conn, ids, None).expect("an act by hand")
}

fn count(conn: &mut PgConnection, from: &str) -> i64 {
    let count = Statement::<(BigInt,)>::new(format!("SELECT count(*) FROM {from}"));
    count.get_result::<(i64,)>(conn).expect("count").0
}

fn place(name: Option<String>) -> Option<JobState> {
    name.map(|name| JobState::ALL.into_iter().find(|state| state.as_str() == name).expect("a state"))
}

#[test]
fn many_sessions_lose_no_job_and_stay_within_the_table_of_moves() {
    for seed in [3, 1815] {
        let database = TestDatabase::new();
        let mut conn = database.connection();
        database.write_moves_down();
        let start = Barrier::new(THREADS as usize);
        let without_a_line: i64 = thread::scope(|scope| {
            let one = |number: u64| {
                let mut conn = database.connection();
                start.wait();
                walk(&mut conn, seed * 1_000 + number)
            };
            let crowd: Vec<_> = (0..THREADS).map(|number| scope.spawn(move || one(number))).collect();
            crowd.into_iter().map(|walker| walker.join().expect("a walker ends well")).sum()
        });
        let added = count(&mut conn, "moves WHERE old IS NULL");
        let left = count(&mut conn, "mainspring.jobs");
        let history = count(&mut conn, "mainspring.history");
        assert!(added > 200, "seed {seed}: too tame");
        assert_eq!(
            added - left,
            history + without_a_line,
            "seed {seed}: jobs that are gone, and who ended them"
        );
        let twice = "(SELECT key FROM mainspring.jobs WHERE key IS NOT NULL AND state <> 'dead' GROUP BY key \
            HAVING count(*) > 1) AS twice";
        assert_eq!(count(&mut conn, twice), 0, "seed {seed}");
        let moves: Vec<(Option<String>, Option<String>)> =
            Statement::<(Nullable<Text>, Nullable<Text>)>::new("SELECT DISTINCT old, new FROM moves")
                .load(&mut conn)
                .expect("read the moves");
        for (old, new) in moves {
            let (from, to) = (place(old), place(new));
            assert!(JobState::may_follow(from, to), "seed {seed}: a row went from {from:?} to {to:?}");
        }
        // A job that was left running is requeued once its worker is gone.
        conn.batch_execute("DELETE FROM mainspring.workers").expect("lose all workers");
        let orphans = find_orphans(&mut conn).expect("search");
        rescue_orphans(&mut conn, &orphans).expect("rescue");
        assert_eq!(count(&mut conn, "mainspring.jobs WHERE state = 'running'"), 0);
    }
}
