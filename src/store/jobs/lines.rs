//! Finished jobs, the last one first. Lines of the history are written one behind the other, so they are read from the end, by their
//! places, and without any index.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::sql_types::{BigInt, Text};
use serde::Deserialize;

use super::conditions::Source;
use super::filter::JobFilter;
use super::found::Job;
use super::list::FINISHED;
use super::pages::{JobCursor, JobPage};
use crate::error::StoreError;
use crate::store::json_rows::rows;
use crate::store::session::AsSession;
use crate::store::statement::Statement;

/// Blocks that a page looks at, with some 75 lines each: first a few, and more if they have too few jobs of the filter.
const BLOCKS: [u64; 4] = [2, 8, 32, 128];

#[derive(Deserialize)]
struct Line {
    #[serde(flatten)]
    job: Job,
    /// As the server writes it: `(block,line)`.
    place: String,
}

/// Returns a page of the finished jobs that the filter admits, the last one first.
pub(super) fn finished(
    conn: &mut impl AsSession,
    filter: &JobFilter,
    from: Option<JobCursor>,
) -> Result<JobPage, StoreError> {
    let mut page = JobPage { jobs: Vec::new(), next: None, is_cut: false };
    let mut chunks = BLOCKS.into_iter();
    for (day, blocks) in days(conn)? {
        let mut end = match from {
            Some(JobCursor::Line(of, ..)) if day > of => continue,
            Some(JobCursor::Line(of, block, line)) if day == of => (block.min(blocks), line),
            Some(_) | None => (blocks, 0),
        };
        if filter.changed_since.is_some_and(|since| is_before(day, since)) {
            break;
        }
        while end != (0, 0) {
            let left = filter.limit as usize - page.jobs.len();
            let Some(chunk) = chunks.next().filter(|_| left > 0) else {
                page.next = Some(JobCursor::Line(day, end.0, end.1));
                page.is_cut = left > 0;
                return Ok(page);
            };
            let begin = end.0.saturating_sub(chunk);
            let mut found = lines(conn, filter, day, begin, end)?;
            if found.len() > left {
                found.truncate(left);
                page.next =
                    found.last().and_then(|line| place(&line.place)).map(|(b, l)| JobCursor::Line(day, b, l));
                page.jobs.extend(found.into_iter().map(|line| line.job));
                return Ok(page);
            }
            page.jobs.extend(found.into_iter().map(|line| line.job));
            end = (begin, 0);
        }
    }
    Ok(page)
}

// Whether all lines of the day ended before that.
fn is_before(day: NaiveDate, since: DateTime<Utc>) -> bool {
    day < since.date_naive()
}

fn place(text: &str) -> Option<(u64, u32)> {
    let (block, line) = text.strip_prefix('(')?.strip_suffix(')')?.split_once(',')?;
    Some((block.parse().ok()?, line.parse().ok()?))
}

/// The days that have a partition, the last one first, and how many blocks each has.
fn days(conn: &mut impl AsSession) -> Result<Vec<(NaiveDate, u64)>, StoreError> {
    let text = "SELECT right(c.relname::text, 8), pg_relation_size(c.oid) / current_setting('block_size')::bigint \
        FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid \
        WHERE i.inhparent = 'mainspring.history'::regclass AND c.relname ~ '^history_[0-9]{8}$' ORDER BY c.relname DESC";
    let found: Vec<(String, i64)> = Statement::<(Text, BigInt)>::new(text).load(conn)?;
    let day = |(day, blocks): (String, i64)| {
        let day = NaiveDate::parse_from_str(&day, "%Y%m%d").ok()?;
        Some((day, u64::try_from(blocks).unwrap_or_default()))
    };
    Ok(found.into_iter().filter_map(day).collect())
}

fn lines(
    conn: &mut impl AsSession,
    filter: &JobFilter,
    day: NaiveDate,
    begin: u64,
    end: (u64, u32),
) -> Result<Vec<Line>, StoreError> {
    let places =
        [day.format("%Y-%m-%d").to_string(), format!("({begin},0)"), format!("({},{})", end.0, end.1)];
    let page = format!("ORDER BY place DESC LIMIT {}", u64::from(filter.limit) + 1);
    let shape = |_: Source<'_>, chosen: &str| {
        format!("SELECT {FINISHED}, h.place FROM (SELECT * {chosen} {page}) AS h")
    };
    let after = "AS v ORDER BY place DESC";
    rows(
        conn,
        filter.statement_on(&[Source::Lines(&places)], "SELECT row_to_json(v)::text FROM", shape, after),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_the_server_writes_it() {
        assert_eq!(place("(12,345)"), Some((12, 345)));
        assert_eq!([place("(1)"), place("1,2"), place("(x,1)")], [None, None, None]);
    }
}
