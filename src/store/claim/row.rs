//! A job as a claim returns it.

use chrono::{DateTime, Utc};
use diesel::Queryable;
use diesel::pg::Pg;
use diesel::sql_types::{Array, BigInt, Bool, Integer, Nullable, SmallInt, Text, Timestamptz};

use super::Position;
use crate::store::moment::Moment;

/// A job as its row was when it was claimed.
#[derive(Debug, Clone, Queryable)]
pub(crate) struct ClaimedJob {
    pub(crate) id: i64,
    pub(crate) task: String,
    /// `None` where it is still in the database, because it is not small.
    pub(crate) payload: Option<String>,
    pub(crate) attempt: i16,
    pub(crate) max_attempts: i16,
    pub(crate) priority: i16,
    #[diesel(deserialize_as = Moment)]
    pub(crate) run_at: DateTime<Utc>,
    pub(crate) queue: Option<String>,
    pub(crate) key: Option<String>,
    #[diesel(deserialize_as = Moment)]
    pub(crate) turn_at: DateTime<Utc>,
    #[diesel(deserialize_as = Labels)]
    pub(crate) flags: Vec<String>,
    /// Whether it goes before jobs of better priorities, because of its age.
    pub(crate) aged: bool,
    /// How often it has snoozed.
    pub(crate) snoozes: i64,
    /// How many processes in a row were lost while they had it.
    pub(crate) deaths: i16,
    pub(crate) origin: Origin,
}

/// What is known of the program that has added a job.
#[derive(Debug, Clone, Default, Queryable)]
pub(crate) struct Origin {
    /// The span that has added it.
    pub(crate) trace_context: Option<String>,
    /// When it was added; `None` where it has no such span.
    pub(crate) created_at: Option<Moment>,
    version: Option<i32>,
}

impl Origin {
    /// The version of the task that the payload is of.
    pub(crate) fn version(&self) -> i32 {
        self.version.unwrap_or_default()
    }
}

// Flags as a row holds them. After a restore without constraints there may be a NULL among them.
pub(crate) struct Labels(Vec<String>);

impl Queryable<Nullable<Array<Nullable<Text>>>, Pg> for Labels {
    type Row = Option<Vec<Option<String>>>;

    fn build(row: Self::Row) -> diesel::deserialize::Result<Self> {
        Ok(Self(row.unwrap_or_default().into_iter().flatten().collect()))
    }
}

impl From<Labels> for Vec<String> {
    fn from(labels: Labels) -> Self {
        labels.0
    }
}

impl ClaimedJob {
    /// Its place among ready jobs.
    pub(crate) fn position(&self) -> Position {
        Position { priority: self.priority, turn_at: self.turn_at }
    }
}

/// The columns of a job that is about to run.
pub(crate) type Columns = (
    BigInt,
    Text,
    Nullable<Text>,
    SmallInt,
    SmallInt,
    SmallInt,
    Timestamptz,
    Nullable<Text>,
    Nullable<Text>,
    Timestamptz,
    Nullable<Array<Nullable<Text>>>,
    Bool,
    BigInt,
    SmallInt,
    (Nullable<Text>, Nullable<Timestamptz>, Nullable<Integer>),
);
