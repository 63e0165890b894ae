//! The options that the constants of a task set for all its jobs.

use super::options::JobOptions;
use super::task::Task;

/// The options that the constants of a task set.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Constants {
    pub(super) queue: Option<&'static str>,
    pub(super) priority: Option<i16>,
    pub(super) max_attempts: Option<i16>,
    pub(super) version: i32,
}

impl Constants {
    pub(crate) fn of<T: Task>() -> Self {
        Self { queue: T::QUEUE, priority: T::PRIORITY, max_attempts: T::MAX_ATTEMPTS, version: T::VERSION }
    }

    /// Returns the options of a job: those that its type computes, then the constants of the type.
    pub(crate) fn options_of<T: Task>(task: &T) -> JobOptions {
        let mut options = task.options();
        Self::of::<T>().complete(&mut options);
        options
    }

    /// Sets what the options leave open.
    pub(crate) fn complete(self, options: &mut JobOptions) {
        if options.queue.is_none() {
            options.queue = self.queue.map(str::to_owned);
        }
        options.priority = options.priority.or(self.priority);
        options.max_attempts = options.max_attempts.or(self.max_attempts);
        options.version = options.version.or(self.raised_version());
    }

    // Version 0 is the default of the database.
    fn raised_version(self) -> Option<i32> {
        (self.version > 0).then_some(self.version)
    }

    /// Returns what is wrong with them, in the words of the database, which would refuse each job.
    pub(super) fn problem(self) -> Option<String> {
        let characters = self.queue.map(|queue| queue.chars().count());
        if let Some(got) = characters.filter(|got| !(1..=128).contains(got)) {
            return Some(format!("QUEUE must be 1 to 128 characters, got {got}"));
        }
        if self.queue.is_some_and(|queue| queue.contains('\0')) {
            return Some("QUEUE must have no NUL, got one".to_owned());
        }
        if self.version < 0 {
            return Some(format!("VERSION must be 0 or more, got {}", self.version));
        }
        let wrong = self.max_attempts.filter(|got| *got < 1);
        wrong.map(|got| format!("MAX_ATTEMPTS must be 1 to 32767, got {got}"))
    }
}
