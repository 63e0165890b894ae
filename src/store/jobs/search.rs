//! Pages of a list, newest first, that cost little however many jobs there are: each looks at a bounded number of rows, and says where
//! to look on.

use diesel::sql_types::{Array, BigInt, Nullable, Text};

use super::conditions::Source;
use super::filter::{JobFilter, JobOrder};
use super::found::Job;
use super::lines::finished;
use super::list::STORED;
use super::pages::{JobCount, JobCursor, JobPage};
use super::states::StateFilter;
use crate::error::StoreError;
use crate::store::json_rows::rows;
use crate::store::session::AsSession;
use crate::store::statement::Statement;

/// Jobs that a page of stored ones looks at. They are read within some ten milliseconds.
const MOST_JOBS: i64 = 10_000;
/// A state with at most so many jobs is read by its index.
const MOST_IN_STATE: i64 = 5_000;

/// Returns a page of the jobs that the filter admits, newest first: stored ones by their ids, finished ones by the time of their end.
/// The order, `after_id` and `before_id` of the filter do not count, and a state of both kinds means stored jobs.
///
/// It reads at most about 10,000 rows, however many there are, so it takes some ten milliseconds. If that was not enough for a whole
/// page, [`JobPage::is_cut`] says so.
///
/// # Errors
///
/// As [`list`](super::list).
pub fn search(
    conn: &mut impl AsSession,
    mut filter: JobFilter,
    from: Option<JobCursor>,
) -> Result<JobPage, StoreError> {
    filter.order = JobOrder::NewestFirst;
    (filter.after_id, filter.before_id) = (None, None);
    match filter.state {
        StateFilter::Is(status) if !status.has_row() => finished(conn, &filter, from),
        StateFilter::Is(_) | StateFilter::Stored | StateFilter::All => {
            if filter.state == StateFilter::All {
                filter.state = StateFilter::Stored;
            }
            stored(conn, filter, from)
        }
    }
}

fn stored(
    conn: &mut impl AsSession,
    mut filter: JobFilter,
    from: Option<JobCursor>,
) -> Result<JobPage, StoreError> {
    filter.before_id = match from {
        Some(JobCursor::Job(id)) => Some(id),
        Some(JobCursor::Line(..)) | None => None,
    };
    let wanted = filter.limit as usize;
    filter.limit = filter.limit.saturating_add(1);
    // A key is looked up.
    if filter.key.is_some() {
        return Ok(page_of(super::list(conn, &filter)?, wanted, None));
    }
    if let StateFilter::Is(status) = filter.state
        && let Some(mut ids) = in_state(conn, status.as_str())?
    {
        if is_about_state_alone(&filter) {
            // Their rows need not be read to know which come first.
            ids.retain(|id| filter.before_id.is_none_or(|before| *id < before));
            ids.sort_unstable_by(|one, other| other.cmp(one));
            ids.truncate(filter.limit as usize);
        }
        return Ok(page_of(listed(conn, &filter, Source::Among(&ids))?, wanted, None));
    }
    let Some((first, looked_at)) = range_before(conn, filter.before_id)? else {
        return Ok(page_of(Vec::new(), wanted, None));
    };
    filter.after_id = Some(first - 1);
    let goes_on = (looked_at == MOST_JOBS).then_some(JobCursor::Job(first));
    Ok(page_of(listed(conn, &filter, Source::Range)?, wanted, goes_on))
}

// `behind` is where rows begin that were not looked at.
fn page_of(mut jobs: Vec<Job>, wanted: usize, behind: Option<JobCursor>) -> JobPage {
    if jobs.len() > wanted {
        jobs.truncate(wanted);
        let next = jobs.last().map(|job| JobCursor::Job(job.id));
        return JobPage { jobs, next, is_cut: false };
    }
    JobPage { jobs, next: behind, is_cut: behind.is_some() }
}

fn is_about_state_alone(filter: &JobFilter) -> bool {
    let JobFilter { state, before_id, order, limit, .. } = *filter;
    *filter == JobFilter { state, before_id, order, limit, ..JobFilter::new() }
}

fn in_state(conn: &mut impl AsSession, state: &str) -> Result<Option<Vec<i64>>, StoreError> {
    let statement = Statement::<(Nullable<Array<BigInt>>,)>::new("SELECT mainspring.jobs_in_state({}, {})");
    let statement = statement.bind::<Text, _>(state.to_owned()).bind::<BigInt, _>(MOST_IN_STATE);
    Ok(statement.get_result::<(Option<Vec<i64>>,)>(conn)?.0)
}

