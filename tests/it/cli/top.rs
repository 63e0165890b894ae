//! `mainspring top`: over a pipe, and on a terminal.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Stdio};

use diesel::{RunQueryDsl, sql_query};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use super::{answer, assert_refused, on, program};
use crate::support::database::TestDatabase;

fn follow(database: &TestDatabase) -> (Child, impl Iterator<Item = String>) {
    let mut command = program(&["top", "--every", "1s"]);
    command.env("DATABASE_URL", database.url()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    (child, lines.map(Result::unwrap))
}

#[test]
fn top_prints_a_line_for_each_look_over_a_pipe() {
    let database = TestDatabase::new();
    answer(on(&database, &["enqueue", "note"]));
    let (mut child, mut lines) = follow(&database);
    let first = lines.next().unwrap();
    assert!(first.starts_with("at=") && first.contains(" ready=1 ") && first.contains(" dead=0 "), "{first}");
    assert!(first.contains(" started_per_s=0.00 ") && first.ends_with(" run_p99_ms=-"), "{first}");
    answer(on(&database, &["enqueue", "note"]));
    lines.find(|line| line.contains(" ready=2 ")).unwrap();
    // The reader goes: that is no error.
    drop(lines);
    assert!(child.wait().unwrap().success());
}

#[test]
fn top_goes_on_after_an_outage_and_reports_it_once() {
    let database = TestDatabase::new();
    let (mut child, mut lines) = follow(&database);
    lines.next().unwrap();
    let ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()";
    sql_query(ended).execute(&mut database.connection()).unwrap();
    lines.next().unwrap();
    drop(lines);
    let mut errors = String::new();
    child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
    assert!(child.wait().unwrap().success());
    assert!(errors.starts_with("mainspring: ") && errors.ends_with("; trying again\n"), "{errors}");
    assert_eq!(errors.lines().count(), 1, "{errors}");
}

#[test]
fn top_refuses_a_short_interval_and_a_database_that_is_away() {
    assert_refused(program(&["top", "--every", "1ms"]).output().unwrap(), 2, "expected at least 1s");
    let away = "postgres://127.0.0.1:1/nowhere";
    assert_refused(program(&["top", "--database-url", away]).output().unwrap(), 1, "cannot connect");
}

#[test]
fn top_draws_a_screen_on_a_terminal_until_q() {
    let database = TestDatabase::new();
    answer(on(&database, &["enqueue", "note"]));
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let size = Winsize { ws_row: 30, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&terminal, size).unwrap();
    let path = ptsname(&terminal, Vec::new()).unwrap().into_string().unwrap();
    let end = || OpenOptions::new().read(true).write(true).open(&path).unwrap();
    let mut command = program(&["top"]);
    command.env("DATABASE_URL", database.url()).env("TERM", "xterm-256color");
    let mut child = command.stdin(end()).stdout(end()).stderr(end()).spawn().unwrap();
    // It holds ends of the terminal, whose last one must go with the program.
    drop(command);
    let mut terminal = File::from(terminal);
    let mut shown = read_until(&mut terminal, String::new(), "q quit");
    // It moves over blanks and prints the words between them. Only where a job is ready there is an oldest one.
    assert!(shown.contains("mainspring top") && shown.contains("oldest"), "{shown}");
    terminal.write_all(b"q").unwrap();
    shown = read_until(&mut terminal, shown, "\u{1b}[?1049l");
    assert!(child.wait().unwrap().success(), "{shown}");
}

fn read_until(terminal: &mut File, mut shown: String, end: &str) -> String {
    let mut buffer = [0; 4096];
    while !shown.contains(end) {
        let read = terminal.read(&mut buffer).unwrap_or_else(|error| panic!("{error}: {shown}"));
        shown.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
    shown
}
