//! MaintenanceActor: prepares the partitions of history, and deletes what has been kept for long enough. Every process does
//! this; the work is cheap when another one has done it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{Actor, AsyncContext, Context, WrapFuture};

use super::death_watch::{DeathWatch, ends_on_leave};
use super::rescue::rescue_jobs_without_worker;
use crate::engine::outage::{Failure, Outage};
use crate::error::StoreError;
use crate::shared::{Role, Shared};
use crate::store::Durability;
use crate::store::retention::{delete_dead, drop_history, prepare_history};
use crate::store::schedules::{prune_fires, retire_lines};

const INTERVAL: Duration = Duration::from_secs(600);
// Rows are deleted in portions, so that no statement holds its locks for long.
const MAX_DELETED_AT_ONCE: i64 = 1_000;

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
    }
}

async fn maintain_forever(shared: Arc<Shared>) {
    let mut outage = Outage::default();
    loop {
        match maintain(&shared).await {
            Ok(()) if outage.recovered() => log::info!("clearing away what is over again"),
            Ok(()) => {}
            Err(error) => {
                if outage.failed(Instant::now(), INTERVAL) == Failure::First {
                    log::error!("cannot clear away what is over, trying again in ten minutes: {error}");
                }
            }
        }
        actix_rt::time::sleep(INTERVAL.mul_f64(0.9 + 0.2 * fastrand::f64())).await;
    }
}

async fn maintain(shared: &Shared) -> Result<(), StoreError> {
    maintain_history(shared).await?;
    rescue_jobs_without_worker(shared, Durability::Relaxed).await;
    delete_dead_jobs(shared).await
}

async fn maintain_history(shared: &Shared) -> Result<(), StoreError> {
    let (history, retention) = (shared.config.history(), shared.config.history_retention);
    shared
        .store
        .run(Durability::Relaxed, move |conn| {
            if history.is_kept() {
                prepare_history(conn)?;
            }
            drop_history(conn, retention)
        })
        .await?;
    let prune = move || {
        shared.store.run(Durability::Relaxed, move |conn| prune_fires(conn, retention, MAX_DELETED_AT_ONCE))
    };
    while prune().await? > 0 {}
    shared.store.run(Durability::Relaxed, |conn| retire_lines(conn)).await
}

async fn delete_dead_jobs(shared: &Shared) -> Result<(), StoreError> {
    let Some(retention) = shared.config.dead_retention else { return Ok(()) };
    let delete = move || {
        shared.store.run(Durability::Relaxed, move |conn| delete_dead(conn, retention, MAX_DELETED_AT_ONCE))
    };
    while delete().await? > 0 {}
    Ok(())
}
