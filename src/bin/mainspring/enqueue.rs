//! `enqueue`: a job from the words of the command line.

use std::io::{self, Read};

use mainspring::{JobOptions, NewJob};
use serde_json::Value;

use crate::arguments::EnqueueArguments;
use crate::failure::Failure;

impl EnqueueArguments {
    /// The job that the arguments describe. The database checks its limits.
    pub(crate) fn into_job(self) -> Result<NewJob, Failure> {
        let payload = if self.payload == "-" { from_stdin()? } else { self.payload };
        // What no handler could read back is refused here, with the reason. The text itself is passed on.
        serde_json::from_str::<Value>(&payload)
            .map_err(|error| Failure::Usage(format!("the payload must be JSON, got {error}")))?;
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
