//! Acts on all jobs that match a filter. A job carries each of them out, and this is what it is to do and how far it has come.
//!
//! The row is the truth: each batch moves it on in the transaction of the batch, so a crash repeats nothing and leaves nothing out. The job
//! names only the operation. So a role that may add jobs, and no more, cannot have anything done that no person has asked for.

mod batch;
mod many_act;
mod read;

pub(crate) use self::batch::{Rest, finish, perform_batch};
pub(crate) use self::many_act::ManyAct;
pub(crate) use self::read::{Operation, OperationState, get, list};

use diesel::sql_types::{BigInt, Nullable};
use serde_json::{Value, json};

use super::statement::Statement;
use crate::error::StoreError;
use crate::job::NewJob;
use crate::job::operation::{FLAG, QUEUE, TASK};
use crate::store::Session;
use crate::store::jobs::{self, Act, JobFilter};

/// An operation to be added.
#[derive(Debug, Clone)]
pub(crate) struct NewOperation {
    pub(crate) who: String,
    pub(crate) act: Act,
    pub(crate) filter: JobFilter,
    /// The filter in words.
    pub(crate) words: String,
    /// How long it waits, so that it can still be stopped.
    pub(crate) delay: std::time::Duration,
}

/// Adds an operation and the job that carries it out, and returns the operation's id. It is about the jobs that are there now.
pub(crate) fn add(conn: &mut Session<'_>, new: &NewOperation) -> Result<i64, StoreError> {
    conn.transaction(|conn| {
        let insert = Statement::<(BigInt,)>::new(
            "INSERT INTO mainspring.operations (first_id, done_id, last_id, who, act, reason, changes, filter, words) \
             SELECT b.first, b.first, b.last, {}, {}, {}, {}, {}, {} FROM (SELECT coalesce(min(j.id), 1) - 1 AS first, \
             coalesce(max(j.id), 0) AS last FROM mainspring.jobs AS j) AS b RETURNING id",
        )
        .text("who", &*new.who)
        .text("act", ManyAct::of(&new.act).map_or("", ManyAct::as_str))
        .text_or_null("reason", new.act.reason())
        .text_or_null("changes", changes_of(&new.act).map(|changes| changes.to_string()))
        .text("filter", to_json(&new.filter).to_string())
        .text("words", &*new.words);
        let id = insert.get_result::<(i64,)>(conn)?.0;
        start(conn, id, new.delay)?;
        Ok(id)
    })
}

/// Pauses a running operation: its job ends after the batch that it is in. Returns `false` if it does not run.
pub(crate) fn pause(conn: &mut Session<'_>, id: i64) -> Result<bool, StoreError> {
    halt(conn, id, "state = 'paused'", "'running'", "the operation is paused")
}

/// Ends an operation before all is done. What it has done stays. Returns `false` if it has ended already.
pub(crate) fn stop(conn: &mut Session<'_>, id: i64) -> Result<bool, StoreError> {
    let end = "state = 'stopped', ended_at = mainspring.now()";
    halt(conn, id, end, "'running', 'paused'", "the operation is stopped")
}

/// Lets an operation go on where it stopped: one that is paused, or whose job is gone or dead. Returns `false` for any other.
pub(crate) fn resume(conn: &mut Session<'_>, id: i64) -> Result<bool, StoreError> {
    conn.transaction(|conn| {
        let change = "UPDATE mainspring.operations AS o SET state = 'running', updated_at = mainspring.now() \
            WHERE o.id = {} AND (o.state = 'paused' OR o.state = 'running' AND NOT EXISTS ( \
                SELECT FROM mainspring.jobs AS j WHERE j.id = o.job_id AND j.state <> 'dead'))";
        let changed = Statement::<()>::new(change).bind::<BigInt, _>(id).execute(conn)? > 0;
        if changed {
            start(conn, id, std::time::Duration::ZERO)?;
        }
        Ok(changed)
    })
}

// Changes an operation that is in one of these states, and cancels its job.
fn halt(conn: &mut Session<'_>, id: i64, set: &str, of: &str, reason: &str) -> Result<bool, StoreError> {
    conn.transaction(|conn| {
        let text = format!(
            "UPDATE mainspring.operations SET {set}, updated_at = mainspring.now() WHERE id = {{}} AND state IN ({of}) \
             RETURNING job_id"
        );
        let found: Vec<(Option<i64>,)> =
            Statement::<(Nullable<BigInt>,)>::new(text).bind::<BigInt, _>(id).load(conn)?;
        let job: Vec<i64> = found.iter().filter_map(|row| row.0).collect();
        jobs::cancel(conn, &job, Some(reason))?;
        Ok(!found.is_empty())
    })
}

// The key keeps two jobs from carrying out the same operation. One that still ends is replaced.
fn start(conn: &mut Session<'_>, id: i64, delay: std::time::Duration) -> Result<(), StoreError> {
    let job = NewJob::new(TASK, &json!({"operation": id})).queue(QUEUE).key(format!("{TASK}:{id}"));
    let job = jobs::insert(conn, job.flags([FLAG]).run_in(delay))?;
    let set = "UPDATE mainspring.operations SET job_id = {} WHERE id = {}";
    Statement::<()>::new(set).bind::<BigInt, _>(job).bind::<BigInt, _>(id).execute(conn)?;
    Ok(())
}

fn changes_of(act: &Act) -> Option<Value> {
    let Act::Reschedule(changes) = act else { return None };
    Some(json!({
        "run_at": changes.run_at, "priority": changes.priority, "attempts": changes.attempts,
        "max_attempts": changes.max_attempts,
    }))
}

/// The conditions of a filter, as its own deserialization reads them.
fn to_json(filter: &JobFilter) -> Value {
    json!({
        "state": filter.state.to_string(), "task": filter.task, "queue": filter.queue, "queue_like": filter.queue_like,
        "key": filter.key, "flag": filter.flag, "worker_id": filter.worker_id, "error": filter.error,
        "changed_since": filter.changed_since, "changed_until": filter.changed_until,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::jobs::{JobStatus, Reschedule};

    #[test]
    fn a_filter_and_changes_are_read_as_they_were_written() {
        let mut filter = JobFilter::new();
        filter.state = JobStatus::Dead.into();
        (filter.task, filter.queue_like) = (Some("a".into()), Some("*:7".into()));
        (filter.flag, filter.worker_id, filter.error) = (Some("f".into()), Some(-7), Some("on fire".into()));
        filter.changed_since = chrono::DateTime::from_timestamp(1_796_000_000, 123_456_000);
        let read: JobFilter = serde_json::from_value(to_json(&filter)).unwrap();
        assert_eq!(read, filter);
        let changes = Reschedule::new().priority(-5).run_at(filter.changed_since.unwrap());
        let read: Reschedule =
            serde_json::from_value(changes_of(&Act::Reschedule(changes.clone())).unwrap()).unwrap();
        assert_eq!(read, changes);
    }
}
