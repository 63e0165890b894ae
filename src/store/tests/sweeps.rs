//! What maintenance deletes or changes: a row that cannot be, or that another transaction holds, keeps none of the others.

use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::sql_types::BigInt;

use super::{Statement, TestDatabase};
use crate::error::StoreError;
use crate::store::jobs;
use crate::store::queues;
use crate::store::retention::{
    Swept, delete_dead, delete_fires, drop_history, prepare_history, retire_lines, sweep_workflows,
};
use crate::store::steps::sweep_steps;

const DAY: Duration = Duration::from_secs(86_400);
const LIMIT: i64 = 3;

/// Six rows that are to go, and the statement that deletes or changes them.
struct Sweep {
    table: &'static str,
    rows: &'static str,
    /// The column whose value names a row, from `row 1` or 1 to 6.
    key: &'static str,
    /// Which rows are left to be deleted or changed.
    left: &'static str,
    sweep: fn(&mut PgConnection) -> Result<Swept, StoreError>,
}

const SWEEPS: [Sweep; 6] = [
    Sweep {
        table: "jobs",
        rows: "INSERT INTO mainspring.jobs (id, task, run_at, state, updated_at) SELECT n, 'a', now(), 'dead', \
            now() - interval '9 days' + n * interval '1 s' FROM generate_series(1, 6) AS n",
        key: "id",
        left: "true",
        sweep: |conn| delete_dead(conn, DAY, LIMIT),
    },
    Sweep {
        table: "schedule_fires",
        rows: "INSERT INTO mainspring.schedule_fires (fired_at, due_at, schedule, outcome, triggered) \
            SELECT now() - interval '9 days' + n * interval '1 s', now(), 's', 'missed', false FROM generate_series(1, 6) AS n",
        key: "id",
        left: "true",
        sweep: |conn| delete_fires(conn, DAY, LIMIT),
    },
    Sweep {
        table: "queues",
        rows: "INSERT INTO mainspring.queues (name) SELECT n::text FROM generate_series(1, 6) AS n",
        key: "name",
        left: "true",
        sweep: |conn| {
            let swept = Statement::<(BigInt,)>::new("SELECT mainspring.remove_unused_queues({})")
                .bind::<BigInt, _>(LIMIT)
                .get_result::<(i64,)>(conn)?;
            Ok(Swept { done: swept.0, ..Swept::default() })
        },
    },
    Sweep {
        table: "schedules",
        rows: "INSERT INTO mainspring.schedules (owner, name, task, expression, zone, payload, priority, max_attempts, \
            overlap, catch_up, jitter_seconds, paused, next_fire_at) SELECT 'code', n, 'a', '@daily', 'UTC', '{}', \
            0, 25, 'allow', 1, 0, false, now() FROM generate_series(1, 6) AS n",
        key: "name",
        left: "next_fire_at IS NOT NULL",
        sweep: retire_lines,
    },
    Sweep {
        table: "steps",
        rows: "INSERT INTO mainspring.steps (job_id, position, name, value, payload_hash) \
            SELECT n, 1, 'a', '1', 0 FROM generate_series(1, 6) AS n",
        key: "job_id",
        left: "true",
        sweep: |conn| Ok(sweep_steps(conn, 0, LIMIT)?.swept()),
    },
    Sweep {
        table: "workflows",
        rows: "INSERT INTO mainspring.workflows (created_at, name) \
            SELECT now() - interval '9 days', 'w' FROM generate_series(1, 6)",
        key: "id",
        left: "true",
        sweep: |conn| Ok(sweep_workflows(conn, DAY, 0, LIMIT)?.swept()),
    },
];

impl Sweep {
    fn database(&self) -> (TestDatabase, PgConnection) {
        let database = TestDatabase::new();
        let mut conn = database.connection();
        conn.batch_execute(self.rows).unwrap();
        (database, conn)
    }

    // Those that are still to go after all that can go has gone.
    fn left(&self, conn: &mut PgConnection) -> Vec<i64> {
        let Self { table, key, left, .. } = self;
        let text = format!("SELECT {key}::bigint FROM mainspring.{table} WHERE {left} ORDER BY 1");
        let rows: Vec<(i64,)> = Statement::<(BigInt,)>::new(text).load(conn).unwrap();
        rows.into_iter().map(|row| row.0).collect()
    }

    fn all(&self, conn: &mut PgConnection) -> Swept {
        let mut all = Swept::default();
        loop {
            let swept = (self.sweep)(conn).unwrap();
            let is_last = swept.done == 0;
            all.add(swept);
            if is_last {
                return all;
            }
        }
    }

    fn trigger(&self, conn: &mut PgConnection, body: &str) {
        let Self { table, key, .. } = self;
        conn.batch_execute(&format!(
            "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$; \
             CREATE TRIGGER no BEFORE UPDATE OR DELETE ON mainspring.{table} FOR EACH ROW \
             WHEN (OLD.{key}::text IN ('1', '2', '3', '5')) EXECUTE FUNCTION no()"
        ))
        .unwrap();
    }
}

