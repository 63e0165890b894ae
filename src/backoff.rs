//! How long a failed job waits for its next attempt. Pure; randomness is an argument.

use std::time::Duration;

/// How long a failed job waits for its next attempt: a rule over the number of attempts, and a random share on top. The
/// random share keeps jobs that failed together from coming back together.
///
/// ```
/// use std::time::Duration;
/// use mainspring::{Backoff, Task};
/// use serde::Serialize;
///
/// #[derive(Serialize)]
/// struct CallPartner {}
/// impl Task for CallPartner {
///     const NAME: &'static str = "partner.call";
///     // 10 s, 20 s, 40 s, .. and never more than an hour, without jitter.
///     const BACKOFF: Backoff =
///         Backoff::exponential(Duration::from_secs(10), 2.0, Duration::from_secs(3_600)).with_jitter(0.0);
/// }
/// assert_eq!(CallPartner::BACKOFF.delay(3, 0.5), Duration::from_secs(40));
/// ```
#[derive(Debug, Clone, Copy)]
#[must_use = "a back-off does nothing until a task has it"]
pub struct Backoff {
    rule: Rule,
    jitter: f64,
}

#[derive(Debug, Clone, Copy)]
enum Rule {
    Exponential { first: Duration, factor: f64, cap: Duration },
    Linear { step: Duration, cap: Duration },
    Constant(Duration),
    Function(fn(i16) -> Duration),
}

const DEFAULT_JITTER: f64 = 0.1;

impl Backoff {
    /// Waits e^min(attempts, 10) seconds, as Graphile Worker does: 2.718 s, 7.389 s, 20.09 s, up to 22,026 s (about six
    /// hours). A random share of up to a tenth comes on top.
    pub const DEFAULT: Self = Self::exponential(
        Duration::from_nanos(2_718_281_828),
        std::f64::consts::E,
        Duration::from_nanos(22_026_465_794_807),
    );

    /// Waits `first` after the first attempt, then each time `factor` times as long, and never longer than `cap`.
    pub const fn exponential(first: Duration, factor: f64, cap: Duration) -> Self {
        Self::of(Rule::Exponential { first, factor, cap })
    }

    /// Waits `step` after the first attempt, then each time a `step` longer, and never longer than `cap`.
    pub const fn linear(step: Duration, cap: Duration) -> Self {
        Self::of(Rule::Linear { step, cap })
    }

    /// Waits the same time after each attempt.
    pub const fn constant(delay: Duration) -> Self {
        Self::of(Rule::Constant(delay))
    }

    /// Waits what the function returns for the number of attempts so far, 1 or more. If the function panics, the default
    /// back-off applies.
    pub const fn function(delay: fn(i16) -> Duration) -> Self {
        Self::of(Rule::Function(delay))
    }

    const fn of(rule: Rule) -> Self {
        Self { rule, jitter: DEFAULT_JITTER }
    }

    /// Sets the largest random share of the delay that is added to it; default 0.1, 0 for none. Less than 0 counts as 0.
    pub const fn with_jitter(mut self, share: f64) -> Self {
        self.jitter = share;
        self
    }

    /// Returns the delay after this many attempts. `random`, from 0 to 1, decides how much of the jitter is added.
    #[must_use]
    pub fn delay(&self, attempts: i16, random: f64) -> Duration {
        let attempts = attempts.max(1);
        let delay = match self.rule {
            Rule::Exponential { first, factor, cap } => {
                times(first, factor.max(0.0).powi(i32::from(attempts) - 1)).min(cap)
            }
            Rule::Linear { step, cap } => times(step, f64::from(attempts)).min(cap),
            Rule::Constant(delay) => delay,
            Rule::Function(delay) => delay(attempts),
        };
        let jitter = if self.jitter > 0.0 { self.jitter } else { 0.0 };
        times(delay, 1.0 + jitter * random.clamp(0.0, 1.0))
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self::DEFAULT
    }
}

// What no duration can hold is as long as durations go.
fn times(duration: Duration, factor: f64) -> Duration {
    Duration::try_from_secs_f64(duration.as_secs_f64() * factor).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_delays_are_the_contracts_with_at_most_a_tenth_of_jitter() {
        for (attempts, seconds) in
            [(1, std::f64::consts::E), (2, 7.389), (3, 20.085), (10, 22_026.466), (25, 22_026.466)]
        {
            assert!((Backoff::DEFAULT.delay(attempts, 0.0).as_secs_f64() - seconds).abs() < 0.001);
            assert!((Backoff::DEFAULT.delay(attempts, 1.0).as_secs_f64() - seconds * 1.1).abs() < 0.003);
        }
    }

    #[test]
    fn each_rule_does_what_it_says_and_no_number_makes_it_panic() {
        let second = Duration::from_secs(1);
        let delays =
            |backoff: Backoff| [1, 2, 3, 9].map(|n| backoff.with_jitter(0.0).delay(n, 1.0).as_secs());
        assert_eq!(delays(Backoff::linear(second * 10, second * 25)), [10, 20, 25, 25]);
        assert_eq!(delays(Backoff::constant(second * 7)), [7, 7, 7, 7]);
        assert_eq!(delays(Backoff::function(|n| Duration::from_secs(n as u64 * 100))), [100, 200, 300, 900]);
        for odd in [f64::NAN, f64::INFINITY, -1.0, 1e300] {
            let backoff = Backoff::exponential(Duration::MAX, odd, second).with_jitter(odd);
            assert!(backoff.delay(i16::MAX, odd) >= Duration::ZERO);
            assert!(Backoff::constant(Duration::MAX).delay(i16::MIN, 1.0) == Duration::MAX);
        }
    }
}
