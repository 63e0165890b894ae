//! Measures what Mainspring is compared with, as one JSON object on standard output. Starts no server and cleans no table but
//! its own: `run.mjs` does.

mod bare;
mod bulk;
mod figures;
mod graphile;
mod statement;

use std::error::Error;
use std::process::ExitCode;

use bare::{FENCED, FLOOR, MAINSPRING, SMALL};
use serde::Serialize;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const USAGE: &str = "usage: peers MODE JOBS URL [SIZE], where MODE is graphile-throughput, graphile-latency, or, each with the \
    size of its batches, bare, bare-mainspring, bare-fenced, bare-floor, bulk";

struct Arguments {
    mode: String,
    jobs: usize,
    url: String,
    size: Option<usize>,
}

fn main() -> ExitCode {
    let Some(arguments) = parse(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("peers: {error}");
            ExitCode::FAILURE
        }
    }
}

fn parse(mut words: impl Iterator<Item = String>) -> Option<Arguments> {
    let (mode, jobs, url) = (words.next()?, words.next()?.parse().ok()?, words.next()?);
    let size = words.next().map(|word| word.parse()).transpose().ok()?;
    Some(Arguments { mode, jobs, url, size })
}

fn run(Arguments { mode, jobs, url, size }: &Arguments) -> Outcome<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match (mode.as_str(), *size) {
        ("graphile-throughput", None) => print(mode, runtime.block_on(graphile::throughput(url, *jobs))?),
        ("graphile-latency", None) => print(mode, runtime.block_on(graphile::latency(url, *jobs))?),
        ("bare", Some(size)) => print(mode, bare::drain(&SMALL, url, *jobs, size)?),
        ("bare-mainspring", Some(size)) => print(mode, bare::drain(&MAINSPRING, url, *jobs, size)?),
        ("bare-fenced", Some(size)) => print(mode, bare::drain(&FENCED, url, *jobs, size)?),
        ("bare-floor", Some(size)) => print(mode, bare::drain(&FLOOR, url, *jobs, size)?),
        ("bulk", Some(size)) => print(mode, runtime.block_on(bulk::bulk(url, *jobs, size))?),
        _ => Err(USAGE.into()),
    }
}

#[derive(Serialize)]
struct Line<'a, Figures> {
    mode: &'a str,
    #[serde(flatten)]
    figures: Figures,
}

fn print(mode: &str, figures: impl Serialize) -> Outcome<()> {
    println!("{}", serde_json::to_string(&Line { mode, figures })?);
    Ok(())
}
