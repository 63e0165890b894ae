//! `jobs list`: jobs as a table or as JSON.

use std::io::Write;

use chrono::SecondsFormat;
use diesel::PgConnection;
use mainspring::inspect::{JobFilter, JobRow, list_jobs};

use crate::arguments::ListArguments;
use crate::failure::Failure;
use crate::output;

pub(crate) fn list(
    conn: &mut PgConnection,
    arguments: &ListArguments,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let jobs = list_jobs(conn, &arguments.filter())?;
    if arguments.listing.json {
        return output::json(out, &jobs);
    }
    let headings =
        ["ID", "STATE", "TASK", "QUEUE", "PRIORITY", "RUN AT", "ATTEMPTS", "KEY", "PROGRESS", "LAST ERROR"];
    output::table(out, headings, jobs.into_iter().map(cells).collect())
}

impl ListArguments {
    fn filter(&self) -> JobFilter {
        JobFilter {
            state: self.state,
            task: self.task.clone(),
            queue: self.queue.clone(),
            key: self.key.clone(),
            after_id: self.after,
            limit: self.limit,
        }
    }
}

fn cells(job: JobRow) -> [String; 10] {
    [
        job.id.to_string(),
        job.state.as_str().to_owned(),
        job.task,
        job.queue.unwrap_or_default(),
        job.priority.to_string(),
        job.run_at.to_rfc3339_opts(SecondsFormat::Secs, true),
        format!("{}/{}", job.attempts, job.max_attempts),
        job.key.unwrap_or_default(),
        job.progress.map(|percent| format!("{percent} %")).unwrap_or_default(),
        output::shortened(&job.last_error.unwrap_or_default()),
    ]
}
