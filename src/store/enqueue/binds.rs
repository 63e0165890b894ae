//! The values of the jobs that a statement adds, in the order of the text, and what names them in errors and spans.

use diesel::sql_types::{Array, Integer, Nullable, Text, Timestamptz};

use crate::job::NewJob;
use crate::spans::Span;
use crate::store::statement::Statement;

/// Binds what every job has. Without a key among them, the SQL function takes its short way: a plain multi-row insert.
pub(super) fn bound<'a, Columns>(
    statement: Statement<'a, Columns>,
    jobs: &'a [NewJob],
) -> Statement<'a, Columns> {
    let keyed = has_keys(jobs);
    statement
        .bind::<Array<Text>, _>(jobs.iter().map(|job| job.task.as_ref()).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(jobs.iter().map(|job| job.payload.as_str()).collect::<Vec<_>>())
        .bind::<Nullable<Array<Nullable<Text>>>, _>(given(jobs, |job| job.options.queue.as_deref()))
        .bind::<Nullable<Array<Nullable<Timestamptz>>>, _>(given(jobs, |job| job.options.run_at))
        .bind::<Nullable<Array<Nullable<Integer>>>, _>(given(jobs, |job| job.options.priority.map(i32::from)))
        .bind::<Nullable<Array<Nullable<Integer>>>, _>(given(jobs, |job| {
            job.options.max_attempts.map(i32::from)
        }))
        .bind::<Nullable<Array<Nullable<Text>>>, _>(given(jobs, |job| job.options.key.as_deref()))
        .bind::<Nullable<Array<Text>>, _>(
            keyed.then(|| jobs.iter().map(|job| job.options.key_mode.as_str()).collect::<Vec<_>>()),
        )
        .bind::<Nullable<Array<Nullable<Text>>>, _>(flag_sets(jobs))
        .bind::<Nullable<Array<Nullable<Text>>>, _>(trace_contexts(jobs))
        .bind::<Nullable<Array<Nullable<Integer>>>, _>(given(jobs, |job| job.options.version))
}

pub(super) fn has_keys(jobs: &[NewJob]) -> bool {
    jobs.iter().any(|job| job.options.key.is_some())
}

/// The trace context of each job, or `None` if no job has one.
pub(in crate::store) fn trace_contexts(jobs: &[NewJob]) -> Option<Vec<Option<String>>> {
    given(jobs, |job| job.options.trace_context.map(|context| context.to_string()))
}

/// What each job sets, or `None` if no job sets it: then the database has less to unpack.
pub(in crate::store) fn given<'a, T>(
    jobs: &'a [NewJob],
    get: impl Fn(&'a NewJob) -> Option<T>,
) -> Option<Vec<Option<T>>> {
    let values: Vec<Option<T>> = jobs.iter().map(get).collect();
    values.iter().any(Option::is_some).then_some(values)
}

/// What each job waits for as JSON, or `None` if no job waits for anything.
pub(super) fn wait_lists(jobs: &[NewJob]) -> Option<Vec<Option<String>>> {
    given(jobs, |job| {
        let waits = &job.options.waits;
        (!waits.is_empty()).then(|| serde_json::json!(waits).to_string())
    })
}

// The flags of each job as JSON, or `None` if no job has any.
fn flag_sets(jobs: &[NewJob]) -> Option<Vec<Option<String>>> {
    let set = |job: &NewJob| {
        let flags = &job.options.flags;
        (!flags.is_empty()).then(|| serde_json::Value::from(flags.clone()).to_string())
    };
    jobs.iter().any(|job| !job.options.flags.is_empty()).then(|| jobs.iter().map(set).collect())
}

/// The texts of the jobs, each with the name of its field.
pub(in crate::store) fn texts(jobs: &[NewJob]) -> impl Iterator<Item = (&'static str, &str)> {
    jobs.iter().flat_map(|job| {
        let options = &job.options;
        let fields = [
            ("task", Some(job.task.as_ref())),
            ("queue", options.queue.as_deref()),
            ("key", options.key.as_deref()),
            ("payload", Some(job.payload.as_str())),
        ];
        let flags = options.flags.iter().map(|flag| ("flags", flag.as_str()));
        fields.into_iter().filter_map(|(field, text)| Some((field, text?))).chain(flags)
    })
}

/// Opens the span of a call that adds the jobs.
pub(crate) fn enqueue_span(jobs: &[NewJob]) -> Span {
    let first = jobs.first().map(NewJob::task);
    let task = first.filter(|task| jobs.iter().all(|job| job.task() == *task));
    Span::enqueue(task, jobs.len())
}
