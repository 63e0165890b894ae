//! The network of one of two workers is cut, in every way that a network can be.

use super::watched::Record;
use super::{end, enqueue_two, until_both_beat, until_runs, worker};
use crate::support::database::TestDatabase;
use crate::support::proxy::{Mode, Proxy};
use crate::waits::through_proxy;

/// The first worker runs a job when its network is cut. The second one takes the job. Then the network is whole again.
async fn the_job_moves_once(cut: impl FnOnce(&Proxy)) {
    let (database, record) = (TestDatabase::new(), Record::new());
    let (proxy, url) = through_proxy(&database.url());
    let first = worker(&url, &record).start().await.unwrap();
    enqueue_two(&first).await;
    until_runs(&database, &record, 1).await;
    let second = worker(&database.url(), &record).start().await.unwrap();
    cut(&proxy);
    until_runs(&database, &record, 2).await;
    proxy.set(Mode::Pass);
    until_both_beat(&database).await;
    end(&database, &record, [first, second]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_never_runs_beside_itself_while_packets_are_dropped() {
    the_job_moves_once(|proxy| proxy.set(Mode::Drop)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_never_runs_beside_itself_while_requests_are_dropped() {
    the_job_moves_once(|proxy| proxy.set(Mode::LoseRequests)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_never_runs_beside_itself_while_replies_are_dropped() {
    the_job_moves_once(|proxy| proxy.set(Mode::LoseReplies)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_never_runs_beside_itself_while_connections_are_reset_and_refused() {
    the_job_moves_once(|proxy| proxy.set(Mode::Refuse)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_never_runs_beside_itself_while_connections_are_half_open() {
    the_job_moves_once(|proxy| proxy.set(Mode::HalfOpen)).await;
}
