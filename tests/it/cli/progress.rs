//! How far a long act has come: a bar on a terminal alone, which is gone afterwards.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use diesel::connection::SimpleConnection;

use super::{answer, json, on};
use crate::support::database::TestDatabase;
use crate::support::rows::{WAITS_FOR_A_ROW, count};
use crate::support::waiting::until;

const RETRY: [&str; 4] = ["jobs", "retry", "--task=a", "--yes"];

/// More dead jobs than one batch has.
fn furnished() -> TestDatabase {
    let database = TestDatabase::new();
    let jobs = "INSERT INTO mainspring.jobs (task, state, run_at, attempts, max_attempts) \
        SELECT 'a', 'dead', now(), 1, 1 FROM generate_series(1, 2500)";
    database.connection().batch_execute(jobs).unwrap();
    database
}

/// The command on a terminal, or nothing where no program makes one.
fn on_a_terminal(database: &TestDatabase, arguments: &[&str]) -> Option<Command> {
    let tried = Command::new("script").arg("--version").output();
    if tried.is_err() {
        eprintln!("skipped: this system has no program `script`");
        return None;
    }
    let program = env!("CARGO_BIN_EXE_mainspring");
    let mut command = Command::new("script");
    command.args(["-qec", &format!("'{program}' {}", arguments.join(" ")), "/dev/null"]);
    command
        .env("DATABASE_URL", database.url())
        .env("TERM", "xterm")
        .env_remove("NO_COLOR")
        .env_remove("RUST_LOG");
    Some(command)
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// What a terminal of one line still shows of it: what stands behind the last order to clear the line.
fn left(shown: &str) -> &str {
    shown.rsplit_once("\u{1b}[2K").map_or(shown, |(_, left)| left)
}

#[test]
fn over_a_pipe_and_for_programs_nothing_shows_how_far_it_is() {
    assert!(answer(on(&furnished(), &RETRY)).contains("2500"));
    let shown = json(on(&furnished(), &[&RETRY[..], &["--json"]].concat()));
    assert_eq!(shown[0]["jobs"], 2_500);
}

#[test]
fn on_a_terminal_a_bar_shows_how_far_it_is_and_goes() {
    for (more, has_bar) in [(&[][..], true), (&["--json"][..], false)] {
        let database = furnished();
        let Some(mut command) = on_a_terminal(&database, &[&RETRY[..], more].concat()) else { return };
        let output = command.stdin(Stdio::null()).output().unwrap();
        let shown = text(&output);
        assert!(output.status.success(), "{shown}");
        assert_eq!(shown.contains("of 2,500"), has_bar, "{shown:?}");
        assert!(!left(&shown).contains("of 2,500") && left(&shown).contains("2500"), "{shown:?}");
        assert!(
            !shown.contains("\u{1b}[?25l") || shown.contains("\u{1b}[?25h"),
            "the cursor is there: {shown:?}"
        );
        assert_eq!(count(&mut database.connection(), "mainspring.jobs WHERE state = 'ready'"), 2_500);
    }
}

#[tokio::test]
async fn ctrl_c_takes_the_bar_away_and_leaves_what_is_done() {
    let database = furnished();
    let mut holder = database.connection();
    holder.batch_execute("BEGIN; SELECT FROM mainspring.jobs WHERE id = 1500 FOR UPDATE").unwrap();
    let Some(mut command) = on_a_terminal(&database, &RETRY) else { return };
    let mut running =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    until(&database, WAITS_FOR_A_ROW, 1).await;
    let mut keys = running.stdin.take().unwrap();
    keys.write_all(b"\x03").unwrap();
    keys.flush().unwrap();
    let output = running.wait_with_output().unwrap();
    let shown = text(&output);
    assert_eq!(output.status.code(), Some(130), "{shown:?}");
    assert_eq!(left(&shown).trim(), "mainspring: interrupted after 1000 of 2500 jobs", "{shown:?}");
    holder.batch_execute("ROLLBACK").unwrap();
    until(&database, "mainspring.jobs WHERE state = 'ready'", 1_000).await;
}
