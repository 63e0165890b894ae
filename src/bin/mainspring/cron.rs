//! `cron`: when an expression fires, as moments and in words. It needs no database.

use std::io::Write;

use chrono::{DateTime, Datelike, SecondsFormat, Utc};
use chrono_tz::Tz;
use clap::builder::TypedValueParser;
use clap::{Args, Subcommand};
use mainspring::CronExpression;

use crate::arguments::ListingOptions;
use crate::failure::Failure;
use crate::output;
use crate::times::moment;

// RFC 3339 writes years with four digits.
const LAST_YEAR: i32 = 9_999;

#[derive(Debug, Subcommand)]
pub(crate) enum CronCommand {
    /// Print when an expression fires next, a moment a line.
    #[command(after_help = NEXT_EXAMPLES)]
    Next(NextArguments),
    /// Print in words when an expression fires.
    #[command(after_help = "Example:\n  mainspring cron explain '*/15 9-17 * * mon-fri'")]
    Explain(ExplainArguments),
}

#[derive(Debug, Args)]
pub(crate) struct ExplainArguments {
    /// Five crontab fields, six with seconds in front, or a name such as @daily.
    #[arg(value_name = "EXPR", value_parser = CronExpression::parse)]
    expression: CronExpression,
}

const NEXT_EXAMPLES: &str = "\
Examples:
  mainspring cron next '*/5 * * * *'
  mainspring cron next '30 2 * * mon-fri' --zone Europe/Berlin --count 3
  mainspring cron next @monthly --from 2027-01-01T00:00:00Z --json";

#[derive(Debug, Args)]
pub(crate) struct NextArguments {
    /// Five crontab fields, six with seconds in front, or a name such as @daily.
    #[arg(value_name = "EXPR", value_parser = CronExpression::parse)]
    expression: CronExpression,
    /// The zone whose clock counts, such as Europe/Berlin.
    #[arg(long, value_name = "ZONE", default_value = "UTC", value_parser = zone)]
    zone: Tz,
    /// Only moments after this one, such as 2027-01-01T09:00:00Z [default: now].
    #[arg(long, value_name = "RFC3339", value_parser = moment)]
    from: Option<DateTime<Utc>>,
    /// How many moments, 1 to 10000.
    #[arg(long, value_name = "N", default_value = "5", value_parser = how_many())]
    count: usize,
    #[command(flatten)]
    listing: ListingOptions,
}

fn how_many() -> impl TypedValueParser<Value = usize> {
    clap::value_parser!(u16).range(1..=10_000).map(usize::from)
}

fn zone(name: &str) -> Result<Tz, &'static str> {
    name.parse().map_err(|_| "expected the name of a time zone, such as UTC or Europe/Berlin")
}

pub(crate) fn run(command: CronCommand, out: &mut impl Write) -> Result<(), Failure> {
    match command {
        CronCommand::Next(arguments) => next(&arguments, out),
        CronCommand::Explain(arguments) => Ok(writeln!(out, "{}", arguments.expression.describe())?),
    }
}

fn next(arguments: &NextArguments, out: &mut impl Write) -> Result<(), Failure> {
    let fires: Vec<String> = arguments
        .expression
        .iter_after_in(arguments.from.unwrap_or_else(Utc::now), arguments.zone)
        .map(|fire| fire.with_timezone(&arguments.zone))
        .take_while(|fire| fire.year() <= LAST_YEAR)
        .take(arguments.count)
        .map(|fire| fire.to_rfc3339_opts(SecondsFormat::Secs, true))
        .collect();
    if arguments.listing.json {
        if fires.is_empty() {
            eprintln!("no fire is left before the year {}", LAST_YEAR + 1);
        }
        return output::json(out, &fires);
    }
    if fires.is_empty() {
        return Ok(writeln!(out, "no fire is left before the year {}", LAST_YEAR + 1)?);
    }
    fires.iter().try_for_each(|fire| writeln!(out, "{fire}")).map_err(Failure::from)
}
