//! `health`: judges from outside whether schedulers work, for a person or for a probe without HTTP. The exit code is the
//! result.

use std::io::Write;

use clap::Args;
use mainspring::health::{Inspection, Probe, Reason, inspect};
use mainspring::workers::WorkerStatus;
use serde_json::json;

use crate::arguments::ListingOptions;
use crate::failure::Failure;
use crate::output;
use crate::source::{Query, Source};
use crate::status::age;

const HEADINGS: [&str; 4] = ["WORKER", "ID", "HEARTBEAT", "PROBLEMS"];

/// The options of `health`.
#[derive(Debug, Args)]
pub(crate) struct HealthArguments {
    /// Judge only the workers of this name [default: all].
    #[arg(long, value_name = "NAME")]
    worker: Option<String>,
    #[command(flatten)]
    listing: ListingOptions,
}

pub(crate) fn run(
    opened: Result<Source, Failure>,
    arguments: &HealthArguments,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let inspected = opened.and_then(|mut source| {
        let worker = arguments.worker.as_deref();
        source.look(Query::new("health").with("worker", worker), |conn| inspect(conn, worker))
    });
    match inspected {
        Ok(inspection) => {
            tell(out, arguments, &inspection)?;
            verdict(&inspection.probe)
        }
        Err(failure) => {
            if let (Failure::Refused(text), true) = (&failure, arguments.listing.json) {
                let reason =
                    json!({"code": Reason::DatabaseUnreachable { seconds: None }.code(), "text": text});
                output::json(out, &json!({"status": "fail", "reasons": [reason]}))?;
            }
            Err(failure)
        }
    }
}

fn tell(out: &mut impl Write, arguments: &HealthArguments, inspection: &Inspection) -> Result<(), Failure> {
    if arguments.listing.json {
        return output::json(out, inspection);
    }
    let Inspection { probe, workers, .. } = inspection;
    writeln!(out, "{}", probe.status())?;
    for reason in &probe.reasons {
        writeln!(out, "{}: {reason}", reason.code())?;
    }
    if workers.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    output::table(out, HEADINGS, workers.iter().map(cells).collect())
}

fn cells(worker: &WorkerStatus) -> [String; 4] {
    let lost = if worker.lost { " (lost)" } else { "" };
    let heartbeat = format!("{} ago{lost}", age(worker.heartbeat_age_seconds));
    [worker.name.clone(), worker.id.to_string(), heartbeat, worker.problems.join(", ")]
}

fn verdict(probe: &Probe) -> Result<(), Failure> {
    if probe.passed() {
        return Ok(());
    }
    let reasons: Vec<String> = probe.reasons.iter().map(Reason::to_string).collect();
    Err(Failure::Refused(format!("not healthy: {}", reasons.join("; "))))
}
