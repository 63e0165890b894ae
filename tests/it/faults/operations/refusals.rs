//! What the program says of wrong input: the field, never the whole input, never a password.

use std::io::Write;
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};

use diesel::connection::SimpleConnection;

use crate::cli::{answer, assert_refused, on, program, refusal};
use crate::support::database::TestDatabase;
use crate::support::rows::count;

#[test]
fn no_long_input_is_echoed_whole() {
    let database = TestDatabase::new();
    let long = "x".repeat(100_000);
    let digits = "9".repeat(100_000);
    for arguments in [
        &["enqueue", &long][..],
        &["enqueue", "t", &long],
        &["enqueue", "t", "{}", "--queue", &long],
        &["enqueue", "t", "{}", "--key", &long],
        &["enqueue", "t", "{}", "--flag", &long],
        &["enqueue", "t", "{}", "--priority", &digits],
        &["enqueue", "t", "{}", "--run-at", &long],
        &["enqueue", "t", "{}", "--in", &long],
        &["enqueue", "t", "{}", &long],
        &["enqueue", "t", &format!("--{long}")],
        &["jobs", "retry", &digits],
        &["jobs", "list", "--state", &long],
        &["jobs", "list", "--since", &long],
        &["jobs", "cancel", "1", "--reason", &long],
        &["queues", "set", &long],
        &["queues", "set", "q", "--rate", &long],
        &["queues", "pause", "--task", &long],
        &["cron", "next", &long],
        &["cron", "next", "@daily", "--zone", &long],
        &["cron", "next", "@daily", "--from", &long],
        &["schedules", "create", &long, "t", "@daily"],
        &["schedules", "create", "s", "t", &long],
        &["schedules", "create", "s", "t", "@daily", &long],
        &["schedules", "create", "s", "t", "@daily", "--zone", &long],
        &["schedules", "show", &long],
        &["schedules", "trigger", &long],
        &["workers", "release", &digits],
        &["status", "--schema", &long],
        &[&long],
    ] {
        let (_, line) = refusal(on(&database, arguments));
        let start: String = arguments.join(" ").chars().take(60).collect();
        assert!(line.len() < 1_000, "{start}: {} bytes", line.len());
    }
    let (_, line) = refusal(program(&["status", "--database-url", &long]).output().unwrap());
    assert!(line.len() < 1_000);
}

#[test]
fn a_payload_on_the_command_line_meets_the_bounds_of_the_library() {
    let database = TestDatabase::new();
    let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
    let deep = format!("{{\"n\": {deep}}}");
    let large = format!("\"{}\"", "x".repeat(2 << 20));
    for payload in
        ["{\"n\": 1e400}", "{\"n\": -1e999999}", &deep, "{", "{a: 1}", "[1,]", "\"\\u0000\"", "\"\\ud800\""]
    {
        let (code, line) = refusal(on(&database, &["enqueue", "note", payload]));
        assert!(code != 0 && line.contains("payload"), "{payload}: {line}");
        let (code, line) = refusal(on(&database, &["schedules", "create", "s", "note", "@daily", payload]));
        assert!(code != 0 && (line.contains("payload") || line.contains("NUL")), "{payload}: {line}");
    }
    let inexact = ["schedules", "create", "s", "note", "@daily", "{\"n\": 12345678901234567890123}"];
    assert_refused(on(&database, &inexact), 2, "12345678901234567890123 in the payload");
    let url = database.url();
    let mut child = program(&["enqueue", "note", "-", "--database-url", &url])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(large.as_bytes()).unwrap();
    assert_refused(child.wait_with_output().unwrap(), 1, "payload");
    let mut conn = database.connection();
    assert_eq!(count(&mut conn, "mainspring.jobs") + count(&mut conn, "mainspring.schedules"), 0);
}

#[test]
fn an_error_escapes_what_would_command_the_terminal() {
    let (_, line) = refusal(program(&["status", "a\u{202e}\u{9b}b"]).output().unwrap());
    assert!(line.contains("a\\u{202e}\\u{9b}b"), "{line}");
}

