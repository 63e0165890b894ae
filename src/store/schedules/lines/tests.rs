//! Where a crontab line begins, by the processes that had it before and by its `fill`.

use chrono::{DateTime, Utc};
use diesel::PgConnection;
use diesel::connection::SimpleConnection;
use diesel::sql_types::{Bool, Nullable, Timestamptz};

use super::*;
use crate::cron::Crontab;
use crate::server::TestDatabase;
use crate::store::presence::{NewWorker, register};

const SINCE_START: Duration = Duration::from_secs(60);

fn lines(text: &str) -> Vec<CronEntry> {
    Crontab::parse(text).unwrap().entries
}

/// Starts a process whose crontab has these lines.
fn store(conn: &mut PgConnection, text: &str) {
    let lines = lines(text);
    let names: Vec<String> = lines.iter().map(|line| line.identifier.clone()).collect();
    let me = register(
        conn,
        NewWorker {
            name: "me",
            lines: &names,
            timeout: Duration::from_secs(30),
            origin: 1,
            ..NewWorker::default()
        },
    )
    .unwrap();
    assert_eq!(register_lines(conn, me, &lines, SINCE_START).unwrap(), []);
}

/// Ends all processes.
fn leave(conn: &mut PgConnection) {
    conn.batch_execute("DELETE FROM mainspring.workers").unwrap();
}

/// How many seconds before now the line begins; `None` if it goes on as it was planned.
fn begins(conn: &mut PgConnection) -> Option<i64> {
    let row: (Option<DateTime<Utc>>, DateTime<Utc>) = Statement::<(Nullable<Timestamptz>, Timestamptz)>::new(
        "SELECT plan_after, mainspring.now() FROM mainspring.schedules WHERE owner = 'code' AND name = 'a'",
    )
    .get_result(conn)
    .unwrap();
    Some((row.1 - row.0?).num_seconds())
}

fn set(conn: &mut PgConnection, change: &str) {
    conn.batch_execute(&format!("UPDATE mainspring.schedules SET {change} WHERE owner = 'code'")).unwrap();
}

#[test]
fn a_line_begins_at_the_start_of_its_process_or_at_its_last_fire() {
    let cases = [
        ("a new line", "0 * * * * a", "error = NULL", 60),
        ("a new line with fill", "0 * * * * a ?fill=1d", "error = NULL", 60),
        (
            "a plain line that fired before",
            "0 * * * * a",
            "last_fire_at = mainspring.now() - interval '1 h'",
            60,
        ),
        ("a filled line", "0 * * * * a ?fill=1d", "last_fire_at = mainspring.now() - interval '1 h'", 3_600),
        (
            "a line known for long",
            "0 * * * * a ?fill=1d",
            "created_at = mainspring.now() - interval '2 h'",
            7_200,
        ),
        ("a short fill", "0 * * * * a ?fill=10m", "last_fire_at = mainspring.now() - interval '1 h'", 660),
        ("a fire of this minute", "0 * * * * a", "last_fire_at = mainspring.now() - interval '5 s'", 5),
    ];
    for (case, text, before, seconds) in cases {
        let database = TestDatabase::new();
        let conn = &mut database.connection();
        store(conn, text);
        leave(conn);
        set(conn, &format!("plan_after = NULL, next_fire_at = NULL, {before}"));
        store(conn, text);
        let found = begins(conn).expect(case);
        assert!((found - seconds).abs() <= 2, "{case}: {found} s before now, expected {seconds}");
    }
}

#[test]
fn a_line_that_another_process_has_goes_on_unless_its_time_changes() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    store(conn, "0 * * * * a");
    set(conn, "plan_after = NULL, next_fire_at = mainspring.now() - interval '1 s'");
    store(conn, "0 * * * * a ?queue=q {n: 1}");
    assert_eq!(begins(conn), None, "a new payload does not move the next fire");
    store(conn, "30 * * * * a");
    assert!(begins(conn).is_some(), "a new expression does");
}

#[test]
fn a_line_of_a_killed_process_begins_at_the_start_of_the_next_one() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    store(conn, "0 * * * * a");
    set(conn, "plan_after = NULL, next_fire_at = mainspring.now() - interval '10 s'");
    conn.batch_execute("UPDATE mainspring.workers SET heartbeat_at = mainspring.now() - interval '13 s'")
        .unwrap();
    store(conn, "0 * * * * a");
    assert!(begins(conn).is_some(), "without `fill` nothing that was missed is made up for");
}

#[test]
fn a_line_that_no_process_has_any_more_stops() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    store(conn, "0 * * * * a");
    store(conn, "0 * * * * b");
    let planned = |conn: &mut PgConnection, name: &str| {
        let text = format!("SELECT plan_after IS NOT NULL FROM mainspring.schedules WHERE name = '{name}'");
        Statement::<(Bool,)>::new(text).get_result::<(bool,)>(conn).unwrap().0
    };
    assert!(planned(conn, "a") && planned(conn, "b"));
    conn.batch_execute("DELETE FROM mainspring.workers WHERE lines = '{a}'").unwrap();
    retire_lines(conn).unwrap();
    assert!(!planned(conn, "a") && planned(conn, "b"));
}

#[test]
fn a_line_keeps_all_its_options() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    let options =
        "id=a&max=3&queue=q&jobKey=k&jobKeyMode=preserve_run_at&priority=-5&tz=Europe/Paris&catchup=7";
    store(conn, &format!("*/5 * * * * task ?{options} {{n: 1}}"));
    let kept = Statement::<(Bool,)>::new(
        "SELECT (task, expression, zone, queue, key, key_mode, priority, max_attempts, catch_up, payload) \
         = ('task', '*/5 * * * *', 'Europe/Paris', 'q', 'k', 'preserve_run_at', -5::smallint, 3::smallint, 7, \
            '{\"n\": 1}'::jsonb) FROM mainspring.schedules WHERE name = 'a'",
    );
    assert!(kept.get_result::<(bool,)>(conn).unwrap().0);
}
