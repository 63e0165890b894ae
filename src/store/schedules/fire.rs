//! Fires the schedules that are due. One transaction locks their rows, adds their jobs and stores their next fires, so a fire
//! happens once over all processes. A fire that cannot be made concerns its own schedule only.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::Queryable;
use diesel::sql_types::{Array, BigInt, Nullable, SmallInt, Text, Timestamptz};
use serde_json::Value;

use super::due::{Faulty, LeftOut, Moment, Plan, Which, lock_due};
use super::trouble::{FaultySchedule, LateFire};
use crate::cron::Watch;
use crate::error::StoreError;
use crate::store::claim::Position;
use crate::store::session::AsSession;
use crate::store::statement::Statement;

// Bounds the time that one transaction holds its locks.
const MAX_FIRES_AT_ONCE: usize = 1_000;

/// A fire that was recorded.
#[derive(Debug, Clone)]
pub(crate) struct FiredSchedule {
    pub(crate) name: String,
    pub(crate) due: DateTime<Utc>,
    pub(crate) is_late: bool,
    pub(crate) outcome: String,
    /// The job, if one was added.
    pub(crate) job_id: Option<i64>,
    pub(crate) queue: Option<String>,
    /// Where the job waits.
    pub(crate) position: Option<Position>,
}

/// The result of firing the schedules that were due.
#[derive(Debug, Default)]
pub(crate) struct Fired {
    /// The database's clock, if anything was due.
    pub(crate) now: Option<DateTime<Utc>>,
    /// The schedules that were handled.
    pub(crate) handled: Vec<i64>,
    pub(crate) fires: Vec<FiredSchedule>,
    pub(crate) faulty: Vec<FaultySchedule>,
    pub(crate) late: Vec<LateFire>,
    pub(crate) left_out: Vec<LeftOut>,
}

/// Fires at most `limit` of the schedules that are due: those of people, and these lines of the program.
pub(crate) fn fire_due(
    conn: &mut impl AsSession,
    lines: &[String],
    which: Which<'_>,
    watch: &Watch,
    limit: i64,
) -> Result<Fired, StoreError> {
    conn.as_session().transaction(|conn| {
        be_impatient(conn)?;
        let mut plans = Vec::new();
        let mut faulty = Vec::new();
        let mut work = 0;
        let mut now = None;
        for schedule in lock_due(conn, lines, which, limit)? {
            now = Some(schedule.now);
            match schedule.plan(watch) {
                Ok(plan) => {
                    work += plan.work;
                    if work > MAX_FIRES_AT_ONCE && !plans.is_empty() {
                        break;
                    }
                    plans.push(plan);
                }
                Err(error) => faulty.push(error),
            }
        }
        let mut fired = Fired { now, ..carry_out(conn, plans)? };
        store_faults(conn, faulty, &mut fired)?;
        Ok(fired)
    })
}

/// Bounds how long the transaction waits for a lock on a whole table. The caller must know soon that it was held up.
pub(super) fn be_impatient(conn: &mut impl AsSession) -> Result<(), StoreError> {
    Statement::<()>::new("SELECT set_config('lock_timeout', '1s', true)").execute(conn)?;
    Ok(())
}

#[derive(Queryable)]
struct FiredRow {
    id: i64,
    due: Option<Moment>,
    outcome: String,
    job_id: Option<i64>,
    queue: Option<String>,
    priority: Option<i16>,
    run_at: Option<Moment>,
    problem: Option<String>,
}

type FiredColumns = (
    BigInt,
    Nullable<Timestamptz>,
    Text,
    Nullable<BigInt>,
    Nullable<Text>,
    Nullable<SmallInt>,
    Nullable<Timestamptz>,
    Nullable<Text>,
);

fn carry_out(conn: &mut impl AsSession, mut plans: Vec<Plan>) -> Result<Fired, StoreError> {
    if plans.is_empty() {
        return Ok(Fired::default());
    }
    // The jobs of several schedules wait in the order of their fires.
    plans.sort_by_key(|plan| plan.fires.first().map(|first| first.fire.at));
    let text = Value::Array(plans.iter().map(Plan::to_json).collect()).to_string();
    let rows: Vec<FiredRow> = Statement::<FiredColumns>::new(
        "SELECT schedule_id, mainspring.readable_time(due_at), outcome, job_id, queue, priority, \
         mainspring.readable_time(run_at), problem FROM mainspring.fire_plans({}::jsonb)",
    )
    .bind::<Text, _>(text)
    .load(conn)?;
    Ok(summed_up(plans, rows))
}

fn summed_up(plans: Vec<Plan>, rows: Vec<FiredRow>) -> Fired {
    let mut fired = Fired { handled: plans.iter().map(|plan| plan.id).collect(), ..Fired::default() };
    let mut by_id: HashMap<i64, Plan> = plans.into_iter().map(|plan| (plan.id, plan)).collect();
    for row in rows {
        let Some(plan) = by_id.get_mut(&row.id) else { continue };
        let name = plan.name.clone();
        match (row.outcome.as_str(), row.problem) {
            ("refused", Some(error)) => fired.faulty.push(FaultySchedule { name, error }),
            ("late", Some(reason)) => fired.late.push(LateFire { id: row.id, name, reason }),
            _ => {
                fired.left_out.extend(plan.left_out.take());
                let due = row.due.unwrap_or_default();
                let is_late = plan.fires.iter().any(|planned| planned.fire.at == due && planned.fire.is_late);
                let position = row.priority.zip(row.run_at);
                fired.fires.push(FiredSchedule {
                    name,
                    due,
                    is_late,
                    outcome: row.outcome,
                    job_id: row.job_id,
                    queue: row.queue,
                    position: position.map(|(priority, turn_at)| Position { priority, turn_at }),
                });
            }
        }
    }
    fired
        .left_out
        .extend(by_id.into_values().filter(|plan| plan.fires.is_empty()).filter_map(|plan| plan.left_out));
    fired
}

// Each by itself where they cannot be stored together.
fn store_faults(conn: &mut impl AsSession, faulty: Vec<Faulty>, fired: &mut Fired) -> Result<(), StoreError> {
    if faulty.is_empty() {
        return Ok(());
    }
    let unstored: Vec<(i64, String)> =
        Statement::<(BigInt, Text)>::new("SELECT schedule_id, problem FROM mainspring.store_faults({}, {})")
            .bind::<Array<BigInt>, _>(faulty.iter().map(|fault| fault.id).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(faulty.iter().map(|fault| fault.error.as_str()).collect::<Vec<_>>())
            .load(conn)?;
    let mut unstored: HashMap<i64, String> = unstored.into_iter().collect();
    for Faulty { id, name, error } in faulty {
        fired.handled.push(id);
        match unstored.remove(&id) {
            Some(reason) => fired.late.push(LateFire { id, name, reason }),
            None => fired.faulty.push(FaultySchedule { name, error }),
        }
    }
    Ok(())
}
