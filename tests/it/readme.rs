//! The program of README.md prints what stands below it, and the programs that the chapters of the guide begin with end
//! well. `.ci/readme` builds them as a newcomer would.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use crate::support::database::TestDatabase;
use crate::support::process::Process;
use crate::support::waiting::block_until;

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

#[test]
#[ignore = "needs the programs that `.ci/readme` builds"]
fn the_programs_of_the_guide_end_well() {
    let Some(folder) = std::env::var_os("MAINSPRING_GUIDE_PROGRAMS") else { return };
    let pages = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/guide")).unwrap();
    let mut programs = 0;
    for page in pages.map(|page| page.unwrap().path()) {
        let text = fs::read_to_string(&page).unwrap();
        let first =
            text.split("```rust").nth(1).and_then(|rest| rest.split("```").next()).unwrap_or_default();
        if !first.contains("fn main") {
            continue;
        }
        let program = format!("guide_{}", page.file_stem().unwrap().display());
        let status = run_to_its_end(&Path::new(&folder).join(&program), first);
        assert!(status.success(), "{program}: {status}");
        programs += 1;
    }
    assert!(programs >= 15, "only {programs} programs were found");
}

fn run_to_its_end(program: &Path, text: &str) -> ExitStatus {
    let database = TestDatabase::empty();
    let mut command = Command::new(program);
    command.env("DATABASE_URL", database.url()).stdin(Stdio::null());
    let mut process = Process::start(&mut command);
    if text.contains("HttpServer") {
        while !responds() {
            assert_eq!(process.0.try_wait().unwrap(), None, "{} ended", program.display());
        }
        process.signal("INT");
    } else if text.contains("stop_at_signal") {
        block_until("a program that catches SIGINT", || catches_interrupt(process.0.id()));
        process.signal("INT");
    }
    process.0.wait().unwrap()
}

fn responds() -> bool {
    let request = b"GET / HTTP/1.0\r\n\r\n";
    let Ok(mut server) = TcpStream::connect("127.0.0.1:8080") else { return false };
    server.write_all(request).is_ok() && server.read(&mut [0; 16]).is_ok_and(|read| read > 0)
}

// Linux lists the signals that a process catches, as bits.
fn catches_interrupt(process: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap().trim();
    u64::from_str_radix(caught, 16).unwrap() & 0b10 != 0
}
