//! Bounds at the door: what no reader can represent is refused by every way in, with the field named.

use chrono::{DateTime, TimeZone, Utc};
use diesel::connection::SimpleConnection;
use diesel::sql_types::{BigInt, Text};
use diesel::{PgConnection, QueryableByName, RunQueryDsl, sql_query};
use mainspring::NewJob;
use mainspring::jobs::insert_many;
use serde_json::json;

use crate::support::database::TestDatabase;
use crate::support::rows::count;

/// The ways into the table from SQL, for a value of one argument.
fn doors(argument: &str, value: &str) -> [String; 2] {
    let (arrays, column) = match argument {
        "payload" => (format!("payloads => ARRAY[({value})::text]"), "payload"),
        "run_at" => (format!("run_ats => ARRAY[{value}]"), "run_at"),
        "flags" => (format!("flag_sets => ARRAY[to_json({value})::text]"), "flags"),
        "key" => (format!("keys => ARRAY[{value}]"), "key"),
        "queue" => (format!("queues => ARRAY[{value}]"), "queue"),
        other => panic!("no door for {other}"),
    };
    let plain = if argument == "payload" { format!("({value})::jsonb") } else { value.to_owned() };
    [
        format!("SELECT mainspring.add_job('t', {column} => {plain})"),
        format!("SELECT mainspring.enqueue(ARRAY['t'], {arrays})"),
    ]
}

#[test]
fn what_no_reader_can_hold_is_refused_by_each_way_in_with_its_field() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let years = "run_at must be in the years 1 to 9999, got";
    let numbers = "payload must hold numbers of 64-bit floating point";
    let depth = "payload must be nested at most 127 deep, got more";
    let cases = [
        ("run_at", "'infinity'::timestamptz", years),
        ("run_at", "'-infinity'::timestamptz", years),
        ("run_at", "'294276-12-31Z'::timestamptz", years),
        ("run_at", "'10000-01-01Z'::timestamptz", years),
        ("run_at", "'0001-12-31 BC'::timestamptz", years),
        ("payload", "'1e400'", numbers),
        ("payload", "'{\"n\": [-1E+309]}'", numbers),
        ("payload", "'{\"n\": 1.0e-400}'", numbers),
        ("payload", "'[' || repeat('1e131071,', 9000) || '0]'", numbers),
        ("payload", "'[' || repeat('9', 400) || ']'", numbers),
        ("payload", "repeat('[', 128) || repeat(']', 128)", depth),
        ("payload", "repeat('{\"a\":', 128) || '0' || repeat('}', 128)", depth),
        // Each of these is sent within the limit, and read back beyond it.
        (
            "payload",
            "'[' || repeat('1e300,', 10000) || '0]'",
            "payload must be at most 1048576 bytes, got 3030003",
        ),
        (
            "payload",
            "'[' || repeat('0,', 400000) || '0]'",
            "payload must be at most 1048576 bytes, got 1200003",
        ),
        ("payload", "'[' || repeat('1e-300,', 10000) || '0]'", "payload must be at most 1048576 bytes"),
        (
            "flags",
            "(SELECT array_agg(md5(n::text) || md5(n::text || 'x')) FROM generate_series(1, 32) AS n)",
            "flags must be at most 1600 bytes together, got 2048",
        ),
        (
            "flags",
            "(SELECT array_agg(n::text) FROM generate_series(1, 33) AS n)",
            "flags must be at most 32 labels",
        ),
        (
            "flags",
            "ARRAY['a', repeat('x', 129)]",
            "flags must be labels of 1 to 128 characters, got one of 129",
        ),
        ("key", "repeat('😀', 513)", "key must be 1 to 512 characters, got 513"),
        ("queue", "''", "queue must be 1 to 128 characters, got 0"),
    ];
    for (argument, value, expected) in cases {
        for statement in doors(argument, value) {
            let refused = conn.batch_execute(&statement).expect_err(&statement).to_string();
            assert!(refused.starts_with(expected), "{statement}: {refused}");
        }
    }
    assert_eq!(count(&mut conn, "mainspring.jobs"), 0);
}

#[test]
fn what_is_inside_the_bounds_is_taken_at_its_widest() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let wide_flags =
        "(SELECT array_agg(left(md5(n::text) || md5(n::text || 'x'), 50)) FROM generate_series(1, 32) AS n)";
    let cases = [
        ("run_at", "'0001-01-01Z'::timestamptz"),
        ("run_at", "'9999-12-31 23:59:59.999999Z'::timestamptz"),
        (
            "payload",
            "'[1.7976931348623157e308, -1.7976931348623157E+308, 5e-324, 0, 0e999, 123456789012345678901]'",
        ),
        ("payload", "repeat('[', 127) || repeat(']', 127)"),
        ("payload", "to_json(repeat('[', 5000))::text"),
        ("payload", "'\"the text 1e999 is no number\"'"),
        ("flags", wide_flags),
        ("key", "repeat('😀', 512)"),
        ("queue", "repeat('😀', 128)"),
    ];
    for (argument, value) in cases {
        for statement in doors(argument, value) {
            let statement = statement.replace("'t'", "repeat('t', 128)");
            conn.batch_execute("DELETE FROM mainspring.jobs").unwrap();
            conn.batch_execute(&statement).unwrap_or_else(|error| panic!("{statement}: {error}"));
        }
    }
    // The widest flags go through every index that a job meets on its way.
    let add = format!(
        "SELECT mainspring.add_job(repeat('t', 128), flags => {wide_flags}, run_at => now() + '1 day')"
    );
    conn.batch_execute(&add).unwrap();
    conn.batch_execute("UPDATE mainspring.jobs SET state = 'ready'").unwrap();
}

