//! An attempt that failed since the database was out of reach is given back: it is no fault of its handler, and not counted.

use std::time::{Duration, Instant};

use super::context::JobContext;
use super::log_line::log_attempt;
use crate::engine::outage::Failure;
use crate::lock::lock;
use crate::text::one_line;

const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
// With it the pause is about a minute.
const MOST_DOUBLINGS: u32 = 6;

/// Logs the first of several such attempts, and returns how long the job pauses: longer each time, since its handler may be the
/// one that loses its connections.
pub(super) fn give_back(job: &JobContext, reason: &str) -> Duration {
    let pause = pause_after(job.snoozes());
    if lock(&job.shared().handlers_outage).failed(Instant::now(), pause) == Failure::First {
        log_attempt!(Warn, job;
            "job {} `{}` had no connection to the database: it goes back without losing an attempt, and so do others: {}",
            job.id(),
            one_line(job.task()),
            one_line(reason)
        );
    }
    pause.mul_f64(0.75 + fastrand::f64() / 4.0)
}

fn pause_after(snoozes: i64) -> Duration {
    let doublings = u32::try_from(snoozes).unwrap_or(MOST_DOUBLINGS).min(MOST_DOUBLINGS);
    SHORTEST_PAUSE * 2_u32.pow(doublings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_grows_up_to_a_minute() {
        let pauses = [0, 1, 2, 6, 7, i64::MAX].map(|snoozes| pause_after(snoozes).as_secs());
        assert_eq!(pauses, [1, 2, 4, 64, 64, 64]);
    }
}
