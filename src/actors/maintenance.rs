//! MaintenanceActor: prepares the partitions of history, and deletes what has been kept for long enough. Every process does
//! this; the work is cheap when another one has done it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{Actor, AsyncContext, Context, WrapFuture};

use super::death_watch::{DeathWatch, ends_on_leave};
use crate::engine::outage::{Failure, Outage};
use crate::error::StoreError;
use crate::shared::{Role, Shared};
use crate::store::retention::{
    Portion, Swept, delete_audit, delete_dead, delete_fires, delete_operations, delete_results,
    delete_signals, drop_history, index_history, prepare_history, problem_of, repair_waits, retire_lines,
    sweep_stats, sweep_tasks, sweep_workflows,
};
use crate::store::steps::sweep_steps;
use crate::store::tasks::publish;
use crate::store::{Durability, Session};
use crate::text::one_line;

#[cfg(feature = "metrics")]
mod metrics;
mod stats;
mod steps;
mod unknown;

const INTERVAL: Duration = Duration::from_secs(600);
// Rows are deleted in portions, so that no statement holds its locks for long.
const PORTION: i64 = 1_000;
// A workflow may have 10,000 jobs and more.
const WORKFLOWS: i64 = 100;

/// Maintains the tables every ten minutes.
pub(crate) struct MaintenanceActor {
    shared: Arc<Shared>,
    _watch: DeathWatch,
}

impl MaintenanceActor {
    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
        Self { shared: Arc::clone(shared), _watch: DeathWatch::new(Role::Maintenance, shared) }
    }
}

ends_on_leave!(MaintenanceActor);

impl Actor for MaintenanceActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        ctx.spawn(maintain_forever(Arc::clone(&self.shared)).into_actor(self));
        ctx.spawn(stats::store_forever(Arc::clone(&self.shared)).into_actor(self));
        ctx.spawn(steps::delete_forever(Arc::clone(&self.shared)).into_actor(self));
        #[cfg(feature = "metrics")]
        ctx.spawn(metrics::record_forever(Arc::clone(&self.shared)).into_actor(self));
        ctx.spawn(unknown::watch_forever(Arc::clone(&self.shared)).into_actor(self));
    }
}

async fn maintain_forever(shared: Arc<Shared>) {
    let mut duties = Duties::default();
    loop {
        duties.perform(&shared).await;
        actix_rt::time::sleep(INTERVAL.mul_f64(0.9 + 0.2 * fastrand::f64())).await;
    }
}

/// Performs one round, at the time to which a test has moved the clock.
#[cfg(feature = "testing")]
pub(crate) async fn maintain(shared: &Shared) {
    Duties::default().perform(shared).await;
}

/// The steps of a round. Each fails by itself.
#[derive(Default)]
struct Duties {
    prepare: Duty,
    index: Duty,
    drop: Duty,
    fires: Duty,
    lines: Duty,
    tasks: Duty,
    old_tasks: Duty,
    stats: Duty,
    audit: Duty,
    operations: Duty,
    signals: Duty,
    results: Duty,
    waits: Duty,
    dead: Duty,
    steps: Duty,
    /// The job behind which steps are looked at next.
    steps_behind: i64,
    workflows: Duty,
    /// The workflow behind which others are looked at next.
    workflows_behind: i64,
}

