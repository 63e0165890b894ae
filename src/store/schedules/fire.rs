//! Fires the schedules that are due. One transaction locks their rows, adds their jobs and stores their next fires, so a fire
//! happens once over all processes. Rows that another process has locked are passed over.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::sql_types::{Array, BigInt, Bool, Integer, Nullable, SmallInt, Text, Timestamptz};

use super::plan::FaultySchedule;
use crate::cron::{Due, Fire, Recurrence};
use crate::error::StoreError;
use crate::store::claim::Position;
use crate::store::session::AsSession;
use crate::store::statement::{Statement, millis};

// Missed fires of many schedules are made in portions of this size, to bound memory and locks.
const MAX_FIRES_AT_ONCE: usize = 10_000;

type Moment = DateTime<Utc>;

/// A fire that was recorded.
#[derive(Debug, Clone)]
pub(crate) struct FiredSchedule {
    id: i64,
    pub(crate) name: String,
    pub(crate) due: Moment,
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
    /// How many schedules were handled.
    pub(crate) count: usize,
    pub(crate) fires: Vec<FiredSchedule>,
    pub(crate) faulty: Vec<FaultySchedule>,
}

/// Fires at most `limit` of the schedules that are due: those of people, and these lines of the program.
pub(crate) fn fire_due(conn: &mut impl AsSession, lines: &[String], limit: i64) -> Result<Fired, StoreError> {
    conn.as_session().transaction(|conn| {
        let locked = lock_due(conn, lines, limit)?;
        if locked.is_empty() {
            return Ok(Fired::default());
        }
        let mut judged = Vec::with_capacity(locked.len());
        let mut fires = 0;
        for schedule in locked {
            let verdict = schedule.judge();
            fires += verdict.as_ref().map_or(0, |due| due.fires.len());
            if fires > MAX_FIRES_AT_ONCE && !judged.is_empty() {
                break;
            }
            judged.push((schedule, verdict));
        }
        let mut fired = add_jobs(conn, &mut judged)?;
        write_missed(conn, &judged)?;
        advance(conn, &judged, &fired)?;
        fired.count = judged.len();
        Ok(fired)
    })
}

/// Deletes the oldest recorded fires, at most `limit`, that are older than `retention`. Returns how many. Reads no others.
pub(crate) fn prune_fires(
    conn: &mut impl AsSession,
    retention: Duration,
    limit: i64,
) -> Result<usize, StoreError> {
    let deleted = Statement::<()>::new(
        "DELETE FROM mainspring.schedule_fires WHERE ctid = ANY (ARRAY(SELECT ctid FROM mainspring.schedule_fires \
         WHERE fired_at < mainspring.now() - {} * interval '1 millisecond' ORDER BY fired_at LIMIT {}))",
    );
    deleted.bind::<BigInt, _>(millis(retention)).bind::<BigInt, _>(limit).execute(conn)
}

/// A schedule that is due, its row locked.
struct DueSchedule {
    id: i64,
    name: String,
    expression: String,
    zone: String,
    dates: (Option<Moment>, Option<Moment>),
    catch_up: u32,
    jitter_seconds: u32,
    first: Moment,
    /// The database's clock.
    now: Moment,
}

type DueColumns = (
    BigInt,
    Text,
    Text,
    Text,
    Nullable<Timestamptz>,
    Nullable<Timestamptz>,
    Integer,
    Integer,
    Timestamptz,
    Timestamptz,
);
type DueRow = (i64, String, String, String, Option<Moment>, Option<Moment>, i32, i32, Moment, Moment);
type Judged = (DueSchedule, Result<Due, String>);

