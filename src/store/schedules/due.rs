//! The schedules that are due: locks their rows, and plans what each is to do. Writes nothing. Rows that another transaction has
//! locked are passed over.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use diesel::Queryable;
use diesel::sql_types::{Array, BigInt, Integer, Nullable, Text, Timestamptz};
use serde_json::{Value, json};

use crate::cron::{Attendance, Due, Fire, Recurrence, Watch};
use crate::error::StoreError;
use crate::store::session::AsSession;
use crate::store::statement::Statement;

pub(super) type Moment = DateTime<Utc>;

// A schedule makes up for more missed fires in portions of this size, between which others have their turn.
const PORTION: usize = 100;
// Fires that add at most one job together are made at once.
const PORTION_OF_ONE_JOB: usize = 10_000;
// The count of what is left out stops here.
const MOST_COUNTED: usize = 100_000;

/// Which of the due schedules are fired.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Which<'a> {
    /// Those that are due now, without these.
    Now { except: &'a [i64] },
    /// Those that were due before, the last ones first, without these.
    Behind { except: &'a [i64] },
    /// Those that make up for missed fires in portions, without these.
    MakingUp { except: &'a [i64] },
    /// These, whose fires are late.
    Late { ids: &'a [i64] },
}

/// A schedule that is due, its row locked.
#[derive(Debug, Queryable)]
pub(super) struct DueSchedule {
    pub(super) id: i64,
    pub(super) name: String,
    expression: String,
    zone: String,
    starts_at: Option<Moment>,
    ends_at: Option<Moment>,
    catch_up: i32,
    jitter_seconds: i32,
    overlap: String,
    /// The first open fire. `None`: the stored one is no time that can be read.
    first: Option<Moment>,
    making_up_until: Option<Moment>,
    late_since: Option<Moment>,
    /// What no schedule may be.
    problem: Option<String>,
    /// The fires from the first open one on that were made before, by a clock that ran ahead.
    made_before: Option<Vec<Option<Moment>>>,
    /// The database's clock.
    pub(super) now: Moment,
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
    Text,
    Nullable<Timestamptz>,
    Nullable<Timestamptz>,
    Nullable<Timestamptz>,
    Nullable<Text>,
    Nullable<Array<Nullable<Timestamptz>>>,
    Timestamptz,
);

/// What a schedule is to do now.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) fires: Vec<PlannedFire>,
    pub(super) left_out: Option<LeftOut>,
    /// How many fires were looked at, which takes time.
    pub(super) work: usize,
    next: Option<Moment>,
    making_up_until: Option<Moment>,
}

#[derive(Debug)]
pub(super) struct PlannedFire {
    pub(super) fire: Fire,
    run_at: Moment,
}

/// Missed fires that are not made up for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LeftOut {
    pub(crate) name: String,
    pub(crate) first: Moment,
    /// At most 100,000.
    pub(crate) count: usize,
}

// No subselect from schedules: it would return rows as they were before their lock, and fire them twice.
const LOCKED: &str = "SELECT id, name, expression, zone, mainspring.readable_time(starts_at), mainspring.readable_time(ends_at), \
    catch_up, jitter_seconds, overlap, CASE WHEN next_fire_at >= '0001-01-01 00:00:00+00' THEN next_fire_at END, \
    mainspring.readable_time(making_up_until), mainspring.readable_time(late_since), mainspring.schedule_problem(s), \
    CASE WHEN last_fire_at >= next_fire_at THEN ARRAY(SELECT mainspring.readable_time(f.due_at) \
        FROM mainspring.schedule_fires AS f WHERE f.schedule = s.name AND f.owner = s.owner AND f.fired_at >= s.next_fire_at \
        AND f.due_at >= s.next_fire_at AND NOT f.triggered AND f.outcome <> 'missed') END, mainspring.now() \
    FROM mainspring.schedules AS s WHERE next_fire_at <= mainspring.now() AND NOT EXISTS (SELECT FROM mainspring.all_paused) \
    AND CASE owner WHEN 'people' THEN true ELSE name = ANY ({}) END AND ";

pub(super) fn lock_due(
    conn: &mut impl AsSession,
    lines: &[String],
    which: Which<'_>,
    limit: i64,
) -> Result<Vec<DueSchedule>, StoreError> {
    let (condition, order, ids) = match which {
        Which::Now { except } => (
            "making_up_until IS NULL AND next_fire_at > mainspring.now() - interval '10 seconds' AND id <> ALL ({})",
            "next_fire_at",
            except,
        ),
        Which::Behind { except } => (
            "making_up_until IS NULL AND next_fire_at <= mainspring.now() - interval '10 seconds' AND id <> ALL ({})",
            "next_fire_at DESC",
            except,
        ),
        Which::MakingUp { except } => {
            ("making_up_until IS NOT NULL AND id <> ALL ({})", "next_fire_at", except)
        }
        Which::Late { ids } => ("id = ANY ({})", "next_fire_at", ids),
    };
    Statement::<DueColumns>::new(format!(
        "{LOCKED}{condition} ORDER BY {order} LIMIT {{}} FOR UPDATE OF s SKIP LOCKED"
    ))
    .bind::<Array<Text>, _>(lines)
    .bind::<Array<BigInt>, _>(ids)
    .bind::<BigInt, _>(limit)
    .load(conn)
}

impl DueSchedule {
    /// Returns what the schedule is to do, or why it fires no more. `watch` is the caller's: since when it has been there.
    pub(super) fn plan(self, watch: &Watch) -> Result<Plan, Faulty> {
        self.planned(watch).map_err(|error| Faulty { id: self.id, name: self.name.clone(), error })
    }

    fn planned(&self, watch: &Watch) -> Result<Plan, String> {
        if let Some(problem) = &self.problem {
            return Err(problem.clone());
        }
        let recurrence = Recurrence::read(&self.expression, &self.zone, self.starts_at, self.ends_at)?;
        let Some(first) = self.first else {
            return Ok(self.plan_of(&recurrence, vec![], None, recurrence.next_after(self.now), None));
        };
        let mut attendance = watch.attendance(self.now);
        attendance.since = attendance.since.min(self.late_since.unwrap_or(attendance.since));
        if let Some(until) = self.making_up_until.filter(|until| *until > first) {
            let (fires, next) = recurrence.portion(first, until, attendance, self.portion());
            let making_up = next.is_some_and(|next| next <= until).then_some(until);
            return Ok(self.plan_of(&recurrence, fires, None, next, making_up));
        }
        let due = recurrence.due(first, attendance, self.catch_up.unsigned_abs());
        Ok(self.first_portion(&recurrence, due, attendance))
    }

    fn first_portion(&self, recurrence: &Recurrence, due: Due, attendance: Attendance) -> Plan {
        let Due { mut fires, missed, next } = due;
        let left_out = missed.map(|first| LeftOut {
            name: self.name.clone(),
            first,
            count: recurrence.count_between(
                first,
                fires.first().map_or(attendance.now, |fire| fire.at),
                MOST_COUNTED,
            ),
        });
        let work = fires.len();
        let rest = fires.get(self.portion()).map(|fire| fire.at);
        fires.truncate(self.portion());
        let plan = match rest {
            Some(rest) => self.plan_of(recurrence, fires, left_out, Some(rest), Some(attendance.now)),
            None => self.plan_of(recurrence, fires, left_out, next, None),
        };
        Plan { work, ..plan }
    }

    fn portion(&self) -> usize {
        if self.overlap == "allow" { PORTION } else { PORTION_OF_ONE_JOB }
    }

    fn plan_of(
        &self,
        recurrence: &Recurrence,
        fires: Vec<Fire>,
        left_out: Option<LeftOut>,
        next: Option<Moment>,
        making_up_until: Option<Moment>,
    ) -> Plan {
        let is_new = |fire: &Fire| self.made_before.iter().flatten().all(|made| *made != Some(fire.at));
        let fires = fires.into_iter().filter(is_new);
        let fires = fires
            .map(|fire| PlannedFire { fire, run_at: self.run_at(recurrence, fire.at) })
            .collect::<Vec<_>>();
        let work = fires.len();
        Plan { work, id: self.id, name: self.name.clone(), fires, left_out, next, making_up_until }
    }

    /// Returns when the job of a fire is due: after a jitter that is the same for the same name and time, and before the next
    /// fire.
    fn run_at(&self, recurrence: &Recurrence, due: Moment) -> Moment {
        let jitter = TimeDelta::seconds(self.jitter_seconds.into());
        if jitter <= TimeDelta::zero() {
            return due;
        }
        let next = recurrence.next_after(due).map_or(TimeDelta::MAX, |next| next - due);
        let span = jitter.min(next - TimeDelta::milliseconds(1)).num_milliseconds() + 1;
        due + TimeDelta::milliseconds((self.spread(due) % span.unsigned_abs()).cast_signed())
    }

    // FNV-1a, which spreads names that differ in a digit.
    fn spread(&self, due: Moment) -> u64 {
        let bytes = self.name.bytes().chain(due.timestamp().to_le_bytes());
        let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        hash >> 16
    }
}

/// A schedule that fires no more, and its row.
#[derive(Debug)]
pub(super) struct Faulty {
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) error: String,
}

impl Plan {
    /// As the SQL function `mainspring.fire_plans` reads it.
    pub(super) fn to_json(&self) -> Value {
        let fires = self.fires.iter().map(|PlannedFire { fire, run_at }| {
            json!({"due": sql_time(fire.at), "run_at": sql_time(*run_at), "backfilled": fire.is_late})
        });
        json!({
            "id": self.id,
            "next": self.next.map(sql_time),
            "making_up_until": self.making_up_until.map(sql_time),
            "missed": self.left_out.as_ref().map(|left_out| sql_time(left_out.first)),
            "fires": fires.collect::<Vec<_>>(),
        })
    }
}

// PostgreSQL reads no sign before a year.
fn sql_time(moment: Moment) -> String {
    moment.to_rfc3339_opts(SecondsFormat::AutoSi, true).trim_start_matches('+').to_owned()
}
