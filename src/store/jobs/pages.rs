//! What a search returns: a page of jobs, how many there are, and where the next page begins.

use std::fmt;
use std::str::FromStr;

use chrono::NaiveDate;

use super::found::Job;

/// A page of a search.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct JobPage {
    /// The jobs, newest first.
    pub jobs: Vec<Job>,
    /// Where the next page begins; `None` if there are no more jobs.
    pub next: Option<JobCursor>,
    /// Whether the page is shorter than it may be although there is a next one: as many rows were looked at as a page may.
    pub is_cut: bool,
}

/// How many jobs there are, as far as that was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobCount {
    /// All were counted.
    Exactly(i64),
    /// So many were found among the rows that were looked at.
    AtLeast(i64),
}

/// Where a page of a search begins. `Display` and `FromStr` write it for an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobCursor {
    /// Before the stored job with this id.
    Job(i64),
    /// Before a line of the history: a day, a block and a line in it.
    Line(NaiveDate, u64, u32),
}

impl fmt::Display for JobCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Job(id) => write!(f, "{id}"),
            Self::Line(day, block, line) => write!(f, "{}_{block}_{line}", day.format("%Y%m%d")),
        }
    }
}

impl FromStr for JobCursor {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("before must be what a page has given, got `{text}`");
        let parts: Vec<&str> = text.split('_').collect();
        match parts.as_slice() {
            [id] => id.parse().map(Self::Job).map_err(|_| wrong()),
            [day, block, line] => {
                let day = NaiveDate::parse_from_str(day, "%Y%m%d").map_err(|_| wrong())?;
                let block = block.parse::<u32>().map_err(|_| wrong())?;
                let line = line.parse::<u16>().map_err(|_| wrong())?;
                Ok(Self::Line(day, block.into(), line.into()))
            }
            _ => Err(wrong()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_written_and_nothing_else_is() {
        let day = NaiveDate::from_ymd_opt(2026, 11, 30).unwrap();
        for cursor in [JobCursor::Job(-7), JobCursor::Job(i64::MAX), JobCursor::Line(day, 12, 345)] {
            assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }
        for wrong in
            ["", "x", "1_2", "20261330_1_2", "20261130_-1_2", "20261130_1_99999", "20261130_1_2_3", "(1,2)"]
        {
            assert!(wrong.parse::<JobCursor>().is_err(), "{wrong}");
        }
    }
}
