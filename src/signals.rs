//! Signals to running attempts: interrupt all of them, or cancel one of them. All attempts watch one value, so that an
//! attempt without a signal pays one atomic read. Nothing here knows how an attempt reacts.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use tokio::sync::watch;

/// A job's id and the lease under which it runs.
pub(crate) type Attempt = (i64, i64);

/// Sends signals to the attempts of this process.
#[derive(Default)]
pub(crate) struct Signals(watch::Sender<SignalState>);

/// All signals that were sent so far.
#[derive(Debug, Clone, Default)]
struct SignalState {
    /// Rises with each interruption of all attempts.
    interruptions: u64,
    /// The reasons of the cancelled attempts.
    cancelled: Arc<HashMap<Attempt, String>>,
}

/// Receives the signals to one attempt.
pub(crate) struct SignalReceiver {
    state: watch::Receiver<SignalState>,
    attempt: Attempt,
    /// How many interruptions there were when the attempt started.
    interruptions: u64,
    awaits: Awaits,
}

/// Which signals a receiver still waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Awaits {
    CancelOrInterrupt,
    Interrupt,
}

/// A signal to one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Signal {
    /// End at once.
    Interrupt,
    /// The attempt was cancelled, for this reason.
    Cancel(String),
}

impl Signals {
    /// Interrupts every running attempt.
    pub(crate) fn interrupt_all(&self) {
        self.0.send_modify(|state| state.interruptions += 1);
    }

    /// Cancels attempts. Earlier cancellations are dropped once their leases are no longer open.
    pub(crate) fn cancel(&self, cancelled: Vec<(Attempt, String)>, open: &HashSet<Attempt>) {
        self.0.send_if_modified(|state| {
            let news = cancelled.iter().any(|(attempt, _)| !state.cancelled.contains_key(attempt));
            if news {
                let kept = state.cancelled.iter().filter(|(attempt, _)| open.contains(attempt));
                let kept = kept.map(|(attempt, reason)| (*attempt, reason.clone()));
                state.cancelled = Arc::new(kept.chain(cancelled).collect());
            }
            news
        });
    }

    /// Returns the reason why the attempt was cancelled, if it was.
    pub(crate) fn cancellation(&self, attempt: Attempt) -> Option<String> {
        self.0.borrow().cancelled.get(&attempt).cloned()
    }

    /// Returns a receiver for one attempt. It receives no interruption that was sent before.
    pub(crate) fn subscribe(&self, attempt: Attempt) -> SignalReceiver {
        let state = self.0.subscribe();
        let interruptions = state.borrow().interruptions;
        SignalReceiver { state, attempt, interruptions, awaits: Awaits::CancelOrInterrupt }
    }

    /// Waits until the attempt is cancelled.
    pub(crate) async fn cancelled(&self, attempt: Attempt) {
        let mut receiver = self.0.subscribe();
        // The sender lives as long as the scheduler, which the caller holds.
        let _ = receiver.wait_for(|state| state.cancelled.contains_key(&attempt)).await;
    }
}

impl SignalReceiver {
    /// Waits for the next signal. A cancellation is received once. Cancel-safe.
    pub(crate) async fn recv(&mut self) -> Signal {
        let (interruptions, attempt, awaits) = (self.interruptions, self.attempt, self.awaits);
        let concerns = |state: &SignalState| {
            let cancelled = || awaits == Awaits::CancelOrInterrupt && state.cancelled.contains_key(&attempt);
            state.interruptions != interruptions || cancelled()
        };
        match self.state.wait_for(concerns).await {
            Ok(state) if state.interruptions == interruptions => {
                self.awaits = Awaits::Interrupt;
                Signal::Cancel(state.cancelled.get(&attempt).cloned().unwrap_or_default())
            }
            Ok(_) | Err(_) => Signal::Interrupt,
        }
    }

    /// Waits for an interruption, and ignores a cancellation.
    pub(crate) async fn interrupted(mut self) {
        self.awaits = Awaits::Interrupt;
        self.recv().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_attempt_receives_its_own_cancellation_once_and_every_interruption() {
        let signals = Signals::default();
        let mut receiver = signals.subscribe((1, 10));
        let cancelled = vec![((1, 11), "another lease".into()), ((1, 10), "not wanted".into())];
        signals.cancel(cancelled, &HashSet::new());
        assert_eq!(receiver.recv().await, Signal::Cancel("not wanted".into()));
        assert_eq!(signals.cancellation((1, 10)).as_deref(), Some("not wanted"));
        signals.interrupt_all();
        assert_eq!(receiver.recv().await, Signal::Interrupt);
        let open = HashSet::from([(1, 11)]);
        signals.cancel(vec![((2, 20), "news".into())], &open);
        assert_eq!(signals.cancellation((1, 10)), None);
        assert!(signals.cancellation((1, 11)).is_some() && signals.cancellation((2, 20)).is_some());
    }
}
