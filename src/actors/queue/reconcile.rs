//! Outcomes that the server has forgotten: after its crash a settle that it had answered may be undone, and the claim before
//! it not. The job is then leased to this worker, which holds no such lease any more, and nobody would ever run it.

use std::sync::Arc;
use std::time::Duration;

use actix::{AsyncContext, Context, WrapFuture, fut::ActorFutureExt};
use diesel::pg::PgConnection;

use super::{Mode, QueueActor};
use crate::actors::LeaseTable;
use crate::error::StoreError;
use crate::lifecycle::Outcome;
use crate::store::Durability;
use crate::store::settle::{Settlement, leased_to, settle};

const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(500);

impl QueueActor {
    // In the place of a claim: while no statement that leases jobs is under way, every lease of this worker is in the book.
    pub(super) fn start_reconcile(&mut self, ctx: &mut Context<Self>) {
        let leasing = !self.claims.is_idle() || self.enqueues.starting > 0;
        if !self.reconcile_requested || leasing || self.mode != Mode::Active {
            return;
        }
        self.reconcile_requested = false;
        self.claims.closed = true;
        let (store, leases) = (self.shared.store.clone(), Arc::clone(&self.shared.leases));
        let worker_id = self.shared.worker_id();
        let work = async move {
            store.run(Durability::Relaxed, move |conn| give_back_forgotten(conn, worker_id, &leases)).await
        };
        ctx.spawn(work.into_actor(self).map(|given_back, queue, ctx| {
            queue.claims.closed = false;
            match given_back {
                Ok(0) => {}
                Ok(jobs) => {
                    log::warn!("the server has forgotten the outcomes of {jobs} jobs, as after a crash: they run again");
                    queue.claims.announce(None);
                }
                Err(error) => queue.look_again(&error, ctx),
            }
            queue.pump(ctx);
        }));
    }

    fn look_again(&mut self, error: &StoreError, ctx: &mut Context<Self>) {
        log::debug!("cannot look for forgotten outcomes, trying again: {error}");
        ctx.run_later(PAUSE_AFTER_ERROR, |queue, ctx| {
            queue.reconcile_requested = true;
            queue.pump(ctx);
        });
    }
}

// The book is read first: a lease that is closed after that was settled, and its job is no longer under it.
fn give_back_forgotten(
    conn: &mut PgConnection,
    worker_id: i32,
    leases: &LeaseTable,
) -> Result<usize, StoreError> {
    let open = leases.all_open();
    let forgotten: Vec<Settlement> = leased_to(conn, worker_id)?
        .into_iter()
        .filter(|leased| !open.contains(leased))
        .map(|(id, lease)| Settlement { id, lease, outcome: Outcome::Untouched })
        .collect();
    Ok(settle(conn, &forgotten, false)?.len())
}
