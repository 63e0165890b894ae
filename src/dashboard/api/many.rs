//! Acts on all jobs that meet conditions, by the API: how many there are, how an operation begins, and what becomes of it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::value::{Identified, json, log_on, within};
use crate::dashboard::acts::many;
use crate::dashboard::acts::operations::{self, Change};
use crate::dashboard::failure::Failure;
use crate::dashboard::many_act::{ManyAct, act_named};
use crate::dashboard::routes::Deed;
use crate::dashboard::visit::Visit;
use crate::store::jobs::{Act, JobCount, JobFilter, Reschedule, StateFilter};
use crate::store::operations::Operation;

/// Operations of a page, and the most of one.
const PAGE: u32 = 100;
const MOST: u32 = 1_000;

/// The conditions of a filter, without those of a page: an act is about all jobs that meet them.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Conditions {
    state: StateFilter,
    task: Option<String>,
    queue: Option<String>,
    queue_like: Option<String>,
    key: Option<String>,
    flag: Option<String>,
    worker_id: Option<i32>,
    error: Option<String>,
    changed_since: Option<DateTime<Utc>>,
    changed_until: Option<DateTime<Utc>>,
}

impl From<Conditions> for JobFilter {
    fn from(conditions: Conditions) -> Self {
        // As in a query, an empty text is no condition.
        let text = |text: Option<String>| text.filter(|text| !text.is_empty());
        Self {
            state: conditions.state,
            task: text(conditions.task),
            queue: text(conditions.queue),
            queue_like: text(conditions.queue_like),
            key: text(conditions.key),
            flag: text(conditions.flag),
            worker_id: conditions.worker_id,
            error: text(conditions.error),
            changed_since: conditions.changed_since,
            changed_until: conditions.changed_until,
            ..Self::new()
        }
    }
}

/// How many stored jobs meet the conditions, as far as a bounded number of rows shows.
pub(super) async fn count(visit: &Visit) -> Result<String, Failure> {
    let filter = JobFilter::from(visit.query::<Conditions>()?);
    many::refuse_finished(&filter)?;
    let found = visit.scheduler().jobs().estimate(filter.clone()).await?;
    let gauges = visit.state.gauges().await;
    let expected = many::expected(&filter, gauges.as_deref());
    let (jobs, measured) = match found {
        JobCount::Exactly(jobs) => (jobs, "exact"),
        JobCount::AtLeast(jobs) => (jobs, "at_least"),
    };
    json(&json!({"jobs": jobs, "measured": measured, "expected": expected}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Begin {
    act: String,
    filter: Conditions,
    reason: Option<String>,
    changes: Option<Reschedule>,
}

pub(super) async fn begin(visit: &Visit, begin: Begin) -> Result<String, Failure> {
    let act = act_named(&begin.act)?;
    let filter = many::checked(visit, act, begin.filter.into())?;
    let performed = performed(act, begin.reason, begin.changes)?;
    let id = many::begin(visit, act, performed, filter).await?;
    log_on(Deed::ActOnMany, &format!("act={}&operation={id}", act.as_str()), true);
    json(&shown(&visit.operation(id).await?))
}

// What an act has no use for is refused: the caller means something else.
fn performed(act: ManyAct, reason: Option<String>, changes: Option<Reschedule>) -> Result<Act, Failure> {
    let refused = |text: String| Err(Failure::Invalid(text));
    match (act, reason, changes) {
        (ManyAct::Retry, None, None) => Ok(Act::Retry(None)),
        (ManyAct::Delete, None, None) => Ok(Act::Delete),
        (ManyAct::Release, None, None) => Ok(Act::Release),
        (ManyAct::Fail, reason, None) => Ok(Act::Fail(reason)),
        (ManyAct::Cancel, reason, None) => Ok(Act::Cancel(reason)),
        (ManyAct::Reschedule, None, Some(changes)) if changes != Reschedule::new() => {
            Ok(Act::Reschedule(changes))
        }
        (ManyAct::Reschedule, None, _) => {
            let fields = "run_at, priority, attempts or max_attempts";
            refused(format!("nothing to change: give changes with {fields}"))
        }
        (act, Some(_), _) => refused(format!("reason must be absent: {} has none", act.as_str())),
        (act, _, Some(_)) => refused(format!("changes must be absent: {} has none", act.as_str())),
    }
}

pub(super) async fn change(
    visit: &Visit,
    change: Change,
    Identified { id }: Identified,
) -> Result<String, Failure> {
    let changed = operations::make(visit, change, id).await?;
    log_on(change.deed(), &format!("id={id}"), changed);
    json(&json!({"id": id, "changed": changed}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PageOf {
    before: Option<i64>,
    limit: Option<u32>,
}

/// The last operations, the latest first.
pub(super) async fn list(visit: &Visit) -> Result<String, Failure> {
    let PageOf { before, limit } = visit.query()?;
    let limit = within(limit.unwrap_or(PAGE), MOST)?;
    let rows = visit.scheduler().operations(before, limit).await?;
    json(&rows.iter().map(shown).collect::<Vec<_>>())
}

pub(super) async fn one(visit: &Visit) -> Result<String, Failure> {
    let Identified { id } = visit.query()?;
    json(&shown(&visit.operation(id).await?))
}

#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    row: &'a Operation,
    percent: u8,
}

fn shown(row: &Operation) -> Shown<'_> {
    Shown { row, percent: row.percent() }
}
