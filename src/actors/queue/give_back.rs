//! What was claimed and does not run: jobs of claims whose answers were lost, and jobs that no worker has started in time.

use std::time::{Duration, Instant};

use actix::{AsyncContext, Context, WrapFuture, fut::ActorFutureExt};

use super::QueueActor;
use super::claim_lane::PAUSE_AFTER_ERROR;
use crate::store::Durability;
use crate::store::settle::reclaim_lease;

// A job that nobody started for this long is better off with another process.
const STALE_AFTER: Duration = Duration::from_millis(250);
const LOOK_FOR_STALE_EVERY: Duration = Duration::from_millis(100);

impl QueueActor {
    /// The answer to a statement that leases jobs may have been lost after the database had committed: what it took is
    /// taken back, however long the database is away, and nothing is claimed before that.
    pub(super) fn take_back(&mut self, lease: i64, ctx: &mut Context<Self>) {
        self.claims.taking_back += 1;
        let (store, worker_id) = (self.shared.store.clone(), self.shared.worker_id());
        let take_back = async move {
            actix_rt::time::sleep(PAUSE_AFTER_ERROR).await;
            store.run(Durability::Relaxed, move |conn| reclaim_lease(conn, worker_id, lease)).await
        };
        ctx.spawn(take_back.into_actor(self).map(move |taken, queue, ctx| {
            queue.claims.taking_back -= 1;
            match taken {
                Ok(taken) => {
                    if taken > 0 {
                        queue.claims.announce(None);
                    }
                    queue.pump(ctx);
                }
                Err(_) => queue.take_back(lease, ctx),
            }
        }));
    }

    pub(super) fn watch_prefetch(&mut self, ctx: &mut Context<Self>) {
        if self.claims.watching_prefetch || self.shared.prefetch.len() == 0 {
            return;
        }
        self.claims.watching_prefetch = true;
        ctx.run_later(LOOK_FOR_STALE_EVERY, |queue, ctx| {
            queue.claims.watching_prefetch = false;
            let stale = queue.shared.prefetch.take_stale(STALE_AFTER);
            if !stale.is_empty() {
                queue.claims.pace.reset(Instant::now());
                queue.settles.waiting.extend(stale);
                queue.pump(ctx);
            }
            queue.watch_prefetch(ctx);
        });
    }
}
