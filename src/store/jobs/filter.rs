//! Which jobs a list, a count or an act by filter is about.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer};

use super::states::StateFilter;
use crate::store::query;

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
    /// Only jobs that have this flag, maybe among others. The history keeps no flags, so no finished job is admitted.
    #[serde(deserialize_with = "text")]
    pub flag: Option<String>,
    /// Only jobs that run on this worker, or that ran there last and have finished.
    #[serde(deserialize_with = "query::worker_id")]
    pub worker_id: Option<i32>,
    /// Only jobs whose last error has this text in it, as it is written.
    #[serde(deserialize_with = "text")]
    pub error: Option<String>,
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
            flag: None,
            worker_id: None,
            error: None,
            changed_since: None,
            changed_until: None,
            after_id: None,
            before_id: None,
            order: JobOrder::OldestFirst,
            limit: 100,
        }
    }
}
