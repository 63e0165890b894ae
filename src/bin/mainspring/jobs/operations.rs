//! An act on all jobs that meet conditions, through the API: an operation that the scheduler carries out, and that the command follows
//! to its end.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use mainspring::jobs::{Act, ActResult, JobFilter};
use serde::Deserialize;
use serde_json::{Value, json};

use super::asked::{Asked, Counted, fields};
use crate::api::Api;
use crate::arguments::ListingOptions;
use crate::failure::Failure;
use crate::output;
use crate::progress::Progress;
use crate::source::{Query, only_database};

/// How often the command looks how far the operation is.
const LOOKS: Duration = Duration::from_millis(500);

/// How many jobs meet the conditions.
#[derive(Deserialize)]
pub(super) struct Found {
    pub(super) jobs: u64,
    measured: Measured,
}

#[derive(Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Measured {
    Exact,
    AtLeast,
}

/// What the command reads of an operation.
#[derive(Deserialize)]
struct Operation {
    id: i64,
    state: State,
    /// Of the job that carries it out.
    job_state: Option<String>,
    results: BTreeMap<String, u64>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum State {
    Running,
    Paused,
    Stopped,
    Done,
}

impl Found {
    pub(super) fn read(api: &Api, filter: &JobFilter) -> Result<Self, Failure> {
        api.read(&Query::new("count-jobs").with_all(conditions(filter)))
    }

    /// Whether no others meet them.
    pub(super) fn are_all(&self) -> bool {
        self.measured == Measured::Exact
    }

    /// The number, for a question.
    pub(super) fn in_words(&self) -> String {
        match self.measured {
            Measured::Exact => self.jobs.to_string(),
            Measured::AtLeast => format!("{} or more", self.jobs),
        }
    }
}

/// An operation that was begun.
pub(super) struct Begun(Operation);

/// Begins the operation.
pub(super) fn begin(api: &Api, filter: &JobFilter, asked: &Asked) -> Result<Begun, Failure> {
    let (act, reason, changes) = words(&asked.act)?;
    let conditions = BTreeMap::from(conditions(filter));
    let body = json!({"act": act, "filter": conditions, "reason": reason, "changes": changes});
    let operation: Operation = api.act("act-on-many", &body)?;
    let id = operation.id;
    eprintln!("mainspring: operation {id} is added, and goes on also if this command ends");
    Ok(Begun(operation))
}

impl Begun {
    /// Prints its number, for a command that does not follow it.
    pub(super) fn tell(&self, out: &mut impl Write, listing: &ListingOptions) -> Result<(), Failure> {
        let id = self.0.id;
        if listing.json {
            return output::json(out, &json!({"operation": id}));
        }
        Ok(writeln!(out, "operation {id}")?)
    }
}

/// Follows the operation, and returns what became of the jobs at its end.
pub(super) fn follow(
    api: &Api,
    Begun(mut operation): Begun,
    asked: &Asked,
    jobs: u64,
    listing: &ListingOptions,
) -> Result<Vec<Counted>, Failure> {
    let id = operation.id;
    let progress = Progress::of_jobs(asked.verb, jobs, listing);
    while matches!(operation.state, State::Running | State::Paused) {
        if operation.is_stranded() {
            return Err(Failure::Refused(format!(
                "operation {id} has no job any more: resume or stop it in the page"
            )));
        }
        std::thread::sleep(LOOKS);
        operation = api.read(&Query::new("operation").with("id", Some(id)))?;
        progress.done(operation.results.values().sum());
    }
    drop(progress);
    if operation.state == State::Stopped {
        let done: u64 = operation.results.values().sum();
        return Err(Failure::Refused(format!("operation {id} was stopped after {done} jobs")));
    }
    operation.results.into_iter().map(|(word, jobs)| Ok(Counted { result: result(&word)?, jobs })).collect()
}

impl Operation {
    fn is_stranded(&self) -> bool {
        self.state == State::Running && self.job_state.as_deref().is_none_or(|state| state == "dead")
    }
}

fn result(word: &str) -> Result<ActResult, Failure> {
    let unknown =
        |_| Failure::Refused(format!("the reply does not fit, as that of another release: `{word}`"));
    serde_json::from_value(word.into()).map_err(unknown)
}

/// The name of an act, its reason and its changes, as the API takes them.
fn words(act: &Act) -> Result<(&'static str, Option<&str>, Option<Value>), Failure> {
    match act {
        Act::Retry(None) => Ok(("retry", None, None)),
        Act::Cancel(reason) => Ok(("cancel", reason.as_deref(), None)),
        Act::Fail(reason) => Ok(("fail", reason.as_deref(), None)),
        Act::Delete => Ok(("delete", None, None)),
        Act::Release => Ok(("release", None, None)),
        Act::Reschedule(changes) => Ok(("reschedule", None, Some(fields(changes)))),
        _ => Err(only_database()),
    }
}

/// The conditions of a filter, as the API reads them.
pub(super) fn conditions(filter: &JobFilter) -> [(&'static str, Option<String>); 7] {
    let moment = |at: Option<DateTime<Utc>>| at.map(|at| at.to_rfc3339_opts(SecondsFormat::AutoSi, true));
    [
        ("state", Some(filter.state.to_string())),
        ("task", filter.task.clone()),
        ("queue", filter.queue.clone()),
        ("queue_like", filter.queue_like.clone()),
        ("key", filter.key.clone()),
        ("changed_since", moment(filter.changed_since)),
        ("changed_until", moment(filter.changed_until)),
    ]
}
