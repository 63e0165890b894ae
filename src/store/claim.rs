//! Claims jobs: `ready` rows become `running` under a lease. Does not know who runs them, or how.

use chrono::{DateTime, Utc};
use diesel::RunQueryDsl;
use diesel::pg::PgConnection;
use diesel::sql_types::{BigInt, Integer, Nullable, SmallInt, Text, Timestamptz};

use super::statement::Statement;
use crate::error::StoreError;

/// Where the scan for ready jobs starts. Rows before it have been claimed, so only their dead index entries are
/// left there, which pile up while any transaction of the database holds its snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mark {
    pub(crate) priority: i16,
    pub(crate) run_at: DateTime<Utc>,
}

/// What to claim.
#[derive(Debug, Clone)]
pub(crate) struct ClaimRequest {
    pub(crate) worker_id: i32,
    /// Unique to this claim: it fences every later write about these jobs.
    pub(crate) lease: i64,
    pub(crate) mark: Option<Mark>,
    pub(crate) limit: i64,
}

/// A job as its row was when it was claimed.
#[derive(Debug, Clone)]
pub(crate) struct ClaimedJob {
    pub(crate) id: i64,
    pub(crate) task: String,
    pub(crate) payload: String,
    pub(crate) attempt: i16,
    pub(crate) max_attempts: i16,
    pub(crate) priority: i16,
    pub(crate) run_at: DateTime<Utc>,
    pub(crate) queue: Option<String>,
    pub(crate) key: Option<String>,
}

/// The text of the claim for a number of tasks, made once and kept prepared.
#[derive(Debug, Clone)]
pub(crate) struct ClaimText {
    tasks: Vec<String>,
    text: String,
}

/// The columns of a job that is about to run.
pub(super) type Columns =
    (BigInt, Text, Text, SmallInt, SmallInt, SmallInt, Timestamptz, Nullable<Text>, Nullable<Text>);

// A claim in the form `WHERE id = ANY (ARRAY(SELECT ..))`: a join with the subselect once flipped to a
// sequential scan when the table looked empty.
const TAKE: &str = "UPDATE mainspring.jobs SET state = 'running', attempts = attempts + 1, lease = {}, \
    worker_id = {}, locked_at = clock_timestamp() WHERE id = ANY (ARRAY(";
const TAKEN: &str =
    ")) RETURNING id, task, payload::text, attempts, max_attempts, priority, run_at, queue, key";

impl ClaimText {
    /// A claim of jobs of these tasks only: each task is a range of the index of ready jobs, so jobs of other
    /// tasks are never looked at.
    pub(crate) fn new(tasks: Vec<String>) -> Self {
        let text = if tasks.len() == 1 { claim_of_one() } else { claim_of_many(tasks.len()) };
        Self { tasks, text }
    }
}

fn claim_of_one() -> String {
    let range = "SELECT id FROM mainspring.jobs WHERE state = 'ready' AND task = {} \
        AND (priority, run_at) >= ({}, coalesce({}, '-infinity')) \
        ORDER BY priority, run_at, id LIMIT {} FOR UPDATE SKIP LOCKED";
    format!("{TAKE}{range}{TAKEN}")
}

// Merges the tasks' index ranges lazily to see how many of the best jobs each task has, then locks that many of
// each. Rows that another claim holds are passed over in the second step, so a claim is never short because
// of them, and nothing is locked that is not taken.
fn claim_of_many(tasks: usize) -> String {
    let range = "(SELECT task, priority, run_at, id FROM mainspring.jobs WHERE state = 'ready' AND task = {} \
        AND (priority, run_at) >= ({}, coalesce({}, '-infinity')) ORDER BY priority, run_at, id)";
    let ranges = vec![range; tasks].join(" UNION ALL ");
    let quota = format!(
        "WITH quota AS MATERIALIZED (SELECT task, count(*) AS jobs FROM (SELECT task FROM ({ranges}) AS merged \
         ORDER BY priority, run_at, id LIMIT {{}}) AS best GROUP BY task) "
    );
    let locked = "SELECT taken.id FROM quota CROSS JOIN LATERAL (SELECT id FROM mainspring.jobs \
        WHERE state = 'ready' AND task = quota.task AND (priority, run_at) >= ({}, coalesce({}, '-infinity')) \
        ORDER BY priority, run_at, id LIMIT quota.jobs FOR UPDATE SKIP LOCKED) AS taken";
    format!("{quota}{TAKE}{locked}{TAKEN}")
}

/// Claims the best ready jobs, at most `limit`, best first. Never waits for a row.
pub(crate) fn claim(
    conn: &mut PgConnection,
    text: &ClaimText,
    request: &ClaimRequest,
) -> Result<Vec<ClaimedJob>, StoreError> {
    if text.tasks.is_empty() {
        return Ok(Vec::new());
    }
    let priority = request.mark.map_or(i16::MIN, |mark| mark.priority);
    let run_at = request.mark.map(|mark| mark.run_at);
    let from_mark = |statement: Statement<'static, Columns>| {
        statement.bind::<SmallInt, _>(priority).bind::<Nullable<Timestamptz>, _>(run_at)
    };
    let leased = |statement: Statement<'static, Columns>| {
        statement.bind::<BigInt, _>(request.lease).bind::<Integer, _>(request.worker_id)
    };
    let mut statement = Statement::<Columns>::new(text.text.clone());
    if let [task] = text.tasks.as_slice() {
        statement =
            from_mark(leased(statement).bind::<Text, _>(task.clone())).bind::<BigInt, _>(request.limit);
    } else {
        for task in &text.tasks {
            statement = from_mark(statement.bind::<Text, _>(task.clone()));
        }
        statement = from_mark(leased(statement.bind::<BigInt, _>(request.limit)));
    }
    let mut claimed: Vec<ClaimedJob> = statement.load(conn)?.into_iter().map(ClaimedJob::from_row).collect();
    claimed.sort_unstable_by_key(|job| (job.priority, job.run_at, job.id));
    Ok(claimed)
}

type Row = (i64, String, String, i16, i16, i16, DateTime<Utc>, Option<String>, Option<String>);

impl ClaimedJob {
    pub(super) fn from_row(
        (id, task, payload, attempt, max_attempts, priority, run_at, queue, key): Row,
    ) -> Self {
        Self { id, task, payload, attempt, max_attempts, priority, run_at, queue, key }
    }
}
