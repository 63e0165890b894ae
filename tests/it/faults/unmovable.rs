//! A waiting job that cannot be promoted, admitted or claimed stops no other. One whose data the database refuses is set apart.

use std::time::Duration;

use diesel::PgConnection;
use diesel::connection::SimpleConnection;
use mainspring::SchedulerBuilder;

use crate::support::database::TestDatabase;
use crate::support::jobs::act;
use crate::support::rows::count;
use crate::support::schedulers::scheduler;
use crate::support::waiting::until;

const POISON: &str = "mainspring.jobs (task, payload, key, run_at, turn_at, state, queue, flags)";
const WIDE_FLAGS: &str = "(SELECT array_agg(md5(n || 'a') || md5(n || 'b') || md5(n || 'c') || md5(n || 'd')) FROM generate_series(1, 32) AS n)";

fn builder(database: &TestDatabase) -> SchedulerBuilder {
    scheduler(database).0.poll_interval(Duration::from_millis(200))
}

// One of each kind: ready, of a queue, due soon, due soon and of a queue.
fn add_innocents(conn: &mut PgConnection) {
    let soon = || chrono::Utc::now() + Duration::from_millis(300);
    act("ok").insert(conn).unwrap();
    act("ok").queue("q").insert(conn).unwrap();
    act("ok").run_at(soon()).insert(conn).unwrap();
    act("ok").queue("other q").run_at(soon()).insert(conn).unwrap();
}

const INNOCENTS_DONE: &str = "mainspring.history WHERE outcome = 'succeeded' AND key IS NULL";

fn poison(conn: &mut PgConnection, rows: &str) {
    conn.batch_execute(&format!(
        "ALTER TABLE mainspring.jobs DROP CONSTRAINT jobs_run_at_range, DROP CONSTRAINT jobs_flags_valid; \
         INSERT INTO {POISON} VALUES {rows}"
    ))
    .unwrap();
}

#[tokio::test]
async fn times_that_no_program_can_read_stop_no_other_job() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let payload = "'act', '{\"act\": \"ok\"}'";
    poison(
        &mut conn,
        &format!(
            "({payload}, 'ready ago', '-infinity', NULL, 'ready', NULL, NULL), \
             ({payload}, 'ready far', '294276-12-31', 'infinity', 'ready', NULL, NULL), \
             ({payload}, 'flagged', '-infinity', NULL, 'ready', NULL, '{{f}}'), \
             ({payload}, 'parked', '-infinity', NULL, 'parked', 'q', NULL), \
             ({payload}, 'due', '-infinity', NULL, 'scheduled', 'q', NULL), \
             ({payload}, 'never', 'infinity', NULL, 'scheduled', 'q', NULL)"
        ),
    );
    let scheduler = builder(&database).start().await.unwrap();
    add_innocents(&mut conn);
    until(&database, INNOCENTS_DONE, 4).await;
    // What is due runs, though nobody can read since when.
    until(&database, "mainspring.history WHERE key IS NOT NULL", 5).await;
    assert_eq!(count(&mut conn, "mainspring.jobs WHERE key = 'never' AND state = 'scheduled'"), 1);
    scheduler.stop().await;
}

#[tokio::test]
async fn a_job_that_the_database_refuses_to_move_is_set_apart_with_the_reason() {
    for state in ["'scheduled', NULL", "'scheduled', 'q'", "'parked', 'q'"] {
        let database = TestDatabase::new();
        let mut conn = database.connection();
        poison(
            &mut conn,
            &format!(
                "('act', '{{}}', 'bad', mainspring.now() - interval '1 s', NULL, {state}, {WIDE_FLAGS})"
            ),
        );
        let scheduler = builder(&database).start().await.unwrap();
        add_innocents(&mut conn);
        until(&database, INNOCENTS_DONE, 4).await;
        let apart = "mainspring.jobs WHERE key = 'bad' AND state = 'dead' \
            AND last_error LIKE 'set apart: the job cannot be moved: index row%'";
        until(&database, apart, 1).await;
        scheduler.stop().await;
    }
}

#[tokio::test]
async fn a_job_that_a_trigger_holds_back_is_tried_again_and_stops_no_other() {
    let states = ["'scheduled', NULL", "'scheduled', 'q'", "'parked', 'held q'", "'ready', NULL"];
    for state in states {
        let database = TestDatabase::new();
        let mut conn = database.connection();
        poison(
            &mut conn,
            &format!(
                "('act', '{{\"act\": \"ok\"}}', 'bad', mainspring.now() - interval '1 s', NULL, {state}, NULL); \
                 CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not today'; END $$; \
                 CREATE TRIGGER hold BEFORE UPDATE ON mainspring.jobs FOR EACH ROW WHEN (OLD.key = 'bad') \
                     EXECUTE FUNCTION hold()"
            ),
        );
        let scheduler = builder(&database).start().await.unwrap();
        add_innocents(&mut conn);
        until(&database, INNOCENTS_DONE, 4).await;
        assert_eq!(count(&mut conn, "mainspring.jobs WHERE key = 'bad' AND state <> 'dead'"), 1);
        conn.batch_execute("DROP TRIGGER hold ON mainspring.jobs").unwrap();
        until(&database, "mainspring.history WHERE key = 'bad'", 1).await;
        scheduler.stop().await;
    }
}
