//! Finds out which process holds the lock that a late fire needs, and logs the delay with it. A task of its own, so that nothing
//! waits for the answer.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::announce;
use crate::cron::Late;
use crate::error::StoreError;
use crate::shared::Shared;
use crate::store::Durability;
use crate::store::schedules::{holders_of_locks, rehearse};

// By then a rehearsal waits for its lock. It gives up after 300 ms.
const WAITS_BY_THEN: Duration = Duration::from_millis(100);
// Each takes a third of a second and a connection.
const MOST_REHEARSALS: usize = 5;

/// Logs schedules that are late, the first ones with the processes that hold up their fires.
pub(super) async fn announce_late(shared: Arc<Shared>, mut news: Vec<Late>) {
    for late in news.iter_mut().take(MOST_REHEARSALS) {
        let holders = holders(&shared, late.id).await.unwrap_or_default();
        if !holders.is_empty() {
            let holders: Vec<String> = holders.iter().map(ToString::to_string).collect();
            late.reason = format!("{}; held by process {}", late.reason, holders.join(", "));
        }
    }
    announce::late(&news);
}

async fn holders(shared: &Shared, id: i64) -> Result<Vec<i32>, StoreError> {
    let (begun, process) = oneshot::channel();
    let rehearsal = shared.store.run(Durability::Durable, move |conn| {
        rehearse(conn, id, |process| {
            // The look has ended already.
            let _ = begun.send(process);
        })
    });
    let look = async {
        let Ok(process) = process.await else { return Ok(Vec::new()) };
        actix_rt::time::sleep(WAITS_BY_THEN).await;
        shared.store.run(Durability::Relaxed, move |conn| holders_of_locks(conn, process)).await
    };
    let (rehearsed, found) = tokio::join!(rehearsal, look);
    rehearsed.and(found)
}
