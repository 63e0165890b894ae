//! Finds the next fire of the schedules that a change has marked. The first process that locks a row does it. Rows that
//! another process has locked are passed over, and `until_next` then returns that there is more to do.

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::sql_types::{Array, BigInt, Nullable, Text, Timestamptz};

use crate::cron::Recurrence;
use crate::error::StoreError;
use crate::store::session::AsSession;
use crate::store::statement::Statement;

/// A schedule that fires no more, because it cannot be parsed or its job was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FaultySchedule {
    pub(crate) name: String,
    pub(crate) error: String,
}

/// The result of planning marked schedules.
#[derive(Debug, Default)]
pub(crate) struct Planned {
    pub(crate) count: usize,
    pub(crate) faulty: Vec<FaultySchedule>,
}

type Moment = DateTime<Utc>;
type Marked = (i64, String, String, String, Option<Moment>, Option<Moment>, Moment);
type MarkedColumns = (BigInt, Text, Text, Text, Nullable<Timestamptz>, Nullable<Timestamptz>, Timestamptz);

/// Finds the next fire of at most `limit` marked schedules, of people and of these lines of the program. Stores why there
/// is none.
pub(crate) fn plan_marked(
    conn: &mut impl AsSession,
    lines: &[String],
    limit: i64,
) -> Result<Planned, StoreError> {
    conn.as_session().transaction(|conn| {
        let marked: Vec<Marked> = Statement::<MarkedColumns>::new(
            "SELECT id, name, expression, zone, starts_at, ends_at, plan_after FROM mainspring.schedules \
             WHERE plan_after IS NOT NULL AND CASE owner WHEN 'people' THEN true ELSE name = ANY ({}) END ORDER BY plan_after LIMIT {} \
             FOR UPDATE SKIP LOCKED",
        )
        .bind::<Array<Text>, _>(lines)
        .bind::<BigInt, _>(limit)
        .load(conn)?;
        if marked.is_empty() {
            return Ok(Planned::default());
        }
        let nexts: Vec<_> = marked.iter().map(next_of).collect();
        let ids: Vec<i64> = marked.iter().map(|row| row.0).collect();
        // The ids are bound twice, so that the planner looks up each row and does not read them all.
        Statement::<()>::new(
            "UPDATE mainspring.schedules AS s SET plan_after = NULL, next_fire_at = p.next, error = p.error \
             FROM unnest({}, {}, {}) AS p(id, next, error) \
             WHERE s.id = p.id AND s.id = ANY ({})",
        )
        .bind::<Array<BigInt>, _>(&ids)
        .bind::<Array<Nullable<Timestamptz>>, _>(
            nexts.iter().map(|next| next.as_ref().ok().copied().flatten()).collect::<Vec<_>>(),
        )
        .bind::<Array<Nullable<Text>>, _>(
            nexts.iter().map(|next| next.as_ref().err().map(String::as_str)).collect::<Vec<_>>(),
        )
        .bind::<Array<BigInt>, _>(&ids)
        .execute(conn)?;
        let faulty = marked
            .iter()
            .zip(nexts)
            .filter_map(|(row, next)| next.err().map(|error| FaultySchedule { name: row.1.clone(), error }));
        Ok(Planned { count: marked.len(), faulty: faulty.collect() })
    })
}

/// Returns how long it is until a schedule fires, by the database's clock, or `None` if none does. Zero means that there is
/// something to do now, which another process may be doing.
pub(crate) fn until_next(
    conn: &mut impl AsSession,
    lines: &[String],
) -> Result<Option<Duration>, StoreError> {
    let millis = Statement::<(Nullable<BigInt>,)>::new(
        "SELECT CASE WHEN EXISTS (SELECT FROM mainspring.schedules WHERE plan_after IS NOT NULL \
             AND CASE owner WHEN 'people' THEN true ELSE name = ANY ({}) END) THEN 0 ELSE \
             (SELECT greatest(0, ceil(extract(epoch FROM next_fire_at - mainspring.now()) * 1000))::bigint \
              FROM mainspring.schedules WHERE next_fire_at IS NOT NULL \
                 AND NOT EXISTS (SELECT FROM mainspring.all_paused) AND CASE owner WHEN 'people' THEN true ELSE name = ANY ({}) END \
              ORDER BY next_fire_at LIMIT 1) END",
    )
    .bind::<Array<Text>, _>(lines)
    .bind::<Array<Text>, _>(lines)
    .get_result::<(Option<i64>,)>(conn)?;
    Ok(millis.0.map(|millis| Duration::from_millis(millis.unsigned_abs())))
}

fn next_of((_, _, expression, zone, starts_at, ends_at, after): &Marked) -> Result<Option<Moment>, String> {
    Recurrence::read(expression, zone, *starts_at, *ends_at).map(|recurrence| recurrence.next_after(*after))
}
