//! Checks the crontab of the application.

use chrono::{DateTime, Utc};

use super::error::TestError;
use super::scheduler::TestScheduler;
use crate::cron::CronEntry;

const NEXT_FIRES: usize = 5;

/// When a line of the crontab fires next.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LineFires {
    /// The identifier of the line.
    pub identifier: String,
    /// The task of its jobs.
    pub task: String,
    /// The next five fires, by the clock of the test.
    pub next_fires: Vec<DateTime<Utc>>,
}

impl TestScheduler {
    /// Checks each line of the crontab, and returns when it fires next. The start has checked before that the lines can be read and
    /// that their payloads fit the tasks.
    ///
    /// # Errors
    ///
    /// [`TestError::Crontab`] with all lines that are wrong: its task has no handler, its payload has a field that the task does not
    /// read, or it never fires.
    pub fn check_crontab(&self) -> Result<Vec<LineFires>, TestError> {
        let (scheduler, now) = (self.scheduler(), self.now()?);
        let shared = scheduler.shared();
        let mut problems = Vec::new();
        let mut lines = Vec::new();
        for CronEntry { identifier, expression, zone, task, payload, .. } in &shared.config.crontab {
            if !shared.known.has(task) {
                problems.push(format!("cron `{identifier}`: no handler is registered for the task `{task}`"));
            }
            let unread = shared.known.unread_fields(task, payload);
            problems.extend(unread.into_iter().map(|field| {
                format!(
                    "cron `{identifier}`: the task `{task}` does not read the field `{field}` of the payload"
                )
            }));
            let fires = expression.iter_after_in(now, *zone).take(NEXT_FIRES);
            let next_fires: Vec<_> = fires.map(|fire| fire.with_timezone(&Utc)).collect();
            if next_fires.is_empty() {
                problems.push(format!("cron `{identifier}`: `{expression}` never fires"));
            }
            lines.push(LineFires { identifier: identifier.clone(), task: task.clone(), next_fires });
        }
        if problems.is_empty() { Ok(lines) } else { Err(TestError::Crontab(problems.join("; "))) }
    }
}
