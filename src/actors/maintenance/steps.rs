//! Deletes the steps of jobs that have ended: those of this process a second later, and whatever is left, as after an act of a person,
//! in a round of maintenance.

use std::sync::Arc;
use std::time::Duration;

use crate::shared::Shared;
use crate::store::Durability;
use crate::store::steps::delete_steps_of_gone;
use crate::text::one_line;

/// By then most outcomes are stored, and many jobs share a statement.
const PAUSE: Duration = Duration::from_secs(1);
/// Then the outcomes are stored that had to be tried again.
const SECOND_TRY: Duration = Duration::from_secs(10);
/// The jobs of one statement.
const JOBS: usize = 1_000;

/// Deletes for ever, and tries each job twice. A process whose jobs have no steps rests.
pub(super) async fn delete_forever(shared: Arc<Shared>) {
    let mut tried = Vec::new();
    loop {
        let wait = if tried.is_empty() { Duration::MAX } else { SECOND_TRY };
        // Whether there are new ones is seen next.
        let _ = actix_rt::time::timeout(wait, shared.ended_steps.noted()).await;
        actix_rt::time::sleep(PAUSE).await;
        let ended = shared.ended_steps.take();
        tried.extend(&ended);
        for jobs in tried.chunks(JOBS) {
            delete(&shared, jobs.to_vec()).await;
        }
        tried = ended;
    }
}

async fn delete(shared: &Shared, jobs: Vec<i64>) {
    let delete = shared.store.run(Durability::Relaxed, move |conn| delete_steps_of_gone(conn, &jobs));
    if let Err(error) = delete.await {
        log::debug!("cannot delete steps of jobs that have ended, the sweep will: {}", one_line(error));
    }
}
