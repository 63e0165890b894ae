//! Outcomes are stored although one of them cannot be, and error texts are bounded.

mod history;
mod poisoned;
mod reports;
mod rescues;
mod texts;

use mainspring::{Enqueue, JobContext, JobError, JobResult, Scheduler, SchedulerBuilder, Task};
use serde::{Deserialize, Serialize};

use crate::support::database::TestDatabase;

/// A job that ends as it says, with that text repeated so many times.
#[derive(Debug, Serialize, Deserialize)]
struct End {
    how: String,
    codes: Vec<u32>,
    times: usize,
}

impl Task for End {
    const NAME: &'static str = "end";
}

// The codes of the characters: no payload can hold NUL.
fn end(how: &str, text: &str, times: usize) -> Enqueue<End> {
    Enqueue::new(End { how: how.into(), codes: text.chars().map(u32::from).collect(), times })
}

async fn run_end(task: End, _: JobContext) -> JobResult {
    let text: String = task.codes.iter().filter_map(|code| char::from_u32(*code)).collect();
    let text = text.repeat(task.times);
    match task.how.as_str() {
        "fail" => Err(text)?,
        "panic" => panic!("{text}"),
        "discard" => Err(JobError::discard(text)),
        "cancel" => Err(JobError::cancel(text)),
        _ => Ok(()),
    }
}

fn ending(database: &TestDatabase) -> SchedulerBuilder {
    ending_on(&database.url())
}

fn ending_on(url: &str) -> SchedulerBuilder {
    Scheduler::builder(url).worker_threads(2).handler(run_end)
}