impl Duties {
    async fn perform(&mut self, shared: &Shared) {
        if shared.config.history().is_kept() {
            let prepared = shared.store.run(Durability::Relaxed, |conn| prepare_history(conn)).await;
            self.prepare.done("prepare the history for the next days", prepared);
            let indexed = shared.store.run(Durability::Relaxed, |conn| index_history(conn)).await;
            self.index.done("enter the history into its index", indexed);
        }
        let retention = shared.config.history_retention;
        let dropped = shared.store.run(Durability::Relaxed, move |conn| drop_history(conn, retention)).await;
        self.drop.done("drop old history", dropped);
        self.fires.done(
            "delete old fires of schedules",
            in_portions(shared, move |conn| delete_fires(conn, retention, PORTION)).await,
        );
        let retired = shared.store.run(Durability::Relaxed, |conn| retire_lines(conn)).await;
        self.lines.done("retire crontab lines that no program has", retired);
        self.tasks.done("publish the tasks of this process", publish_tasks(shared).await);
        let swept = shared.store.run(Durability::Relaxed, |conn| sweep_tasks(conn)).await;
        self.old_tasks.done("delete what was published of old tasks", swept);
        let swept = shared.store.run(Durability::Relaxed, |conn| sweep_stats(conn)).await;
        self.stats.done("add up old statistics", swept);
        let deleted = in_portions(shared, move |conn| delete_audit(conn, PORTION)).await;
        self.audit.done("delete old lines of the audit log", deleted);
        let deleted = in_portions(shared, move |conn| delete_operations(conn, PORTION)).await;
        self.operations.done("delete old operations", deleted);
        let swept =
            behind(shared, &mut self.steps_behind, |conn, from| sweep_steps(conn, from, PORTION)).await;
        self.steps.done("delete steps of jobs that are gone", swept);
        let sweep = move |conn: &mut Session<'_>, from| sweep_workflows(conn, retention, from, WORKFLOWS);
        let swept = behind(shared, &mut self.workflows_behind, sweep).await;
        self.workflows.done("delete old workflows", swept);
        let deleted = in_portions(shared, move |conn| delete_signals(conn, PORTION)).await;
        self.signals.done("delete old signals", deleted);
        let retention = shared.config.result_retention;
        let deleted = in_portions(shared, move |conn| delete_results(conn, retention, PORTION)).await;
        self.results.done("delete old results of jobs", deleted);
        let repaired = shared.store.run(Durability::Relaxed, |conn| repair_waits(conn)).await;
        self.waits.done("look for jobs that wait for missing ones", repaired);
        if let Some(retention) = shared.config.dead_retention {
            let deleted = in_portions(shared, move |conn| delete_dead(conn, retention, PORTION)).await;
            self.dead.done("delete old dead jobs", deleted);
        }
    }
}

// Those that could not be published at the start, that another process has deleted, or that a newer version published which runs
// no more.
async fn publish_tasks(shared: &Shared) -> Result<Swept, StoreError> {
    let (known, name) = (Arc::clone(&shared.known), shared.config.worker_name.clone());
    let uptime = shared.started_at.elapsed();
    let publish = move |conn: &mut Session<'_>| publish(conn, &name, &known, uptime);
    let done = shared.store.run(Durability::Relaxed, publish).await?;
    Ok(Swept { done, ..Swept::default() })
}

/// One step, and whether its failure is logged already.
#[derive(Default)]
struct Duty(Outage);

impl Duty {
    fn done(&mut self, what: &str, result: Result<Swept, StoreError>) {
        match problem_of(result) {
            None if self.0.recovered() => log::info!("it is possible again to {what}"),
            Some(problem) if self.0.failed(Instant::now(), INTERVAL) == Failure::First => {
                log::error!("cannot {what}, trying again every ten minutes: {}", one_line(problem));
            }
            None | Some(_) => {}
        }
    }
}

async fn in_portions(
    shared: &Shared,
    delete: impl Fn(&mut Session<'_>) -> Result<Swept, StoreError> + Copy + Send + 'static,
) -> Result<Swept, StoreError> {
    let mut all = Swept::default();
    loop {
        let portion = shared.store.run(Durability::Relaxed, move |conn| delete(conn)).await?;
        let is_last = portion.done == 0;
        all.add(portion);
        if is_last {
            return Ok(all);
        }
    }
}

/// Sweeps from where the last sweep has ended, as long as it finds something.
async fn behind(
    shared: &Shared,
    behind: &mut i64,
    sweep: impl Fn(&mut Session<'_>, i64) -> Result<Portion, StoreError> + Copy + Send + 'static,
) -> Result<Swept, StoreError> {
    let mut all = Swept::default();
    loop {
        let from = *behind;
        let portion = shared.store.run(Durability::Relaxed, move |conn| sweep(conn, from)).await?;
        let swept = portion.swept();
        *behind = portion.last.unwrap_or(i64::MIN);
        let is_last = swept.done == 0 || portion.last.is_none();
        all.add(swept);
        if is_last {
            return Ok(all);
        }
    }
}

#[cfg(test)]
mod tests;