// No subselect: it would return rows as they were before a wait for their lock, and fire them twice.
fn lock_due(conn: &mut impl AsSession, lines: &[String], limit: i64) -> Result<Vec<DueSchedule>, StoreError> {
    let rows: Vec<DueRow> = Statement::<DueColumns>::new(
        "SELECT id, name, expression, zone, starts_at, ends_at, catch_up, jitter_seconds, next_fire_at, \
             mainspring.now() FROM mainspring.schedules WHERE next_fire_at <= mainspring.now() \
         AND NOT EXISTS (SELECT FROM mainspring.all_paused) \
         AND CASE owner WHEN 'people' THEN true ELSE name = ANY ({}) END ORDER BY next_fire_at LIMIT {} FOR UPDATE SKIP LOCKED",
    )
    .bind::<Array<Text>, _>(lines)
    .bind::<BigInt, _>(limit)
    .load(conn)?;
    let due = |(id, name, expression, zone, starts_at, ends_at, catch_up, jitter, first, now): DueRow| {
        let (catch_up, jitter_seconds) = (catch_up.unsigned_abs(), jitter.unsigned_abs());
        let dates = (starts_at, ends_at);
        DueSchedule { id, name, expression, zone, dates, catch_up, jitter_seconds, first, now }
    };
    Ok(rows.into_iter().map(due).collect())
}

impl DueSchedule {
    fn judge(&self) -> Result<Due, String> {
        let recurrence = Recurrence::read(&self.expression, &self.zone, self.dates.0, self.dates.1)?;
        Ok(recurrence.due(self.first, self.now, self.catch_up))
    }

    /// Returns when the job of a fire is due: after a jitter that is the same for the same name and time.
    fn run_at(&self, due: Moment) -> Moment {
        let span = u64::from(self.jitter_seconds) * 1_000 + 1;
        let bytes = self.name.bytes().chain(due.timestamp().to_le_bytes());
        // FNV-1a, which spreads names that differ in a digit.
        let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        due + TimeDelta::milliseconds(i64::try_from((hash >> 16) % span).unwrap_or_default())
    }
}

// All jobs in one call. If the database refuses one, each schedule is tried by itself, so that the others fire.
fn add_jobs(conn: &mut impl AsSession, judged: &mut [Judged]) -> Result<Fired, StoreError> {
    let mut fired = Fired::default();
    match conn.as_session().transaction(|conn| call(conn, judged)) {
        Ok(fires) => fired.fires = fires,
        Err(StoreError::Invalid(_)) => {
            for schedule in judged.iter_mut() {
                match conn.as_session().transaction(|conn| call(conn, std::slice::from_ref(schedule))) {
                    Ok(fires) => fired.fires.extend(fires),
                    Err(StoreError::Invalid(error)) => schedule.1 = Err(error),
                    Err(error) => return Err(error),
                }
            }
        }
        Err(error) => return Err(error),
    }
    let faulty = judged.iter().filter_map(|(schedule, verdict)| {
        let error = verdict.as_ref().err()?.clone();
        Some(FaultySchedule { name: schedule.name.clone(), error })
    });
    fired.faulty.extend(faulty);
    Ok(fired)
}

type CallRow = (i64, Moment, String, Option<i64>, Option<String>, Option<i16>, Option<Moment>);
type CallColumns =
    (BigInt, Timestamptz, Text, Nullable<BigInt>, Nullable<Text>, Nullable<SmallInt>, Nullable<Timestamptz>);

fn call(conn: &mut impl AsSession, judged: &[Judged]) -> Result<Vec<FiredSchedule>, StoreError> {
    let each = || {
        judged.iter().flat_map(|(schedule, verdict)| {
            let fires = verdict.as_ref().map_or(&[][..], |due| &due.fires);
            fires.iter().map(move |fire| (schedule, fire))
        })
    };
    if each().next().is_none() {
        return Ok(Vec::new());
    }
    let rows: Vec<CallRow> = Statement::<CallColumns>::new(
        "SELECT schedule_id, due, what, job, job_queue, job_priority, job_run_at \
         FROM mainspring.fire_schedules({}, {}, {}, {}, false)",
    )
    .bind::<Array<BigInt>, _>(each().map(|(schedule, _)| schedule.id).collect::<Vec<_>>())
    .bind::<Array<Timestamptz>, _>(each().map(|(_, fire)| fire.at).collect::<Vec<_>>())
    .bind::<Array<Timestamptz>, _>(each().map(|(s, fire)| s.run_at(fire.at)).collect::<Vec<_>>())
    .bind::<Array<Bool>, _>(each().map(|(_, fire)| fire.is_late).collect::<Vec<_>>())
    .load(conn)?;
    let fired = |((_, due, outcome, job_id, queue, priority, run_at), (schedule, fire)): (
        CallRow,
        (&DueSchedule, &Fire),
    )| {
        let position = priority.zip(run_at).map(|(priority, run_at)| Position { priority, turn_at: run_at });
        FiredSchedule {
            id: schedule.id,
            name: schedule.name.clone(),
            due,
            is_late: fire.is_late,
            outcome,
            job_id,
            queue,
            position,
        }
    };
    Ok(rows.into_iter().zip(each()).map(fired).collect())
}

