//! Checks the stored next fires against what this program computes. They differ where the zone data has changed, where the clock
//! ran ahead and was set back, and where a restore or a person has written something else.

use chrono::{DateTime, Utc};
use diesel::Queryable;
use diesel::sql_types::{Array, BigInt, Nullable, Text, Timestamptz};

use crate::cron::Recurrence;
use crate::error::StoreError;
use crate::store::session::AsSession;
use crate::store::statement::Statement;

type Moment = DateTime<Utc>;
type CheckedColumns = (
    BigInt,
    Text,
    Text,
    Text,
    Nullable<Timestamptz>,
    Nullable<Timestamptz>,
    Nullable<Timestamptz>,
    Nullable<Timestamptz>,
    Timestamptz,
);

#[derive(Queryable)]
struct Checked {
    id: i64,
    name: String,
    expression: String,
    zone: String,
    starts_at: Option<Moment>,
    ends_at: Option<Moment>,
    next: Option<Moment>,
    last: Option<Moment>,
    now: Moment,
}

/// A schedule whose stored next fire was wrong, and is to be found again, or whose last fire lies ahead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mended {
    pub(crate) name: String,
    pub(crate) stored: Option<DateTime<Utc>>,
    pub(crate) right: Option<DateTime<Utc>>,
    /// Its last fire, if it lies ahead of the database's clock.
    pub(crate) last_ahead: Option<DateTime<Utc>>,
}

/// Some of the schedules, checked.
#[derive(Debug, Default)]
pub(crate) struct CheckedPage {
    pub(crate) mended: Vec<Mended>,
    /// The last id of the page; `None` if there are no more schedules.
    pub(crate) last_id: Option<i64>,
}

// What is due fires as it was announced. A row without a next fire is not planned, over, or was written by someone else.
const PAGE: &str = "SELECT id, name, expression, zone, mainspring.readable_time(starts_at), mainspring.readable_time(ends_at), \
    mainspring.readable_time(next_fire_at), mainspring.readable_time(last_fire_at), mainspring.now() FROM mainspring.schedules \
    WHERE id > {} AND plan_after IS NULL AND NOT paused AND error IS NULL \
        AND (next_fire_at > mainspring.now() OR (next_fire_at IS NULL AND owner = 'people')) \
        AND CASE owner WHEN 'people' THEN true ELSE name = ANY ({}) END ORDER BY id LIMIT {}";

/// Checks the next fires of at most `limit` schedules of people, and of these lines, that come after this id. Marks those that are
/// wrong for planning.
pub(crate) fn check_next_fires(
    conn: &mut impl AsSession,
    lines: &[String],
    after: i64,
    limit: i64,
) -> Result<CheckedPage, StoreError> {
    let page: Vec<Checked> = Statement::<CheckedColumns>::new(PAGE)
        .bind::<BigInt, _>(after)
        .bind::<Array<Text>, _>(lines)
        .bind::<BigInt, _>(limit)
        .load(conn)?;
    let last_id = page.last().map(|row| row.id);
    let odd: Vec<(i64, Mended)> = page.into_iter().filter_map(|row| Some((row.id, row.judged()?))).collect();
    let wrong: Vec<&(i64, Mended)> = odd.iter().filter(|(_, mended)| mended.is_wrong()).collect();
    let marked = mark(conn, &wrong)?;
    let told = |(id, mended): (i64, Mended)| (!mended.is_wrong() || marked.contains(&id)).then_some(mended);
    Ok(CheckedPage { mended: odd.into_iter().filter_map(told).collect(), last_id })
}

impl Checked {
    fn judged(self) -> Option<Mended> {
        let recurrence = Recurrence::read(&self.expression, &self.zone, self.starts_at, self.ends_at);
        // What cannot be read becomes faulty when it is planned.
        let right = recurrence.ok().and_then(|recurrence| recurrence.next_after(self.now));
        let last_ahead = self.last.filter(|last| *last > self.now);
        let mended = Mended { name: self.name, stored: self.next, right, last_ahead };
        (mended.is_wrong() || last_ahead.is_some()).then_some(mended)
    }
}

impl Mended {
    fn is_wrong(&self) -> bool {
        self.stored != self.right
    }
}

// Only rows that are still as they were read, and that nobody holds.
fn mark(conn: &mut impl AsSession, wrong: &[&(i64, Mended)]) -> Result<Vec<i64>, StoreError> {
    if wrong.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<(i64,)> = Statement::<(BigInt,)>::new("SELECT mainspring.mark_schedules({}, {})")
        .bind::<Array<BigInt>, _>(wrong.iter().map(|(id, _)| *id).collect::<Vec<_>>())
        .bind::<Array<Nullable<Timestamptz>>, _>(
            wrong.iter().map(|(_, mended)| mended.stored).collect::<Vec<_>>(),
        )
        .load(conn)?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}
