//! The command line: migrate, look, enqueue, administer, schedule, ask cron. What a command does is done by the library; here arguments
//! become calls, and answers become tables, JSON and exit codes.

mod arguments;
mod cron;
mod enqueue;
mod failure;
mod jobs;
mod output;
mod queues;
mod schedules;
mod status;
mod workers;

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use diesel::PgConnection;
#[cfg(feature = "embedded")]
use mainspring::embedded::{EmbeddedOptions, EmbeddedPostgres};

use arguments::{Arguments, Command, CronCommand};
use failure::Failure;

fn main() -> ExitCode {
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("warn")).init();
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn run() -> Result<(), Failure> {
    let arguments = Arguments::try_parse()?;
    // Held to the end of the command: a server that nobody holds stops.
    #[cfg(feature = "embedded")]
    let private = arguments.private.map(EmbeddedOptions::kept_in).map(EmbeddedPostgres::start).transpose()?;
    #[cfg(feature = "embedded")]
    let private_url = private.as_ref().map(EmbeddedPostgres::url);
    #[cfg(not(feature = "embedded"))]
    let private_url = None;
    let database_url = private_url.or(arguments.database_url.as_deref());
    let connect = || connect(database_url);
    let mut out = BufWriter::new(io::stdout().lock());
    match arguments.command {
        Command::Migrate => migrate(&mut connect()?, &mut out)?,
        Command::Status(options) => status::show(&mut verified(connect()?)?, &options, &mut out)?,
        Command::Enqueue(job) => {
            let job = job.into_job()?;
            // Not verified: a role that may add jobs need not be able to read which migrations there are.
            writeln!(out, "{}", job.insert(&mut connect()?)?)?;
        }
        Command::Queues(command) => queues::run(command, &mut verified(connect()?)?, &mut out)?,
        Command::Jobs(command) => jobs::run(&mut verified(connect()?)?, command, &mut out)?,
        Command::Workers(command) => workers::run(&mut verified(connect()?)?, command, &mut out)?,
        Command::Cleanup(options) => workers::clean_up(&mut verified(connect()?)?, &options, &mut out)?,
        Command::Cron(CronCommand::Next(options)) => cron::next(&options, &mut out)?,
        Command::Cron(CronCommand::Explain(options)) => {
            writeln!(out, "{}", options.expression.describe())?;
        }
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Arguments::command(), "mainspring", &mut out);
        }
        Command::Schedules(command) => schedules::run(&mut verified(connect()?)?, command, &mut out)?,
    }
    Ok(out.flush()?)
}

fn connect(database_url: Option<&str>) -> Result<PgConnection, Failure> {
    let url = database_url.filter(|url| !url.trim().is_empty());
    let url =
        url.ok_or_else(|| Failure::Usage("no database: give --database-url or set DATABASE_URL".into()))?;
    Ok(mainspring::database::connect(url)?)
}

fn verified(mut conn: PgConnection) -> Result<PgConnection, Failure> {
    mainspring::database::verify(&mut conn)?;
    Ok(conn)
}

fn migrate(conn: &mut PgConnection, out: &mut impl Write) -> Result<(), Failure> {
    let applied = mainspring::database::migrate(conn)?;
    if applied.is_empty() {
        writeln!(out, "the schema mainspring is up to date")?;
    }
    for version in applied {
        writeln!(out, "applied {version}")?;
    }
    Ok(())
}
