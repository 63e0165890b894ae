//! The test job. Its payload sets how an attempt behaves. It reports each start, counts itself in a gauge and waits at
//! a gate, where the test has given the scheduler a channel, a gauge or a gate as application data.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use mainspring::{Enqueue, JobContext, JobError, JobResult, Task};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::UnboundedSender;

use super::gauge::Gauge;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Act {
    pub act: String,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub millis: u64,
}

impl Task for Act {
    const NAME: &'static str = "act";
}

/// A job of a second task that does nothing and that no gauge counts, for tests about two tasks.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Other {}

impl Task for Other {
    const NAME: &'static str = "other";
}

pub fn act(act: &str) -> Enqueue<Act> {
    lasting(act, 0)
}

/// A job whose attempt takes that long.
pub fn lasting(act: &str, millis: u64) -> Enqueue<Act> {
    Enqueue::new(Act { act: act.into(), millis })
}

pub fn other() -> Enqueue<Other> {
    Enqueue::new(Other {})
}

/// What a job reports to the test when it starts.
#[derive(Debug, Clone)]
pub struct Started {
    pub id: i64,
    pub attempt: i16,
    pub act: String,
    pub at: DateTime<Utc>,
}

/// The handler of `Act`.
pub async fn behave(task: Act, job: JobContext) -> JobResult {
    let _running = job.try_data::<Arc<Gauge>>().map(|gauge| gauge.enter(&task.act));
    if let Some(starts) = job.try_data::<UnboundedSender<Started>>() {
        let _ = starts.send(started(&task, &job));
    }
    if task.millis > 0 {
        // The length of the attempt is the load that a test puts on a queue, a limit or a stop.
        tokio::time::sleep(Duration::from_millis(task.millis)).await;
    }
    match task.act.as_str() {
        "fail" => Err(std::io::Error::other("disk on fire"))?,
        "fail at once again" => return Err(JobError::retry_in(Duration::ZERO, "not yet")),
        "panic" => panic!("the bottom fell out"),
        "at gate" => pass_gate(&job).await?,
        "at gate, then fail" => {
            pass_gate(&job).await?;
            Err(std::io::Error::other("disk on fire"))?;
        }
        "at gate, then snooze" => {
            pass_gate(&job).await?;
            return Err(JobError::snooze(Duration::ZERO));
        }
        "discard" => return Err(JobError::discard("no use")),
        "cancel" => return Err(JobError::cancel("no longer wanted")),
        "hold" => return Err(JobError::hold("the contract has expired")),
        _ => {}
    }
    Ok(())
}

/// The handler of `Other`.
pub async fn behave_too(_: Other, _: JobContext) -> JobResult {
    Ok(())
}

// Each attempt uses one permit up.
async fn pass_gate(job: &JobContext) -> JobResult {
    job.data::<Arc<Semaphore>>().acquire().await?.forget();
    Ok(())
}

fn started(task: &Act, job: &JobContext) -> Started {
    Started { id: job.id(), attempt: job.attempt(), act: task.act.clone(), at: Utc::now() }
}

fn is_zero(millis: &u64) -> bool {
    *millis == 0
}
