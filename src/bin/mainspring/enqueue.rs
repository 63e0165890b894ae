//! `enqueue`: a job from the words of the command line.

use std::io::{self, Read};

use mainspring::{JobOptions, NewJob};

use crate::arguments::EnqueueArguments;
use crate::failure::Failure;

impl EnqueueArguments {
    /// The job that was described. Its limits are the database's to judge.
    pub(crate) fn into_job(self) -> Result<NewJob, Failure> {
        let payload = if self.payload == "-" { from_stdin()? } else { self.payload };
        let job =
            NewJob::from_json(self.task, &payload).map_err(|error| Failure::Usage(error.to_string()))?;
        let run_at = self.due.moment()?;
        Ok(job.with_options(JobOptions {
            run_at,
            priority: self.priority,
            queue: self.queue,
            max_attempts: self.max_attempts,
            key: self.key,
            key_mode: self.key_mode.into(),
            flags: self.flags,
        }))
    }
}

fn from_stdin() -> Result<String, Failure> {
    let mut payload = String::new();
    io::stdin().read_to_string(&mut payload).map_err(|error| {
        Failure::Refused(format!("cannot read the payload from the standard input: {error}"))
    })?;
    Ok(payload)
}
