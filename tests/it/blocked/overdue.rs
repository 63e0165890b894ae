//! The time-outs of jobs that run on a blocked thread: they are reported, and act when the thread goes on.

use super::*;
use crate::support::waiting::{Reports, in_time_once, reports};
use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedSender;

/// Waits on the thread that another job blocks.
#[derive(Serialize, Deserialize)]
struct Neighbour {
    waits_for: Awaited,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Awaited {
    TheResult,
    Nothing,
}

impl Task for Neighbour {
    const NAME: &'static str = "neighbour";
    const TIMEOUT: Option<Duration> = Some(Duration::from_secs(2));
    const MAX_ATTEMPTS: Option<i16> = Some(1);
}

async fn wait(task: Neighbour, job: JobContext) -> JobResult {
    let _ = job.data::<UnboundedSender<i64>>().send(job.id());
    if task.waits_for == Awaited::Nothing {
        std::future::pending::<()>().await;
    }
    job.data::<Arc<Notify>>().notified().await;
    Ok(())
}

async fn start_beside(scheduler: &Scheduler, started: &mut Reports<i64>, waits_for: Awaited) -> i64 {
    let id = scheduler.enqueue(Enqueue::new(Neighbour { waits_for })).await.unwrap();
    assert_eq!(started.next().await, id);
    id
}

/// Whether the thread was blocked before the time-outs of its neighbours were over, as it is on a machine that is not busy.
async fn two_neighbours_are_overdue(first_id: i64) -> bool {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    conn.batch_execute(&format!("SELECT setval('mainspring.jobs_id_seq', {first_id})")).unwrap();
    let ((builder, gate), result) = (blocking(&database, 1), Arc::new(Notify::new()));
    let (starts, mut started) = reports(&database.url());
    let builder = builder.handler(wait).concurrency(3).app_data(starts).app_data(Arc::clone(&result));
    let scheduler = builder.start().await.unwrap();
    let ready = start_beside(&scheduler, &mut started, Awaited::TheResult).await;
    let waiting = start_beside(&scheduler, &mut started, Awaited::Nothing).await;
    let blocker = scheduler.enqueue(Enqueue::new(BlockTheActor {})).await.unwrap();
    block_until("the thread is blocked", || gate.blocked() == 1);
    let blocked_in_time = count(&mut conn, "mainspring.jobs WHERE state = 'running'") == 3;
    let told = || {
        let lines = logs::with(&format!("job {blocker} `block the actor` has blocked"));
        lines.into_iter().filter(|line| line.contains("the time-out of job")).collect::<Vec<_>>()
    };
    if blocked_in_time {
        block_until("a time-out cannot act", || !told().is_empty());
        // Both have been past their time-outs for a few looks of the monitor.
        tokio::time::sleep(Duration::from_millis(300)).await;
        let lines = told();
        assert!(lines.len() == 1 && lines[0].contains("cannot act until it goes on"), "{lines:?}");
        assert!([ready, waiting].iter().any(|id| lines[0].contains(&format!("time-out of job {id} "))));
        assert_eq!(count(&mut conn, "mainspring.jobs WHERE state = 'running'"), 3);
    }
    result.notify_one();
    gate.open(1);
    until(&database, "mainspring.jobs WHERE state = 'running'", 0).await;
    if blocked_in_time {
        // What has its result keeps it, and what has none has timed out.
        assert_eq!(
            count(&mut conn, &format!("mainspring.history WHERE id = {ready} AND outcome = 'succeeded'")),
            1
        );
        let dead = format!(
            "mainspring.jobs WHERE id = {waiting} AND state = 'dead' AND last_error LIKE 'timed out after 2s%'"
        );
        assert_eq!(count(&mut conn, &dead), 1);
    }
    scheduler.stop().await;
    blocked_in_time
}

#[tokio::test(flavor = "multi_thread")]
async fn time_outs_on_a_blocked_thread_are_reported_once_and_act_later() {
    logs::keep();
    let first_id = std::sync::atomic::AtomicI64::new(149_000);
    in_time_once(async || {
        two_neighbours_are_overdue(first_id.fetch_add(100, std::sync::atomic::Ordering::Relaxed)).await
    })
    .await;
}
