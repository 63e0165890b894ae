//! Progress: jobs may report as often as they like, the latest of each is written at most once a second.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use actix::{AsyncContext, Context, WrapFuture, fut::ActorFutureExt};

use super::QueueActor;
use crate::actors::locked;
use crate::store::Durability;
use crate::store::progress::{Progress, write_progress};

const AT_MOST_EVERY: Duration = Duration::from_secs(1);

/// The latest reports that are not written yet, by job.
#[derive(Default)]
pub(crate) struct ProgressBoard(Mutex<HashMap<i64, Progress>>);

impl ProgressBoard {
    /// Puts a report in the place of the job's last one, and answers whether the board was empty.
    pub(crate) fn post(&self, progress: Progress) -> bool {
        let mut board = locked(&self.0);
        let was_empty = board.is_empty();
        board.insert(progress.id, progress);
        was_empty
    }

    fn take(&self) -> Vec<Progress> {
        std::mem::take(&mut *locked(&self.0)).into_values().collect()
    }
}

#[derive(Default)]
pub(super) struct ProgressLane {
    /// A statement is under way, or was less than a second ago.
    resting: bool,
}

impl QueueActor {
    pub(super) fn start_progress(&mut self, ctx: &mut Context<Self>) {
        if self.progress.resting {
            return;
        }
        let news = self.shared.progress.take();
        if news.is_empty() {
            return;
        }
        self.progress.resting = true;
        let (store, written) = (self.shared.store.clone(), news.clone());
        let work =
            async move { store.run(Durability::Relaxed, move |conn| write_progress(conn, &news)).await };
        ctx.spawn(work.into_actor(self).map(move |stored, queue, ctx| {
            match stored {
                Ok(()) => {
                    written.into_iter().for_each(|progress| queue.shared.events.publish_progress(progress))
                }
                // The next report of the job says more.
                Err(error) => log::warn!("cannot write the progress of {} jobs: {error}", written.len()),
            }
            ctx.run_later(AT_MOST_EVERY, |queue, ctx| {
                queue.progress.resting = false;
                queue.start_progress(ctx);
            });
        }));
    }
}
