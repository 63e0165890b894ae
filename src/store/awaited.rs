//! How long work on another thread is awaited, and what is reported when it does not end in time. Knows no connection.

use std::future::pending;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::sleep;

use super::gate::Gate;
use super::threads::{GivenUp, Threads};
use crate::error::{StoreError, Stored};

// So long after a server was found again, replies of the one before may still come: it may be the same one, only late.
const LAST_REPLIES: Duration = Duration::from_millis(500);

/// How long a caller waits for a reply.
pub(super) struct Patience {
    timeout: Duration,
    found_again: Option<watch::Receiver<Instant>>,
}

impl Patience {
    pub(super) fn of(timeout: Duration) -> Self {
        Self { timeout, found_again: None }
    }

    /// Until the time-out is over, or heartbeats have found a server again: the statement is repeated there.
    pub(super) fn until_found(timeout: Duration, found_again: watch::Receiver<Instant>) -> Self {
        Self { timeout, found_again: Some(found_again) }
    }

    /// Returns when nothing is expected any more.
    async fn end(self, began: Instant) {
        let found = async {
            let Some(mut found_again) = self.found_again else { return pending().await };
            if found_again.wait_for(|at| *at > began).await.is_err() {
                return pending().await;
            }
            sleep(LAST_REPLIES).await;
        };
        tokio::select! {
            () = sleep(self.timeout) => {}
            () = found => {}
        }
    }
}

/// Runs `work` on one of the threads, and waits for it without blocking this one.
pub(super) async fn awaited<T, W>(threads: &Threads, patience: Patience, work: W) -> Result<T, StoreError>
where
    T: Send + 'static,
    W: FnOnce(&Gate) -> Result<T, StoreError> + Send + 'static,
{
    let began = Instant::now();
    let mut reply = threads.start(work).map_err(|_| no_thread())?;
    let done = tokio::select! {
        biased;
        done = &mut reply => done,
        () = patience.end(began) => match reply.give_up() {
            GivenUp::NotBegun => return Err(timed_out(began, Stored::No)),
            GivenUp::Running => return Err(timed_out(began, Stored::Unknown)),
            GivenUp::Never => reply.await,
        },
    };
    done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn timed_out(began: Instant, stored: Stored) -> StoreError {
    StoreError::TimedOut { waited: began.elapsed(), stored }
}

pub(super) fn no_thread() -> StoreError {
    StoreError::Connect("too many threads wait for a database that does not reply".into())
}