#[test]
fn a_guess_at_an_option_of_time_leads_to_the_right_one() {
    for (arguments, words) in [
        (&["enqueue", "t", "--at", "2027-01-01T09:00:00Z"][..], "'--run-at'"),
        (&["enqueue", "t", "--at=2027-01-01T09:00:00Z"], "'--run-at'"),
        (&["jobs", "retry", "1", "--delay", "5m"], "'--in'"),
        (&["cron", "next", "@daily", "--from", "+262142-12-31T00:00:00Z"], "'--from <RFC3339>'"),
        (&["enqueue", "t", "--run-at", "+262142-12-31T00:00:00Z"], "'--run-at <RFC3339>'"),
    ] {
        assert_refused(program(arguments).output().unwrap(), 2, words);
    }
}

#[test]
fn the_help_names_safe_places_for_a_password() {
    let help = answer(program(&["status", "--help"]).output().unwrap());
    for word in ["ps", "DATABASE_URL", "PGPASSWORD", ".pgpass"] {
        assert!(help.contains(word), "{word}: {help}");
    }
}

#[test]
fn no_output_shows_a_password() {
    for url in [
        "postgres://me:hunter2@127.0.0.1:1/db",
        "postgres://me:hunter2@127.0.0.1:1/db?connect_timeout=x",
        "postgres://127.0.0.1:1/db?user=me&password=hunter2",
        "host=127.0.0.1 port=1 user=me password=hunter2",
        "host=127.0.0.1 port=1 password = 'hunter2' nonsense",
        "host=127.0.0.1 port=1 sslpassword=hunter2",
        "postgres://me:hunter2@[::1",
        "postgres://me:hun@ter2hunter2@127.0.0.1:1/db",
    ] {
        let as_option = program(&["status", "--database-url", url]).output().unwrap();
        let as_argument = program(&["status", url]).output().unwrap();
        let in_the_environment = program(&["status"]).env("DATABASE_URL", url).output().unwrap();
        let help = program(&["status", "--help"]).env("DATABASE_URL", url).output().unwrap();
        for output in [as_option, as_argument, in_the_environment, help] {
            let printed = [output.stdout, output.stderr].concat();
            let printed = String::from_utf8(printed).unwrap();
            assert!(!printed.contains("hunter2"), "{url}: {printed}");
        }
    }
}

#[test]
fn enqueue_checks_the_schema_as_every_command_does() {
    let database = TestDatabase::empty();
    let (code, line) = refusal(on(&database, &["enqueue", "note"]));
    assert!(code == 1 && line.contains("migrat"), "{line}");
    let database = TestDatabase::new();
    let newer = "CREATE OR REPLACE FUNCTION mainspring.compatible_from() RETURNS text LANGUAGE sql IMMUTABLE \
        RETURN '29991231000001'";
    database.connection().batch_execute(newer).unwrap();
    assert_refused(on(&database, &["enqueue", "note"]), 1, "29991231000001");
    assert_eq!(count(&mut database.connection(), "mainspring.jobs"), 0);
}

#[test]
fn a_role_that_may_only_enqueue_can_do_so_and_notices_a_newer_schema() {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let role = format!("mainspring_cli_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let database = TestDatabase::new();
    let mut conn = database.connection();
    conn.batch_execute(&format!("CREATE ROLE {role}; SELECT mainspring.grant_enqueue('{role}')")).unwrap();
    let as_role = |arguments: &[&str]| {
        let mut command = program(arguments);
        command.env("DATABASE_URL", database.url()).env("PGOPTIONS", format!("-c role={role}"));
        command.output().unwrap()
    };
    answer(as_role(&["enqueue", "note"]));
    let newer = "CREATE OR REPLACE FUNCTION mainspring.compatible_from() RETURNS text LANGUAGE sql IMMUTABLE \
        RETURN '29991231000001'";
    conn.batch_execute(newer).unwrap();
    assert_refused(as_role(&["enqueue", "note"]), 1, "29991231000001");
    conn.batch_execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).unwrap();
}

#[test]
fn the_program_pays_nothing_for_the_compilation_of_queries() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    conn.batch_execute(
        "CREATE TABLE seen (jit text); CREATE OR REPLACE FUNCTION mainspring.now() RETURNS timestamptz LANGUAGE plpgsql \
         AS $$ BEGIN INSERT INTO public.seen VALUES (current_setting('jit')); RETURN clock_timestamp(); END $$",
    )
    .unwrap();
    answer(on(&database, &["pause", "--all"]));
    conn.batch_execute("TRUNCATE seen").unwrap();
    answer(on(&database, &["status"]));
    assert!(count(&mut conn, "seen WHERE jit = 'off'") > 0);
    assert_eq!(count(&mut conn, "seen WHERE jit = 'on'"), 0);
}
