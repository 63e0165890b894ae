//! Moves of jobs one by one: a row that cannot be moved keeps no other one.

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::sql_types::{BigInt, Nullable, Text};

use super::{Statement, TestDatabase};

const FOUR_RUNNING: &str = "
    INSERT INTO mainspring.jobs (id, task, state, run_at, attempts, lease, worker_id, locked_at, key, payload)
    SELECT n, 'a', 'running', mainspring.now(), 1, 7, 1, mainspring.now(), 'k' || n, '{}' FROM generate_series(1, 4) AS n";

const PROBLEM_OF_JOB_2: &str = "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
    RAISE EXCEPTION 'not this one'; END $$; \
    CREATE TRIGGER no BEFORE UPDATE OR DELETE ON mainspring.jobs FOR EACH ROW WHEN (OLD.id = 2) EXECUTE FUNCTION no()";

type Moved = (i64, Option<String>, Option<String>);

fn four_running() -> (TestDatabase, PgConnection) {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    conn.batch_execute(FOUR_RUNNING).unwrap();
    (database, conn)
}

fn move_each(conn: &mut PgConnection, event: &str) -> Vec<Moved> {
    Statement::<(BigInt, Nullable<Text>, Nullable<Text>)>::new(format!(
        "SELECT m.job_id, m.job_state::text, m.job_problem FROM mainspring.move_each(ARRAY(\
         SELECT mainspring.new_event(n, '{event}', 7, 'boom') FROM generate_series(1, 4) AS n), true) AS m"
    ))
    .load(conn)
    .unwrap()
}

// Every job but the second one has moved to that state.
fn assert_others_are(moved: &[Moved], state: Option<&str>) {
    assert_eq!(moved.iter().map(|job| job.0).collect::<Vec<_>>(), [1, 2, 3, 4]);
    for (id, found, problem) in moved.iter().filter(|job| job.0 != 2) {
        assert_eq!((found.as_deref(), problem.as_deref()), (state, None), "job {id}");
    }
}

fn last_error(conn: &mut PgConnection) -> String {
    let row: (String,) = Statement::<(Text,)>::new("SELECT last_error FROM mainspring.jobs WHERE id = 2")
        .get_result(conn)
        .unwrap();
    row.0
}

#[test]
fn a_row_whose_data_are_refused_is_set_apart_and_the_others_move() {
    let (_database, mut conn) = four_running();
    conn.batch_execute("ALTER TABLE mainspring.jobs ADD CHECK (id <> 2 OR state IN ('running', 'dead'))")
        .unwrap();
    let moved = move_each(&mut conn, "failed");
    assert_others_are(&moved, Some("ready"));
    assert_eq!(moved[1].1.as_deref(), Some("dead"));
    let problem = moved[1].2.clone().unwrap();
    assert!(problem.contains("violates check constraint"), "{problem}");
    assert_eq!(last_error(&mut conn), format!("set apart: the event `failed` cannot be stored: {problem}"));
}

#[test]
fn a_row_that_no_update_passes_stays_as_it_is() {
    let (_database, mut conn) = four_running();
    conn.batch_execute("ALTER TABLE mainspring.jobs ADD CHECK (id <> 2) NOT VALID").unwrap();
    let moved = move_each(&mut conn, "failed");
    assert_others_are(&moved, Some("ready"));
    assert_eq!(moved[1].1.as_deref(), Some("running"));
    assert!(moved[1].2.as_deref().unwrap().contains("violates check constraint"));
}

#[test]
fn a_row_whose_trigger_fails_is_left_and_not_set_apart() {
    for (event, state) in [("failed", Some("ready")), ("succeeded", None)] {
        let (_database, mut conn) = four_running();
        conn.batch_execute(PROBLEM_OF_JOB_2).unwrap();
        let moved = move_each(&mut conn, event);
        assert_others_are(&moved, state);
        assert_eq!(moved[1], (2, Some("running".into()), Some("not this one".into())));
    }
}

#[test]
fn a_job_ends_although_its_line_in_the_history_is_refused() {
    let (_database, mut conn) = four_running();
    conn.batch_execute("ALTER TABLE mainspring.history ADD CHECK (id <> 2)").unwrap();
    let moved = move_each(&mut conn, "succeeded");
    assert_others_are(&moved, None);
    assert!(moved[1].1.is_none() && moved[1].2.as_deref().unwrap().contains("violates check constraint"));
    let lines: (i64,) =
        Statement::<(BigInt,)>::new("SELECT count(*) FROM mainspring.history").get_result(&mut conn).unwrap();
    assert_eq!(lines.0, 3);
}

#[test]
fn a_row_and_a_history_that_others_hold_are_not_waited_for() {
    let (database, mut conn) = four_running();
    let mut holder = database.connection();
    holder.batch_execute("BEGIN; SELECT FROM mainspring.jobs WHERE id = 2 FOR UPDATE").unwrap();
    let moved = move_each(&mut conn, "failed");
    assert_others_are(&moved, Some("ready"));
    assert_eq!(moved[1].2.as_deref(), Some("another transaction holds the row"));
    let (database, mut conn) = four_running();
    let mut holder = database.connection();
    holder.batch_execute("BEGIN; LOCK TABLE mainspring.history").unwrap();
    let moved = move_each(&mut conn, "succeeded");
    assert!(moved.iter().all(|job| job.1.is_none()), "{moved:?}");
    assert!(moved[0].2.as_deref().unwrap().contains("lock timeout") && moved[1].2.is_none());
}

#[test]
fn an_event_without_a_reason_leaves_no_error_behind() {
    let (_database, mut conn) = four_running();
    let events = "'succeeded', 'failed', 'died', 'snoozed', 'untouched', 'postponed', 'released', 'reschedule', 'retry', 'lost'";
    let errors = Statement::<(Text, Text)>::new(format!(
        "SELECT e.event, mainspring.error_after(j, e.event, NULL) FROM mainspring.jobs AS j \
         CROSS JOIN unnest(ARRAY[{events}]) AS e(event) WHERE nullif(mainspring.error_after(j, e.event, NULL), '') IS NOT NULL"
    ));
    let errors: Vec<(String, String)> = errors.load(&mut conn).unwrap();
    assert!(errors.is_empty(), "{errors:?}");
    conn.batch_execute(
        "SELECT mainspring.move_jobs(ARRAY[mainspring.new_event(2, 'snoozed', 7, NULL)], true)",
    )
    .unwrap();
    let row: (Option<String>,) =
        Statement::<(Nullable<Text>,)>::new("SELECT last_error FROM mainspring.jobs WHERE id = 2")
            .get_result(&mut conn)
            .unwrap();
    assert_eq!(row.0, None);
}

#[test]
fn an_endless_error_is_cut_and_says_so() {
    let (_database, mut conn) = four_running();
    conn.batch_execute(
        "SELECT mainspring.move_jobs(ARRAY[mainspring.new_event(2, 'failed', 7, repeat('x', 20000))], true)",
    )
    .unwrap();
    let error = last_error(&mut conn);
    assert_eq!(error.strip_prefix(&"x".repeat(8000)), Some(" .. (12,000 more characters cut)"));
}
