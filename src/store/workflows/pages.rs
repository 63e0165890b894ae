//! Workflows as pages for people show them: a bounded number of rows, however many jobs a workflow has.

use chrono::{DateTime, Utc};
use diesel::sql_types::{BigInt, Bool, Nullable, Text};
use serde::Deserialize;

use super::read::{WorkflowFilter, WorkflowJob, WorkflowStatus};
use crate::error::StoreError;
use crate::lifecycle::JobState;
use crate::store::json_moment;
use crate::store::json_rows::rows;
use crate::store::session::AsSession;
use crate::store::statement::Statement;

/// The jobs of one workflow that its page counts at most.
pub(crate) const MOST_OF_ONE: i64 = 5_000;
/// The same of each workflow on a list, and of all of them.
pub(crate) const MOST_OF_EACH: i64 = 1_000;
pub(crate) const MOST_OF_A_LIST: i64 = 2_500;

/// A workflow on a page.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct ListedWorkflow {
    pub(crate) id: i64,
    pub(crate) name: String,
    #[serde(deserialize_with = "json_moment::required")]
    pub(crate) created_at: DateTime<Utc>,
    /// When it was cancelled as a whole. It takes no more jobs.
    #[serde(deserialize_with = "json_moment::optional")]
    pub(crate) cancelled_at: Option<DateTime<Utc>>,
    pub(crate) callback: Option<i64>,
    /// Its jobs and the callback, at most one more than are counted.
    pub(crate) members: i64,
    /// `None`: it has too many jobs.
    pub(crate) counted: Option<WorkflowStatus>,
}

/// A job of a workflow on a page, with some of those for which it waits.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Member {
    #[serde(flatten)]
    pub(crate) job: WorkflowJob,
    /// How many there are in all.
    pub(crate) all_parents: i64,
    pub(crate) all_signals: i64,
}

/// The workflow of a job.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct NamedWorkflow {
    pub(crate) id: i64,
    pub(crate) name: String,
}

/// When the audit log has a line about an act on a workflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recorded {
    Always,
    /// When a job was changed.
    IfChanged,
}

/// Returns workflows, the latest first. Those with more than [`MOST_OF_EACH`] jobs are not counted, nor are those behind
/// [`MOST_OF_A_LIST`] jobs.
pub(crate) fn page(
    conn: &mut impl AsSession,
    filter: &WorkflowFilter,
) -> Result<Vec<ListedWorkflow>, StoreError> {
    let text = format!(
        "SELECT row_to_json(p)::text FROM mainspring.workflows_page({{}}, {{}}, {{}}, {MOST_OF_EACH}, {MOST_OF_A_LIST}) AS p"
    );
    let statement = Statement::new(text)
        .bind::<BigInt, _>(filter.before.unwrap_or(i64::MAX))
        .text_or_null("name", filter.name.as_deref())
        .bind::<BigInt, _>(i64::from(filter.limit));
    rows(conn, statement)
}

/// Returns one workflow. It is counted if it has at most [`MOST_OF_ONE`] jobs.
pub(crate) fn one(conn: &mut impl AsSession, id: i64) -> Result<Option<ListedWorkflow>, StoreError> {
    let text = format!(
        "SELECT row_to_json(p)::text FROM mainspring.workflows_page({{}}, NULL, 1, {MOST_OF_ONE}, {MOST_OF_ONE}) AS p WHERE p.id = {{}}"
    );
    let behind = id.saturating_add(1);
    let statement = Statement::new(text).bind::<BigInt, _>(behind).bind::<BigInt, _>(id);
    Ok(rows(conn, statement)?.pop())
}

/// Returns whether a workflow was cancelled as a whole. One that is not there was not.
pub(crate) fn was_cancelled(conn: &mut impl AsSession, id: i64) -> Result<bool, StoreError> {
    let text = "SELECT EXISTS (SELECT FROM mainspring.workflows AS f WHERE f.id = {} AND f.cancelled_at IS NOT NULL)";
    Ok(Statement::<(Bool,)>::new(text).bind::<BigInt, _>(id).get_result::<(bool,)>(conn)?.0)
}

