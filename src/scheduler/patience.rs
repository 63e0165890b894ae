//! How long a stop waits, and for what. Decides by the time and by what is open. Knows no actor and no clock.

use std::time::{Duration, Instant};

use crate::config::AFTER_GRACE;

// What is kept of it for the last steps, and for threads that are busy elsewhere.
const LAST_STEPS: Duration = Duration::from_millis(100);
// The outcomes of interrupted jobs are stored within this time after the grace period.
const SETTLES: Duration = Duration::from_millis(700);
// How long a stop without any job waits for one reply of the database.
const REPLY: Duration = Duration::from_millis(500);
const REPORT_EVERY: Duration = Duration::from_secs(1);
// Longer grace periods count as this long: a year.
const LONGEST_GRACE: Duration = Duration::from_secs(365 * 24 * 3_600);

/// What a stop does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    Wait,
    /// Logs what it waits for.
    Report,
    /// Interrupts the running jobs: the grace period is over.
    Interrupt,
    /// Leaves the jobs that are open.
    LeaveJobs,
    /// Leaves statements under way, whose replies would show whether they have taken jobs.
    LeaveStatements,
}

/// Whether the running jobs were interrupted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Jobs {
    MayRun,
    Interrupted,
}

/// The time table of one stop.
#[derive(Debug)]
pub(super) struct Patience {
    grace_ends_at: Instant,
    jobs: Jobs,
    report_at: Instant,
    /// Since when no job is open.
    quiet_since: Option<Instant>,
}

impl Patience {
    pub(super) fn new(asked_at: Instant, grace_period: Duration) -> Self {
        Self {
            grace_ends_at: asked_at + grace_period.min(LONGEST_GRACE),
            jobs: Jobs::MayRun,
            report_at: asked_at + REPORT_EVERY,
            quiet_since: None,
        }
    }

    /// Decides what to do while the process and the database have not agreed on everything. `open` is the number of jobs that
    /// this process holds.
    pub(super) fn next(&mut self, now: Instant, open: usize) -> Next {
        if open > 0 {
            self.quiet_since = None;
        }
        let is_over = now >= self.grace_ends_at + SETTLES;
        match open {
            0 if is_over || now >= *self.quiet_since.get_or_insert(now) + REPLY => Next::LeaveStatements,
            1.. if is_over => Next::LeaveJobs,
            1.. if self.jobs == Jobs::MayRun && now >= self.grace_ends_at => {
                self.jobs = Jobs::Interrupted;
                Next::Interrupt
            }
            _ if now >= self.report_at => {
                self.report_at = now + REPORT_EVERY;
                Next::Report
            }
            _ => Next::Wait,
        }
    }

    /// How long the jobs may still run.
    pub(super) fn grace_left(&self, now: Instant) -> Duration {
        self.grace_ends_at.saturating_duration_since(now)
    }

    /// How long the last statement may take.
    pub(super) fn last_statement(&self, now: Instant) -> Duration {
        let end = self.grace_ends_at + AFTER_GRACE - LAST_STEPS;
        end.saturating_duration_since(now).min(REPLY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Duration = Duration::from_secs(10);

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn jobs_have_the_grace_period_and_are_left_before_a_second_more_is_over() {
        let began = Instant::now();
        let mut patience = Patience::new(began, GRACE);
        let mut at = |after: Duration| patience.next(began + after, 3);
        assert_eq!(
            [at(millis(0)), at(millis(999)), at(millis(1_000))],
            [Next::Wait, Next::Wait, Next::Report]
        );
        assert_eq!([at(millis(1_500)), at(millis(2_000))], [Next::Wait, Next::Report]);
        assert_eq!(at(GRACE), Next::Interrupt);
        assert_eq!([at(GRACE), at(GRACE + millis(699))], [Next::Report, Next::Wait]);
        assert_eq!(at(GRACE + SETTLES), Next::LeaveJobs);
        let last = patience.last_statement(began + GRACE + SETTLES);
        assert_eq!(SETTLES + last + LAST_STEPS, AFTER_GRACE);
    }

    #[test]
    fn without_jobs_it_waits_half_a_second_for_a_reply() {
        let began = Instant::now();
        let mut patience = Patience::new(began, GRACE);
        assert_eq!(patience.next(began, 0), Next::Wait);
        // A claim under way has brought a job, which is given back.
        assert_eq!(patience.next(began + millis(400), 1), Next::Wait);
        assert_eq!(patience.next(began + millis(600), 0), Next::Wait);
        assert_eq!(patience.next(began + millis(1_050), 0), Next::Report);
        assert_eq!(patience.next(began + millis(1_100), 0), Next::LeaveStatements);
        assert_eq!(patience.last_statement(began + millis(1_100)), REPLY);
    }

    #[test]
    fn a_grace_period_may_be_zero_or_without_end() {
        let began = Instant::now();
        let mut patience = Patience::new(began, Duration::ZERO);
        assert_eq!([patience.next(began, 1), patience.next(began, 1)], [Next::Interrupt, Next::Wait]);
        let mut endless = Patience::new(began, Duration::MAX);
        assert_eq!(endless.next(began, 1), Next::Wait);
        assert!(endless.grace_left(began) > GRACE);
    }
}
