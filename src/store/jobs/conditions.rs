//! The statements of a filter: which rows of which tables it admits.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use diesel::sql_types::{Array, BigInt, Integer, Timestamptz};

use super::filter::JobFilter;
use super::states::StateFilter;
use crate::store::like;
use crate::store::statement::Statement;

/// Where the rows of jobs are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source<'f> {
    Jobs,
    History,
    /// The rows between `after_id` and `before_id`. All of them are read, whatever the planner expects of the other conditions.
    Range,
    /// The rows with these ids, in the same way.
    Among(&'f [i64]),
    /// The lines of a day's partition of the history from one place to another. These are the texts of all three.
    Lines(&'f [String; 3]),
}

const COLUMNS: &str =
    "SELECT id, state, updated_at, task, queue, key, flags, worker_id, last_error FROM mainspring.jobs WHERE";

impl Source<'_> {
    fn columns(self) -> Columns {
        match self {
            Self::Jobs => Columns {
                table: "mainspring.jobs",
                state: "state",
                changed: "updated_at",
                of_key: "id = ANY (ARRAY(\
                    SELECT k.id FROM mainspring.jobs AS k WHERE k.key = {} AND k.key IS NOT NULL AND k.state <> 'dead' UNION ALL \
                    SELECT d.id FROM mainspring.jobs AS d WHERE d.key = {} AND d.key IS NOT NULL AND d.state = 'dead'))",
                of_flag: "flags @> ARRAY[{}]",
                of_worker: "state = 'running' AND worker_id = {}",
                of_error: "strpos(last_error, {}) > 0",
            },
            Self::Range | Self::Among(_) => Columns { of_key: "key = {}", ..Source::Jobs.columns() },
            Self::History => Columns {
                table: "mainspring.history_view",
                state: "outcome",
                changed: "finished_at",
                of_key: "key = {}",
                of_flag: "{} IS NULL",
                of_worker: "worker_id = {}",
                of_error: "strpos(errors -> -1 ->> 'error', {}) > 0",
            },
            Self::Lines(_) => Source::History.columns(),
        }
    }
}

/// How a table names what a filter is about.
struct Columns {
    table: &'static str,
    state: &'static str,
    changed: &'static str,
    of_key: &'static str,
    of_flag: &'static str,
    of_worker: &'static str,
    of_error: &'static str,
}

/// `FROM .. WHERE ..`, with a `{}` for each value of a condition.
struct Conditions<'f> {
    text: String,
    values: Vec<Value<'f>>,
}

enum Value<'f> {
    Id(i64),
    Ids(&'f [i64]),
    Worker(i32),
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
    fn sources(&self) -> &'static [Source<'static>] {
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
        shape: impl Fn(Source<'_>, &str) -> String,
        after: &str,
    ) -> Statement<'_, Columns> {
        self.statement_on(self.sources(), before, shape, after)
    }

    /// The same, about these sources.
    pub(super) fn statement_on<'f, Columns>(
        &'f self,
        sources: &[Source<'f>],
        before: &str,
        shape: impl Fn(Source<'_>, &str) -> String,
        after: &str,
    ) -> Statement<'f, Columns> {
        let sources = sources.iter().map(|source| (*source, self.rows_of(*source)));
        let (shapes, values): (Vec<String>, Vec<Vec<Value<'f>>>) =
            sources.map(|(source, rows)| (shape(source, &rows.text), rows.values)).unzip();
        let text = format!("{before} ({}) {after}", shapes.join(" UNION ALL "));
        values.into_iter().flatten().fold(Statement::new(text), |statement, value| match value {
            Value::Id(id) => statement.bind::<BigInt, _>(id),
            Value::Ids(ids) => statement.bind::<Array<BigInt>, _>(ids),
            Value::Worker(id) => statement.bind::<Integer, _>(id),
            Value::Text(field, text) => statement.text(field, text),
            Value::Moment(moment) => statement.bind::<Timestamptz, _>(moment),
        })
    }

    fn rows_of<'f>(&'f self, source: Source<'f>) -> Conditions<'f> {
        let columns = source.columns();
        let mut all = self.begin(source, columns.table);
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
        if let Some(id) = self.worker_id {
            all.add(columns.of_worker, Value::Worker(id));
        }
        for (field, condition, text) in
            [("flag", columns.of_flag, &self.flag), ("error", columns.of_error, &self.error)]
        {
            if let Some(text) = text {
                all.add(condition, Value::Text(field, Cow::Borrowed(text)));
            }
        }
        for (sign, time) in [(">=", self.changed_since), ("<", self.changed_until)] {
            if let Some(time) = time {
                all.add(&format!("{} {sign} {{}}", columns.changed), Value::Moment(time));
            }
        }
        all
    }

    fn begin<'f>(&self, source: Source<'f>, table: &str) -> Conditions<'f> {
        let first = Value::Id(self.after_id.unwrap_or(i64::MIN));
        let last = self.before_id.map(Value::Id);
        let (text, values) = match source {
            Source::Jobs | Source::History => (format!("FROM {table} WHERE id > {{}}"), vec![first]),
            Source::Range => {
                let text = format!("FROM ({COLUMNS} id > {{}} AND id < {{}} OFFSET 0) AS w WHERE true");
                return Conditions { text, values: vec![first, last.unwrap_or(Value::Id(i64::MAX))] };
            }
            Source::Among(ids) => {
                (format!("FROM ({COLUMNS} id = ANY ({{}}) OFFSET 0) AS w WHERE true"), vec![Value::Ids(ids)])
            }
            Source::Lines(places) => {
                let text =
                    "FROM mainspring.history_lines({}::date, {}::tid, {}::tid) AS l WHERE true".to_owned();
                let values = places.iter().map(|place| Value::Text("before", Cow::Borrowed(place)));
                return Conditions { text, values: values.collect() };
            }
        };
        let mut all = Conditions { text, values };
        if let Some(last) = last {
            all.add("id < {}", last);
        }
        all
    }
}
