//! The statements of the schedulers on a test's database: counted, and held until the test lets them end.

use std::time::{Duration, Instant};

use diesel::PgConnection;
use diesel::connection::SimpleConnection;

use super::database::TestDatabase;
use super::waiting::{in_time_once, until, until_at_least};

pub const CLAIM: &str = "%SET state = ''running''%";
pub const PROMOTION: &str = "%WHERE state = ''scheduled'' AND run_at <= mainspring.now()%";
pub const NONE: &str = "none";

/// A statement that the gate holds.
pub const HELD: &str = "pg_locks WHERE locktype = 'advisory' AND objid = 7 AND NOT granted \
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

// With `SLOW_POLL`, the next poll comes this long after the start at the earliest.
const EARLIEST_POLL: Duration = Duration::from_millis(13_500);

/// Repeats a trial until one ends before any poll could have helped it.
pub async fn before_any_poll(trial: impl AsyncFn()) {
    in_time_once(async || {
        let began = Instant::now();
        trial().await;
        began.elapsed() < EARLIEST_POLL
    })
    .await;
}

/// Counts claims and promotions, and installs a gate for the statements whose text matches the pattern.
///
/// The trigger fires after the statement, even after one that changed nothing. A held statement waits without a limit:
/// a claim that gave up would come again, and all wakes before it would be one.
pub fn install_gate(conn: &mut PgConnection, held: &str) {
    conn.batch_execute(&format!(
        "CREATE SEQUENCE claims; \
         CREATE SEQUENCE promotions; \
         CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql SET lock_timeout = 0 AS $$ BEGIN \
             IF current_query() LIKE '{CLAIM}' THEN PERFORM nextval('public.claims'); END IF; \
             IF current_query() LIKE '{PROMOTION}' THEN PERFORM nextval('public.promotions'); END IF; \
             IF current_query() LIKE '{held}' THEN PERFORM pg_advisory_xact_lock_shared(7); END IF; \
             RETURN NULL; \
         END $$; \
         CREATE TRIGGER hold AFTER UPDATE ON mainspring.jobs FOR EACH STATEMENT EXECUTE FUNCTION hold()"
    ))
    .unwrap();
}

/// Has the gate hold admissions too, at their end. One that finds no parked job changes no row, so no trigger would hold it.
pub fn gate_admissions(conn: &mut PgConnection) {
    conn.batch_execute(
        "ALTER FUNCTION mainspring.admit RENAME TO admit_at_once; \
         CREATE FUNCTION mainspring.admit(text[], text[], smallint, timestamptz, smallint[], timestamptz[], tid[]) \
         RETURNS SETOF mainspring.admission LANGUAGE plpgsql SET lock_timeout = 0 AS $$ BEGIN \
             RETURN QUERY SELECT * FROM mainspring.admit_at_once($1, $2, $3, $4, $5, $6, $7); \
             PERFORM pg_advisory_xact_lock_shared(7); \
         END $$",
    )
    .unwrap();
}

/// Holds the statements that come from now on.
pub fn close_gate(conn: &mut PgConnection) {
    conn.batch_execute("SELECT pg_advisory_lock(7)").unwrap();
}

pub fn open_gate(conn: &mut PgConnection) {
    conn.batch_execute("SELECT pg_advisory_unlock(7)").unwrap();
}

/// Lets the held statement end, and holds the next one. A session that requests the lock after this one waits behind it.
pub fn let_one_pass(conn: &mut PgConnection) {
    conn.batch_execute("SELECT pg_advisory_unlock(7), pg_advisory_lock(7)").unwrap();
}

/// Returns after the first poll of each scheduler. It comes a second after the start, which could not know yet whether
/// notifications would come. The start itself promotes twice: when the queue begins, and when the listener does.
pub async fn until_polled(database: &TestDatabase, schedulers: i64) {
    let promoted = format!("promotions WHERE is_called AND last_value >= {}", 3 * schedulers);
    until_at_least(database, &promoted, 1).await;
}

/// Returns when a scheduler has acted upon every notification so far. They arrive in the order of their commits, and
/// the scheduler makes a row for the queue that this one names. One job is parked in it, and another one has its only slot.
pub async fn until_notified(database: &TestDatabase, probe: &str) {
    let mut conn = database.connection();
    conn.batch_execute(&format!(
        "INSERT INTO mainspring.jobs (task, run_at, state, queue) \
         VALUES ('probe', mainspring.now(), 'ready', '{probe}'), ('probe', mainspring.now(), 'parked', '{probe}'); \
         SELECT pg_notify(mainspring.channel(), 'queue - 0 0 {probe}')"
    ))
    .unwrap();
    until(database, &format!("mainspring.queues WHERE name = '{probe}'"), 1).await;
    conn.batch_execute("DELETE FROM mainspring.jobs WHERE task = 'probe'").unwrap();
}
