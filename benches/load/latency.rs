//! How soon a job starts on an idle scheduler, when it is added in the same process and on another connection.

use std::time::{Duration, Instant};

use diesel::sql_types::Text;
use diesel::{RunQueryDsl, sql_query};
use mainspring::database::connect;
use mainspring::{Enqueue, JobContext, Scheduler, Task};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::figures::Latency;
use super::stage::{Outcome, scheduler};

// Connections, statements and caches are warm after the first few.
pub(crate) const WARM_UP: usize = 20;

#[derive(Serialize, Deserialize)]
pub(crate) struct Echo {}

impl Task for Echo {
    const NAME: &'static str = "load.echo";
}

/// One job after another, from just before it is enqueued in this process to the first line of its handler.
pub(crate) async fn latency(url: &str, jobs: usize) -> Outcome<Latency> {
    let (scheduler, mut starts) = start_echo(url).await?;
    let mut samples = Vec::with_capacity(WARM_UP + jobs);
    for _ in 0..WARM_UP + jobs {
        let sent = Instant::now();
        scheduler.enqueue(Enqueue::new(Echo {})).await?;
        samples.push(starts.recv().await.ok_or("the scheduler stopped")? - sent);
    }
    scheduler.stop().await;
    Ok(Latency::of(samples.split_off(WARM_UP)))
}

/// As [`latency`], but enqueued by SQL on a connection the scheduler knows nothing of, so that it learns by notification.
pub(crate) async fn latency_remote(url: &str, jobs: usize) -> Outcome<Latency> {
    let (scheduler, mut starts) = start_echo(url).await?;
    let mut conn = connect(url)?;
    let sampling = tokio::task::spawn_blocking(move || -> Outcome<Vec<Duration>> {
        let mut samples = Vec::with_capacity(WARM_UP + jobs);
        for _ in 0..WARM_UP + jobs {
            let sent = Instant::now();
            sql_query("SELECT mainspring.add_job($1)").bind::<Text, _>(Echo::NAME).execute(&mut conn)?;
            samples.push(starts.blocking_recv().ok_or("the scheduler stopped")? - sent);
        }
        Ok(samples.split_off(WARM_UP))
    });
    let samples = sampling.await??;
    scheduler.stop().await;
    Ok(Latency::of(samples))
}

/// A scheduler whose handler reports when it started.
pub(crate) async fn start_echo(url: &str) -> Outcome<(Scheduler, mpsc::UnboundedReceiver<Instant>)> {
    let (starts, receiver) = mpsc::unbounded_channel();
    let builder =
        scheduler(url).handler(move |_: Echo, _: JobContext| std::future::ready(starts.send(Instant::now())));
    Ok((builder.start().await?, receiver))
}