/// Returns the least id of the jobs that a page looks at, and how many those are.
fn range_before(conn: &mut impl AsSession, before: Option<i64>) -> Result<Option<(i64, i64)>, StoreError> {
    let text = "SELECT min(r.id), count(*) FROM \
        (SELECT j.id FROM mainspring.jobs AS j WHERE j.id < {} ORDER BY j.id DESC LIMIT {}) AS r";
    let statement = Statement::<(Nullable<BigInt>, BigInt)>::new(text)
        .bind::<BigInt, _>(before.unwrap_or(i64::MAX))
        .bind::<BigInt, _>(MOST_JOBS);
    let (first, looked_at): (Option<i64>, i64) = statement.get_result(conn)?;
    Ok(first.map(|first| (first, looked_at)))
}

fn listed(conn: &mut impl AsSession, filter: &JobFilter, source: Source<'_>) -> Result<Vec<Job>, StoreError> {
    let page = filter.page();
    let shape = |_: Source<'_>, chosen: &str| {
        format!(
            "SELECT {STORED} FROM (SELECT id {chosen} {page}) AS chosen JOIN mainspring.jobs_view AS j ON j.id = chosen.id"
        )
    };
    let after = format!("AS v {page}");
    rows(conn, filter.statement_on(&[source], "SELECT row_to_json(v)::text FROM", shape, &after))
}

/// Returns how many stored jobs the filter admits, or how many of those that are looked at: no more rows than for a page of [`search`].
///
/// # Errors
///
/// As [`list`](super::list).
pub fn estimate(conn: &mut impl AsSession, filter: &JobFilter) -> Result<JobCount, StoreError> {
    let mut filter = filter.clone();
    (filter.after_id, filter.before_id) = (None, None);
    let counted = |conn: &mut _, filter: &JobFilter, source: Source<'_>| -> Result<i64, StoreError> {
        let shape = |_: Source<'_>, chosen: &str| format!("SELECT count(*) AS jobs {chosen}");
        let statement = filter.statement_on::<(BigInt,)>(&[source], "SELECT jobs FROM", shape, "AS v");
        Ok(statement.get_result::<(i64,)>(conn)?.0)
    };
    if filter.key.is_some() {
        return Ok(JobCount::Exactly(counted(conn, &filter, Source::Jobs)?));
    }
    if let StateFilter::Is(status) = filter.state
        && let Some(ids) = in_state(conn, status.as_str())?
    {
        return Ok(JobCount::Exactly(counted(conn, &filter, Source::Among(&ids))?));
    }
    let Some((first, looked_at)) = range_before(conn, None)? else { return Ok(JobCount::Exactly(0)) };
    filter.after_id = Some(first - 1);
    let found = counted(conn, &filter, Source::Range)?;
    Ok(if looked_at < MOST_JOBS { JobCount::Exactly(found) } else { JobCount::AtLeast(found) })
}

/// Returns the next jobs behind `done`, up to `last`, that the filter admits, and the id up to which was looked: `None` if there is no
/// job at all. At most so many rows are looked at. Mainspring's own jobs are left out.
#[cfg(feature = "dashboard")]
pub(crate) fn next_matching(
    conn: &mut impl AsSession,
    filter: &mut JobFilter,
    done: i64,
    last: i64,
    most: i64,
) -> Result<Option<(Vec<i64>, i64)>, StoreError> {
    let text = "SELECT max(r.id) FROM (SELECT j.id FROM mainspring.jobs AS j WHERE j.id > {} AND j.id <= {} ORDER BY j.id LIMIT {}) AS r";
    let reached = Statement::<(Nullable<BigInt>,)>::new(text).bind::<BigInt, _>(done).bind::<BigInt, _>(last);
    let Some(reached) = reached.bind::<BigInt, _>(most).get_result::<(Option<i64>,)>(conn)?.0 else {
        return Ok(None);
    };
    filter.order = JobOrder::OldestFirst;
    (filter.after_id, filter.before_id) = (Some(done), Some(reached.saturating_add(1)));
    let (own, page) = (crate::job::operation::TASK, filter.page());
    let shape = |_: Source<'_>, chosen: &str| format!("(SELECT id {chosen} AND task <> '{own}' {page})");
    let found =
        filter.statement_on::<(BigInt,)>(&[Source::Range], "SELECT id FROM", shape, "AS v ORDER BY id");
    let ids: Vec<i64> = found.load::<(i64,)>(conn)?.into_iter().map(|row| row.0).collect();
    let is_full = ids.len() as u64 >= u64::from(filter.limit);
    let reached = ids.last().copied().filter(|_| is_full).unwrap_or(reached);
    Ok(Some((ids, reached)))
}
