//! What all viewers share for some seconds. However many there are, one of them reads.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use crate::error::SchedulerError;

/// How long an error is kept: the database is not asked by each viewer of an outage.
pub(super) const ERRORS_LAST: Duration = Duration::from_secs(2);

/// What a read returned. All who have asked meanwhile share it.
pub(super) type Read<T> = Result<Arc<T>, Arc<SchedulerError>>;

/// A value that is read again when it is older than it may be.
pub(super) struct Kept<T> {
    lasts: Duration,
    read: Mutex<Option<(Instant, Read<T>)>>,
}

impl<T> Kept<T> {
    pub(super) fn new(lasts: Duration) -> Self {
        Self { lasts, read: Mutex::new(None) }
    }

    /// Returns what was read last, however old. `None` before the first read, and during one.
    pub(super) fn last(&self) -> Option<Read<T>> {
        self.read.try_lock().ok()?.as_ref().map(|(_, value)| value.clone())
    }

    /// Returns the value, and reads it first if it is too old. Others wait for that read.
    pub(super) async fn get(&self, read: impl Future<Output = Result<T, SchedulerError>>) -> Read<T> {
        let mut kept = self.read.lock().await;
        if let Some((at, value)) = &*kept {
            let lasts = if value.is_ok() { self.lasts } else { ERRORS_LAST };
            if at.elapsed() < lasts {
                return value.clone();
            }
        }
        let value = read.await.map(Arc::new).map_err(Arc::new);
        *kept = Some((Instant::now(), value.clone()));
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_value_and_an_error_are_read_once_while_they_last() {
        let kept = Kept::new(Duration::MAX);
        assert!(kept.last().is_none());
        let first = kept.get(async { Err(SchedulerError::Stopped) }).await;
        assert!(first.is_err());
        assert!(kept.get(async { Ok(1) }).await.is_err(), "the error is kept");
        let kept = Kept::new(Duration::MAX);
        assert_eq!(kept.get(async { Ok(1) }).await.ok().as_deref(), Some(&1));
        assert_eq!(kept.get(async { Ok(2) }).await.ok().as_deref(), Some(&1));
        assert_eq!(kept.last().and_then(Result::ok).as_deref(), Some(&1));
        let brief = Kept::new(Duration::ZERO);
        assert_eq!(brief.get(async { Ok(1) }).await.ok().as_deref(), Some(&1));
        assert_eq!(brief.get(async { Ok(2) }).await.ok().as_deref(), Some(&2));
    }
}