#[test]
fn rows_that_cannot_go_keep_none_of_the_others() {
    for sweep in SWEEPS {
        for (body, why) in
            [("RAISE EXCEPTION 'not this one';", "not this one"), ("RETURN NULL;", "a trigger keeps")]
        {
            let (_database, mut conn) = sweep.database();
            sweep.trigger(&mut conn, body);
            let swept = sweep.all(&mut conn);
            assert_eq!(sweep.left(&mut conn), [1, 2, 3, 5], "{}: {why}", sweep.table);
            assert_eq!(swept.done, 2, "{}", sweep.table);
            if sweep.table != "queues" {
                let problem = swept.problem.unwrap();
                assert!(
                    swept.stuck == 4 && problem.starts_with("`1`: ") && problem.contains(why),
                    "{problem}"
                );
            }
        }
    }
}

#[test]
fn rows_that_are_locked_keep_none_of_the_others() {
    for sweep in SWEEPS {
        let (database, mut conn) = sweep.database();
        let Sweep { table, key, .. } = &sweep;
        let mut other = database.connection();
        let hold = format!(
            "BEGIN; SELECT FROM mainspring.{table} WHERE {key}::text IN ('1', '2', '3', '5') FOR UPDATE"
        );
        other.batch_execute(&hold).unwrap();
        assert_eq!(sweep.all(&mut conn), Swept { done: 2, stuck: 0, problem: None }, "{table}");
        assert_eq!(sweep.left(&mut conn), [1, 2, 3, 5], "{table}");
        other.batch_execute("COMMIT").unwrap();
        assert_eq!(sweep.all(&mut conn).done, 4, "{table}");
    }
}

#[test]
fn a_locked_table_is_given_up_within_seconds() {
    for sweep in SWEEPS {
        let (database, mut conn) = sweep.database();
        let mut other = database.connection();
        other.batch_execute(&format!("BEGIN; LOCK TABLE mainspring.{}", sweep.table)).unwrap();
        let began = std::time::Instant::now();
        assert!((sweep.sweep)(&mut conn).is_err(), "{}", sweep.table);
        assert!(began.elapsed() < Duration::from_secs(5), "{}: {:?}", sweep.table, began.elapsed());
        other.batch_execute("ROLLBACK").unwrap();
    }
}

#[test]
fn the_verbs_of_people_pass_over_what_cannot_go() {
    let [dead, _, unused, _, _, _] = SWEEPS;
    let (_database, mut conn) = dead.database();
    dead.trigger(&mut conn, "RAISE EXCEPTION 'not this one';");
    assert_eq!(jobs::delete_dead(&mut conn, DAY).unwrap(), 2);
    assert_eq!(dead.left(&mut conn), [1, 2, 3, 5]);
    let (_database, mut conn) = unused.database();
    unused.trigger(&mut conn, "RAISE EXCEPTION 'not this one';");
    assert_eq!(queues::remove_unused(&mut conn).unwrap(), 2);
    assert_eq!(unused.left(&mut conn), [1, 2, 3, 5]);
}

const PARTITIONS: &str = "pg_inherits WHERE inhparent = 'mainspring.history'::regclass";

fn partitions(conn: &mut PgConnection) -> i64 {
    Statement::<(BigInt,)>::new(format!("SELECT count(*) FROM {PARTITIONS}"))
        .get_result::<(i64,)>(conn)
        .unwrap()
        .0
}

#[test]
fn a_partition_that_cannot_be_made_or_dropped_keeps_none_of_the_others() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    conn.batch_execute(
        "DO $$ DECLARE p text; BEGIN FOR p IN SELECT inhrelid::regclass FROM pg_inherits \
             WHERE inhparent = 'mainspring.history'::regclass LOOP EXECUTE 'DROP TABLE ' || p; END LOOP; \
         EXECUTE format('CREATE TABLE mainspring.%I (a int)', 'history_' || to_char(now() AT TIME ZONE 'UTC', 'YYYYMMDD')); \
         END $$",
    )
    .unwrap();
    let made = prepare_history(&mut conn).unwrap();
    assert!(
        (made.done, made.stuck) == (3, 1) && made.problem.as_ref().unwrap().starts_with("history_"),
        "{made:?}"
    );
    assert_eq!(partitions(&mut conn), 3);

    conn.batch_execute(
        "SELECT mainspring.prepare_history(now() - n * interval '4 days') FROM generate_series(5, 6) AS n; \
         DO $$ BEGIN EXECUTE format('CREATE VIEW needs_it AS SELECT id FROM mainspring.%I', \
         'history_' || to_char((now() - interval '20 days') AT TIME ZONE 'UTC', 'YYYYMMDD')); END $$",
    )
    .unwrap();
    let dropped = drop_history(&mut conn, DAY).unwrap();
    assert!((dropped.done, dropped.stuck) == (7, 1), "{dropped:?}");
    assert_eq!(partitions(&mut conn), 4);
}
