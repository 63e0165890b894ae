//! Breaks the network, the server and the processes on purpose, and proves from a record outside of the database that every promise
//! held. See README.md beside this file. `cargo test` runs the tests of the checker; with `play` it plays scenarios.
#![allow(missing_docs, unreachable_pub)]

mod checker;
mod clock;
mod fault;
mod fleet;
mod growth;
mod judge;
mod patroni;
#[path = "../it/support/proxy.rs"]
mod proxy;
mod record;
mod role;
mod scenarios;
mod server;
mod stage;
mod trouble;
mod workload;

use std::collections::VecDeque;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use self::judge::{HEAD, Verdict, judge};
use self::scenarios::Scenario;

const USAGE: &str = "usage: cargo test --test chaos -- list
       cargo test --test chaos -- play [SCENARIO ..] [--seed N] [--seconds N] [--times N] [--at-once N]
       cargo test --test chaos -- short [--seed N] [--at-once N]
Without a scenario all are played. The fault of each lasts for so many seconds, or as `list` says.
The short set plays a scenario again, alone and twice at most, if its figure is above its bar.";

/// Scenarios at once take the processors from each other, so that work goes on later than it should.
const TRIALS_ALONE: u32 = 2;

fn main() -> ExitCode {
    if let Ok(orders) = std::env::var(role::ORDERS) {
        return role::run(&orders);
    }
    if let Some(folder) = std::env::var_os(patroni::FOLDER) {
        return patroni::run_guard(folder.as_ref());
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("list") => list(),
        Some("play") => parsed(&arguments[1..], play),
        Some("short") => parsed(&arguments[1..], play_short),
        // The names of tests, and the options of the usual harness.
        _ => checker::tests::run(&arguments),
    }
}

fn list() -> ExitCode {
    for Scenario { name, about, time, figure, bar, .. } in scenarios::all() {
        println!(
            "{name:16} {about} ({} s; {}: at most {bar}{})",
            time.as_secs(),
            figure.describe(),
            figure.unit()
        );
    }
    ExitCode::SUCCESS
}

/// What the arguments say.
struct Wanted {
    scenarios: Vec<Scenario>,
    seed: u64,
    time: Option<Duration>,
    times: u64,
    at_once: u64,
}

/// A scenario with its seed and how long its fault lasts.
type Turn = (Scenario, u64, Duration);

fn parsed(arguments: &[String], then: fn(Wanted) -> ExitCode) -> ExitCode {
    match parse(arguments) {
        Ok(wanted) => then(wanted),
        Err(problem) => {
            eprintln!("{problem}\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn play(wanted: Wanted) -> ExitCode {
    let scenarios = if wanted.scenarios.is_empty() { scenarios::all() } else { wanted.scenarios };
    let turns = scenarios.into_iter().flat_map(|scenario| {
        let time = wanted.time.unwrap_or(scenario.time);
        (0..wanted.times).map(move |number| (scenario.clone(), wanted.seed + number, time))
    });
    println!("{HEAD}");
    let played = play_all(turns.collect(), wanted.at_once);
    exit_code(played.failed + played.late.len())
}

fn play_short(wanted: Wanted) -> ExitCode {
    let turns = scenarios::all().into_iter().filter_map(|scenario| {
        let time = scenario.short_time?;
        Some((scenario, wanted.seed, time))
    });
    println!("{HEAD}");
    let mut played = play_all(turns.collect(), wanted.at_once);
    let mut failed = played.failed;
    for _ in 0..TRIALS_ALONE {
        played = play_all(played.late, 1);
        failed += played.failed;
    }
    exit_code(failed + played.late.len())
}

fn exit_code(failed: usize) -> ExitCode {
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What was played and did not pass.
#[derive(Default)]
struct Played {
    late: VecDeque<Turn>,
    failed: usize,
}

/// Plays them in their order, so many at once, and prints a line for each.
fn play_all(turns: VecDeque<Turn>, at_once: u64) -> Played {
    let (turns, played) = (Mutex::new(turns), Mutex::new(Played::default()));
    let next = || turns.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    std::thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                while let Some((scenario, seed, time)) = next() {
                    let verdict = judge(&scenario, seed, time);
                    let mut played = played.lock().unwrap_or_else(PoisonError::into_inner);
                    match verdict {
                        Verdict::Late => played.late.push_back((scenario, seed, time)),
                        Verdict::Fail => played.failed += 1,
                        Verdict::Pass | Verdict::Skip => {}
                    }
                }
            });
        }
    });
    played.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn parse(arguments: &[String]) -> Result<Wanted, String> {
    let seed = fastrand::u64(..1000);
    let mut wanted = Wanted { scenarios: Vec::new(), seed, time: None, times: 1, at_once: 1 };
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let mut number = || -> Result<u64, String> {
            let value = arguments.next().ok_or(format!("{argument} wants a number"))?;
            value.parse().map_err(|error| format!("{argument}: {error}"))
        };
        match argument.as_str() {
            "--seed" => wanted.seed = number()?,
            "--seconds" => wanted.time = Some(Duration::from_secs(number()?)),
            "--times" => wanted.times = number()?,
            "--at-once" => wanted.at_once = number()?,
            name => {
                let found = scenarios::all().into_iter().find(|scenario| scenario.name == name);
                wanted.scenarios.push(found.ok_or(format!("there is no scenario {name}"))?);
            }
        }
    }
    Ok(wanted)
}
