//! A job that writes down each poll of it, on the clock that all processes of a machine share, into a file of the test. What is
//! written stays, whatever is killed or broken next.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use mainspring::{JobContext, JobResult, Task};
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

use crate::embedded::Scratch;

const BETWEEN_POLLS: Duration = Duration::from_millis(10);

#[derive(Debug, Serialize, Deserialize)]
pub struct WatchedJob {}

impl Task for WatchedJob {
    const NAME: &'static str = "watched";
}

/// Executes until the test is over.
pub async fn watch(_: WatchedJob, job: JobContext) -> JobResult {
    let (record, run) = (job.data::<Record>(), fastrand::u64(1..));
    while !record.is_over() {
        record.note(run);
        // The time between two polls, which is what the record is about.
        tokio::time::sleep(BETWEEN_POLLS).await;
    }
    record.note(run);
    Ok(())
}

/// Time since the machine started. Changes of the time of day do not move it.
pub fn now() -> Duration {
    let time = clock_gettime(ClockId::Monotonic);
    Duration::new(time.tv_sec.try_into().unwrap(), time.tv_nsec.try_into().unwrap())
}

/// The folder in which jobs write their polls down, in any number of processes.
#[derive(Clone)]
pub struct Record {
    folder: PathBuf,
    // Held by the test, and not by its helper processes.
    _owner: Option<Arc<Scratch>>,
}

/// One execution of a job, from its first poll to its last.
#[derive(Debug, Clone, Copy)]
pub struct Execution {
    pub run: u64,
    pub polls: usize,
    pub first: Duration,
    pub last: Duration,
}

impl Record {
    pub fn new() -> Self {
        let scratch = Scratch::new();
        Self { folder: scratch.path().to_owned(), _owner: Some(Arc::new(scratch)) }
    }

    /// The record of the test that has started this process.
    pub fn at(folder: PathBuf) -> Self {
        Self { folder, _owner: None }
    }

    pub fn folder(&self) -> &PathBuf {
        &self.folder
    }

    /// Lets every execution succeed.
    pub fn end(&self) {
        fs::write(self.folder.join("over"), "").unwrap();
    }

    fn is_over(&self) -> bool {
        self.folder.join("over").exists()
    }

    // One `write(2)` a line.
    fn note(&self, run: u64) {
        let mut file = OpenOptions::new().append(true).create(true).open(self.folder.join("polls")).unwrap();
        file.write_all(format!("{run} {}\n", now().as_nanos()).as_bytes()).unwrap();
    }

    /// All executions so far, the first one first.
    pub fn executions(&self) -> Vec<Execution> {
        let text = fs::read_to_string(self.folder.join("polls")).unwrap_or_default();
        let mut found: Vec<Execution> = Vec::new();
        for line in text.lines() {
            let (run, nanos) = line.split_once(' ').expect("a run and a time");
            let (run, at) = (run.parse().unwrap(), Duration::from_nanos(nanos.parse().unwrap()));
            match found.iter_mut().find(|execution| execution.run == run) {
                Some(execution) => {
                    execution.polls += 1;
                    execution.last = execution.last.max(at);
                }
                None => found.push(Execution { run, polls: 1, first: at, last: at }),
            }
        }
        found.sort_by_key(|execution| execution.first);
        found
    }

    /// Every job of the test is in one queue of limit 1. So no two executions overlap, of one job or of two.
    pub fn assert_one_at_a_time(&self) {
        let executions = self.executions();
        for pair in executions.windows(2) {
            assert!(pair[0].last < pair[1].first, "two at the same time: {executions:#?}");
        }
    }
}
