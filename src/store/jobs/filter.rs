//! Which jobs a list, a count or an act by filter is about.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use diesel::sql_types::{BigInt, Timestamptz};
use serde::{Deserialize, Deserializer};

use super::states::StateFilter;
use crate::store::like;
use crate::store::query;
use crate::store::statement::Statement;

/// Which jobs [`list`](super::list), [`ids`](super::ids) and [`count`](super::count) are about: those that meet every
/// condition that is set. A route reads it from a query: `web::Query<JobFilter>` takes the names of the fields, and refuses others. An
/// empty text, as a form sends it, is no condition.
///
/// ```
/// use mainspring::jobs::{JobFilter, JobOrder, JobStatus, StateFilter};
///
/// let mut page = JobFilter::new();
/// page.queue_like = Some("*:tenant-7".into());
/// page.state = StateFilter::All; // living, dead and finished jobs
/// page.order = JobOrder::NewestFirst;
/// page.before_id = Some(4711); // the page behind job 4711
///
/// let mut failed = JobFilter::new();
/// failed.state = JobStatus::Dead.into();
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
#[must_use = "a filter does nothing until it is given to `list`, `ids` or `count`"]
pub struct JobFilter {
    /// Only jobs in this state; default [`StateFilter::Stored`], all but finished ones. In a query: the name of a state, `stored` or `all`.
    pub state: StateFilter,
    /// Only jobs of this task.
    #[serde(deserialize_with = "text")]
    pub task: Option<String>,
    /// Only jobs of this queue.
    #[serde(deserialize_with = "text")]
    pub queue: Option<String>,
    /// Only jobs of queues whose names are like this: a `*` stands for any characters, also for none, as in `*:tenant-7`.
    #[serde(deserialize_with = "text")]
    pub queue_like: Option<String>,
    /// Only jobs with this key, dead ones included. A finished job has the key that it had at its end.
    #[serde(deserialize_with = "text")]
    pub key: Option<String>,
    /// Only jobs whose row changed at this time or later. The row of a dead job last changed when it died. For a finished job it is the
    /// time of its end, and older days of the history are not read.
    #[serde(deserialize_with = "query::changed_since")]
    pub changed_since: Option<DateTime<Utc>>,
    /// Only jobs whose row last changed before this time.
    #[serde(deserialize_with = "query::changed_until")]
    pub changed_until: Option<DateTime<Utc>>,
    /// Only jobs with a greater id. The last id of one page selects the next page.
    #[serde(deserialize_with = "query::after_id")]
    pub after_id: Option<i64>,
    /// Only jobs with a smaller id, for pages with the newest first.
    #[serde(deserialize_with = "query::before_id")]
    pub before_id: Option<i64>,
    /// Which jobs come first; default the oldest, those with the smallest ids. In a query: `oldest_first` or `newest_first`.
    pub order: JobOrder,
    /// At most this many; default 100. A query may ask for at most 10,000.
    #[serde(deserialize_with = "query::limit")]
    pub limit: u32,
}

/// Which jobs of a list come first, by their ids.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum JobOrder {
    /// Those with the smallest ids.
    #[default]
    OldestFirst,
    /// Those with the greatest ids.
    NewestFirst,
}

impl JobOrder {
    pub(super) fn sql(self) -> &'static str {
        match self {
            Self::OldestFirst => "ASC",
            Self::NewestFirst => "DESC",
        }
    }
}

// A form sends each of its fields, empty ones too.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Option::deserialize(deserializer)?.filter(|text: &String| !text.is_empty()))
}

impl JobFilter {
    /// Creates a filter that admits the first 100 jobs that are stored.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Default for JobFilter {
    fn default() -> Self {
        Self {
            state: StateFilter::Stored,
            task: None,
            queue: None,
            queue_like: None,
            key: None,
            changed_since: None,
            changed_until: None,
            after_id: None,
            before_id: None,
            order: JobOrder::OldestFirst,
            limit: 100,
        }
    }
}

/// Where the rows of jobs are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Jobs,
    History,
}

