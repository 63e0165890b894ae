//! How long a stop waits, and for what. Decides by the time and by what is open. Knows no actor and no clock.

use std::time::{Duration, Instant};

use crate::config::AFTER_GRACE;

// What is kept of it for the last steps, and for threads that are busy elsewhere.
const LAST_STEPS: Duration = Duration::from_millis(100);
// The outcomes of interrupted jobs are stored within this time after the grace period.
const SETTLES: Duration = Duration::from_millis(700);
// How long a stop without any job waits for one reply of the database.
const REPLY: Duration = Duration::from_millis(500);
// What ends at once, and what has not started, is not worth a line.
const FIRST_REPORT: Duration = Duration::from_millis(100);
// A line for each change, and not more than one a second.
const BETWEEN_REPORTS: Duration = Duration::from_secs(1);
// Without a change, a line shows now and then that the stop goes on.
const LONGEST_SILENCE: Duration = Duration::from_secs(10);

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
    first_report_at: Instant,
    /// When the last line was due, and how many jobs were open then.
    reported: Option<(Instant, usize)>,
    /// Since when no job is open.
    quiet_since: Option<Instant>,
}

impl Patience {
    pub(super) fn new(asked_at: Instant, grace_ends_at: Instant) -> Self {
        Self {
            grace_ends_at,
            jobs: Jobs::MayRun,
            first_report_at: asked_at + FIRST_REPORT,
            reported: None,
            quiet_since: None,
        }
    }

    /// Ends the grace period sooner. It is not made longer, and one that is over stays so.
    pub(super) fn hurry(&mut self, grace_ends_at: Instant) {
        if self.jobs == Jobs::MayRun {
            self.grace_ends_at = self.grace_ends_at.min(grace_ends_at);
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
            1.. if self.is_report_due(now, open) => {
                self.reported = Some((now, open));
                Next::Report
            }
            _ => Next::Wait,
        }
    }

    fn is_report_due(&self, now: Instant, open: usize) -> bool {
        let due_at = match self.reported {
            None => self.first_report_at,
            Some((at, reported)) if reported != open => at + BETWEEN_REPORTS,
            Some((at, _)) => at + LONGEST_SILENCE,
        };
        now >= due_at
    }

    /// How long the jobs may still take.
    pub(super) fn left(&self, now: Instant) -> Duration {
        let end = match self.jobs {
            Jobs::MayRun => self.grace_ends_at,
            Jobs::Interrupted => self.grace_ends_at + SETTLES,
        };
        end.saturating_duration_since(now)
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

    fn begun() -> (Instant, Patience) {
        let began = Instant::now();
        (began, Patience::new(began, began + GRACE))
    }

    #[test]
    fn jobs_have_the_grace_period_and_are_left_before_a_second_more_is_over() {
        let (began, mut patience) = begun();
        assert_eq!(patience.next(began + millis(9_999), 3), Next::Report);
        assert_eq!(patience.next(began + GRACE, 3), Next::Interrupt);
        assert_eq!(patience.next(began + GRACE + millis(699), 3), Next::Wait);
        assert_eq!(patience.left(began + GRACE), SETTLES);
        assert_eq!(patience.next(began + GRACE + SETTLES, 3), Next::LeaveJobs);
        let last = patience.last_statement(began + GRACE + SETTLES);
        assert_eq!(SETTLES + last + LAST_STEPS, AFTER_GRACE);
    }

    #[test]
    fn what_it_waits_for_is_reported_once_and_when_it_changes() {
        let began = Instant::now();
        let mut patience = Patience::new(began, began + 4 * GRACE);
        let mut reports = Vec::new();
        for after in (0..30_000).step_by(20) {
            // Two jobs end one after the other, and another one later.
            let open = [4, 4, 3, 2, 2, 2, 2, 1][(after / 500).min(7)];
            if patience.next(began + millis(after as u64), open) == Next::Report {
                reports.push((after, open));
            }
        }
        assert_eq!(reports, [(100, 4), (1_100, 3), (2_100, 2), (3_500, 1), (13_500, 1), (23_500, 1)]);
    }

    #[test]
    fn without_jobs_it_waits_half_a_second_for_a_reply() {
        let (began, mut patience) = begun();
        assert_eq!(patience.next(began, 0), Next::Wait);
        // A claim under way has brought a job, which is given back.
        assert_eq!(patience.next(began + millis(90), 1), Next::Wait);
        assert_eq!(patience.next(began + millis(600), 0), Next::Wait);
        assert_eq!(patience.next(began + millis(1_050), 0), Next::Wait);
        assert_eq!(patience.next(began + millis(1_100), 0), Next::LeaveStatements);
        assert_eq!(patience.last_statement(began + millis(1_100)), REPLY);
    }

    #[test]
    fn a_grace_period_may_be_zero_and_may_become_shorter() {
        let began = Instant::now();
        let mut patience = Patience::new(began, began);
        assert_eq!([patience.next(began, 1), patience.next(began, 1)], [Next::Interrupt, Next::Wait]);
        // What is over is over.
        patience.hurry(began - GRACE);
        assert_eq!(patience.next(began, 1), Next::Wait);
        let (began, mut patience) = begun();
        patience.hurry(began + 2 * GRACE);
        assert_eq!(patience.left(began), GRACE);
        patience.hurry(began + millis(50));
        assert_eq!(patience.next(began + millis(49), 1), Next::Wait);
        assert_eq!(patience.next(began + millis(50), 1), Next::Interrupt);
    }
}
