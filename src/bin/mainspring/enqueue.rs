//! `enqueue`: a job from the words of the command line.

use std::io::{self, Read, Write};

use mainspring::{JobOptions, NewJob, Session};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::arguments::EnqueueArguments;
use crate::failure::Failure;
use crate::redaction::refuse_mark;
use crate::source::Place;
use crate::tasks::warn_of_unknown;

/// The job as the API takes it.
#[derive(Serialize)]
struct Body<'a> {
    task: &'a str,
    // Its text, so that no number loses a digit.
    payload: &'a RawValue,
    #[serde(flatten)]
    options: Value,
}

/// The reply of the API.
#[derive(Deserialize)]
struct Added {
    id: i64,
}

pub(crate) fn run(
    place: &Place<'_>,
    arguments: EnqueueArguments,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let job = arguments.into_job()?;
    let mut source = place.source_to_enqueue()?;
    let body =
        Body { task: job.task(), payload: serde_json::from_str(job.payload())?, options: options(&job) };
    let verb = |conn: &mut Session<'_>| job.clone().insert(conn).map(|id| Added { id });
    writeln!(out, "{}", source.act("add-job", &body, verb)?.id)?;
    warn_of_unknown(&mut source, job.task());
    Ok(())
}

// A time that counts from now is by the clock of this machine.
fn options(job: &NewJob) -> Value {
    let JobOptions { run_at, priority, queue, max_attempts, key, key_mode, flags, version, .. } =
        job.options();
    json!({"run_at": run_at, "priority": priority, "queue": queue, "max_attempts": max_attempts, "key": key,
        "key_mode": key_mode.as_str(), "flags": flags, "version": version})
}

impl EnqueueArguments {
    /// The job that the arguments describe. The database checks its limits.
    pub(crate) fn into_job(self) -> Result<NewJob, Failure> {
        let payload = if self.payload == "-" { from_stdin()? } else { self.payload };
        // What no handler could read back is refused here, with the reason. The text itself is passed on.
        let value: Value = serde_json::from_str(&payload)
            .map_err(|error| Failure::Usage(format!("the payload must be JSON, got {error}")))?;
        refuse_mark(&value)?;
        let job =
            NewJob::from_json(self.task, &payload).map_err(|error| Failure::Usage(error.to_string()))?;
        let mut options = JobOptions::new();
        options.run_at = self.due.moment()?;
        options.run_in = self.due.delay();
        options.priority = self.priority;
        options.queue = self.queue;
        options.max_attempts = self.max_attempts;
        options.key = self.key;
        options.key_mode = self.key_mode.into();
        options.flags = self.flags;
        options.version = self.payload_version;
        Ok(job.with_options(options))
    }
}

fn from_stdin() -> Result<String, Failure> {
    let mut payload = String::new();
    io::stdin().read_to_string(&mut payload).map_err(|error| {
        Failure::Refused(format!("cannot read the payload from the standard input: {error}"))
    })?;
    Ok(payload)
}
