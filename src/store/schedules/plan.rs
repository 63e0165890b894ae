//! Finds the next fire of the schedules that a change has marked. The first process that locks a row does it. Rows that
//! another process has locked are passed over, and `look` then returns that there is more to do.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::Queryable;
use diesel::sql_types::{Array, BigInt, Nullable, Text, Timestamptz};

use super::fire::be_impatient;
use super::trouble::{FaultySchedule, LateFire};
use crate::cron::Recurrence;
use crate::error::StoreError;
use crate::store::session::AsSession;
use crate::store::statement::Statement;

/// The result of planning marked schedules.
#[derive(Debug, Default)]
pub(crate) struct Planned {
    pub(crate) count: usize,
    pub(crate) faulty: Vec<FaultySchedule>,
    /// Those whose next fire could not be stored. It is to be tried again.
    pub(crate) late: Vec<LateFire>,
}

type Moment = DateTime<Utc>;
type MarkedColumns = (BigInt, Text, Text, Text, Nullable<Timestamptz>, Nullable<Timestamptz>, Timestamptz);

#[derive(Queryable)]
struct Marked {
    id: i64,
    name: String,
    expression: String,
    zone: String,
    starts_at: Option<Moment>,
    ends_at: Option<Moment>,
    after: Moment,
}

impl Marked {
    fn next(&self) -> Result<Option<Moment>, String> {
        let recurrence = Recurrence::read(&self.expression, &self.zone, self.starts_at, self.ends_at)?;
        Ok(recurrence.next_after(self.after))
    }
}

// A mark that lies ahead was made by a clock that ran ahead.
const MARKED: &str = "SELECT id, name, expression, zone, mainspring.readable_time(starts_at), mainspring.readable_time(ends_at), \
    mainspring.readable_time(least(plan_after, mainspring.now())) FROM mainspring.schedules \
    WHERE plan_after IS NOT NULL AND id <> ALL ({}) AND CASE owner WHEN 'people' THEN true ELSE name = ANY ({}) END \
    ORDER BY plan_after LIMIT {} FOR UPDATE SKIP LOCKED";

/// Finds the next fire of at most `limit` marked schedules, of people and of these lines of the program, without those in
/// `except`. Stores why there is none.
pub(crate) fn plan_marked(
    conn: &mut impl AsSession,
    lines: &[String],
    except: &[i64],
    limit: i64,
) -> Result<Planned, StoreError> {
    conn.as_session().transaction(|conn| {
        be_impatient(conn)?;
        let marked: Vec<Marked> = Statement::<MarkedColumns>::new(MARKED)
            .bind::<Array<BigInt>, _>(except)
            .bind::<Array<Text>, _>(lines)
            .bind::<BigInt, _>(limit)
            .load(conn)?;
        if marked.is_empty() {
            return Ok(Planned::default());
        }
        let nexts: Vec<_> = marked.iter().map(Marked::next).collect();
        let unstored = store_plans(conn, &marked, &nexts)?;
        Ok(summed_up(marked, nexts, unstored))
    })
}

fn store_plans(
    conn: &mut impl AsSession,
    marked: &[Marked],
    nexts: &[Result<Option<Moment>, String>],
) -> Result<HashMap<i64, String>, StoreError> {
    let unstored: Vec<(i64, String)> = Statement::<(BigInt, Text)>::new(
        "SELECT schedule_id, problem FROM mainspring.store_plans({}, {}, {})",
    )
    .bind::<Array<BigInt>, _>(marked.iter().map(|row| row.id).collect::<Vec<_>>())
    .bind::<Array<Nullable<Timestamptz>>, _>(
        nexts.iter().map(|next| next.as_ref().ok().copied().flatten()).collect::<Vec<_>>(),
    )
    .bind::<Array<Nullable<Text>>, _>(
        nexts.iter().map(|next| next.as_ref().err().map(String::as_str)).collect::<Vec<_>>(),
    )
    .load(conn)?;
    Ok(unstored.into_iter().collect())
}

fn summed_up(
    marked: Vec<Marked>,
    nexts: Vec<Result<Option<Moment>, String>>,
    mut unstored: HashMap<i64, String>,
) -> Planned {
    let mut planned = Planned { count: marked.len(), ..Planned::default() };
    for (Marked { id, name, .. }, next) in marked.into_iter().zip(nexts) {
        match (unstored.remove(&id), next) {
            (Some(reason), _) => planned.late.push(LateFire { id, name, reason }),
            (None, Err(error)) => planned.faulty.push(FaultySchedule { name, error }),
            (None, Ok(_)) => {}
        }
    }
    planned
}

/// What there is to do for schedules, by the database's clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    pub(crate) now: DateTime<Utc>,
    pub(crate) work: Work,
    /// How long it is until a schedule that is not due yet fires.
    pub(crate) until_next: Option<Duration>,
}

/// Whether there is something to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// There is, and another process may be doing it.
    Now,
    Nothing,
    /// Nothing fires: everything is paused.
    Paused,
}

// A next fire at infinity must not fail the subtraction.
const LOOK: &str = "SELECT mainspring.now(), CASE \
    WHEN EXISTS (SELECT FROM mainspring.schedules WHERE plan_after IS NOT NULL AND id <> ALL ({}) \
        AND CASE owner WHEN 'people' THEN true ELSE name = ANY ({}) END) THEN 'now' \
    WHEN EXISTS (SELECT FROM mainspring.all_paused) THEN 'paused' \
    WHEN EXISTS (SELECT FROM mainspring.schedules WHERE next_fire_at <= mainspring.now() AND id <> ALL ({}) \
        AND CASE owner WHEN 'people' THEN true ELSE name = ANY ({}) END) THEN 'now' END, \
    (SELECT ceil(extract(epoch FROM least(next_fire_at, mainspring.now() + interval '1 day') - mainspring.now()) * 1000)::bigint \
     FROM mainspring.schedules WHERE next_fire_at > mainspring.now() AND NOT EXISTS (SELECT FROM mainspring.all_paused) \
        AND CASE owner WHEN 'people' THEN true ELSE name = ANY ({}) END ORDER BY next_fire_at LIMIT 1)";

/// Returns what there is to do now, without the schedules in `except`, and how long it is until another one fires.
pub(crate) fn look(conn: &mut impl AsSession, lines: &[String], except: &[i64]) -> Result<Look, StoreError> {
    let (now, work, millis): (Moment, Option<String>, Option<i64>) =
        Statement::<(Timestamptz, Nullable<Text>, Nullable<BigInt>)>::new(LOOK)
            .bind::<Array<BigInt>, _>(except)
            .bind::<Array<Text>, _>(lines)
            .bind::<Array<BigInt>, _>(except)
            .bind::<Array<Text>, _>(lines)
            .bind::<Array<Text>, _>(lines)
            .get_result(conn)?;
    let work = match work.as_deref() {
        None => Work::Nothing,
        Some("paused") => Work::Paused,
        Some(_) => Work::Now,
    };
    Ok(Look { now, work, until_next: millis.map(|millis| Duration::from_millis(millis.unsigned_abs())) })
}
