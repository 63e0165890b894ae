//! `gauges`: what there was at the last sample, jobs by state and task first.

use std::io::Write;

use chrono::SecondsFormat;
use mainspring::gauges::{self, Gauges, JobsGauge, Measured};

use crate::arguments::ListingOptions;
use crate::failure::Failure;
use crate::output;
use crate::source::{Query, Source};
use crate::status::age;

pub(crate) fn show(
    source: &mut Source,
    options: &ListingOptions,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let found = source.read(Query::new("gauges"), |conn| gauges::read(conn))?;
    if options.json {
        return output::json(out, &found);
    }
    match found {
        Some(gauges) => tell(out, gauges),
        None => Ok(writeln!(out, "no scheduler has sampled yet")?),
    }
}

fn tell(out: &mut impl Write, gauges: Gauges) -> Result<(), Failure> {
    writeln!(out, "sampled at {}", gauges.sampled_at.to_rfc3339_opts(SecondsFormat::Secs, true))?;
    writeln!(out, "workers: {} alive, {} lost", gauges.workers, gauges.lost_workers)?;
    writeln!(
        out,
        "dead rows in the table of jobs: {}; oldest transaction: for {}, {} transactions ago\n",
        gauges.dead_rows,
        age(gauges.horizon_seconds),
        gauges.horizon_transactions
    )?;
    let jobs = gauges.jobs.iter().filter(|gauge| gauge.jobs > 0);
    output::table(out, ["STATE", "TASK", "JOBS", "OLDEST"], jobs.map(|jobs| cells(jobs, &gauges)).collect())?;
    let parked = gauges.parked.iter().filter(|gauge| gauge.jobs > 0);
    let parked: Vec<_> =
        parked.map(|gauge| [named(&gauge.queue), number(gauge.jobs, gauge.measured)]).collect();
    if !parked.is_empty() {
        writeln!(out)?;
        output::table(out, ["QUEUE", "PARKED"], parked)?;
    }
    Ok(())
}

fn cells(jobs: &JobsGauge, gauges: &Gauges) -> [String; 4] {
    let is_ready = jobs.state == mainspring::JobState::Ready;
    let oldest = gauges.oldest_ready.iter().find(|oldest| is_ready && oldest.task == jobs.task);
    let oldest = oldest.map(|oldest| age(oldest.seconds)).unwrap_or_default();
    [jobs.state.as_str().to_owned(), named(&jobs.task), number(jobs.jobs, jobs.measured), oldest]
}

fn named(name: &str) -> String {
    if name == Gauges::OTHERS { "all others".to_owned() } else { name.to_owned() }
}

fn number(jobs: i64, measured: Measured) -> String {
    match measured {
        Measured::Exact => jobs.to_string(),
        Measured::Estimated => format!("about {jobs}"),
    }
}
