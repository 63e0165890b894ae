//! `explain`: why a job does not run, a reason a line.

use std::io::Write;

use chrono::SecondsFormat;
use clap::Args;
use mainspring::jobs::{self, Explanation};

use crate::arguments::ListingOptions;
use crate::failure::Failure;
use crate::output;
use crate::source::{Query, Source};

#[derive(Debug, Args)]
pub(crate) struct ExplainJobArguments {
    /// The job's id.
    #[arg(value_name = "JOB", allow_negative_numbers = true)]
    id: i64,
    #[command(flatten)]
    listing: ListingOptions,
}

pub(crate) fn show(
    source: &mut Source,
    arguments: &ExplainJobArguments,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let id = arguments.id;
    let reasons = source.read(Query::new("explain").with("id", Some(id)), |conn| jobs::explain(conn, id))?;
    if reasons.is_empty() {
        return Err(Failure::no_job(id));
    }
    if arguments.listing.json {
        return output::json(out, &reasons);
    }
    output::table(out, ["REASON", "UNTIL", "EXPLANATION"], reasons.into_iter().map(cells).collect())
}

fn cells(why: Explanation) -> [String; 3] {
    let until = why.until.map(|until| until.to_rfc3339_opts(SecondsFormat::Secs, true));
    [why.reason.to_string(), until.unwrap_or_default(), why.sentence]
}
