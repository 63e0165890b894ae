//! What the server has counted of each statement, where `pg_stat_statements` is there. Knows the scheduler's statements by
//! their words, in which the server has replaced all constants.

use std::collections::HashMap;

use diesel::connection::SimpleConnection;
use diesel::sql_types::{BigInt, Double, Text};
use diesel::{PgConnection, QueryableByName, RunQueryDsl, sql_query};
use serde::Serialize;

/// Makes a server of ours count. What cannot be counted is missing from the figures.
pub(crate) fn prepare(conn: &mut PgConnection) {
    let prepared = conn.batch_execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements");
    prepared.unwrap_or_else(|error| eprintln!("no statement is counted: {error}"));
}

/// Since the server counts, or since an earlier look.
#[derive(Debug, Clone, QueryableByName)]
pub(crate) struct Counted {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Text)]
    pub(crate) query: String,
    #[diesel(sql_type = BigInt)]
    pub(crate) calls: i64,
    #[diesel(sql_type = Double)]
    pub(crate) total_ms: f64,
    #[diesel(sql_type = BigInt)]
    pub(crate) rows: i64,
    #[diesel(sql_type = BigInt)]
    pub(crate) wal_bytes: i64,
    #[diesel(sql_type = BigInt)]
    pub(crate) blocks_hit: i64,
}

const ALL: &str = "SELECT queryid AS id, min(query) AS query, sum(calls)::bigint AS calls, \
    sum(total_exec_time) AS total_ms, sum(rows)::bigint AS rows, sum(wal_bytes)::bigint AS wal_bytes, \
    sum(shared_blks_hit)::bigint AS blocks_hit FROM pg_stat_statements \
    WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND queryid IS NOT NULL \
    AND query NOT LIKE '%pg_stat%' GROUP BY queryid";

/// All statements of this database at one time; none where they are not counted.
pub(crate) struct Statements(Option<HashMap<i64, Counted>>);

impl Statements {
    pub(crate) fn now(conn: &mut PgConnection) -> Self {
        let rows = sql_query(ALL).load::<Counted>(conn).ok();
        Self(rows.map(|rows| rows.into_iter().map(|row| (row.id, row)).collect()))
    }

    /// What was called since the earlier look, the dearest first.
    pub(crate) fn since(&self, before: &Self) -> Option<Vec<Counted>> {
        let (now, before) = (self.0.as_ref()?, before.0.as_ref()?);
        let less = |row: &Counted| before.get(&row.id).map_or_else(|| row.clone(), |old| row.less(old));
        let mut called: Vec<Counted> = now.values().map(less).filter(|row| row.calls > 0).collect();
        called.sort_by(|one, other| other.total_ms.total_cmp(&one.total_ms));
        Some(called)
    }
}

impl Counted {
    fn less(&self, old: &Self) -> Self {
        Self {
            id: self.id,
            query: self.query.clone(),
            calls: self.calls - old.calls,
            total_ms: self.total_ms - old.total_ms,
            rows: self.rows - old.rows,
            wal_bytes: self.wal_bytes - old.wal_bytes,
            blocks_hit: self.blocks_hit - old.blocks_hit,
        }
    }
}

/// How long a call of each statement took in the server, on average; none of one that was not called.
#[derive(Serialize)]
pub(crate) struct Means {
    heartbeat_ms: Option<f64>,
    rescue_ms: Option<f64>,
    rescue_orphans_ms: Option<f64>,
    claim_ms: Option<f64>,
    admit_ms: Option<f64>,
    promote_ms: Option<f64>,
    settle_ms: Option<f64>,
    cron_ms: Option<f64>,
}

impl Means {
    pub(crate) fn between(before: &Statements, now: &Statements) -> Self {
        let called = now.since(before).unwrap_or_default();
        let mean = |is_it: fn(&str) -> bool| mean(&called, is_it);
        Self {
            heartbeat_ms: mean(|query| query.starts_with("UPDATE mainspring.workers AS me SET heartbeat_at")),
            rescue_ms: mean(|query| query.starts_with("WITH lost AS MATERIALIZED")),
            rescue_orphans_ms: mean(|query| {
                query.contains("it left without settling the job")
                    || query.contains("lead(w.id) OVER (ORDER BY w.id)")
            }),
            claim_ms: mean(|query| {
                query.contains("UPDATE mainspring.jobs SET state = ")
                    && query.contains("attempts = attempts + ")
            }),
            admit_ms: mean(|query| query.contains("mainspring.admit(")),
            promote_ms: mean(|query| {
                query.starts_with("UPDATE mainspring.jobs SET state = mainspring.waiting_state(")
            }),
            settle_ms: mean(|query| query.contains("DELETE FROM mainspring.jobs AS j USING unnest(")),
            cron_ms: mean(|query| query.contains("mainspring.fire_schedules(")),
        }
    }
}

fn mean(called: &[Counted], is_it: fn(&str) -> bool) -> Option<f64> {
    let (calls, total_ms) = called
        .iter()
        .filter(|row| is_it(&row.query))
        .fold((0, 0.0), |(calls, total_ms), row| (calls + row.calls, total_ms + row.total_ms));
    (calls > 0).then(|| (total_ms * 1e3 / calls as f64).round() / 1e3)
}
