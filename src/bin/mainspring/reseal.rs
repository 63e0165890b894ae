//! `reseal`: stored values are sealed again with another key.

use std::io::{self, Read, Write};
use std::path::PathBuf;

use clap::Args;
use mainspring::KeyRing;
use mainspring::reseal::{self, Resealed};

use crate::arguments::ListingOptions;
use crate::failure::Failure;
use crate::output::{self, counted};
use crate::progress::Progress;
use crate::source::Place;

pub(crate) const EXAMPLES: &str = "\
Examples:
  mainspring reseal --keys /run/secrets/mainspring-keys
  vault kv get -field=keys secret/app | mainspring reseal --keys -

A line of the keys is an id, a space and 32 bytes as base64. The first line is the current key:
  2027b hCcuMzm4m0kB0pFJqGSLFXlbrbWZnBJxcOY1TkXPB2A=
  2027a BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=

Exit codes: 0 all is sealed with the current key, 1 the database failed, and some rows may be done, 2 the keys cannot be read,
3 some rows are left, as the output says.";

/// The options of `reseal`.
#[derive(Debug, Args)]
pub(crate) struct ResealOptions {
    /// The file with the keys; `-` is the standard input.
    #[arg(long, value_name = "FILE")]
    keys: PathBuf,
    #[command(flatten)]
    listing: ListingOptions,
}

pub(crate) fn run(options: &ResealOptions, place: &Place<'_>, out: &mut impl Write) -> Result<(), Failure> {
    let ring = KeyRing::parse(&text_of(options)?).map_err(|error| Failure::Usage(error.to_string()))?;
    let mut database = place.database()?.verified()?;
    let progress = Progress::of_unknown_length("sealing again", None);
    let done = reseal::all(&mut database.session(), &ring);
    drop(progress);
    let done = done?;
    if options.listing.json {
        output::json(out, &done)?;
    } else {
        tell(out, &done)?;
    }
    out.flush()?;
    unless_all_done(&done)
}

fn text_of(options: &ResealOptions) -> Result<String, Failure> {
    let path = &options.keys;
    let read = || {
        if path.as_os_str() == "-" {
            let mut text = String::new();
            return io::stdin().read_to_string(&mut text).map(|_| text);
        }
        std::fs::read_to_string(path)
    };
    read().map_err(|error| Failure::Usage(format!("the keys in {} cannot be read: {error}", path.display())))
}

fn tell(out: &mut impl Write, done: &Resealed) -> Result<(), Failure> {
    writeln!(out, "sealed {} again", counted(done.resealed as i64, "row"))?;
    for problem in &done.refused {
        writeln!(out, "left {}", output::printable(problem))?;
    }
    let more = done.refused_in_all - done.refused.len() as u64;
    if more > 0 {
        writeln!(out, "and {more} more")?;
    }
    Ok(())
}

fn unless_all_done(done: &Resealed) -> Result<(), Failure> {
    let rows = |rows: u64| counted(rows as i64, "row");
    match (done.busy, done.refused_in_all) {
        (0, 0) => Ok(()),
        (0, refused) => Err(Failure::Partial(format!("left {} that cannot be opened", rows(refused)))),
        (busy, refused) => Err(Failure::Partial(format!(
            "left {} that ran or changed meanwhile, and {} that cannot be opened: run the command again",
            rows(busy),
            rows(refused)
        ))),
    }
}
