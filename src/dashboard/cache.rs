//! What all viewers share for some seconds. However many there are, one of them reads.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use crate::error::SchedulerError;

/// How long an error is kept: the database is not asked by each viewer of an outage.
pub(super) const ERRORS_LAST: Duration = Duration::from_secs(2);

/// What a read returned. All who have asked meanwhile share it.
pub(super) type Read<T> = Result<Arc<T>, Arc<SchedulerError>>;

/// The last read, and when it ended.
pub(super) type Last<T> = Option<(Instant, Read<T>)>;

/// A value that is read again when it is older than it may be.
pub(super) struct Kept<T> {
    lasts: Duration,
    last: Arc<Mutex<Last<T>>>,
}

impl<T: Send + Sync + 'static> Kept<T> {
    pub(super) fn new(lasts: Duration) -> Self {
        Self { lasts, last: Arc::default() }
    }

    /// Returns what was read last, however old. `None` before the first read, and during one.
    pub(super) fn last(&self) -> Option<Read<T>> {
        self.last.try_lock().ok()?.as_ref().map(|(_, value)| value.clone())
    }

    /// Returns the value, and reads it first if it is too old. Others wait for that read.
    ///
    /// It goes on in a task of its own when its viewer leaves. Else the next one would begin another read, and viewers who leave
    /// together would send a statement each.
    pub(super) async fn get(
        &self,
        read: impl Future<Output = Result<T, SchedulerError>> + Send + 'static,
    ) -> Read<T> {
        let (kept, lasts) = (Arc::clone(&self.last), self.lasts);
        let got = tokio::spawn(async move {
            let mut kept = kept.lock().await;
            if let Some((at, value)) = &*kept {
                let lasts = if value.is_ok() { lasts } else { ERRORS_LAST };
                if at.elapsed() < lasts {
                    return value.clone();
                }
            }
            let value = read.await.map(Arc::new).map_err(Arc::new);
            *kept = Some((Instant::now(), value.clone()));
            value
        });
        got.await.unwrap_or_else(|_| Err(Arc::new(SchedulerError::Interrupted)))
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn a_read_goes_on_when_its_viewer_leaves() {
        let kept = Kept::new(Duration::MAX);
        let (value, read) = oneshot::channel();
        let mut viewer = Box::pin(kept.get(async move { Ok(read.await.unwrap_or(0)) }));
        assert!(futures_util::poll!(&mut viewer).is_pending());
        drop(viewer);
        value.send(1).unwrap();
        assert_eq!(kept.get(async { Ok(2) }).await.ok().as_deref(), Some(&1));
    }

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
