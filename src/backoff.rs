//! How long a failed job waits for its next attempt. Pure; randomness is an argument.

use std::time::Duration;

/// The delay after the given number of attempts: e^min(attempts, 10) seconds, as in Graphile Worker, so 2.718 s,
/// 7.389 s, 20.09 s, up to 22,026 s (about six hours); plus up to a tenth of it by `jitter`, from 0 to 1, so that
/// jobs that failed together do not come back together.
pub(crate) fn exponential(attempts: i16, jitter: f64) -> Duration {
    let seconds = f64::from(attempts.clamp(0, 10)).exp();
    Duration::from_secs_f64(seconds * (1.0 + 0.1 * jitter.clamp(0.0, 1.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delays_are_the_contracts_with_at_most_a_tenth_of_jitter() {
        for (attempts, seconds) in
            [(1, std::f64::consts::E), (2, 7.389), (3, 20.085), (10, 22_026.466), (25, 22_026.466)]
        {
            assert!((exponential(attempts, 0.0).as_secs_f64() - seconds).abs() < 0.001);
            assert!((exponential(attempts, 1.0).as_secs_f64() - seconds * 1.1).abs() < 0.003);
        }
    }
}
