//! Another process that runs watched jobs: this test program again.

use std::path::PathBuf;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::watched::Record;
use super::{enqueue_two, until_runs, worker};
use crate::support::database::TestDatabase;
use crate::support::process::{self, Process};

const FOLDER: &str = "MAINSPRING_TEST_RECORD";
const MILLIS: &str = "MAINSPRING_TEST_TIMEOUT";

/// Not a test of its own: a process that runs watched jobs until it is killed.
#[tokio::test]
#[ignore = "a helper process of the tests of leases"]
async fn helper_process_that_runs_watched_jobs() {
    let (Some(url), Some(folder)) = (process::given_url(), std::env::var_os(FOLDER)) else { return };
    let timeout = Duration::from_millis(std::env::var(MILLIS).unwrap().parse().unwrap());
    let worker = worker(&url, &Record::at(PathBuf::from(folder))).heartbeat_timeout(timeout);
    let scheduler = worker.start().await.unwrap();
    enqueue_two(&scheduler).await;
    std::future::pending::<()>().await;
}

/// The process. It runs the first of two jobs of a queue that runs one at a time.
pub struct Helper(Process);

impl Helper {
    pub async fn start(database: &TestDatabase, record: &Record, timeout: Duration) -> Self {
        let test = "leases::helper::helper_process_that_runs_watched_jobs";
        let mut command = process::command(test, &database.url());
        command.env(FOLDER, record.folder()).env(MILLIS, timeout.as_millis().to_string());
        let helper = Self(Process::start(&mut command));
        until_runs(database, record, 1).await;
        helper
    }

    /// Sends the signal right behind a poll, so that it comes between two.
    pub fn signal_behind_a_poll(&self, signal: Signal, record: &Record) {
        let polls = || record.executions().last().map_or(0, |run| run.polls);
        let before = polls();
        while polls() == before {
            std::thread::yield_now();
        }
        self.signal(signal);
    }

    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.0.0.id().try_into().unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }
}
