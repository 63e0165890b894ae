//! What running attempts are told from outside: to end at once, all of them, or that one of them was cancelled. One watched
//! value for all, so that an attempt that nobody wants anything of pays for nothing but a look at it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use tokio::sync::watch;

/// A job and the lease under which it runs.
pub(crate) type Attempt = (i64, i64);

/// Tells the attempts of this process.
#[derive(Default)]
pub(crate) struct Orders(watch::Sender<Standing>);

/// What stands at a moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Standing {
    /// Rises each time all running attempts must end at once.
    interruptions: u64,
    /// The attempts that were cancelled, and why.
    cancelled: Arc<HashMap<Attempt, String>>,
}

/// What one attempt hears.
pub(crate) struct Ears {
    receiver: watch::Receiver<Standing>,
    attempt: Attempt,
    interruptions: u64,
}

/// What an attempt was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Order {
    EndAtOnce,
    Cancelled(String),
}

impl Orders {
    /// Ends every running attempt at once.
    pub(crate) fn interrupt_all(&self) {
        self.0.send_modify(|standing| standing.interruptions += 1);
    }

    /// Cancels attempts; what was said of others is forgotten once their leases are closed.
    pub(crate) fn cancel(&self, cancelled: Vec<(Attempt, String)>, open: &HashSet<Attempt>) {
        self.0.send_if_modified(|standing| {
            let news = cancelled.iter().any(|(attempt, _)| !standing.cancelled.contains_key(attempt));
            if news {
                let kept = standing.cancelled.iter().filter(|(attempt, _)| open.contains(attempt));
                let kept = kept.map(|(attempt, reason)| (*attempt, reason.clone()));
                standing.cancelled = Arc::new(kept.chain(cancelled).collect());
            }
            news
        });
    }

    /// Why the attempt was cancelled, if it was.
    pub(crate) fn cancellation(&self, attempt: Attempt) -> Option<String> {
        self.0.borrow().cancelled.get(&attempt).cloned()
    }

    /// Begins to listen for one attempt.
    pub(crate) fn ears(&self, attempt: Attempt) -> Ears {
        let receiver = self.0.subscribe();
        let interruptions = receiver.borrow().interruptions;
        Ears { receiver, attempt, interruptions }
    }

    /// Waits until the attempt is cancelled.
    pub(crate) async fn cancelled(&self, attempt: Attempt) {
        let mut receiver = self.0.subscribe();
        // The sender lives as long as the scheduler, which the caller holds.
        let _ = receiver.wait_for(|standing| standing.cancelled.contains_key(&attempt)).await;
    }
}

impl Ears {
    /// Waits for an order; one that has been heard is not heard again. Safe to cancel.
    pub(crate) async fn hear(&mut self, told: bool) -> Order {
        let (interruptions, attempt) = (self.interruptions, self.attempt);
        let concerns = |standing: &Standing| {
            standing.interruptions != interruptions || (!told && standing.cancelled.contains_key(&attempt))
        };
        match self.receiver.wait_for(concerns).await {
            Ok(standing) if standing.interruptions == interruptions => {
                Order::Cancelled(standing.cancelled.get(&attempt).cloned().unwrap_or_default())
            }
            Ok(_) | Err(_) => Order::EndAtOnce,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_attempt_hears_its_own_cancellation_once_and_every_interruption() {
        let orders = Orders::default();
        let mut ears = orders.ears((1, 10));
        orders
            .cancel(vec![((1, 11), "another lease".into()), ((1, 10), "not wanted".into())], &HashSet::new());
        assert_eq!(ears.hear(false).await, Order::Cancelled("not wanted".into()));
        assert_eq!(orders.cancellation((1, 10)).as_deref(), Some("not wanted"));
        orders.interrupt_all();
        assert_eq!(ears.hear(true).await, Order::EndAtOnce);
        let open = HashSet::from([(1, 11)]);
        orders.cancel(vec![((2, 20), "news".into())], &open);
        assert_eq!(orders.cancellation((1, 10)), None);
        assert!(orders.cancellation((1, 11)).is_some() && orders.cancellation((2, 20)).is_some());
    }
}
