//! Payloads that were left by a claim: how many are fetched ahead, and what becomes of a job whose payload cannot be had.

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use futures_util::FutureExt;
use tokio::sync::mpsc::unbounded_channel;

use super::*;
use crate::config::Config;
use crate::server::TestDatabase;
use crate::store::AsSession;
use crate::store::claim::{ClaimRequest, TaskShare, claim};
use crate::store::connector::connect_directly as connect;

const LEASE: i64 = 7;

/// A shared without actors, and as many jobs of 1 MiB, claimed under the lease; a job of 1 byte stands before each.
fn stage(database: &TestDatabase, jobs: usize) -> (Arc<Shared>, PgConnection, Vec<ClaimedJob>) {
    let config = Config::new(database.url());
    let mut conn = connect(&config).unwrap();
    conn.batch_execute(&format!(
        "INSERT INTO mainspring.jobs (task, run_at, state, payload) SELECT 'letter', mainspring.now(), 'ready', p \
         FROM generate_series(1, {jobs}), (VALUES ('1'::jsonb), (to_jsonb(repeat('x', 1 << 20)))) AS v(p)"
    ))
    .unwrap();
    let tasks = vec![TaskShare { task: "letter".into(), version: 0, most: None, gate: None }];
    let request =
        ClaimRequest { worker_id: 1, lease: LEASE, position: None, limit: 1_000, tasks, filtered: None };
    let claimed = claim(&mut conn, &request).unwrap().jobs;
    assert_eq!(claimed.len(), 2 * jobs);
    let shared = Shared::new(config, Arc::default(), HashMap::new(), unbounded_channel().0);
    (Arc::new(shared), conn, claimed)
}

fn withheld(jobs: Vec<LeasedJob>) -> Withheld {
    let withheld = Withheld::new();
    withheld.put(jobs);
    withheld
}

fn taken_from(shared: &Shared) -> Vec<LeasedJob> {
    std::iter::from_fn(|| shared.prefetch.take()).collect()
}

#[tokio::test]
async fn a_claim_brings_small_payloads_and_large_ones_while_memory_is_free() {
    let database = TestDatabase::new();
    let (shared, mut conn, claimed) = stage(&database, 40);
    let mut brought = claimed.iter().map(|job| job.payload.as_deref());
    assert!((0..40).all(|_| brought.next() == Some(Some("1")) && brought.next() == Some(None)));
    let ids: Vec<i64> = claimed.iter().map(|job| job.id).collect();
    fetch_and_offer(&mut conn.as_session(), &shared, &withheld(shared.open(claimed, 1, LEASE)), LEASE)
        .unwrap();
    let (bytes, bound) = (shared.prefetch.payload_bytes(), MAX_BYTES_AHEAD + 2 * PORTION);
    assert!(bytes > PORTION && bytes < bound, "{bytes} bytes");
    let leased = taken_from(&shared);
    assert_eq!(leased.iter().map(|leased| leased.job.id).collect::<Vec<_>>(), ids);
    let here: Vec<bool> = leased.iter().skip(1).step_by(2).map(|job| job.job.payload.is_some()).collect();
    assert!(here[0] && here.is_sorted_by(|one, other| one >= other), "{here:?}");

    // What waits already counts; nothing is fetched where nothing more may be held.
    shared.offer(leased);
    let (lacking, full) = (shared.prefetch.len(), "x".repeat(MAX_BYTES_AHEAD));
    let mut more = taken_from(&shared);
    more[0].job.payload = Some(full);
    more[1].job.payload = None;
    shared.offer(vec![more.remove(0)]);
    fetch_and_offer(&mut conn.as_session(), &shared, &withheld(more), LEASE).unwrap();
    let rest = taken_from(&shared);
    assert!(rest.len() == lacking && rest[1].job.payload.is_none());
}

#[tokio::test]
async fn a_job_whose_lease_is_lost_before_its_payload_came_is_not_handed_on() {
    let database = TestDatabase::new();
    let (shared, mut conn, mut claimed) = stage(&database, 2);
    conn.batch_execute(&format!("DELETE FROM mainspring.jobs WHERE id = {}", claimed[1].id)).unwrap();
    let (lost, mut last) = (claimed[1].clone(), claimed.pop().unwrap());
    fetch_and_offer(&mut conn.as_session(), &shared, &withheld(shared.open(claimed, 1, LEASE)), LEASE)
        .unwrap();
    assert_eq!(shared.prefetch.len(), 2);
    assert_eq!(shared.leases.collect_dropped().len(), 1);
    // The same at the start of a job.
    let mut leased = shared.leases.open(lost, 1, LEASE, Instant::now());
    assert_eq!(payload_of(&mut leased.job, &leased.lease, &shared).await, Payload::Later);
    conn.batch_execute(&format!("UPDATE mainspring.jobs SET lease = 8 WHERE id = {}", last.id)).unwrap();
    let (old, new) = (
        shared.leases.open(last.clone(), 1, LEASE, Instant::now()),
        shared.leases.open(last.clone(), 1, 8, Instant::now()),
    );
    assert_eq!(payload_of(&mut last, &old.lease, &shared).await, Payload::Later);
    let Payload::Fetched(payload) = payload_of(&mut last, &new.lease, &shared).await else { panic!("held") };
    assert_eq!(payload.len(), (1 << 20) + 2);
}

#[tokio::test]
async fn a_job_that_waits_for_its_payload_is_interrupted_as_others_are() {
    let database = TestDatabase::new();
    let (shared, _, mut claimed) = stage(&database, 1);
    let mut job = claimed.pop().unwrap();
    let leased = shared.leases.open(job.clone(), 1, LEASE, Instant::now());
    let turn = shared.payload_turn.acquire().await.unwrap();
    let mut payload = Box::pin(payload_of(&mut job, &leased.lease, &shared));
    assert!((&mut payload).now_or_never().is_none());
    shared.signals.interrupt_all();
    assert_eq!(payload.await, Payload::Later);
    drop(turn);
    // Nor does a stop wait for a database that is away.
    database.go_away();
    shared.phase.advance(Phase::Stopping);
    let before = Instant::now();
    assert_eq!(payload_of(&mut job, &leased.lease, &shared).await, Payload::Later);
    assert!(lock(&shared.payload_outage).retry_at().is_some() && before.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn jobs_that_the_waiting_claim_took_out_are_not_offered_later() {
    let database = TestDatabase::new();
    let (shared, mut conn, claimed) = stage(&database, 1);
    let withheld = withheld(shared.open(claimed.clone(), 1, LEASE));
    let taken = withheld.close();
    withheld.put(shared.open(claimed, 1, LEASE + 1));
    fetch_and_offer(&mut conn.as_session(), &shared, &withheld, LEASE).unwrap();
    assert_eq!((taken.len(), shared.prefetch.len(), shared.leases.collect_dropped().len()), (2, 0, 2));
}