fn write_missed(conn: &mut impl AsSession, judged: &[Judged]) -> Result<(), StoreError> {
    let missed =
        judged.iter().filter_map(|(schedule, verdict)| Some((schedule.id, verdict.as_ref().ok()?.missed?)));
    let (ids, dues): (Vec<i64>, Vec<Moment>) = missed.unzip();
    if ids.is_empty() {
        return Ok(());
    }
    Statement::<()>::new(
        "INSERT INTO mainspring.schedule_fires (due_at, triggered, owner, schedule, outcome) \
         SELECT m.due, false, s.owner, s.name, 'missed' FROM unnest({}, {}) AS m(id, due) \
         CROSS JOIN LATERAL (SELECT t.owner, t.name FROM mainspring.schedules AS t WHERE t.id = m.id LIMIT 1) AS s",
    )
    .bind::<Array<BigInt>, _>(ids)
    .bind::<Array<Timestamptz>, _>(dues)
    .execute(conn)?;
    Ok(())
}

// Stores the next fire, or the error that ends the schedule, and the outcome of the last fire.
fn advance(conn: &mut impl AsSession, judged: &[Judged], fired: &Fired) -> Result<(), StoreError> {
    let last: HashMap<i64, &FiredSchedule> = fired.fires.iter().map(|fire| (fire.id, fire)).collect();
    let lasts: Vec<_> = judged.iter().map(|(schedule, _)| last.get(&schedule.id).copied()).collect();
    let ids: Vec<i64> = judged.iter().map(|(schedule, _)| schedule.id).collect();
    // The ids are bound twice, so that the planner looks up each row and does not read them all.
    Statement::<()>::new(
        "UPDATE mainspring.schedules AS s SET next_fire_at = a.next, error = a.error, \
             last_fire_at = coalesce(a.due, s.last_fire_at), last_outcome = coalesce(a.outcome, s.last_outcome), \
             last_job_id = CASE WHEN a.due IS NULL THEN s.last_job_id ELSE a.job END \
         FROM unnest({}, {}, {}, {}, {}, {}) AS a(id, next, error, due, outcome, job) \
         WHERE s.id = a.id AND s.id = ANY ({})",
    )
    .bind::<Array<BigInt>, _>(&ids)
    .bind::<Array<Nullable<Timestamptz>>, _>(
        judged.iter().map(|(_, verdict)| verdict.as_ref().ok().and_then(|due| due.next)).collect::<Vec<_>>(),
    )
    .bind::<Array<Nullable<Text>>, _>(
        judged.iter().map(|(_, verdict)| verdict.as_ref().err().map(String::as_str)).collect::<Vec<_>>(),
    )
    .bind::<Array<Nullable<Timestamptz>>, _>(lasts.iter().map(|fire| fire.map(|f| f.due)).collect::<Vec<_>>())
    .bind::<Array<Nullable<Text>>, _>(
        lasts.iter().map(|fire| fire.map(|f| f.outcome.as_str())).collect::<Vec<_>>(),
    )
    .bind::<Array<Nullable<BigInt>>, _>(lasts.iter().map(|fire| fire.and_then(|f| f.job_id)).collect::<Vec<_>>())
    .bind::<Array<BigInt>, _>(&ids)
    .execute(conn)?;
    Ok(())
}
