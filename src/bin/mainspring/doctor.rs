//! `doctor`: what hurts the schema, its database and its server, with a cure for each finding. The exit code counts the findings.

use std::io::Write;
use std::time::Duration;

use clap::{Args, CommandFactory};
use mainspring::doctor::{By, Finding, Options, Report, Unchecked, examine};
use serde_json::json;

use crate::arguments::{Arguments, ListingOptions};
use crate::database::Database;
use crate::failure::Failure;
use crate::output;
use crate::times::span;

/// The options of `doctor`.
#[derive(Debug, Args)]
pub(crate) struct DoctorArguments {
    /// A transaction that is open for longer is a finding.
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = span)]
    longest_transaction: Duration,
    #[command(flatten)]
    listing: ListingOptions,
}

pub(crate) fn run(
    opened: Result<Database, Failure>,
    arguments: &DoctorArguments,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let options = Options::new().longest_transaction(arguments.longest_transaction);
    let report = opened
        .and_then(|mut database| Ok(examine(&mut database.session(), &options)?))
        .map_err(Failure::not_examined)?;
    if arguments.listing.json {
        let Report { findings, unchecked, .. } = &report;
        output::json(out, &json!({"count": report.count(), "findings": findings, "unchecked": unchecked}))?;
    } else {
        tell(out, &report)?;
    }
    out.flush()?;
    match report.count() {
        0 => Ok(()),
        count => Err(Failure::Findings(count)),
    }
}

fn tell(out: &mut impl Write, report: &Report) -> Result<(), Failure> {
    for finding in &report.findings {
        tell_finding(out, finding)?;
    }
    for Unchecked { code, reason, .. } in &report.unchecked {
        writeln!(out, "not checked: {code}: {}", output::printable(reason))?;
    }
    if report.count() == 0 {
        writeln!(out, "no findings")?;
    }
    Ok(())
}

fn tell_finding(out: &mut impl Write, finding: &Finding) -> Result<(), Failure> {
    let Finding { code, severity, found, expected, harm, cure, .. } = finding;
    writeln!(out, "{severity} {code}: {}", output::printable(found))?;
    writeln!(out, "  expected: {}", output::printable(expected))?;
    writeln!(out, "  harm: {}", output::printable(harm))?;
    let how = match cure.by {
        By::Sql => "cure, by SQL:",
        By::Command => "cure, by a command:",
        _ => "cure, by hand:",
    };
    writeln!(out, "  {how}")?;
    for line in cure.text.lines() {
        writeln!(out, "    {}", output::printable(line))?;
    }
    Ok(writeln!(out)?)
}

/// Returns the failure as it counts for `doctor`, if the arguments name that command: no exit code of it may look like a count.
pub(crate) fn misread(failure: Failure) -> Failure {
    let matches = Arguments::command().ignore_errors(true).try_get_matches();
    match matches.ok().as_ref().and_then(|matches| matches.subcommand_name()) {
        Some("doctor") => Failure::not_examined(failure),
        _ => failure,
    }
}
