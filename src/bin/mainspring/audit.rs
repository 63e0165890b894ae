//! `audit`: what people have done, and to what.

use std::io::Write;

use chrono::SecondsFormat;
use clap::Args;
use mainspring::audit::{self, AuditEntry, AuditFilter};

use crate::arguments::ListingOptions;
use crate::failure::Failure;
use crate::output;
use crate::source::{Query, Source};

pub(crate) const EXAMPLES: &str = "\
Examples:
  mainspring audit
  mainspring audit --who anna --act cancel-job
  mainspring audit --kind queue --subject mails --json";

#[derive(Debug, Args)]
pub(crate) struct AuditArguments {
    /// Only acts of this person.
    #[arg(long, value_name = "NAME")]
    who: Option<String>,
    /// Only this act, such as cancel-job.
    #[arg(long, value_name = "ACT")]
    act: Option<String>,
    /// Only acts on this kind of thing: job, queue, schedule or operation.
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// Only acts on what has this id or name.
    #[arg(long, value_name = "ID or NAME")]
    subject: Option<String>,
    /// At most this many.
    #[arg(long, value_name = "COUNT", default_value_t = 100, value_parser = clap::value_parser!(u32).range(..=10_000))]
    limit: u32,
    #[command(flatten)]
    listing: ListingOptions,
}

pub(crate) fn show(
    source: &mut Source,
    arguments: AuditArguments,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let mut filter = AuditFilter::new();
    (filter.who, filter.act, filter.limit) = (arguments.who, arguments.act, arguments.limit);
    (filter.kind, filter.subject) = (arguments.kind, arguments.subject);
    let query = Query::new("audit").with("who", filter.who.as_ref()).with("act", filter.act.as_ref());
    let query = query.with("kind", filter.kind.as_ref()).with("subject", filter.subject.as_ref());
    let query = query.with("limit", Some(filter.limit));
    let entries: Vec<AuditEntry> = source.read(query, |conn| audit::list(conn, &filter))?;
    if arguments.listing.json {
        return output::json(out, &entries);
    }
    let headings = ["TIME", "WHO", "ACT", "ON", "RESULT", "REASON"];
    output::table(out, headings, entries.into_iter().map(cells).collect())
}

fn cells(entry: AuditEntry) -> [String; 6] {
    let filter = entry.filter.map(|filter| format!(": {filter}")).unwrap_or_default();
    [
        entry.acted_at.to_rfc3339_opts(SecondsFormat::Secs, true),
        entry.who,
        entry.act,
        output::shortened(&format!("{} {}{filter}", entry.kind, entry.subject)),
        output::shortened(&entry.result),
        output::shortened(&entry.reason.unwrap_or_default()),
    ]
}
