//! The bounds of a new job. The SQL functions `validate_job`, `flags_problem` and `payload_problem` have the same for callers in
//! SQL, and judge in the same order; a test compares them. Here a job is judged before it is sent, so that the caller's transaction
//! can go on. Only the size of a payload is known to the database alone.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::enqueue::NewJob;
use super::payload::{character_problem, nesting_problem, number_problem};
use super::wait::{Target, Wait};
use crate::error::Problem;

/// The most characters of a name: of a task, a queue, a flag, a schedule or a step.
const MAX_NAME: usize = 128;
const MAX_KEY: usize = 512;
const MAX_SIGNAL: usize = 256;
const MAX_WAITS: usize = 100_000;
const MAX_FLAGS: usize = 32;
const MAX_FLAG_BYTES: usize = 1_600;
/// The longest delay of a job: a hundred years of 365 days.
const MAX_DELAY: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// The first and the last microsecond of the years 1 to 9999, counted from 1970.
pub(crate) const FIRST_MICROS: i64 = -62_135_596_800_000_000;
pub(crate) const LAST_MICROS: i64 = 253_402_300_799_999_999;

/// Returns what is wrong with the job, or `None`.
pub(crate) fn problem_of(job: &NewJob) -> Option<Problem> {
    let options = &job.options;
    length_problem("task", &job.task, MAX_NAME)
        .or_else(|| length_problem("queue", options.queue.as_deref()?, MAX_NAME))
        .or_else(|| length_problem("key", options.key.as_deref()?, MAX_KEY))
        .or_else(|| attempts_problem(options.max_attempts?))
        .or_else(|| time_problem(options.run_at?))
        .or_else(|| delay_problem(options.run_in?))
        .or_else(|| version_problem(options.version?))
        .or_else(|| flags_problem(&options.flags))
        .or_else(|| waits_problem(&options.waits))
        .or_else(|| payload_problem(&job.payload))
}

/// Returns what is wrong with the name of a step, or `None`.
pub(crate) fn step_name_problem(name: &str) -> Option<Problem> {
    length_problem("name", name, MAX_NAME)
}

/// Returns what is wrong with what a job of a workflow waits for, or `None`. Whether there is a job of that name is known later.
pub(super) fn waits_in_workflow_problem(waits: &[Wait]) -> Option<Problem> {
    size_problem(waits).or_else(|| {
        waits.iter().find_map(|wait| match wait.target() {
            Target::Member(name) => length_problem("name", name, MAX_NAME),
            Target::Job(_) | Target::Signal(_) => target_problem(wait),
        })
    })
}

fn size_problem(waits: &[Wait]) -> Option<Problem> {
    let expected = || format!("must be at most {MAX_WAITS} jobs and signals");
    (waits.len() > MAX_WAITS).then(|| Problem::new("after", expected(), waits.len()))
}

// The same as `waits_problem` in SQL.
fn waits_problem(waits: &[Wait]) -> Option<Problem> {
    size_problem(waits).or_else(|| waits.iter().find_map(target_problem))
}

fn target_problem(wait: &Wait) -> Option<Problem> {
    match wait.target() {
        Target::Job(id) => (id < 1).then(|| Problem::new("after", "must be ids of jobs, from 1 on", id)),
        Target::Member(name) => {
            let expected = "must be ids of jobs and signals outside of a workflow";
            Some(Problem::new("after", expected, format_args!("the name `{name}`")))
        }
        Target::Signal(name) => length_problem("signal", name, MAX_SIGNAL),
    }
}

fn length_problem(field: &'static str, text: &str, most: usize) -> Option<Problem> {
    if text.contains('\0') {
        return Some(Problem::new(field, "must not contain the character NUL", "one"));
    }
    // No character is shorter than a byte.
    if (1..=most).contains(&text.len()) {
        return None;
    }
    let length = text.chars().count();
    let problem = || Problem::new(field, format!("must be 1 to {most} characters"), length);
    (!(1..=most).contains(&length)).then(problem)
}

fn attempts_problem(max_attempts: i16) -> Option<Problem> {
    (max_attempts < 1).then(|| Problem::new("max_attempts", "must be 1 to 32767", max_attempts))
}

fn version_problem(version: i32) -> Option<Problem> {
    (version < 0).then(|| Problem::new("version", "must be 0 or more", version))
}

fn time_problem(run_at: DateTime<Utc>) -> Option<Problem> {
    let is_readable = (FIRST_MICROS..=LAST_MICROS).contains(&run_at.timestamp_micros());
    (!is_readable).then(|| Problem::new("run_at", "must be in the years 1 to 9999", run_at))
}

fn delay_problem(run_in: Duration) -> Option<Problem> {
    (run_in > MAX_DELAY)
        .then(|| Problem::new("run_in", "must be at most 100 years", format_args!("{run_in:?}")))
}

fn flags_problem(flags: &[String]) -> Option<Problem> {
    let problem = |expected: String, got: usize| Some(Problem::new("flags", expected, got));
    if flags.len() > MAX_FLAGS {
        return problem(format!("must be at most {MAX_FLAGS} labels"), flags.len());
    }
    if flags.iter().any(|flag| flag.contains('\0')) {
        return Some(Problem::new("flags", "must not contain the character NUL", "one"));
    }
    let lengths = flags.iter().map(|flag| flag.chars().count());
    if let Some(length) = lengths.filter(|length| !(1..=MAX_NAME).contains(length)).min() {
        let expected = format!("must be labels of 1 to {MAX_NAME} characters");
        return Some(Problem::new("flags", expected, format_args!("one of {length}")));
    }
    match flags.iter().map(String::len).sum() {
        bytes if bytes > MAX_FLAG_BYTES => {
            problem(format!("must be at most {MAX_FLAG_BYTES} bytes together"), bytes)
        }
        _ => None,
    }
}

fn payload_problem(payload: &str) -> Option<Problem> {
    character_problem("payload", payload)
        .or_else(|| number_problem(payload))
        .or_else(|| nesting_problem(payload))
}
