//! Shows which jobs wait, and compares them with what a test expects. Needs a connection and no scheduler.

use std::fmt;

use diesel::pg::PgConnection;
use serde::de::DeserializeOwned;

use super::scheduler::TestScheduler;
use crate::attempt::decode;
use crate::job::Task;
use crate::store::session::AsSession;
use crate::store::testing::{WaitingJob, count_by_task, waiting_jobs};

// Jobs that differ in more fields come last, and a person does not read more of them.
const MOST_SHOWN: usize = 10;

/// What a connection shows of the jobs that wait: those that are committed, and those of its own transaction. So it works inside of
/// Diesel's `test_transaction`, and nothing is committed.
///
/// ```
/// use diesel::Connection;
/// use mainspring::testing::{EnqueuedJobs, TestDatabase, assert_enqueued};
/// use mainspring::{Enqueue, StoreError, Task};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Debug, Serialize, Deserialize)]
/// struct Receipt { order: u32, email: String }
/// impl Task for Receipt { const NAME: &'static str = "receipt.send"; }
///
/// let database = TestDatabase::new()?;
/// let mut conn = database.connect()?;
/// conn.test_transaction(|conn| {
///     Enqueue::new(Receipt { order: 7, email: "a@example.org".into() }).insert(conn)?;
///     assert_enqueued!(conn, Receipt { order: 7, .. });
///     Ok::<(), StoreError>(())
/// });
/// assert!(conn.enqueued::<Receipt>().is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait EnqueuedJobs {
    /// Returns the payloads of the jobs of the task `T` that have not begun to run, or wait for their next attempt, in the order in
    /// which they were added.
    ///
    /// # Panics
    ///
    /// If the database refuses, or a payload does not fit the task.
    #[track_caller]
    fn enqueued<T: Task + DeserializeOwned>(&mut self) -> Vec<T>;

    /// Behind [`assert_enqueued!`](crate::assert_enqueued).
    #[doc(hidden)]
    #[track_caller]
    fn assert_one_enqueued<T: Task + DeserializeOwned>(&mut self, expected: &[ExpectedField<'_, T>]);
}

impl EnqueuedJobs for PgConnection {
    fn enqueued<T: Task + DeserializeOwned>(&mut self) -> Vec<T> {
        read::<T>(self).into_iter().map(|(_, task)| task).collect()
    }

    fn assert_one_enqueued<T: Task + DeserializeOwned>(&mut self, expected: &[ExpectedField<'_, T>]) {
        assert_one(self, expected);
    }
}

impl TestScheduler {
    /// Returns the payloads of the jobs of the task `T` that have not begun to run, or wait for their next attempt, in the order in
    /// which they were added.
    ///
    /// # Panics
    ///
    /// If the database refuses, or a payload does not fit the task.
    #[track_caller]
    #[must_use]
    pub fn enqueued<T: Task + DeserializeOwned>(&self) -> Vec<T> {
        self.with_session(|conn| read::<T>(conn)).into_iter().map(|(_, task)| task).collect()
    }

    /// Behind [`assert_enqueued!`](crate::assert_enqueued).
    #[doc(hidden)]
    #[track_caller]
    pub fn assert_one_enqueued<T: Task + DeserializeOwned>(&self, expected: &[ExpectedField<'_, T>]) {
        self.with_session(|conn| assert_one(conn, expected));
    }
}

/// Asserts that a job waits whose payload has these values in these fields. With `..` the other fields may have any value; a
/// comparison without it reads the same, since fields that are not named are not compared.
///
/// The first argument is a [`TestScheduler`], or a connection, also inside of the application's test transaction. A value may be of
/// any type that the field can be compared with: `"r7"` for a `String`.
///
/// ```
/// # use mainspring::testing::{TestDatabase, assert_enqueued};
/// # use mainspring::{Enqueue, Task};
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Serialize, Deserialize)] struct Receipt { order: u32, email: String }
/// # impl Task for Receipt { const NAME: &'static str = "receipt.send"; }
/// # let database = TestDatabase::new()?;
/// # let mut conn = database.connect()?;
/// Enqueue::new(Receipt { order: 7, email: "a@example.org".into() }).insert(&mut conn)?;
/// assert_enqueued!(conn, Receipt { order: 7, email: "a@example.org" });
/// assert_enqueued!(conn, Receipt { order: 7, .. });
/// assert_enqueued!(conn, Receipt { .. });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Panics
///
/// If no such job waits. The text shows the jobs of the task, those first that differ least, with each field that differs:
///
/// ```text
/// no job of `receipt.send` waits with order: 8
///   job 12 (ready): order is 7
/// ```
#[macro_export]
macro_rules! assert_enqueued {
    ($jobs:expr, $task:ident $(::$rest:ident)* { $($fields:tt)* }) => {
        $crate::testing::__assert_enqueued!($jobs, ($task $(::$rest)*), [] $($fields)*)
    };
}

// Takes the fields one by one. The parts of the list of closures are in brackets.
#[doc(hidden)]
#[macro_export]
macro_rules! __assert_enqueued {
    ($jobs:expr, ($task:path), [$($field:ident: $value:expr,)*] $(..)?) => {{
        #[allow(unused_imports, reason = "a TestScheduler has the method itself")]
        use $crate::testing::EnqueuedJobs as _;
        match ($(&$value,)*) {
            ($($field,)*) => $jobs.assert_one_enqueued::<$task>(&[$($crate::testing::ExpectedField::new(
                stringify!($field),
                &|task: &$task| (task.$field != *$field).then(|| ::std::format!("{:?}", task.$field)),
                &|| ::std::format!("{:?}", $field),
            )),*]),
        }
    }};
    ($jobs:expr, $task:tt, [$($done:tt)*] $field:ident: $value:expr) => {
        $crate::testing::__assert_enqueued!($jobs, $task, [$($done)* $field: $value,])
    };
    ($jobs:expr, $task:tt, [$($done:tt)*] $field:ident: $value:expr, $($rest:tt)*) => {
        $crate::testing::__assert_enqueued!($jobs, $task, [$($done)* $field: $value,] $($rest)*)
    };
}

// An exported macro is at the root of the crate: these have it where the rest of the kit is.
#[doc(hidden)]
pub use __assert_enqueued;
pub use assert_enqueued;

/// A field that [`assert_enqueued!`](crate::assert_enqueued) compares.
#[doc(hidden)]
pub struct ExpectedField<'a, T> {
    name: &'static str,
    /// Returns the value that the job has instead.
    other_value: &'a dyn Fn(&T) -> Option<String>,
    expected: &'a dyn Fn() -> String,
}

