//! A process is stopped for longer than its time-out, and continued.

use rustix::process::Signal;

use super::helper::Helper;
use super::watched::Record;
use super::{TIMEOUT, end, until_both_beat, until_runs, worker};
use crate::support::database::TestDatabase;

#[tokio::test(flavor = "multi_thread")]
async fn a_job_never_runs_beside_itself_when_its_process_is_stopped() {
    let (database, record) = (TestDatabase::new(), Record::new());
    let helper = Helper::start(&database, &record, TIMEOUT).await;
    let second = worker(&database.url(), &record).start().await.unwrap();
    helper.signal_behind_a_poll(Signal::STOP, &record);
    until_runs(&database, &record, 2).await;
    helper.signal(Signal::CONT);
    // It has beaten again, so it has noticed.
    until_both_beat(&database).await;
    end(&database, &record, [second]).await;
}
