//! How much load the scheduler bears, as one JSON object a line on standard output; all else goes to standard error.
//! Knows nothing of the scheduler but what an application does. Every run empties `mainspring.jobs` first, and refuses
//! where jobs of anyone else wait.
//!
//! `cargo bench --bench load -- MODE`; the modes and their options are in `arguments.rs`.

mod arguments;
mod ballast;
mod batches;
mod cost;
mod figures;
mod flat;
mod flow;
mod kit;
mod latency;
mod many;
mod memory;
mod process;
mod rest;
mod stage;
mod statements;
mod throughput;
mod waits;
mod watch;

use std::process::ExitCode;

use mainspring::database::connect;
use mainspring::embedded::{Database, EmbeddedOptions, database_url};

use self::arguments::{Arguments, Mode, USAGE};
use self::figures::print_line;
use self::stage::{Outcome, durability, empty_table};

pub(crate) fn main() -> ExitCode {
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("warn")).init();
    let arguments = match Arguments::parse(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(problem) => {
            eprintln!("{problem}; {USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("load: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Outcome<()> {
    // One thread sends and waits, as one of an application's does; the scheduler has threads of its own.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    if let Some(url) = &arguments.url {
        if arguments.modes == [Mode::Helper] {
            return runtime.block_on(throughput::help(url, arguments.history));
        }
        eprintln!("running on the server that --url names");
        return runtime.block_on(run_modes(arguments, url));
    }
    let database = start_server(arguments)?;
    eprintln!("running on {}", database.engine());
    runtime.block_on(run_modes(arguments, database.url()))
}

// The engine that a crate carries cannot count statements and does not start where it should.
fn start_server(arguments: &Arguments) -> Outcome<Database> {
    let options =
        EmbeddedOptions::temporary().setting("shared_buffers", "256MB").setting("max_wal_size", "2GB");
    if !arguments.modes.iter().any(|mode| mode.counts_statements()) {
        return Ok(database_url(options)?);
    }
    let counting = options.clone().setting("shared_preload_libraries", "pg_stat_statements");
    let counting = database_url(counting).or_else(|error| {
        eprintln!("no statement is counted: {error}");
        database_url(options)
    })?;
    if let Database::Embedded(_) = &counting {
        statements::prepare(&mut connect(counting.url())?);
    }
    Ok(counting)
}

async fn run_modes(arguments: &Arguments, url: &str) -> Outcome<()> {
    eprintln!("with {}", durability(&mut connect(url)?)?);
    for &mode in &arguments.modes {
        let jobs = arguments.jobs.unwrap_or(mode.default_jobs());
        eprintln!("{}", mode.name());
        empty_table(&mut connect(url)?)?;
        match mode {
            Mode::Throughput => print_line(mode, throughput::throughput(url, jobs, arguments).await?)?,
            Mode::Latency => print_line(mode, latency::latency(url, jobs).await?)?,
            Mode::LatencyRemote => print_line(mode, latency::latency_remote(url, jobs).await?)?,
            Mode::Enqueue => print_line(mode, throughput::enqueue(url, jobs).await?)?,
            Mode::Flat => flat::flat(url, jobs, arguments).await?,
            Mode::Pinned => watch::pinned(url, arguments).await?,
            Mode::Soak => watch::soak(url, arguments).await?,
            Mode::Rest => print_line(mode, rest::rest(url, arguments.rest()).await?)?,
            Mode::Memory => memory::memory(url, jobs).await?,
            Mode::Batches => batches::batches(url, jobs).await?,
            Mode::Many => many::many(url, jobs, arguments).await?,
            Mode::Waits => waits::waits(url, jobs).await?,
            Mode::Kit => print_line(mode, kit::kit(jobs).await?)?,
            Mode::Cost => cost::cost(url, jobs).await?,
            Mode::Helper => return Err("`helper` is what `throughput --processes 2` starts".into()),
        }
    }
    Ok(())
}
