//! An attempt that is polled only while the fence is open. Knows nothing of what the attempt does.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::fence::Fence;

/// A future that ends with `None` as soon as the fence is shut. The work is then not polled again.
pub(super) struct Fenced<'a, F> {
    pub(super) work: F,
    pub(super) fence: &'a Fence,
    /// The id for which the job was claimed.
    pub(super) worker_id: i32,
}

// The fence is compared with the clock at each poll: a process that was stopped and continued polls before any timer fires.
impl<F: Future + Unpin> Future for Fenced<'_, F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if !self.fence.allows(self.worker_id) {
            return Poll::Ready(None);
        }
        Pin::new(&mut self.work).poll(cx).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::task::Waker;
    use std::time::{Duration, Instant};

    use super::*;

    fn poll<F: Future + Unpin>(work: F, worker_id: i32, fence: &Fence) -> Poll<Option<F::Output>> {
        let mut fenced = Fenced { work, fence, worker_id };
        Pin::new(&mut fenced).poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn work_is_polled_while_the_fence_is_open_and_for_its_own_id() {
        let fence = Fence::new(Duration::from_secs(1_000));
        assert_eq!(poll(ready(1), 7, &fence), Poll::Ready(None), "nothing is registered yet");
        fence.begin(7, Instant::now());
        assert_eq!(poll(ready(1), 7, &fence), Poll::Ready(Some(1)));
        assert_eq!(poll(pending::<i32>(), 7, &fence), Poll::Pending);
        fence.begin(8, Instant::now());
        assert_eq!(poll(pending::<i32>(), 7, &fence), Poll::Ready(None), "the id has changed");
    }
}
