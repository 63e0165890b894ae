//! Adds jobs that this process starts at once. One statement stores them as `running` under a lease, so a job for which a
//! slot is free needs no notification, no claim and no second round trip.

use diesel::sql_types::{Array, BigInt, Integer, Nullable, Text};

use super::claim::{ClaimedJob, Columns};
use super::encoding::naming;
use super::enqueue::{given, texts, trace_contexts};
use super::statement::Statement;
use crate::error::StoreError;
use crate::job::NewJob;
use crate::job::payload::has_exponent;
use crate::store::session::AsSession;

/// The worker that starts the jobs, and the lease that fences every later write about them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Starter {
    pub(crate) worker_id: i32,
    pub(crate) lease: i64,
}

/// Returns `true` if a job may start with its enqueue. Such a job is due now and has no queue that must admit it, no key
/// that may be taken, and no flags that this process may leave alone.
pub(crate) fn may_start_at_once(job: &NewJob) -> bool {
    let options = &job.options;
    let is_due = options.run_at.is_none() && options.run_in.is_none();
    let is_free = options.queue.is_none() && options.key.is_none() && options.waits.is_empty();
    is_due && is_free && options.flags.is_empty()
}

macro_rules! adding_where {
    ($condition:literal) => {
        adding_where!($condition, "", "", "")
    };
    // Jobs of which some have a trace context or a version.
    ($condition:literal, marked) => {
        adding_where!(
            $condition,
            ", trace_context, version",
            ", s.trace_context, nullif(s.version, 0)",
            ", {}, {}"
        )
    };
    ($condition:literal, $columns:literal, $values:literal, $more:literal) => {
        concat!(
            "INSERT INTO mainspring.jobs AS j \
                (task, payload, run_at, priority, max_attempts, state, attempts, lease, worker_id, locked_at",
            $columns,
            ") SELECT s.task, s.payload::jsonb, mainspring.now(), coalesce(s.priority, mainspring.default_priority()), \
                 coalesce(s.max_attempts, mainspring.default_max_attempts()), 'running', 1, {}, {}, mainspring.now()",
            $values,
            " FROM unnest({}, {}, {}, {}",
            $more,
            ") WITH ORDINALITY AS s(task, payload, priority, max_attempts",
            $columns,
            ", ord) ",
            $condition,
            " ORDER BY s.ord RETURNING id, task, payload::text, attempts, max_attempts, priority, run_at, queue, key, \
             run_at, NULL::text[], false, snoozes, deaths, trace_context, created_at, version"
        )
    };
}

// If any job breaks a limit, none is added. The usual enqueue then reports which, and why.
macro_rules! unless_one_breaks_a_limit {
    ($($marked:ident)?) => {
        adding_where!(
            "WHERE NOT EXISTS (SELECT FROM unnest({}, {}, {}, {}) AS c(task, payload, priority, max_attempts) \
             WHERE mainspring.is_suspect_job(c.task, c.payload, NULL, NULL, c.priority, c.max_attempts, NULL, NULL, NULL) \
             AND mainspring.jobs_problem(ARRAY[ROW(c.task, c.payload, NULL, NULL, c.priority, c.max_attempts, NULL, NULL, \
                 NULL, NULL, NULL)::mainspring.new_job]) IS NOT NULL)"
            $(, $marked)?
        )
    };
}

/// A statement for jobs without trace contexts and versions, and the same for jobs with some.
struct Starting {
    plain: &'static str,
    marked: &'static str,
}

// Of plain jobs none breaks a limit.
const START: Starting = Starting { plain: adding_where!(""), marked: adding_where!("", marked) };
const START_CHECKED: Starting =
    Starting { plain: unless_one_breaks_a_limit!(), marked: unless_one_breaks_a_limit!(marked) };

/// Adds the jobs as running, all or none. Returns them in the order of the input, or none if one of them breaks a limit.
pub(crate) fn start(
    conn: &mut impl AsSession,
    starter: Starter,
    jobs: &[NewJob],
) -> Result<Vec<ClaimedJob>, StoreError> {
    let (text, lists) = if jobs.iter().all(is_plain) { (START, 1) } else { (START_CHECKED, 2) };
    let (contexts, versions) = (trace_contexts(jobs), given(jobs, |job| job.options.version));
    let is_plain = contexts.is_none() && versions.is_none();
    let mut statement = Statement::<Columns>::new(if is_plain { text.plain } else { text.marked })
        .bind::<BigInt, _>(starter.lease)
        .bind::<Integer, _>(starter.worker_id);
    for list in 0..lists {
        statement = statement
            .bind::<Array<Text>, _>(column(jobs, |job| job.task.as_ref()))
            .bind::<Array<Text>, _>(column(jobs, |job| job.payload.as_str()))
            .bind::<Array<Nullable<Integer>>, _>(column(jobs, |job| job.options.priority.map(i32::from)))
            .bind::<Array<Nullable<Integer>>, _>(column(jobs, |job| job.options.max_attempts.map(i32::from)));
        if list == 0 && !is_plain {
            statement = statement
                .bind::<Nullable<Array<Nullable<Text>>>, _>(contexts.clone())
                .bind::<Nullable<Array<Nullable<Integer>>>, _>(versions.clone());
        }
    }
    statement.load(conn).map_err(|error| naming(conn, error, texts(jobs)))
}

// Whether a job keeps every limit without a look of the database: `is_suspect_job` in SQL, and a little more strictly.
fn is_plain(job: &NewJob) -> bool {
    let attempts = job.options.max_attempts.is_none_or(|attempts| attempts > 0);
    (1..=128).contains(&job.task.len()) && attempts && job.payload.len() < 256 && !has_exponent(&job.payload)
}

fn column<'a, T>(jobs: &'a [NewJob], get: impl Fn(&'a NewJob) -> T) -> Vec<T> {
    jobs.iter().map(get).collect()
}
