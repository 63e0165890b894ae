//! Finds out where a panic happened. A caught panic has a message and no place; only the panic hook knows the place. This
//! hook stores the place for jobs, and then calls the hook before it.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::panic::{self, AssertUnwindSafe};
use std::pin::Pin;
use std::sync::Once;
use std::task::{Context, Poll};

thread_local! {
    static IN_A_JOB: Cell<bool> = const { Cell::new(false) };
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Installs the hook, once a process, when the first scheduler starts.
pub(crate) fn record_places() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |facts| {
            if IN_A_JOB.get() {
                PLACE.set(facts.location().map(ToString::to_string));
            }
            previous(facts);
        }));
    });
}

/// Runs `work`. Returns the message and the place of a panic as an error.
pub(crate) fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    let outer = IN_A_JOB.replace(true);
    let done = panic::catch_unwind(AssertUnwindSafe(work));
    IN_A_JOB.set(outer);
    done.map_err(|payload| described(payload.as_ref()))
}

/// A future that returns its panics as errors.
pub(crate) struct CatchPanic<F>(pub(crate) Pin<Box<F>>)
where
    F: ?Sized;

impl<F: Future + ?Sized> Future for CatchPanic<F> {
    type Output = Result<F::Output, String>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match caught(|| self.0.as_mut().poll(cx)) {
            Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
            Ok(Poll::Pending) => Poll::Pending,
            Err(text) => Poll::Ready(Err(text)),
        }
    }
}

fn described(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    let place = PLACE.take().map(|place| format!(" at {place}")).unwrap_or_default();
    format!("panicked{place}: {}", text.unwrap_or("a panic that carried no text"))
}
