//! How long work on another thread is awaited, and what is reported when it does not end in time. Knows no connection.

use std::future::pending;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::gate::Gate;
use super::threads::{GivenUp, Threads};
use crate::error::{StoreError, Stored};

// So long after a server was found again, replies of the one before may still come: it may be the same one, only late.
const LAST_REPLIES: Duration = Duration::from_millis(500);

// Work that has passed its gate, and takes longer than its caller waits otherwise, has so much more time.
const BEHIND_THE_GATE: Duration = Duration::from_secs(5);

/// How long a caller waits for a reply.
pub(super) struct Patience {
    timeout: Duration,
    found_again: Option<watch::Receiver<Instant>>,
    /// How much longer it waits for work that has passed its gate, if not for ever.
    behind_the_gate: Option<Duration>,
}

impl Patience {
    pub(super) fn of(timeout: Duration) -> Self {
        Self { timeout, found_again: None, behind_the_gate: Some(BEHIND_THE_GATE) }
    }

    /// Until work has begun: what passes its gate takes as long as it takes.
    pub(super) fn of_beginning(timeout: Duration) -> Self {
        Self { behind_the_gate: None, ..Self::of(timeout) }
    }

    /// Until the time-out is over, or heartbeats have found a server again: the statement is repeated there.
    pub(super) fn until_found(timeout: Duration, found_again: watch::Receiver<Instant>) -> Self {
        Self { found_again: Some(found_again), ..Self::of(timeout) }
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
    let (began, behind_the_gate) = (Instant::now(), patience.behind_the_gate);
    let mut reply = threads.start(work).map_err(|_| no_thread())?;
    let done = tokio::select! {
        biased;
        done = &mut reply => done,
        () = patience.end(began) => match reply.give_up() {
            GivenUp::NotBegun => return Err(timed_out(began, Stored::No)),
            GivenUp::Running => return Err(timed_out(began, Stored::Unknown)),
            GivenUp::Never => match behind_the_gate.map(|time| timeout(time, &mut reply)) {
                None => reply.await,
                Some(in_time) => match in_time.await {
                    Ok(done) => done,
                    Err(_) if reply.leave() == GivenUp::Running => {
                        return Err(timed_out(began, Stored::Unknown));
                    }
                    Err(_) => reply.await,
                },
            },
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

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    const MOMENT: Duration = Duration::from_millis(10);

    #[tokio::test]
    async fn work_that_hangs_behind_its_gate_is_awaited_for_a_moment_more() {
        let threads = Threads::new(1);
        let ((passed, passes), (_release, held)) = (mpsc::channel(), mpsc::channel::<()>());
        let work = move |gate: &Gate| {
            passed.send(gate.pass()).expect("the test waits");
            let _: Result<(), _> = held.recv();
            Ok(())
        };
        let patience = Patience { behind_the_gate: Some(MOMENT), ..Patience::of(Duration::from_secs(1)) };
        let waited = awaited(&threads, patience, work).await;
        assert!(passes.recv().expect("it began"));
        assert!(matches!(waited, Err(StoreError::TimedOut { stored: Stored::Unknown, .. })), "{waited:?}");
        // Its thread is not the last one.
        let next = awaited(&threads, Patience::of(Duration::from_secs(60)), |_| Ok(7)).await;
        assert!(matches!(next, Ok(7)), "{next:?}");
    }
}
