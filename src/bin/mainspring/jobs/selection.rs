//! The jobs that a command is about: a list of ids, or all that a filter admits. Those of a filter are counted first, and
//! acted on in batches.

use std::io::{self, BufRead, IsTerminal, Write};

use chrono::{DateTime, Utc};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use mainspring::Session;
use mainspring::jobs::{self, JobAct, JobFilter, JobStatus, ResultCount, StateFilter};

use super::asked::{Asked, Counted};
use super::operations::{self, Found};
use crate::api::Api;
use crate::arguments::ListingOptions;
use crate::database::read;
use crate::failure::Failure;
use crate::output;
use crate::progress::Progress;
use crate::source::{Source, only_database};
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
    /// With --api: end as soon as the operation is added, and print its number.
    #[arg(long, value_enum, num_args = 0, default_missing_value = "given", conflicts_with = "ids")]
    detach: Option<Consent>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Consent {
    Given,
}

fn state() -> impl TypedValueParser<Value = StateFilter> {
    let names = ["stored", "all"].into_iter().chain(JobStatus::ALL.map(JobStatus::as_str));
    PossibleValuesParser::new(names).try_map(|name| name.parse::<StateFilter>())
}

impl Selection {
    /// Performs the act, and prints what became of the jobs.
    pub(super) fn act(
        &self,
        source: &mut Source,
        listing: &ListingOptions,
        out: &mut impl Write,
        asked: &Asked,
    ) -> Result<(), Failure> {
        if self.ids.is_empty() {
            return match source {
                Source::Database(_) if self.detach.is_some() => Err(no_operation()),
                Source::Database(database) => {
                    let counts = self.act_on_all(&mut database.session(), listing, asked)?;
                    tell_counts(out, listing, &counts)
                }
                Source::Api(api) => self.begin(api, listing, out, asked),
            };
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
    ) -> Result<Vec<Counted>, Failure> {
        let filter = self.filter(asked);
        let most = self.most.map_or(u64::MAX, i64::unsigned_abs);
        let mut matching = read(conn, |conn| jobs::matching(conn, filter, most))?;
        let all = matching.left();
        if all > 0 {
            self.confirm(asked.verb, &all.to_string())?;
        }
        let progress = (all > BATCH).then(|| Progress::of_jobs(asked.verb, all, listing));
        while matching.perform_batch(conn, &asked.act)? {
            if let Some(progress) = &progress {
                progress.done(matching.counts().jobs());
            }
        }
        let counted = |one: &ResultCount| Counted { result: one.result, jobs: one.jobs };
        Ok(matching.counts().results.iter().map(counted).collect())
    }

    /// The same through the API, as an operation.
    fn begin(
        &self,
        api: &Api,
        listing: &ListingOptions,
        out: &mut impl Write,
        asked: &Asked,
    ) -> Result<(), Failure> {
        if self.most.is_some() {
            return Err(only_database());
        }
        let filter = self.filter(asked);
        let found = Found::read(api, &filter)?;
        if found.jobs == 0 && found.are_all() {
            return tell_counts(out, listing, &[]);
        }
        self.confirm(asked.verb, &found.in_words())?;
        let begun = operations::begin(api, &filter, asked)?;
        if self.detach.is_some() {
            return begun.tell(out, listing);
        }
        tell_counts(out, listing, &operations::follow(api, begun, asked, found.jobs, listing)?)
    }

    fn filter(&self, asked: &Asked) -> JobFilter {
        let mut filter = self.which.filter();
        if let (None, Some(usual)) = (self.which.state, asked.usual_state) {
            filter.state = usual.into();
        }
        filter
    }

    fn confirm(&self, verb: &str, jobs: &str) -> Result<(), Failure> {
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

fn no_operation() -> Failure {
    Failure::Usage("--detach is for --api: on the database the command itself changes the jobs".into())
}

fn tell_counts(out: &mut impl Write, listing: &ListingOptions, counts: &[Counted]) -> Result<(), Failure> {
    let all: u64 = counts.iter().map(|one| one.jobs).sum();
    if listing.json {
        output::json(out, &counts)?;
    } else if all == 0 {
        writeln!(out, "no job meets the conditions")?;
    } else {
        let cells = |one: &Counted| [one.result.describe().to_owned(), one.jobs.to_string()];
        output::table(out, ["RESULT", "JOBS"], counts.iter().map(cells).collect())?;
    }
    match counts.iter().filter(|one| !one.result.was_done()).map(|one| one.jobs).sum::<u64>() {
        0 => Ok(()),
        left => {
            out.flush()?;
            Err(Failure::Partial(format!("{left} of {all} were not changed")))
        }
    }
}

/// Prints what became of each job. The exit code depends on whether all was done.
pub(crate) fn tell_each(
    out: &mut impl Write,
    listing: &ListingOptions,
    acts: &[JobAct],
) -> Result<(), Failure> {
    if listing.json {
        output::json(out, &acts)?;
    } else {
        let cells = |act: &JobAct| [act.id.to_string(), act.result.describe().to_owned()];
        output::table(out, ["ID", "RESULT"], acts.iter().map(cells).collect())?;
    }
    Failure::unless_all_done(acts.iter().map(|act| act.result))
}
