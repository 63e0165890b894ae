//! The filtered claim: reads jobs with flags as well, and may order by age. It skips from one range of the index to the
//! next. A range is a task, a set of flags and a priority, so the cost depends on the number of ranges and not on the
//! number of jobs that are left alone. The plain claim is cheaper and serves wherever neither matters.

use std::cmp::Ordering;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::sql_types::{Array, BigInt, Bool, Integer, Nullable, Text};

use super::{Claim, ClaimRequest, ClaimedJob, TAKE, TAKEN, column, in_order, leased};
use crate::store::statement::millis;

/// What a filtered claim leaves alone, and its order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filtered {
    /// No job that has any of these flags is claimed.
    pub(crate) forbidden: Vec<String>,
    /// For each such time that a job has waited it counts as one priority better.
    pub(crate) age_every: Option<Duration>,
    /// Whether jobs with flags are claimed at all.
    pub(crate) flagged: bool,
}

// More ranges than this are not looked at: those behind come when those before are empty.
const MAX_RANGES: usize = 1_000;

impl Filtered {
    pub(super) fn bound<C>(&self, statement: Claim<C>, request: &ClaimRequest) -> Claim<C> {
        let statement = statement
            .bind::<Array<Text>, _>(column(&request.tasks, |share| share.task.clone()))
            .bind::<Array<Nullable<BigInt>>, _>(column(&request.tasks, |share| share.most))
            .bind::<Array<Integer>, _>(column(&request.tasks, |share| share.version))
            .bind::<Array<Text>, _>(self.forbidden.clone())
            .bind::<Bool, _>(self.flagged)
            .bind::<Nullable<BigInt>, _>(self.age_every.map(millis))
            .bind::<BigInt, _>(request.limit);
        leased(statement, request)
    }

    /// The order of the statement, among what it has claimed.
    pub(super) fn order(&self, one: &ClaimedJob, other: &ClaimedJob) -> Ordering {
        match self.age_every {
            Some(step) => (aged(one, step), one.id).cmp(&(aged(other, step), other.id)),
            None => in_order(one, other),
        }
    }
}

// All jobs grow old at the same pace, so the order of aged priorities is that of one moment for each job.
fn aged(job: &ClaimedJob, step: Duration) -> DateTime<Utc> {
    let shift = millis(step).saturating_mul(i64::from(job.priority));
    let shift = TimeDelta::try_milliseconds(shift).unwrap_or_default();
    job.turn_at.checked_add_signed(shift).unwrap_or(job.turn_at)
}

// The ranges, the best jobs of all of them, and how many those are in each, of which as many are locked.
pub(super) fn text(request: &ClaimRequest) -> String {
    let asked = match request.is_gated() {
        false => "SELECT u.* FROM unnest({}, {}, {}) AS u(task, most, newest)",
        true => {
            "SELECT u.task, least(u.most, g.room) AS most, u.newest FROM unnest({}, {}, {}) AS u(task, most, newest) \
             LEFT JOIN gate AS g ON g.task = u.task"
        }
    };
    let free = Family {
        flags: "NULL::text[]",
        is: "j.flags IS NULL",
        of: "l.flags IS NULL",
        behind: "j.priority > l.priority",
    };
    let flagged = Family {
        flags: "j.flags",
        is: "j.flags IS NOT NULL",
        of: "j.flags = l.flags",
        behind: "(j.flags, j.priority) > (l.flags, l.priority)",
    };
    format!(
        "WITH RECURSIVE asked AS MATERIALIZED ({asked}), \
         settings AS MATERIALIZED (SELECT {{}}::text[] AS forbidden, {{}} AS flagged, {{}}::bigint * interval '1 millisecond' AS step, \
             {{}}::bigint AS jobs), \
         free AS ({}), flagged AS ({}), \
         ranges AS MATERIALIZED ((SELECT * FROM free LIMIT {MAX_RANGES}) UNION ALL \
             (SELECT f.* FROM flagged AS f CROSS JOIN settings AS s WHERE s.flagged AND NOT f.flags && s.forbidden LIMIT {MAX_RANGES})), \
         heads AS ({} UNION ALL {}), \
         ranked AS (SELECT h.*, row_number() OVER (PARTITION BY h.task ORDER BY h.level, h.place, h.id) AS nth \
             FROM heads AS h), \
         quota AS MATERIALIZED (SELECT b.task, b.newest, b.flags, b.priority, count(*) AS jobs FROM ( \
             SELECT r.* FROM ranked AS r WHERE r.most IS NULL OR r.nth <= r.most \
             ORDER BY r.level, r.place, r.id LIMIT (SELECT s.jobs FROM settings AS s)) AS b \
             GROUP BY b.task, b.newest, b.flags, b.priority) \
         {TAKE}{} || {}) {TAKEN}",
        free.ranges("free"),
        flagged.ranges("flagged"),
        free.heads("l.flags IS NULL"),
        flagged.heads("l.flags IS NOT NULL"),
        free.locked("l.flags IS NULL"),
        flagged.locked("l.flags IS NOT NULL"),
    )
}

const IN_ORDER: &str = "j.priority, coalesce(j.turn_at, j.run_at), j.id";

/// Jobs that are in one index: those with flags, or those without. `j` is a job there, `l` a range.
struct Family {
    flags: &'static str,
    is: &'static str,
    of: &'static str,
    behind: &'static str,
}

impl Family {
    // The body of the recursive `name`: each range, found by skipping from one to the next.
    fn ranges(&self, name: &str) -> String {
        let Self { flags, is, behind, .. } = self;
        let order = if *flags == "j.flags" { format!("j.flags, {IN_ORDER}") } else { IN_ORDER.to_owned() };
        let next = |from: &str, condition: &str| {
            format!(
                "SELECT l.task, l.most, l.newest, h.flags, h.priority FROM {from} AS l CROSS JOIN LATERAL ( \
                 SELECT {flags} AS flags, j.priority FROM mainspring.jobs AS j WHERE j.state = 'ready' AND {is} \
                 AND j.task = l.task{condition} ORDER BY {order} LIMIT 1) AS h"
            )
        };
        format!("{} UNION ALL {}", next("asked", ""), next(name, &format!(" AND {behind}")))
    }

    fn heads(&self, which: &str) -> String {
        format!(
            "SELECT l.task, l.most, l.newest, l.flags, l.priority, h.id, \
             CASE WHEN s.step IS NULL THEN l.priority ELSE 0 END AS level, \
             h.turn + coalesce(l.priority * s.step, interval '0') AS place \
             FROM ranges AS l CROSS JOIN settings AS s CROSS JOIN LATERAL ( \
             SELECT coalesce(j.turn_at, j.run_at) AS turn, j.id FROM mainspring.jobs AS j WHERE {} \
             LIMIT least(s.jobs, l.most)) AS h WHERE {which}",
            self.range()
        )
    }

    fn locked(&self, which: &str) -> String {
        format!(
            "ARRAY(SELECT taken.id FROM quota AS l CROSS JOIN LATERAL (SELECT j.id FROM mainspring.jobs AS j \
             WHERE {} LIMIT l.jobs FOR UPDATE SKIP LOCKED) AS taken WHERE {which})",
            self.range()
        )
    }

    fn range(&self) -> String {
        let Self { is, of, .. } = self;
        format!(
            "j.state = 'ready' AND {is} AND {of} AND j.task = l.task AND j.priority = l.priority \
             AND coalesce(j.version, 0) <= l.newest ORDER BY {IN_ORDER}"
        )
    }
}