impl Source {
    fn columns(self) -> Columns {
        match self {
            Self::Jobs => Columns {
                table: "mainspring.jobs",
                state: "state",
                changed: "updated_at",
                of_key: "id = ANY (ARRAY(\
                    SELECT k.id FROM mainspring.jobs AS k WHERE k.key = {} AND k.key IS NOT NULL AND k.state <> 'dead' UNION ALL \
                    SELECT d.id FROM mainspring.jobs AS d WHERE d.key = {} AND d.state = 'dead'))",
            },
            Self::History => Columns {
                table: "mainspring.history_view",
                state: "outcome",
                changed: "finished_at",
                of_key: "key = {}",
            },
        }
    }
}

/// How a table names what a filter is about.
struct Columns {
    table: &'static str,
    state: &'static str,
    changed: &'static str,
    of_key: &'static str,
}

/// `FROM .. WHERE ..`, with a `{}` for each value of a condition.
struct Conditions<'f> {
    text: String,
    values: Vec<Value<'f>>,
}

enum Value<'f> {
    Id(i64),
    Text(&'static str, Cow<'f, str>),
    Moment(DateTime<Utc>),
}

impl<'f> Conditions<'f> {
    fn add(&mut self, condition: &str, value: Value<'f>) {
        self.text += " AND ";
        self.text += condition;
        self.values.push(value);
    }
}

impl JobFilter {
    /// Returns where jobs of this filter can be.
    fn sources(&self) -> &'static [Source] {
        match self.state {
            StateFilter::Stored => &[Source::Jobs],
            StateFilter::All => &[Source::Jobs, Source::History],
            StateFilter::Is(status) if status.has_row() => &[Source::Jobs],
            StateFilter::Is(_) => &[Source::History],
        }
    }

    /// Returns the order and the limit of a page.
    pub(super) fn page(&self) -> String {
        format!("ORDER BY id {} LIMIT {}", self.order.sql(), self.limit)
    }

    /// Returns the statement `before (shape UNION ALL shape) after`. `shape` gets each source, and `FROM .. WHERE ..` for its rows.
    pub(super) fn statement<Columns>(
        &self,
        before: &str,
        shape: impl Fn(Source, &str) -> String,
        after: &str,
    ) -> Statement<'_, Columns> {
        let sources = self.sources().iter().map(|source| (*source, self.rows_of(*source)));
        let (shapes, values): (Vec<String>, Vec<Vec<Value<'_>>>) =
            sources.map(|(source, rows)| (shape(source, &rows.text), rows.values)).unzip();
        let text = format!("{before} ({}) {after}", shapes.join(" UNION ALL "));
        values.into_iter().flatten().fold(Statement::new(text), |statement, value| match value {
            Value::Id(id) => statement.bind::<BigInt, _>(id),
            Value::Text(field, text) => statement.text(field, text),
            Value::Moment(moment) => statement.bind::<Timestamptz, _>(moment),
        })
    }

    fn rows_of(&self, source: Source) -> Conditions<'_> {
        let columns = source.columns();
        let first = self.after_id.unwrap_or(i64::MIN);
        let text = format!("FROM {} WHERE id > {{}}", columns.table);
        let mut all = Conditions { text, values: vec![Value::Id(first)] };
        if let Some(id) = self.before_id {
            all.add("id < {}", Value::Id(id));
        }
        // A state stands in the text and not among the values, so that the partial index of the state serves.
        if let StateFilter::Is(status) = self.state {
            all.text += &format!(" AND {} = '{}'", columns.state, status.as_str());
        }
        for (field, condition, text) in [
            ("task", "task = {}", self.task.as_deref().map(Cow::Borrowed)),
            ("queue", "queue = {}", self.queue.as_deref().map(Cow::Borrowed)),
            (
                "queue_like",
                "queue LIKE {}",
                self.queue_like.as_deref().map(|like| Cow::Owned(like::with_stars(like))),
            ),
        ] {
            if let Some(text) = text {
                all.add(condition, Value::Text(field, text));
            }
        }
        if let Some(key) = &self.key {
            all.text += &format!(" AND {}", columns.of_key);
            let places = columns.of_key.matches("{}");
            all.values.extend(places.map(|_| Value::Text("key", Cow::Borrowed(key))));
        }
        for (sign, time) in [(">=", self.changed_since), ("<", self.changed_until)] {
            if let Some(time) = time {
                all.add(&format!("{} {sign} {{}}", columns.changed), Value::Moment(time));
            }
        }
        all
    }
}
