//! What `flat` puts into the database besides the jobs that run. Measures nothing.

use diesel::PgConnection;
use diesel::connection::SimpleConnection;

use super::arguments::Arguments;
use super::stage::{Outcome, empty_table};

// So many rows a statement, so that progress can be reported.
const PORTION: usize = 1_000_000;

/// What is there besides the jobs that run.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// Of `fills`, all together.
    pub(crate) rows: usize,
    /// Each with its number of rows, and with `{}` for the first and the last of a portion of them.
    fills: Vec<(&'static str, usize)>,
    /// How many of them are alone in a queue, behind all that is ready and all that is in full queues.
    pub(crate) free_queues: usize,
    /// Whether finished jobs are kept.
    pub(crate) history: bool,
}

const READY: &str = "INSERT INTO mainspring.jobs (task, run_at, state) \
    SELECT 'load.noop', now(), 'ready' FROM generate_series({})";
const SCHEDULED: &str = "INSERT INTO mainspring.jobs (task, run_at, state) \
    SELECT 'load.noop', now() + interval '1 hour' + n * interval '1 ms', 'scheduled' FROM generate_series({}) AS n";
const UNKNOWN: &str = "INSERT INTO mainspring.jobs (task, run_at, state) \
    SELECT 'load.nobody', now() - interval '1 day', 'ready' FROM generate_series({})";
// A ready job of a task without a handler takes the one slot of each queue.
const SLOTS: &str = "INSERT INTO mainspring.jobs (task, queue, run_at, state) \
    SELECT 'load.nobody', 'load full ' || n, now(), 'ready' FROM generate_series({}) AS n";
const PARKED: &str = "INSERT INTO mainspring.jobs (task, queue, run_at, state) \
    SELECT 'load.noop', 'load full ' || 1 + n % 2, now() - interval '1 day', 'parked' FROM generate_series({}) AS n";
const FREE_QUEUES: &str = "INSERT INTO mainspring.jobs (task, queue, priority, run_at, state) \
    SELECT 'load.noop', 'load free ' || n, 10, now(), 'parked' FROM generate_series({}) AS n";
const IDLE_QUEUES: &str =
    "INSERT INTO mainspring.queues (name) SELECT 'load ' || n FROM generate_series({}) AS n";
const HISTORY: &str = "INSERT INTO mainspring.history \
    (finished_at, started_at, created_at, run_at, id, worker_id, priority, attempts, outcome, task) \
    SELECT now() - (n % 2) * interval '1 day', now(), now(), now(), n, 1, 0, 1, 'succeeded', 'load.noop' \
    FROM generate_series({}) AS n";

pub(crate) fn cases(arguments: &Arguments) -> Vec<Case> {
    let rows = arguments.rows;
    let (tenth, twentieth) = (rows.div_ceil(10), rows.div_ceil(20));
    let mut cases = vec![
        Case::of("empty", vec![]),
        Case::of("ready", vec![(READY, rows.div_ceil(100))]),
        Case::of("ready", vec![(READY, rows)]),
        Case::of("scheduled", vec![(SCHEDULED, rows)]),
        Case::of("unknown task", vec![(UNKNOWN, rows)]),
        Case::of("parked in two full queues", vec![(SLOTS, 2), (PARKED, tenth)]),
        Case {
            free_queues: twentieth,
            ..Case::of(
                "two full queues, free ones behind",
                vec![(SLOTS, 2), (PARKED, tenth), (FREE_QUEUES, twentieth)],
            )
        },
        Case::of("idle queues", vec![(IDLE_QUEUES, tenth)]),
    ];
    if arguments.huge {
        cases.push(Case::of("ready", vec![(READY, rows * 10)]));
        // The first is what the second has to be compared with.
        cases.push(Case { history: true, ..Case::of("history, kept but empty", vec![]) });
        cases.push(Case { history: true, ..Case::of("history", vec![(HISTORY, rows * 5)]) });
    }
    cases
}

impl Case {
    fn of(name: &'static str, fills: Vec<(&'static str, usize)>) -> Self {
        let rows = fills.iter().map(|(_, rows)| rows).sum();
        Self { name, rows, fills, free_queues: 0, history: false }
    }

    /// In place of all that was there before.
    pub(crate) fn fill(&self, conn: &mut PgConnection) -> Outcome<()> {
        empty_table(conn)?;
        forget_history(conn)?;
        for (text, rows) in &self.fills {
            insert(conn, text, *rows)?;
        }
        Ok(())
    }
}

/// Jobs that run.
pub(crate) fn add_ready(conn: &mut PgConnection, jobs: usize) -> Outcome<()> {
    insert(conn, READY, jobs)
}

/// The rows that the bench has left in the history; the partitions of today and yesterday are there afterwards.
pub(crate) fn forget_history(conn: &mut PgConnection) -> Outcome<()> {
    conn.batch_execute(
        "SELECT mainspring.prepare_history(); DELETE FROM mainspring.history WHERE task LIKE 'load.%'",
    )?;
    Ok(())
}

fn insert(conn: &mut PgConnection, text: &str, rows: usize) -> Outcome<()> {
    for first in (1..=rows).step_by(PORTION) {
        let last = rows.min(first + PORTION - 1);
        conn.batch_execute(&text.replace("{}", &format!("{first}, {last}")))?;
        if rows > PORTION {
            eprintln!("{last} of {rows} rows");
        }
    }
    Ok(())
}
