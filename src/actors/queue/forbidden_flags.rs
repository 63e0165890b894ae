//! Determines the flags that this process leaves alone, by the list or the function of the application.

use std::time::Duration;

use crate::attempt::panics::{CatchPanic, caught};
use crate::flags::ForbiddenFlags;
use crate::text::one_line;

// A function that takes longer would hold up every claim.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Returns the flags, or `None` if the function failed: then no job with flags is claimed.
pub(super) async fn forbidden_flags(flags: &ForbiddenFlags) -> Option<Vec<String>> {
    let function = match flags {
        ForbiddenFlags::These(flags) => return Some(flags.clone()),
        ForbiddenFlags::Asked(function) => function,
    };
    let result = match caught(|| function()) {
        Ok(future) => tokio::time::timeout(TIMEOUT, CatchPanic(future)).await,
        Err(panic) => Ok(Err(panic)),
    };
    let problem = match result {
        Ok(Ok(flags)) => return Some(flags),
        Ok(Err(panic)) => panic,
        Err(_) => format!("did not return within {} s", TIMEOUT.as_secs()),
    };
    log::error!(
        "the function that returns the flags to leave alone {}: jobs with flags wait",
        one_line(problem)
    );
    None
}
