//! The jobs that a command is about: a list of ids, or all that a filter admits. Those of a filter are counted first, and
//! acted on in batches.

use std::io::{self, BufRead, IsTerminal, Write};

use chrono::{DateTime, Utc};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use mainspring::jobs::{self, ActResult, JobAct, JobFilter};
use mainspring::{JobState, Session, StoreError};
use serde_json::json;

use crate::arguments::ListingOptions;
use crate::database::read;
use crate::failure::Failure;
use crate::output;
use crate::times::past;

/// The rows of one batch: they are changed within some tens of milliseconds.
const BATCH: u32 = 1_000;

/// Conditions that jobs must meet.
#[derive(Debug, Args)]
pub(crate) struct WhichJobs {
    /// Only jobs in this state.
    #[arg(long, value_parser = state())]
    state: Option<JobState>,
    /// Only jobs of this task.
    #[arg(long)]
    task: Option<String>,
    /// Only jobs of this queue.
    #[arg(long)]
    queue: Option<String>,
    /// Only jobs with this key, dead ones included.
    #[arg(long)]
    key: Option<String>,
    /// Only jobs that died or changed at this time or later: 2027-01-01T09:00:00Z, or 2h for two hours ago.
    #[arg(long, value_name = "WHEN", value_parser = past)]
    since: Option<DateTime<Utc>>,
    /// Only jobs that died or changed before this time.
    #[arg(long, value_name = "WHEN", value_parser = past)]
    until: Option<DateTime<Utc>>,
}

impl WhichJobs {
    pub(crate) fn filter(&self) -> JobFilter {
        let mut filter = JobFilter::new();
        filter.state = self.state;
        filter.task.clone_from(&self.task);
        filter.queue.clone_from(&self.queue);
        filter.key.clone_from(&self.key);
        filter.changed_since = self.since;
        filter.changed_until = self.until;
        filter
    }
}

/// The jobs that an act is about.
#[derive(Debug, Args)]
pub(crate) struct Selection {
    /// The jobs' ids. Without ids, conditions select the jobs, which are counted first.
    #[arg(
        allow_negative_numbers = true,
        required_unless_present = "WhichJobs",
        conflicts_with = "WhichJobs"
    )]
    ids: Vec<i64>,
    #[command(flatten)]
    which: WhichJobs,
    /// At most this many jobs that meet the conditions, those with the smallest ids.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..), conflicts_with = "ids")]
    most: Option<i64>,
    /// Change the jobs that meet the conditions without a confirmation.
    #[arg(long, value_enum, num_args = 0, default_missing_value = "given")]
    yes: Option<Consent>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Consent {
    Given,
}

fn state() -> impl TypedValueParser<Value = JobState> {
    PossibleValuesParser::new(JobState::ALL.map(JobState::as_str)).try_map(|name| {
        JobState::ALL.into_iter().find(|state| state.as_str() == name).ok_or("expected the name of a state")
    })
}

type Perform<'a> = dyn Fn(&mut Session<'_>, &[i64]) -> Result<Vec<JobAct>, StoreError> + 'a;

/// What is done to jobs.
pub(crate) struct Act<'a> {
    /// Its name for people.
    pub(crate) verb: &'a str,
    /// The state of the jobs that it is for, where conditions name none.
    pub(crate) usual_state: Option<JobState>,
    pub(crate) perform: &'a Perform<'a>,
}

impl Selection {
    /// Performs the act, and prints what became of the jobs.
    pub(crate) fn act(
        &self,
        conn: &mut Session<'_>,
        listing: &ListingOptions,
        out: &mut impl Write,
        act: &Act<'_>,
    ) -> Result<(), Failure> {
        if self.ids.is_empty() {
            tell_counts(out, listing, &self.act_on_all(conn, act)?)
        } else {
            tell_each(out, listing, &(act.perform)(conn, &self.ids)?)
        }
    }

    // Jobs that are added meanwhile have greater ids, so no more are changed than were counted.
    fn act_on_all(&self, conn: &mut Session<'_>, act: &Act<'_>) -> Result<Tally, Failure> {
        let mut filter = self.which.filter();
        filter.state = filter.state.or(act.usual_state);
        let found = read(conn, |conn| jobs::count(conn, &filter))?;
        let all = self.most.map_or(found, |most| most.min(found));
        if all > 0 {
            self.confirm(act.verb, all)?;
        }
        let mut tally = Tally::default();
        while tally.jobs < all {
            filter.limit = u32::try_from(all - tally.jobs).unwrap_or(BATCH).min(BATCH);
            let ids = read(conn, |conn| jobs::ids(conn, &filter))?;
            let Some(last) = ids.last() else { break };
            filter.after_id = Some(*last);
            (act.perform)(conn, &ids)?.iter().for_each(|one| tally.add(one.result));
            if all > i64::from(BATCH) {
                eprintln!("{} of {all} jobs", tally.jobs);
            }
        }
        Ok(tally)
    }

    fn confirm(&self, verb: &str, jobs: i64) -> Result<(), Failure> {
        if self.yes.is_some() {
            return Ok(());
        }
        let stdin = io::stdin();
        if !stdin.is_terminal() {
            return Err(Failure::Refused(format!(
                "{jobs} jobs meet the conditions: give --yes to {verb} them"
            )));
        }
        eprint!("{verb} {jobs} jobs? [y/N] ");
        let mut reply = String::new();
        stdin.lock().read_line(&mut reply)?;
        match reply.trim() {
            "y" | "Y" | "yes" => Ok(()),
            _ => Err(Failure::Refused("nothing was changed".into())),
        }
    }
}

/// How many jobs were acted on, and with which results.
#[derive(Default)]
struct Tally {
    jobs: i64,
    results: Vec<(ActResult, i64)>,
}

impl Tally {
    fn add(&mut self, result: ActResult) {
        self.jobs += 1;
        match self.results.iter_mut().find(|(known, _)| *known == result) {
            Some((_, jobs)) => *jobs += 1,
            None => self.results.push((result, 1)),
        }
    }
}

fn tell_counts(out: &mut impl Write, listing: &ListingOptions, tally: &Tally) -> Result<(), Failure> {
    if listing.json {
        let counts = tally.results.iter().map(|(result, jobs)| json!({"result": result, "jobs": jobs}));
        output::json(out, &counts.collect::<Vec<_>>())?;
    } else if tally.jobs == 0 {
        writeln!(out, "no job meets the conditions")?;
    } else {
        let cells = |(result, jobs): &(ActResult, i64)| [result.describe().to_owned(), jobs.to_string()];
        output::table(out, ["RESULT", "JOBS"], tally.results.iter().map(cells).collect())?;
    }
    let left: i64 = tally.results.iter().filter(|(result, _)| !result.was_done()).map(|(_, jobs)| jobs).sum();
    if left > 0 {
        out.flush()?;
        return Err(Failure::Partial(format!("{left} of {} were not changed", tally.jobs)));
    }
    Ok(())
}

// Prints what became of each job. The exit code depends on whether all was done.
fn tell_each(out: &mut impl Write, listing: &ListingOptions, acts: &[JobAct]) -> Result<(), Failure> {
    if listing.json {
        output::json(out, &acts)?;
    } else {
        let cells = |act: &JobAct| [act.id.to_string(), act.result.describe().to_owned()];
        output::table(out, ["ID", "RESULT"], acts.iter().map(cells).collect())?;
    }
    Failure::unless_all_done(acts.iter().map(|act| act.result))
}
