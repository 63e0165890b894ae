//! Operations, as people look at them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use diesel::sql_types::BigInt;
use serde::{Deserialize, Deserializer, Serialize};

use crate::error::StoreError;
use crate::store::jobs::ActResult;
use crate::store::json_moment;
use crate::store::json_rows::rows;
use crate::store::session::AsSession;
use crate::store::statement::Statement;

/// Where an operation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OperationState {
    /// Its job waits or runs.
    Running,
    /// It goes on when it is resumed.
    Paused,
    /// A person has ended it before all was done.
    Stopped,
    /// All is done.
    Done,
}

/// An act on all jobs that match a filter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Operation {
    pub(crate) id: i64,
    #[serde(deserialize_with = "json_moment::required")]
    pub(crate) created_at: DateTime<Utc>,
    #[serde(deserialize_with = "json_moment::required")]
    pub(crate) updated_at: DateTime<Utc>,
    #[serde(default, deserialize_with = "json_moment::optional")]
    pub(crate) ended_at: Option<DateTime<Utc>>,
    pub(crate) job_id: Option<i64>,
    /// The state of that job; `None` if it is there no more.
    pub(crate) job_state: Option<String>,
    #[serde(skip_serializing)]
    first_id: i64,
    #[serde(skip_serializing)]
    done_id: i64,
    #[serde(skip_serializing)]
    last_id: i64,
    pub(crate) state: OperationState,
    pub(crate) who: String,
    pub(crate) act: String,
    pub(crate) reason: Option<String>,
    /// The filter in words.
    pub(crate) words: String,
    /// How many jobs had which result.
    #[serde(deserialize_with = "results")]
    pub(crate) results: BTreeMap<String, u64>,
}

fn results<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, u64>, D::Error> {
    serde_json::from_str(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}

impl Operation {
    /// How much of the ids that it is about are behind it, 0 to 100.
    pub(crate) fn percent(&self) -> u8 {
        percent(self.first_id, self.done_id, self.last_id)
    }

    /// For how many jobs the act was done, and how many were left as they were.
    pub(crate) fn counts(&self) -> (u64, u64) {
        self.results.iter().fold((0, 0), |(done, left), (word, jobs)| {
            let was_done = ActResult::named(word).is_some_and(ActResult::was_done);
            if was_done { (done + jobs, left) } else { (done, left + jobs) }
        })
    }

    /// Whether it runs, but has no job that could carry it out.
    pub(crate) fn is_stranded(&self) -> bool {
        self.state == OperationState::Running && self.job_state.as_deref().is_none_or(|state| state == "dead")
    }
}

/// How much of the ids from `first` to `last` is done, 0 to 100.
pub(super) fn percent(first: i64, done: i64, last: i64) -> u8 {
    let (all, behind) = (i128::from(last) - i128::from(first), i128::from(done) - i128::from(first));
    if all <= 0 { 100 } else { u8::try_from((behind * 100 / all).clamp(0, 100)).unwrap_or(100) }
}

const SHOWN: &str = "SELECT row_to_json(o)::text FROM (SELECT o.id, o.created_at, o.updated_at, o.ended_at, o.job_id, \
    (SELECT j.state::text FROM mainspring.jobs AS j WHERE j.id = o.job_id) AS job_state, o.first_id, o.done_id, o.last_id, \
    o.state, o.who, o.act, o.reason, o.words, o.results FROM mainspring.operations AS o";

/// Returns the last operations before this one, the latest first.
pub(crate) fn list(
    conn: &mut impl AsSession,
    before: Option<i64>,
    limit: u32,
) -> Result<Vec<Operation>, StoreError> {
    let text = format!("{SHOWN} WHERE o.id < {{}} ORDER BY o.id DESC LIMIT {limit}) AS o ORDER BY o.id DESC");
    rows(conn, Statement::new(text).bind::<BigInt, _>(before.unwrap_or(i64::MAX)))
}

/// Returns one operation.
pub(crate) fn get(conn: &mut impl AsSession, id: i64) -> Result<Option<Operation>, StoreError> {
    let text = format!("{SHOWN} WHERE o.id = {{}}) AS o");
    Ok(rows(conn, Statement::new(text).bind::<BigInt, _>(id))?.pop())
}

#[cfg(test)]
mod tests {
    use super::percent;

    #[test]
    fn the_share_that_is_done_is_within_a_hundred() {
        assert_eq!([percent(0, 0, 200), percent(0, 100, 200), percent(0, 200, 200)], [0, 50, 100]);
        assert_eq!([percent(0, 0, 0), percent(5, 5, 0), percent(i64::MIN, 0, i64::MAX)], [100, 100, 50]);
    }
}
