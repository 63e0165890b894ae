//! Determines the flags that this process leaves alone, by the list or the function of the application.

use std::time::{Duration, Instant};

use crate::attempt::panics::{CatchPanic, caught};
use crate::engine::outage::{Failure, PAUSE_AFTER_ERROR};
use crate::flags::ForbiddenFlags;
use crate::lock::lock;
use crate::shared::Shared;
use crate::text::one_line;

// A function that takes longer would hold up every claim.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Returns the flags, or `None` if the function failed: then no job with flags is claimed.
pub(super) async fn forbidden_flags(shared: &Shared) -> Option<Vec<String>> {
    let function = match &shared.config.forbidden_flags {
        ForbiddenFlags::These(flags) => return Some(flags.clone()),
        ForbiddenFlags::Asked(function) => function,
    };
    let result = match caught(|| function()) {
        Ok(future) => tokio::time::timeout(TIMEOUT, CatchPanic(future)).await,
        Err(panic) => Ok(Err(panic)),
    };
    let problem = match result {
        Ok(Ok(flags)) => {
            if lock(&shared.flags_outage).recovered() {
                log::info!("the function returns the flags to leave alone again");
            }
            return Some(flags);
        }
        Ok(Err(panic)) => panic,
        Err(_) => format!("did not return within {} s", TIMEOUT.as_secs()),
    };
    if lock(&shared.flags_outage).failed(Instant::now(), PAUSE_AFTER_ERROR) == Failure::First {
        log::error!(
            "the function that returns the flags to leave alone {}: jobs with flags wait",
            one_line(problem)
        );
    }
    None
}
