//! `errors`: errors of jobs by groups, or one group in full.

use std::io::Write;
use std::time::Duration;

use chrono::SecondsFormat;
use clap::Args;
use mainspring::errors::{self, ErrorGroup};

use crate::arguments::ListingOptions;
use crate::failure::Failure;
use crate::output;
use crate::source::{Query, Source};
use crate::times::span;

pub(crate) const EXAMPLES: &str = "\
Examples:
  mainspring errors
  mainspring errors --since 24h --task mail.send
  mainspring errors 5d2b8c01f7aa
  mainspring errors --json | jq '.[] | select(.dead > 0)'";

#[derive(Debug, Args)]
pub(crate) struct ErrorsArguments {
    /// Print this group in full, with the numbers of all the time that is kept.
    #[arg(value_name = "GROUP", conflicts_with_all = ["since", "task"])]
    group: Option<String>,
    /// How far to look back, such as 10m, 6h or 7d. Beyond two days, whole hours count.
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = span)]
    since: Duration,
    /// Only this task.
    #[arg(long, value_name = "TASK")]
    task: Option<String>,
    #[command(flatten)]
    listing: ListingOptions,
}

pub(crate) fn show(
    source: &mut Source,
    arguments: &ErrorsArguments,
    out: &mut impl Write,
) -> Result<(), Failure> {
    if let Some(group) = &arguments.group {
        return show_one(source, group, &arguments.listing, out);
    }
    let query = Query::new("errors").with("since_seconds", Some(arguments.since.as_secs()));
    let mut groups: Vec<ErrorGroup> = source.read(query, |conn| errors::since(conn, arguments.since))?;
    if let Some(task) = &arguments.task {
        groups.retain(|group| group.task == *task);
    }
    if arguments.listing.json {
        return output::json(out, &groups);
    }
    let headings = ["GROUP", "COUNT", "DEAD", "LAST SEEN", "TASK", "JOB", "SUMMARY"];
    output::table(out, headings, groups.into_iter().map(cells).collect())
}

fn cells(group: ErrorGroup) -> [String; 7] {
    [
        group.fingerprint.clone(),
        group.count().to_string(),
        group.dead.to_string(),
        group.last_seen.to_rfc3339_opts(SecondsFormat::Secs, true),
        group.task.clone(),
        group.job_id.map(|id| id.to_string()).unwrap_or_default(),
        output::shortened(summary(&group)),
    ]
}

fn summary(group: &ErrorGroup) -> &str {
    if group.fingerprint == ErrorGroup::OTHERS { "all others" } else { &group.summary }
}

fn show_one(
    source: &mut Source,
    fingerprint: &str,
    listing: &ListingOptions,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let shown = output::printable(&output::middle_cut(fingerprint));
    let missing = || Failure::Refused(format!("there is no group of errors `{shown}`"));
    let query = Query::new("error").with("fingerprint", Some(fingerprint));
    let group: ErrorGroup = source.find(query, missing, |conn| errors::get(conn, fingerprint))?;
    if listing.json {
        return output::json(out, &group);
    }
    let moment = |at: chrono::DateTime<chrono::Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let fields = [
        ("group", group.fingerprint.clone()),
        ("task", group.task.clone()),
        ("summary", summary(&group).to_owned()),
        ("failed", group.failed.to_string()),
        ("dead", group.dead.to_string()),
        ("first seen", moment(group.first_seen)),
        ("last seen", moment(group.last_seen)),
        ("job", group.job_id.map(|id| id.to_string()).unwrap_or_default()),
        ("attempt", group.attempt.map(|attempt| attempt.to_string()).unwrap_or_default()),
    ];
    output::table(out, ["FIELD", "VALUE"], fields.map(|(name, value)| [name.to_owned(), value]).into())?;
    // A line of the error is a line here, and none of them can command the terminal.
    for line in group.error.iter().flat_map(|error| error.lines()) {
        writeln!(out, "  {}", output::printable(line))?;
    }
    Ok(())
}