impl<'a, T> ExpectedField<'a, T> {
    #[must_use]
    pub fn new(
        name: &'static str,
        other_value: &'a dyn Fn(&T) -> Option<String>,
        expected: &'a dyn Fn() -> String,
    ) -> Self {
        Self { name, other_value, expected }
    }
}

impl<T> fmt::Debug for ExpectedField<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, (self.expected)())
    }
}

#[track_caller]
fn read<T: Task + DeserializeOwned>(conn: &mut impl AsSession) -> Vec<(WaitingJob, T)> {
    let jobs = waiting_jobs(conn, T::NAME).unwrap_or_else(|error| panic!("{error}"));
    let read = |job: WaitingJob| match decode::<T>(&job.payload, job.version) {
        Ok(task) => (job, task),
        Err(error) => panic!("job {}: {error}", job.id),
    };
    jobs.into_iter().map(read).collect()
}

#[track_caller]
fn assert_one<T: Task + DeserializeOwned>(conn: &mut impl AsSession, expected: &[ExpectedField<'_, T>]) {
    let jobs = read::<T>(conn);
    let mut misses: Vec<(usize, String)> =
        jobs.iter().map(|(job, task)| near_miss(job, task, expected)).collect();
    if misses.iter().any(|(differences, _)| *differences == 0) {
        return;
    }
    let wanted = expected.iter().map(|field| format!("{field:?}")).collect::<Vec<_>>().join(", ");
    let with = if wanted.is_empty() { String::new() } else { format!(" with {wanted}") };
    misses.sort_by_key(|(differences, _)| *differences);
    let shown = misses.iter().take(MOST_SHOWN).map(|(_, text)| format!("\n  {text}")).collect::<String>();
    let more = misses.len().saturating_sub(MOST_SHOWN);
    let more = if more > 0 { format!("\n  and {more} more") } else { String::new() };
    let others = if misses.is_empty() { others(conn, T::NAME) } else { String::new() };
    panic!("no job of `{}` waits{with}{shown}{more}{others}", T::NAME);
}

// How many fields differ, and which.
fn near_miss<T>(job: &WaitingJob, task: &T, expected: &[ExpectedField<'_, T>]) -> (usize, String) {
    let differs = |field: &ExpectedField<'_, T>| {
        (field.other_value)(task).map(|value| format!("{} is {value}", field.name))
    };
    let differences: Vec<String> = expected.iter().filter_map(differs).collect();
    (differences.len(), format!("job {} ({}): {}", job.id, job.state, differences.join(", ")))
}

fn others(conn: &mut impl AsSession, task: &str) -> String {
    let counted = count_by_task(conn).unwrap_or_default();
    let counted: Vec<String> = counted
        .into_iter()
        .filter(|(other, _)| other != task)
        .map(|(other, jobs)| format!("{jobs} of `{other}`"))
        .collect();
    match counted.len() {
        0 => "\n  no job of any task waits".into(),
        _ => format!("\n  none of this task waits; others do: {}", counted.join(", ")),
    }
}