/// Which jobs of a workflow a page shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MemberFilter {
    /// Those behind this job.
    pub(crate) after: i64,
    /// Those in this state. A page looks at [`MOST_OF_ONE`] jobs for them.
    pub(crate) state: Option<MemberState>,
    pub(crate) limit: u32,
}

/// A state by which the jobs of a workflow are filtered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MemberState {
    Stored(JobState),
    /// Over, and not dead: its row is gone.
    Ended,
}

impl MemberState {
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        JobState::ALL.into_iter().map(Self::Stored).chain([Self::Ended])
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Stored(state) => state.as_str(),
            Self::Ended => "ended",
        }
    }
}

/// Jobs of a workflow on a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MemberPage {
    pub(crate) members: Vec<Member>,
    /// Jobs behind this id were not looked at.
    pub(crate) looked_to: Option<i64>,
}

/// Returns jobs of a workflow in the order of their ids. Those for which a job waits are at most as many as the page has: first the
/// jobs that are behind `after` too, among which are all of the same page. A job that does not wait has no signals, though what it
/// was to wait for is stored for a moment after its end.
pub(crate) fn members(
    conn: &mut impl AsSession,
    id: i64,
    filter: &MemberFilter,
) -> Result<MemberPage, StoreError> {
    let looked_to = if filter.state.is_some() { end_of_look(conn, id, filter.after)? } else { None };
    let members = read_members(conn, id, filter, looked_to.unwrap_or(i64::MAX))?;
    Ok(MemberPage { members, looked_to })
}

// Behind which id a bounded look leaves jobs to the next page. `None`: it reaches the end.
fn end_of_look(conn: &mut impl AsSession, id: i64, after: i64) -> Result<Option<i64>, StoreError> {
    let text = format!(
        "SELECT m.job_id - 1 FROM mainspring.workflow_jobs AS m WHERE m.workflow_id = {{}} AND m.job_id > {{}} \
         ORDER BY m.job_id OFFSET {MOST_OF_ONE} LIMIT 1"
    );
    let statement = Statement::<(BigInt,)>::new(text).bind::<BigInt, _>(id).bind::<BigInt, _>(after);
    Ok(statement.load::<(i64,)>(conn)?.pop().map(|row| row.0))
}

fn read_members(
    conn: &mut impl AsSession,
    id: i64,
    filter: &MemberFilter,
    last: i64,
) -> Result<Vec<Member>, StoreError> {
    let (after, most) = (filter.after, filter.limit);
    let text = format!(
        "SELECT row_to_json(d)::text FROM (SELECT m.id, m.name, m.task, nullif(m.state, 'gone') AS state, m.attempts, m.is_callback, \
             ARRAY(SELECT p FROM unnest(m.parents) AS p ORDER BY p <= {{}}, p LIMIT {most}) AS parents, \
             s.signals[1:{most}] AS signals, cardinality(m.parents) AS all_parents, cardinality(s.signals) AS all_signals \
         FROM mainspring.workflow_members({{}}, {{}}, {most}, {last}, {{}}) AS m, \
             LATERAL (SELECT CASE WHEN m.state = 'waiting' THEN m.signals ELSE '{{{{}}}}' END AS signals) AS s ORDER BY m.id) AS d"
    );
    let statement =
        Statement::new(text).bind::<BigInt, _>(after).bind::<BigInt, _>(id).bind::<BigInt, _>(after);
    rows(conn, statement.bind::<Nullable<Text>, _>(filter.state.map(MemberState::as_str)))
}

/// Returns the workflow to which a job belongs: of several, the latest. Nothing is counted.
pub(crate) fn workflow_of(conn: &mut impl AsSession, job: i64) -> Result<Option<NamedWorkflow>, StoreError> {
    let text = "SELECT row_to_json(d)::text FROM (SELECT f.id, f.name FROM mainspring.workflows AS f \
        WHERE f.id = (SELECT max(m.workflow_id) FROM mainspring.workflow_jobs AS m WHERE m.job_id = {})) AS d";
    Ok(rows(conn, Statement::new(text).bind::<BigInt, _>(job))?.pop())
}
