//! Which jobs a list, a count or an act by filter is about.

use chrono::{DateTime, Utc};
use diesel::sql_types::{BigInt, Timestamptz};
use serde::Deserialize;

use crate::lifecycle::JobState;
use crate::store::statement::Statement;

/// Which jobs [`list`](super::list), [`ids`](super::ids) and [`count`](super::count) are about: those that meet every
/// condition that is set. A route reads it from a query: `web::Query<JobFilter>` takes the names of the fields, and refuses others.
/// Then bound `limit`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
#[must_use = "a filter does nothing until it is given to `list`, `ids` or `count`"]
pub struct JobFilter {
    /// Only jobs in this state.
    pub state: Option<JobState>,
    /// Only jobs of this task.
    pub task: Option<String>,
    /// Only jobs of this queue.
    pub queue: Option<String>,
    /// Only jobs with this key, dead ones included.
    pub key: Option<String>,
    /// Only jobs whose row changed at this time or later. The row of a dead job last changed when it died.
    pub changed_since: Option<DateTime<Utc>>,
    /// Only jobs whose row last changed before this time.
    pub changed_until: Option<DateTime<Utc>>,
    /// Only jobs with a greater id. The last id of one page selects the next page.
    pub after_id: Option<i64>,
    /// At most this many; default 100.
    pub limit: u32,
}

impl JobFilter {
    /// Creates a filter that admits the first 100 jobs.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Default for JobFilter {
    fn default() -> Self {
        Self {
            state: None,
            task: None,
            queue: None,
            key: None,
            changed_since: None,
            changed_until: None,
            after_id: None,
            limit: 100,
        }
    }
}

const OF_KEY: &str = " AND id = ANY (ARRAY(\
    SELECT k.id FROM mainspring.jobs AS k WHERE k.key = {} AND k.key IS NOT NULL AND k.state <> 'dead' UNION ALL \
    SELECT d.id FROM mainspring.jobs AS d WHERE d.key = {} AND d.state = 'dead'))";

impl JobFilter {
    /// The statement around the conditions: `before`, the rows of `mainspring.jobs` that meet them, `after`.
    pub(super) fn statement<Columns>(&self, before: &str, after: &str) -> Statement<'_, Columns> {
        let mut conditions = String::new();
        let mut texts: Vec<(&'static str, &str)> = Vec::new();
        // A state stands in the text and not among the values, so that the partial index of the state serves.
        if let Some(state) = self.state {
            conditions += &format!(" AND state = '{}'", state.as_str());
        }
        for (column, text) in [("task", &self.task), ("queue", &self.queue)] {
            if let Some(text) = text {
                conditions += &format!(" AND {column} = {{}}");
                texts.push((column, text));
            }
        }
        if let Some(key) = &self.key {
            conditions += OF_KEY;
            texts.extend([("key", key.as_str()); 2]);
        }
        let times = [(">=", self.changed_since), ("<", self.changed_until)];
        let times: Vec<_> = times.into_iter().filter_map(|(sign, time)| Some((sign, time?))).collect();
        for (sign, _) in &times {
            conditions += &format!(" AND updated_at {sign} {{}}");
        }
        let rows = format!("FROM mainspring.jobs WHERE id > {{}}{conditions}");
        let statement = Statement::new(format!("{before} {rows} {after}"))
            .bind::<BigInt, _>(self.after_id.unwrap_or(i64::MIN));
        let statement =
            texts.into_iter().fold(statement, |statement, (field, text)| statement.text(field, text));
        times.into_iter().fold(statement, |statement, (_, time)| statement.bind::<Timestamptz, _>(time))
    }
}
