//! The command line: migrate, look, enqueue, administer, schedule, explain cron. The library does the work of a command.
//! Here arguments become calls, and results become tables, JSON and exit codes.

mod api;
mod arguments;
mod audit;
mod cron;
mod database;
mod doctor;
mod enqueue;
mod errors;
mod explain;
mod failure;
mod gauges;
mod health;
mod import;
mod jobs;
mod limits;
mod output;
mod progress;
mod queues;
mod redaction;
mod reseal;
mod schedules;
#[cfg(feature = "dashboard")]
mod serve;
mod source;
mod stats;
mod status;
mod tasks;
mod times;
mod top;
mod workers;
mod workflows;

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use clap::{CommandFactory, Parser};
#[cfg(feature = "embedded")]
use mainspring::embedded::{EmbeddedOptions, EmbeddedPostgres};

use arguments::{Arguments, Command};
use failure::Failure;
use source::Place;

fn main() -> ExitCode {
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("warn")).init();
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn run() -> Result<(), Failure> {
    let arguments = Arguments::try_parse().map_err(|error| doctor::misread(error.into()))?;
    // Held to the end of the command: a server that no process holds stops.
    #[cfg(feature = "embedded")]
    let private = arguments.private.map(EmbeddedOptions::kept_in).map(EmbeddedPostgres::start).transpose()?;
    #[cfg(feature = "embedded")]
    let private_url = private.as_ref().map(EmbeddedPostgres::url);
    #[cfg(not(feature = "embedded"))]
    let private_url = None;
    let database_url = private_url.or(arguments.database_url.as_deref());
    let place = Place {
        url: database_url,
        schema: &arguments.schema,
        api: arguments.api.client().map_err(doctor::misread)?,
    };
    let open = || place.database();
    let mut out = BufWriter::new(io::stdout().lock());
    match arguments.command {
        Command::Migrate(extent) => open()?.migrate(extent, &mut out)?,
        Command::Status(options) => status::show(&mut place.source()?, &options, &mut out)?,
        Command::Health(options) => health::run(place.unverified(), &options, &mut out)?,
        Command::Doctor(options) => doctor::run(open(), &options, &mut out)?,
        Command::Stats(options) => stats::show(&mut place.source()?, &options, &mut out)?,
        Command::Gauges(options) => gauges::show(&mut place.source()?, &options, &mut out)?,
        Command::Top(options) => top::run(open()?.verified()?, &options, &mut out)?,
        #[cfg(feature = "dashboard")]
        Command::Dashboard(options) => {
            serve::run(database::required(database_url)?, &arguments.schema, &options, &mut out)?
        }
        Command::Errors(options) => errors::show(&mut place.source()?, &options, &mut out)?,
        Command::Audit(options) => audit::show(&mut place.source()?, options, &mut out)?,
        Command::Enqueue(job) => enqueue::run(&place, job, &mut out)?,
        Command::Queues(command) => queues::run(command, &mut place.source()?, &mut out)?,
        Command::Pause(_) => queues::pause_all(&mut open()?.verified()?.session(), &mut out)?,
        Command::Resume(_) => queues::resume_all(&mut open()?.verified()?.session(), &mut out)?,
        Command::Explain(options) => explain::show(&mut place.source()?, &options, &mut out)?,
        Command::Jobs(command) => jobs::run(&mut place.source()?, command, &mut out)?,
        Command::Tasks(command) => tasks::run(&mut place.source()?, command, &mut out)?,
        Command::Workers(command) => workers::run(&mut place.source()?, command, &mut out)?,
        Command::Cleanup(options) => {
            workers::clean_up(&mut open()?.verified()?.session(), &options, &mut out)?
        }
        Command::Import(command) => import::run(command, &place, &mut out)?,
        Command::Reseal(options) => reseal::run(&options, &place, &mut out)?,
        Command::Cron(command) => cron::run(command, &mut out)?,
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Arguments::command(), "mainspring", &mut out);
        }
        Command::Workflows(command) => workflows::run(&mut place.source()?, command, &mut out)?,
        Command::Schedules(command) => schedules::run(&mut place.source()?, command, &mut out)?,
    }
    Ok(out.flush()?)
}
