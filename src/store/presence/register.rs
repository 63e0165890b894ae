//! A process registers as a worker.

use std::time::Duration;

use diesel::sql_types::{Array, BigInt, Integer, Nullable, Text};

use crate::error::StoreError;
use crate::store::encoding::naming;
use crate::store::session::AsSession;
use crate::store::statement::{Statement, millis};

/// A worker to register.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct NewWorker<'a> {
    pub(crate) name: &'a str,
    pub(crate) tasks: &'a [String],
    /// The version of each task.
    pub(crate) versions: &'a [i32],
    pub(crate) lines: &'a [String],
    pub(crate) concurrency: usize,
    /// `None` if a function of the application decides about flags.
    pub(crate) forbidden_flags: Option<&'a [String]>,
    pub(crate) timeout: Duration,
    pub(crate) origin: i64,
}

/// Registers a worker and returns its id.
pub(crate) fn register(conn: &mut impl AsSession, worker: NewWorker<'_>) -> Result<i32, StoreError> {
    let NewWorker { name, tasks, versions, lines, concurrency, forbidden_flags, timeout, origin } = worker;
    let tasks_and_lines = tasks.iter().map(|task| ("task", task.as_str()));
    let tasks_and_lines =
        tasks_and_lines.chain(lines.iter().map(|line| ("id of a cron line", line.as_str())));
    let flags = forbidden_flags.unwrap_or_default().iter().map(|flag| ("flag", flag.as_str()));
    let fields = [("worker_name", name)].into_iter().chain(tasks_and_lines).chain(flags);
    let row = Statement::<(Integer,)>::new(
        "INSERT INTO mainspring.workers (name, tasks, versions, lines, concurrency, forbidden_flags, timeout, origin) \
         VALUES ({}, {}, {}, {}, {}, {}, {} * interval '1 millisecond', {}) RETURNING id",
    )
    .bind::<Text, _>(name)
    .bind::<Array<Text>, _>(tasks)
    .bind::<Array<Integer>, _>(versions)
    .bind::<Array<Text>, _>(lines)
    .bind::<Integer, _>(i32::try_from(concurrency).unwrap_or(i32::MAX))
    .bind::<Nullable<Array<Text>>, _>(forbidden_flags)
    .bind::<BigInt, _>(millis(timeout))
    .bind::<BigInt, _>(origin)
    .get_result(conn);
    let row: (i32,) = row.map_err(|error| naming(conn, error, fields))?;
    Ok(row.0)
}