#[test]
fn a_time_that_the_database_lacks_is_refused_before_it_is_sent() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    for run_at in [
        DateTime::<Utc>::MIN_UTC,
        DateTime::<Utc>::MAX_UTC,
        Utc.with_ymd_and_hms(10_000, 1, 1, 0, 0, 0).unwrap(),
    ] {
        let jobs = [NewJob::new("t", &json!({})), NewJob::new("t", &json!({})).run_at(run_at)];
        let refused = insert_many(&mut conn, &jobs).unwrap_err().to_string();
        let expected = format!("job 2 of 2: run_at must be in the years 1 to 9999, got {run_at}");
        assert_eq!(refused, expected);
    }
    assert_eq!(count(&mut conn, "mainspring.jobs"), 0);
}

fn add_jobs(conn: &mut PgConnection, specs: &serde_json::Value) -> diesel::QueryResult<usize> {
    sql_query("SELECT mainspring.add_jobs($1::jsonb)").bind::<Text, _>(specs.to_string()).execute(conn)
}

#[test]
fn a_described_moment_has_its_offset_and_means_the_same_in_each_session() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    conn.batch_execute("SET TimeZone = 'Asia/Tokyo'; SET DateStyle = 'SQL, DMY'").unwrap();
    for written in ["tomorrow", "now", "infinity", "2027-01-01", "2027-01-01T09:00:00", "01/02/2027 10:00+00"]
    {
        let specs = json!([{"task": "t", "run_at": written}]);
        let refused = add_jobs(&mut conn, &specs).unwrap_err().to_string();
        let expected =
            format!("run_at must be a moment with its offset, such as 2027-01-01T09:00:00Z, got '{written}'");
        assert_eq!(refused, expected);
    }
    let specs = json!([{"task": "t", "run_at": "2027-01-01T09:00:00.5Z"}, {"task": "t", "run_at": "2027-01-01 18:00:00.5+09:00"}]);
    add_jobs(&mut conn, &specs).unwrap();
    assert_eq!(count(&mut conn, "mainspring.jobs WHERE run_at = '2027-01-01T09:00:00.5Z'"), 2);
}

#[test]
fn a_session_cannot_lift_the_limit_that_the_owner_of_the_database_set() {
    let database = TestDatabase::new();
    let limit = "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET mainspring.max_payload_bytes = 2000', \
        current_database()); END $$";
    database.connection().batch_execute(limit).unwrap();
    let mut conn = database.connection();
    conn.batch_execute("SET mainspring.max_payload_bytes = '999999999'").unwrap();
    let refused = NewJob::new("t", &json!("x".repeat(2000))).insert(&mut conn).unwrap_err().to_string();
    assert_eq!(refused, "payload must be at most 2000 bytes, got 2002");
    NewJob::new("t", &json!("x".repeat(1998))).insert(&mut conn).unwrap();
}

#[derive(QueryableByName)]
struct Shown {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Text)]
    row: String,
}

fn shown(conn: &mut PgConnection, call: &str) -> Shown {
    sql_query(format!("SELECT (j).id, j::text AS row FROM {call} AS j")).get_result(conn).unwrap()
}

#[test]
fn a_caller_that_finds_the_job_of_a_key_sees_only_what_it_gave_itself() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    conn.batch_execute(
        "SELECT mainspring.add_job('secret.task', queue => 'secret.queue', key => 'victim', flags => '{secret.flag}'); \
         UPDATE mainspring.jobs SET last_error = 'secret.error', progress_note = 'secret.note'",
    )
    .unwrap();
    let single = "mainspring.add_job('mine', key => 'victim', key_mode => 'unsafe_dedupe', priority => 7)";
    let specs = r#"[{"task": "mine", "key": "victim", "key_mode": "unsafe_dedupe"}]"#;
    let several = format!("mainspring.add_jobs('{specs}')");
    let id = shown(&mut conn, "mainspring.jobs_view").id;
    for call in [single, &several] {
        let found = shown(&mut conn, call);
        assert_eq!(found.id, id);
        assert!(found.row.contains("mine") && !found.row.contains("secret"), "{}", found.row);
    }
    assert_eq!(count(&mut conn, "mainspring.jobs WHERE task = 'secret.task' AND priority = 0"), 1);
}

#[test]
fn a_key_can_be_replaced_for_as_long_as_a_job_lives() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let add = "SELECT mainspring.add_job('t', key => 'k', run_at => now() + '1 year')";
    conn.batch_execute(add).unwrap();
    conn.batch_execute("UPDATE mainspring.jobs SET revision = 2147483646").unwrap();
    for _ in 0..3 {
        conn.batch_execute(add).unwrap();
    }
    assert_eq!(count(&mut conn, "mainspring.jobs WHERE revision = 2147483649"), 1);
}
