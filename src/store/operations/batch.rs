//! One batch of an operation: the next jobs that match, what is done to them, and how far that is.

use std::collections::BTreeMap;

use diesel::Queryable;
use diesel::result::Error as DieselError;
use diesel::sql_types::{BigInt, Nullable, Text};

use super::many_act::ManyAct;
use super::read::percent;
use crate::error::StoreError;
use crate::store::Session;
use crate::store::audit::{self, NewAuditEntry};
use crate::store::jobs::{Act, JobAct, JobFilter, next_matching};
use crate::store::statement::Statement;

/// The rows that are looked at for a batch, and how often before a transaction ends without one.
const LOOKED_AT: i64 = 2_000;
const LOOKS: usize = 20;

/// What a batch has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Batch {
    /// How many jobs matched.
    pub(crate) jobs: usize,
    /// How far the operation is.
    pub(crate) percent: u8,
    pub(crate) rest: Rest,
}

/// Whether there are more jobs to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rest {
    Some,
    None,
}

#[derive(Queryable)]
struct Row {
    first_id: i64,
    done_id: i64,
    last_id: i64,
    act: String,
    reason: Option<String>,
    changes: Option<String>,
    filter: String,
    results: String,
}

type Columns = (BigInt, BigInt, BigInt, Text, Nullable<Text>, Nullable<Text>, Text, Text);

/// Performs the next batch of at most so many jobs. Returns `None` if the operation does not run, because it is paused, stopped or done.
pub(crate) fn perform_batch(conn: &mut Session<'_>, id: i64, most: u32) -> Result<Option<Batch>, StoreError> {
    conn.transaction(|conn| {
        let Some(row) = running(conn, id)? else { return Ok(None) };
        let (act, mut filter) = (row.act()?, read::<JobFilter>(&row.filter)?);
        filter.limit = most;
        let (mut done, mut ids, mut rest) = (row.done_id, Vec::new(), Rest::Some);
        for _ in 0..LOOKS {
            match next_matching(conn, &mut filter, done, row.last_id, LOOKED_AT)? {
                Some((found, reached)) => (ids, done) = (found, reached),
                None => (done, rest) = (row.last_id.max(done), Rest::None),
            }
            if !ids.is_empty() || rest == Rest::None {
                break;
            }
        }
        let acts = if ids.is_empty() { Vec::new() } else { act.perform(conn, &ids)? };
        advance(conn, id, done, &results(&row.results, &acts)?)?;
        Ok(Some(Batch { jobs: ids.len(), percent: percent(row.first_id, done, row.last_id), rest }))
    })
}

/// Ends an operation of which all is done, with a line in the audit log. Does nothing if it does not run.
pub(crate) fn finish(conn: &mut Session<'_>, id: i64) -> Result<(), StoreError> {
    let end = "UPDATE mainspring.operations SET state = 'done', ended_at = mainspring.now(), updated_at = mainspring.now() \
        WHERE id = {} AND state = 'running'";
    if Statement::<()>::new(end).bind::<BigInt, _>(id).execute(conn)? == 0 {
        return Ok(());
    }
    let Some(done) = super::get(conn, id)? else { return Ok(()) };
    let (changed, left) = done.counts();
    let jobs = i64::try_from(changed + left).ok();
    let result = format!("finished: done for {changed} jobs, and {left} left as they were");
    let entry =
        NewAuditEntry::new(done.who, format!("{}-jobs", done.act), "operation", id.to_string(), result);
    audit::add(conn, &entry.jobs(done.words, jobs).reason(done.reason.unwrap_or_default()))?;
    Ok(())
}

fn running(conn: &mut Session<'_>, id: i64) -> Result<Option<Row>, StoreError> {
    let text = "SELECT first_id, done_id, last_id, act, reason, changes, filter, results FROM mainspring.operations \
        WHERE id = {} AND state = 'running' FOR UPDATE";
    Ok(Statement::<Columns>::new(text).bind::<BigInt, _>(id).load::<Row>(conn)?.pop())
}

fn advance(conn: &mut Session<'_>, id: i64, done: i64, results: &str) -> Result<(), StoreError> {
    let text = "UPDATE mainspring.operations SET done_id = {}, results = {}, updated_at = mainspring.now() WHERE id = {}";
    let statement = Statement::<()>::new(text).bind::<BigInt, _>(done).text("results", results);
    statement.bind::<BigInt, _>(id).execute(conn)?;
    Ok(())
}

fn results(before: &str, acts: &[JobAct]) -> Result<String, StoreError> {
    let mut results: BTreeMap<String, u64> = read(before)?;
    for act in acts {
        *results.entry(act.result.as_str().to_owned()).or_default() += 1;
    }
    serde_json::to_string(&results).map_err(unreadable)
}

impl Row {
    fn act(&self) -> Result<Act, StoreError> {
        Ok(match ManyAct::named(&self.act) {
            Some(ManyAct::Retry) => Act::Retry(None),
            Some(ManyAct::Cancel) => Act::Cancel(self.reason.clone()),
            Some(ManyAct::Fail) => Act::Fail(self.reason.clone()),
            Some(ManyAct::Delete) => Act::Delete,
            Some(ManyAct::Release) => Act::Release,
            // A check of the table admits no other word.
            Some(ManyAct::Reschedule) | None => {
                Act::Reschedule(read(self.changes.as_deref().unwrap_or("{}"))?)
            }
        })
    }
}

fn read<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(unreadable)
}

fn unreadable(error: serde_json::Error) -> StoreError {
    StoreError::from_diesel(DieselError::DeserializationError(Box::new(error)))
}
