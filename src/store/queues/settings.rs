//! What may be set of a queue: its limit and its rate. Plain values, and what the verbs about limits share.

use std::time::Duration;

use diesel::sql_types::{BigInt, Bool, Nullable};

use crate::error::StoreError;
use crate::store::session::AsSession;
use crate::store::statement::{Statement, millis};

/// The limits of a queue. A queue without settings runs one job at a time, at any rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "settings do nothing until they are given to `set`"]
pub struct QueueSettings {
    /// How many jobs of the queue may run at once over all processes: 1 to 1,000,000, default 1.
    pub concurrency: u32,
    /// At most so many jobs in a period; default any number.
    pub rate: Option<Rate>,
}

/// A rate: at most so many jobs in a period. A bucket holds `jobs` tokens, is full at first, and is refilled evenly with
/// `jobs` tokens in each `period`. Each admitted job takes one. In any time `t` at most `jobs + jobs * t / period` jobs
/// are admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// 1 to 1,000,000.
    pub jobs: u32,
    /// 1 millisecond to 366 days.
    pub period: Duration,
}

impl QueueSettings {
    /// Creates settings that run so many jobs at once, at any rate.
    pub fn concurrency(jobs: u32) -> Self {
        Self { concurrency: jobs, rate: None }
    }

    /// Limits the rate to so many jobs in a period.
    pub fn rate(mut self, jobs: u32, period: Duration) -> Self {
        self.rate = Some(Rate { jobs, period });
        self
    }
}

impl Default for QueueSettings {
    fn default() -> Self {
        Self::concurrency(1)
    }
}

/// Binds limits, and the name of what has them, to a statement that sets them.
pub(super) fn with_limits<'a, Columns>(
    statement: Statement<'a, Columns>,
    (field, name): (&'static str, &'a str),
    concurrency: Option<u32>,
    rate: Option<Rate>,
) -> Statement<'a, Columns> {
    statement
        .text(field, name)
        .bind::<Nullable<BigInt>, _>(concurrency.map(i64::from))
        .bind::<Nullable<BigInt>, _>(rate.map(|rate| i64::from(rate.jobs)))
        .bind::<Nullable<BigInt>, _>(rate.map(|rate| millis(rate.period)))
        .contained()
}

/// Runs a verb that returns whether it changed anything.
pub(super) fn changed(
    conn: &mut impl AsSession,
    text: &'static str,
    field: &'static str,
    name: &str,
) -> Result<bool, StoreError> {
    Ok(Statement::<(Bool,)>::new(text).text(field, name).contained().get_result::<(bool,)>(conn)?.0)
}
