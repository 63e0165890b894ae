//! The program of README.md prints what stands below it. `.ci/readme` builds it as a newcomer would.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::support::database::TestDatabase;
use crate::support::process::Process;

const README: &str = include_str!("../../README.md");

/// The first block of the README that begins with that line.
fn block(first: &str) -> Vec<&'static str> {
    let lines = README.lines().skip_while(|line| *line != first).skip(1);
    lines.take_while(|line| *line != "```").collect()
}

#[test]
fn the_readme_asks_for_this_release() {
    let (release, _) = env!("CARGO_PKG_VERSION").rsplit_once('.').unwrap();
    let dependencies = block("```toml");
    assert!(dependencies.contains(&format!("mainspring = \"{release}\"").as_str()), "{dependencies:?}");
    assert!(block("```rust,no_run").contains(&"#[actix_web::main] // or #[tokio::main]"));
    assert_eq!(block("```text").len(), 2);
}

#[test]
#[ignore = "needs the program that `.ci/readme` builds"]
fn the_program_prints_what_the_readme_says() {
    let Some(program) = std::env::var_os("MAINSPRING_README_PROGRAM") else { return };
    let database = TestDatabase::empty();
    let mut command = Command::new(program);
    command.env("DATABASE_URL", database.url()).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut process = Process::start(&mut command);
    let lines = BufReader::new(process.0.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut expected = block("```text");
    // Two jobs may run side by side.
    let mut printed: Vec<String> = lines.take(expected.len()).collect();
    printed.sort_unstable();
    expected.sort_unstable();
    assert_eq!(printed, expected);
    process.signal("INT");
    assert!(process.0.wait().unwrap().success());
}
