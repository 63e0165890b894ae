//! Looks at jobs that are waited for. Those who want to look while another look is under way share the next one: a thousand waiters
//! send one statement at a time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use diesel::sql_types::{Array, BigInt};
use tokio::sync::{Mutex as Turn, OwnedMutexGuard, oneshot};

use super::jobs::Job;
use super::json_rows::rows;
use super::pool::Store;
use super::session::Session;
use super::settings::Durability;
use super::statement::Statement;
use crate::error::StoreError;
use crate::lock::lock;

type Seen = Result<Option<Job>, StoreError>;

/// Who wants to look at which job.
#[derive(Default)]
pub(crate) struct Looks {
    wanted: Mutex<Vec<(i64, oneshot::Sender<Seen>)>>,
    turn: Arc<Turn<()>>,
}

impl Looks {
    /// Returns the job as it is after this call, in any state, or `None` when it is not there.
    pub(crate) async fn look(&self, store: &Store, id: i64) -> Seen {
        loop {
            let (reply, mut seen) = oneshot::channel();
            lock(&self.wanted).push((id, reply));
            tokio::select! {
                biased;
                Ok(seen) = &mut seen => return seen,
                turn = Arc::clone(&self.turn).lock_owned() => self.look_for_all(store, turn),
            }
            // The runtime of those who looked may have ended before the reply.
            if let Ok(seen) = seen.await {
                return seen;
            }
        }
    }

    // In a task of its own. Else each waiter that is dropped in the middle would end the look of all, and the next one would begin
    // another: waiters whose time is over together would send a statement each.
    fn look_for_all(&self, store: &Store, turn: OwnedMutexGuard<()>) {
        let wanted = std::mem::take(&mut *lock(&self.wanted));
        let store = store.clone();
        tokio::spawn(async move {
            let found = look_for(&store, wanted.iter().map(|one| one.0).collect()).await;
            for (id, reply) in wanted {
                // The waiter may have gone.
                let _ = reply.send(found.as_ref().map(|jobs| jobs.get(&id).cloned()).map_err(Clone::clone));
            }
            drop(turn);
        });
    }
}

async fn look_for(store: &Store, ids: Vec<i64>) -> Result<HashMap<i64, Job>, StoreError> {
    let look = move |conn: &mut Session<'_>| {
        let text = "SELECT row_to_json(f)::text FROM unnest({}) AS i(id) \
                    CROSS JOIN LATERAL mainspring.find_job(i.id) AS f";
        rows::<Job>(conn, Statement::new(text).bind::<Array<BigInt>, _>(ids))
    };
    let jobs = store.run(Durability::Durable, look).await?;
    Ok(jobs.into_iter().map(|job| (job.id, job)).collect())
}
