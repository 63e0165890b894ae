//! Random walks: whatever is done to jobs, and however they end, no row leaves the lifecycle's table of moves. A trigger
//! in the test's database writes down every move that any statement makes.

use chrono::{TimeDelta, Utc};
use diesel::sql_types::{Nullable, Text};
use diesel::{QueryableByName, RunQueryDsl, sql_query};
use mainspring::jobs::remove;
use mainspring::queues::{self, QueueSettings};
use mainspring::{JobState, KeyMode};

use crate::support::database::TestDatabase;
use crate::support::jobs::act;
use crate::support::rows::count;
use crate::support::schedulers::scheduler;
use crate::support::waiting::until;

#[derive(QueryableByName, Debug)]
struct Move {
    #[diesel(sql_type = Nullable<Text>)]
    old: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    new: Option<String>,
}

fn state(name: Option<String>) -> Option<JobState> {
    name.map(|name| JobState::ALL.into_iter().find(|state| state.as_str() == name).unwrap())
}

#[tokio::test]
async fn no_row_leaves_the_table_of_moves_under_random_work() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    database.write_moves_down();
    let seed = 20_261_124;
    let mut random = fastrand::Rng::with_seed(seed);
    let modes = [KeyMode::Replace, KeyMode::PreserveRunAt, KeyMode::UnsafeDedupe];
    let acts = ["done", "fail at once again", "panic", "discard", "cancel", "done", "done"];
    let (one, _started) = scheduler(&database);
    let one = one.start().await.unwrap();
    for _ in 0..4 {
        let (two, _started) = scheduler(&database);
        let two = two.start().await.unwrap();
        for _ in 0..150 {
            let mut job =
                act(random.choice(acts).unwrap()).max_attempts(random.i16(1..4)).priority(random.i16(-2..3));
            if random.bool() {
                job = job.key(format!("key {}", random.u8(0..6))).key_mode(*random.choice(&modes).unwrap());
            }
            if random.u8(0..3) == 0 {
                job = job.queue(format!("queue {}", random.u8(0..3)));
            }
            if random.u8(0..4) == 0 {
                job = job.run_at(Utc::now() + TimeDelta::milliseconds(random.i64(0..300)));
            }
            let queue = format!("queue {}", random.u8(0..3));
            match random.u8(0..20) {
                0 => assert!(queues::pause(&mut conn, &queue).is_ok()),
                1 => queues::set(&mut conn, &queue, &QueueSettings::concurrency(random.u32(1..4))).unwrap(),
                2..5 => assert!(queues::resume(&mut conn, &queue).is_ok()),
                _ => {}
            }
            match random.u8(0..8) {
                0 => drop(remove(&mut conn, &format!("key {}", random.u8(0..6))).unwrap()),
                1..4 => assert!(job.insert(&mut conn).unwrap() > 0, "seed {seed}"),
                4..6 => assert!(one.enqueue(job).await.unwrap() > 0, "seed {seed}"),
                _ => assert!(two.enqueue(job).await.unwrap() > 0, "seed {seed}"),
            }
        }
        two.stop().await;
    }
    for n in 0..3 {
        queues::resume(&mut conn, &format!("queue {n}")).unwrap();
    }
    until(&database, "mainspring.jobs WHERE state IN ('parked', 'ready', 'running')", 0).await;
    one.stop().await;
    let moves: Vec<Move> = sql_query("SELECT DISTINCT old, new FROM moves").load(&mut conn).unwrap();
    assert!(moves.len() >= 8, "the walk was too tame: {moves:?}");
    for Move { old, new } in moves {
        let (from, to) = (state(old), state(new));
        assert!(JobState::may_follow(from, to), "seed {seed}: a row went from {from:?} to {to:?}");
    }
    assert_eq!(count(&mut conn, "mainspring.jobs WHERE lease IS NOT NULL"), 0);
}
