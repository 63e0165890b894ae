//! Random sequences of everything that changes jobs, against a model in memory that is compared with the tables after every
//! step. Beside this file: the model, the walk that does both, and the crowd: many at once, held to what
//! must be true in any order.

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::sql_types::{BigInt, Bool, Integer, Nullable, SmallInt, Text, Timestamptz};
use serde_json::{Value, json};

use self::model::Row;
use self::walk::Walk;
use super::claim::{ClaimRequest, TaskShare};
use super::presence::{NewWorker, register};
use super::statement::Statement;
use crate::job::{JobOptions, KeyMode, NewJob};
use crate::lifecycle::{JobState, Outcome};
use crate::server::TestDatabase;

mod blocks;
mod crowd;
mod gauges;
mod growth;
mod model;
mod move_each;
mod moves;
mod replies;
mod sweeps;
mod walk;

pub(super) use self::blocks::cost_of;

const KEYS: u8 = 4;
const QUEUES: u8 = 2;
const STEPS: usize = 350;
const TASKS: [&str; 2] = ["one", "two"];

fn early() -> DateTime<Utc> {
    "2020-01-01T00:00:00Z".parse().expect("a moment")
}

fn late() -> DateTime<Utc> {
    "2100-01-01T00:00:00Z".parse().expect("a moment")
}

/// A random new job, its key mode, and the row that it should become.
fn new_job(random: &mut fastrand::Rng) -> (NewJob, Row) {
    let is_late = random.u8(0..5) == 0;
    let number = random.u8(..);
    let payload = if random.bool() { json!([number]) } else { json!({"n": number}) };
    let (run_at, priority) = (if is_late { late() } else { early() }, random.i16(-2..3));
    let queue = (random.u8(0..3) == 0).then(|| format!("queue {}", random.u8(0..QUEUES)));
    let max_attempts = random.i16(1..4);
    let options = JobOptions {
        run_at: Some(run_at),
        priority: Some(priority),
        queue,
        max_attempts: Some(max_attempts),
        key: random.bool().then(|| format!("key {}", random.u8(0..KEYS))),
        key_mode: [KeyMode::Replace, KeyMode::PreserveRunAt, KeyMode::UnsafeDedupe][random.usize(0..3)],
        ..JobOptions::default()
    };
    let task = TASKS[random.usize(0..2)];
    let row = Row {
        state: JobState::Ready,
        task: task.into(),
        payload: payload.clone(),
        queue: options.queue.clone(),
        priority,
        run_at: options.run_at,
        late: is_late,
        attempts: 0,
        max_attempts,
        deaths: 0,
        key: options.key.clone(),
        superseded: false,
        cancelled: false,
        revision: 0,
        holder: None,
    };
    (NewJob::new(task, &payload).with_options(options), row)
}

fn some_outcome(random: &mut fastrand::Rng) -> Outcome {
    let delay = Duration::from_secs(if random.bool() { 3_600 } else { 0 });
    match random.u8(0..11) {
        0..3 => Outcome::Succeeded,
        3 => Outcome::Cancelled { reason: "no longer wanted".into() },
        4 => Outcome::Discarded { reason: "no use".into() },
        5 => Outcome::Snoozed { delay, payload: None },
        6 => Outcome::Untouched,
        7 => Outcome::Interrupted,
        8 => Outcome::Postponed { delay },
        9 => Outcome::Held { reason: "ask anna".into(), payload: None },
        _ => Outcome::Failed { error: "boom".into(), delay, payload: None },
    }
}

fn claim_request(worker_id: i32, lease: i64, limit: i64) -> ClaimRequest {
    let tasks = TASKS.map(|task| TaskShare { task: task.into(), version: 0, most: None, gate: None });
    ClaimRequest { worker_id, lease, position: None, limit, tasks: tasks.into(), filtered: None }
}

fn new_worker(conn: &mut PgConnection) -> i32 {
    let tasks = TASKS.map(String::from);
    register(
        conn,
        NewWorker {
            name: "walker",
            tasks: &tasks,
            timeout: Duration::from_secs(3_600),
            origin: 1,
            ..NewWorker::default()
        },
    )
    .expect("register a worker")
}

/// What is compared of a row: state, time, queue, key and payload, and its numbers and marks.
type Facts = (
    String,
    Option<DateTime<Utc>>,
    Option<String>,
    Option<String>,
    Value,
    (i16, i16, i16, i16),
    (bool, bool, Option<i32>, i64),
);

fn facts(row: &Row) -> Facts {
    let marks = (row.superseded, row.cancelled, row.holder.map(|holder| holder.0), row.revision);
    let numbers = (row.priority, row.attempts, row.max_attempts, row.deaths);
    (
        row.state.as_str().into(),
        row.run_at,
        row.queue.clone(),
        row.key.clone(),
        row.payload.clone(),
        numbers,
        marks,
    )
}

type Columns = (
    BigInt,
    Text,
    Timestamptz,
    Nullable<Text>,
    Nullable<Text>,
    Text,
    (SmallInt, SmallInt, SmallInt, SmallInt),
    (Bool, Bool, Nullable<Integer>, BigInt),
);

fn stored_rows(conn: &mut PgConnection) -> Vec<(i64, Facts)> {
    type Stored = (
        i64,
        String,
        DateTime<Utc>,
        Option<String>,
        Option<String>,
        String,
        (i16, i16, i16, i16),
        (bool, bool, Option<i32>, i64),
    );
    let text = "SELECT id, state::text, run_at, queue, key, payload::text, priority, attempts, max_attempts, deaths, \
        superseded, cancel_reason IS NOT NULL, worker_id, revision FROM mainspring.jobs ORDER BY id";
    let rows: Vec<Stored> = Statement::<Columns>::new(text).load(conn).expect("read the jobs");
    let facts = |(id, state, run_at, queue, key, payload, numbers, marks): Stored| {
        let payload = serde_json::from_str(&payload).expect("a payload is JSON");
        (id, (state, Some(run_at), queue, key, payload, numbers, marks))
    };
    rows.into_iter().map(facts).collect()
}

#[test]
fn random_sequences_do_to_the_tables_what_they_do_to_the_model() {
    for seed in [1, 2026, 1124, 77, 4711, 90210] {
        let database = TestDatabase::new();
        let mut walk = Walk::new(&database, seed);
        for step in 0..STEPS {
            let act = walk.step();
            let compared = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| walk.compare()));
            assert!(compared.is_ok(), "seed {seed}: the store and the model differ after step {step}, {act}");
        }
        assert!(walk.model.succeeded > 20 && walk.model.cancelled > 5, "seed {seed}: too tame a walk");
    }
}
