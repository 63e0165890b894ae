//! `cron next`: when an expression fires. It needs no database.

use std::io::Write;

use chrono::{Datelike, SecondsFormat, Utc};

use crate::arguments::NextArguments;
use crate::failure::Failure;
use crate::output;

// RFC 3339 writes years with four digits.
const LAST_YEAR: i32 = 9_999;

pub(crate) fn next(arguments: &NextArguments, out: &mut impl Write) -> Result<(), Failure> {
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
