//! Reads the numbers of minutes and hours as they are stored.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::Duration;

use diesel::sql_types::{Array, BigInt, Integer, Nullable, Text, Timestamptz};

use super::counted::{Counts, Kind, Minute, Stats};
use crate::error::StoreError;
use crate::histogram::Histogram;
use crate::store::moment::Moment;
use crate::store::session::AsSession;
use crate::store::statement::{Statement, millis};

type Columns = (
    Timestamptz,
    Text,
    Text,
    Array<BigInt>,
    Nullable<Integer>,
    Nullable<Array<BigInt>>,
    Nullable<Integer>,
    Nullable<Array<BigInt>>,
);
type Row = (Moment, String, String, Vec<i64>, Option<i32>, Option<Vec<i64>>, Option<i32>, Option<Vec<i64>>);

// The rows that meet the condition and begin since that long ago, with the counts in the order of `Counts`.
fn rows(conn: &mut impl AsSession, condition: &str, ago: Duration) -> Result<Vec<Row>, StoreError> {
    let text = format!(
        "SELECT begins_at, kind, name, \
         ARRAY[enqueued, started, succeeded, failed, dead, cancelled, snoozed, interrupted, lost, rescued], \
         array_lower(wait, 1), wait, array_lower(run, 1), run FROM mainspring.stats \
         WHERE {condition} AND begins_at >= mainspring.now() - {{}} * interval '1 millisecond'"
    );
    Statement::<Columns>::new(text).bind::<BigInt, _>(millis(ago)).load(conn)
}

/// Returns what jobs did since that long ago: tasks first, then the queues that processes count, each by name. A minute counts
/// if it begins in that time. Beyond two days, that holds for hours.
///
/// The rows come as they are stored, and are added up here: the server would take a hundred times as long. A day of 20 tasks
/// is 28,800 rows.
///
/// # Errors
///
/// When the database fails.
pub fn since(conn: &mut impl AsSession, ago: Duration) -> Result<Vec<Stats>, StoreError> {
    let rows = rows(conn, "kind <> 'error'", ago)?;
    Ok(summed(rows.into_iter().map(Stats::from_row)))
}

// In the order of kinds and names.
fn summed(parts: impl Iterator<Item = Stats>) -> Vec<Stats> {
    let mut sums: BTreeMap<(Kind, String), Stats> = BTreeMap::new();
    for part in parts {
        match sums.entry((part.kind, part.name.clone())) {
            Entry::Vacant(place) => {
                place.insert(part);
            }
            Entry::Occupied(mut sum) => sum.get_mut().merge(&part),
        }
    }
    sums.into_values().collect()
}

/// Returns what each task did in each minute that begins since that long ago, the oldest minute first. A minute in which nothing was
/// counted is missing, and so is each that is older than two days.
///
/// The rows come as they are stored, so this costs the server little. An hour of 20 tasks is about a megabyte.
///
/// # Errors
///
/// When the database fails.
pub fn by_minute(conn: &mut impl AsSession, ago: Duration) -> Result<Vec<Minute>, StoreError> {
    let mut rows = rows(conn, "kind = 'task' AND span = 'minute'", ago)?;
    rows.sort_by_key(|row| row.0.0);
    Ok(rows.into_iter().map(Minute::from_row).collect())
}

impl Counts {
    fn from_columns(counts: Vec<i64>) -> Self {
        let mut counts = counts.into_iter().map(|count| u64::try_from(count).unwrap_or_default());
        let mut next = || counts.next().unwrap_or_default();
        Self {
            enqueued: next(),
            started: next(),
            succeeded: next(),
            failed: next(),
            dead: next(),
            cancelled: next(),
            snoozed: next(),
            interrupted: next(),
            lost: next(),
            rescued: next(),
        }
    }
}

impl Minute {
    fn from_row((begins_at, _, task, counts, wait_from, wait, run_from, run): Row) -> Self {
        let (wait, run) = (histogram(wait_from, wait), histogram(run_from, run));
        Self { begins_at: begins_at.0, task, counts: Counts::from_columns(counts), wait, run }
    }
}

impl Stats {
    fn from_row((_, kind, name, counts, wait_from, wait, run_from, run): Row) -> Self {
        let counts = Counts::from_columns(counts);
        let kind = if kind == Kind::Queue.as_str() { Kind::Queue } else { Kind::Task };
        Self { kind, name, counts, wait: histogram(wait_from, wait), run: histogram(run_from, run) }
    }
}

fn histogram(first: Option<i32>, counts: Option<Vec<i64>>) -> Histogram {
    let first = first.and_then(|first| usize::try_from(first).ok()).unwrap_or_default();
    let counts = counts.into_iter().flatten().map(|count| u64::try_from(count).unwrap_or_default());
    Histogram::from_bins(first, counts)
}
