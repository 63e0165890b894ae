//! The jobs that a command is about: a list of ids, or all that a filter admits. Those of a filter are counted first, and
//! acted on in batches.

use std::io::{self, BufRead, IsTerminal, Write};

use chrono::{DateTime, Utc};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use mainspring::Session;
use mainspring::jobs::{
    self, Act, ActCounts, JobAct, JobFilter, JobStatus, Reschedule, ResultCount, StateFilter,
};
use serde_json::{Value, json};

use crate::arguments::ListingOptions;
use crate::database::read;
use crate::failure::Failure;
use crate::output;
use crate::progress::Progress;
use crate::source::Source;
use crate::times::past;

/// The rows of one batch. A bar shows how far it has come where there are several.
const BATCH: u64 = 1_000;

/// Conditions that jobs must meet.
#[derive(Debug, Args)]
pub(crate) struct WhichJobs {
    /// Only jobs in this state; `stored` is all but finished ones, `all` is also these.
    #[arg(long, value_parser = state())]
    state: Option<StateFilter>,
    /// Only jobs of this task.
    #[arg(long)]
    task: Option<String>,
    /// Only jobs of this queue.
    #[arg(long)]
    queue: Option<String>,
    /// Only jobs of queues whose names are like this: a `*` stands for any characters.
    #[arg(long, value_name = "PATTERN")]
    queue_like: Option<String>,
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
        filter.state = self.state.unwrap_or_default();
        filter.task.clone_from(&self.task);
        filter.queue.clone_from(&self.queue);
        filter.queue_like.clone_from(&self.queue_like);
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

fn state() -> impl TypedValueParser<Value = StateFilter> {
    let names = ["stored", "all"].into_iter().chain(JobStatus::ALL.map(JobStatus::as_str));
    PossibleValuesParser::new(names).try_map(|name| name.parse::<StateFilter>())
}

/// What is asked for.
pub(crate) struct Asked {
    /// Its name for people.
    verb: &'static str,
    act: Act,
    /// The state of the jobs that it is for, where conditions name none.
    usual_state: Option<JobStatus>,
}

impl Asked {
    pub(crate) fn new(verb: &'static str, act: Act) -> Self {
        Self { verb, act, usual_state: None }
    }

    /// The path and the body of the API; `None` for what it does not offer.
    fn request(&self, ids: &[i64]) -> Option<(&'static str, Value)> {
        match &self.act {
            Act::Retry(run_at) => Some(("retry-job", json!({"ids": ids, "run_at": run_at}))),
            Act::Cancel(reason) => Some(("cancel-job", json!({"ids": ids, "reason": reason}))),
            Act::Delete => Some(("delete-job", json!({"ids": ids}))),
            Act::Reschedule(Reschedule { run_at, priority, attempts, max_attempts, .. }) => {
                let changes = json!({"ids": ids, "run_at": run_at, "priority": priority, "attempts": attempts,
                    "max_attempts": max_attempts});
                Some(("reschedule-job", changes))
            }
            _ => None,
        }
    }

    pub(crate) fn usually_for(mut self, state: JobStatus) -> Self {
        self.usual_state = Some(state);
        self
    }
}

impl Selection {
    /// Performs the act, and prints what became of the jobs.
    pub(crate) fn act(
        &self,
        source: &mut Source,
        listing: &ListingOptions,
        out: &mut impl Write,
        asked: &Asked,
    ) -> Result<(), Failure> {
        if self.ids.is_empty() {
            return tell_counts(out, listing, &self.act_on_all(&mut source.session()?, listing, asked)?);
        }
        let verb = |conn: &mut Session<'_>| asked.act.perform(conn, &self.ids);
        let acts = match asked.request(&self.ids) {
            Some((path, body)) => source.act(path, &body, verb)?,
            None => verb(&mut source.session()?)?,
        };
        tell_each(out, listing, &acts)
    }

    fn act_on_all(
        &self,
        conn: &mut Session<'_>,
        listing: &ListingOptions,
        asked: &Asked,
    ) -> Result<ActCounts, Failure> {
        let mut filter = self.which.filter();
        if let (None, Some(usual)) = (self.which.state, asked.usual_state) {
            filter.state = usual.into();
        }
        let most = self.most.map_or(u64::MAX, i64::unsigned_abs);
        let mut matching = read(conn, |conn| jobs::matching(conn, filter, most))?;
        let all = matching.left();
        if all > 0 {
            self.confirm(asked.verb, all)?;
        }
        let progress = (all > BATCH).then(|| Progress::of_jobs(asked.verb, all, listing));
        while matching.perform_batch(conn, &asked.act)? {
            if let Some(progress) = &progress {
                progress.done(matching.counts().jobs());
            }
        }
        Ok(matching.counts().clone())
    }

    fn confirm(&self, verb: &str, jobs: u64) -> Result<(), Failure> {
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

fn tell_counts(out: &mut impl Write, listing: &ListingOptions, counts: &ActCounts) -> Result<(), Failure> {
    if listing.json {
        output::json(out, &counts.results)?;
    } else if counts.jobs() == 0 {
        writeln!(out, "no job meets the conditions")?;
    } else {
        let cells = |one: &ResultCount| [one.result.describe().to_owned(), one.jobs.to_string()];
        output::table(out, ["RESULT", "JOBS"], counts.results.iter().map(cells).collect())?;
    }
    match counts.jobs() - counts.done() {
        0 => Ok(()),
        left => {
            out.flush()?;
            Err(Failure::Partial(format!("{left} of {} were not changed", counts.jobs())))
        }
    }
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
