//! Which steps a job has done before, and which this attempt has begun: decides whether a step is done, replayed or refused. Knows no
//! database and no closure.
//!
//! A step's place is that of its name among the names that the attempt has begun. So a handler that does the same in each attempt finds
//! each step where it left it. A place stays empty where a step has failed and the handler has gone on.

use crate::job::bounds::step_name_problem;
use crate::job_error::StepError;
use crate::store::steps::{StoredStep, StoredSteps};

/// The most steps of one job.
pub(super) const MOST_STEPS: usize = 1_000;
/// The most bytes of one value as JSON.
pub(super) const MOST_VALUE_BYTES: usize = 1 << 20;
/// The most bytes of all values of one job. An attempt reads them all at its first step.
pub(super) const MOST_BYTES: usize = 16 << 20;

/// The steps of one attempt.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    stored: Option<StoredSteps>,
    begun: Vec<Begun>,
    bytes: usize,
    state: State,
}

#[derive(Debug)]
struct Begun {
    name: String,
    is_done: bool,
}

/// What the attempt does with its steps now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum State {
    #[default]
    Free,
    /// This step is being done.
    Busy(String),
    /// This step may be stored, and may not be. The next attempt finds out.
    Unsure(String),
    /// The job has no steps, for this reason.
    Closed(&'static str),
}

/// What to do about a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::attempt) enum Place {
    /// It is to be done, and stored here.
    New(Entry),
    /// It was done, and its value is this.
    Done(Vec<u8>),
}

/// A step that is being done: where its value is to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::attempt) struct Entry {
    pub(in crate::attempt) name: String,
    position: i32,
    pub(in crate::attempt) payload_hash: i64,
    /// The bytes of the values that are stored before.
    bytes_before: usize,
}

impl Entry {
    /// Returns the step with its value, or why that cannot be stored.
    pub(in crate::attempt) fn with(&self, value: Vec<u8>) -> Result<StoredStep, StepError> {
        let (bytes, all) = (value.len(), self.bytes_before.saturating_add(value.len()));
        if bytes > MOST_VALUE_BYTES {
            let problem = format!("has a value of {bytes} bytes: at most {MOST_VALUE_BYTES} are stored");
            return Err(StepError::refused(&self.name, problem));
        }
        if all > MOST_BYTES {
            let problem =
                format!("brings the values of the job to {all} bytes: at most {MOST_BYTES} are stored");
            return Err(StepError::refused(&self.name, problem));
        }
        Ok(StoredStep { position: self.position, name: self.name.clone(), value })
    }
}

impl Ledger {
    /// Takes the turn of a step, which [`leave`](Self::leave) gives back.
    pub(super) fn enter(&mut self, name: &str) -> Result<(), StepError> {
        if let Some(problem) = step_name_problem(name) {
            return Err(StepError::refused(&shortened(name), format!("is refused: {problem}")));
        }
        let problem = match &self.state {
            State::Free if self.is_done(name) => {
                "was done in this attempt already: give each step a name of its own, \
                such as with a number"
                    .to_owned()
            }
            State::Free => {
                self.state = State::Busy(name.to_owned());
                return Ok(());
            }
            State::Busy(other) => format!(
                "began while `{other}` is being done: await one step before the next, or do both in one step"
            ),
            State::Unsure(other) => {
                format!(
                    "is refused: it is not known whether `{other}` is stored; end the attempt with its error"
                )
            }
            State::Closed(reason) => format!("is refused: {reason}"),
        };
        Err(StepError::refused(name, problem))
    }

    /// Ends the turn of a step.
    pub(super) fn leave(&mut self, state: State) {
        self.state = state;
    }

    /// Refuses every step of this attempt.
    pub(super) fn close(&mut self, reason: &'static str) {
        self.state = State::Closed(reason);
    }

    /// Returns `true` if the steps of earlier attempts are not read yet.
    pub(super) fn is_unread(&self) -> bool {
        self.stored.is_none()
    }

    /// Takes the steps of earlier attempts.
    pub(super) fn read(&mut self, stored: StoredSteps) {
        self.bytes = stored.steps.iter().map(|step| step.value.len()).sum();
        self.stored = Some(stored);
    }

    /// Returns what to do about the step that has the turn.
    pub(super) fn place(&mut self, job: i64, name: &str) -> Result<Place, StepError> {
        let index = self.index_of(name)?;
        let position = i32::try_from(index + 1).unwrap_or(i32::MAX);
        let Some(stored) = &mut self.stored else {
            return Err(StepError::refused(name, "is refused: the steps before are not read"));
        };
        let in_place = stored.steps.iter().position(|step| step.position == position);
        let found = in_place.or_else(|| stored.steps.iter().position(|step| step.name == name));
        let Some(step) = found.and_then(|found| stored.steps.get_mut(found)) else {
            let (payload_hash, bytes_before) = (stored.payload_hash, self.bytes);
            return Ok(Place::New(Entry { name: name.to_owned(), position, payload_hash, bytes_before }));
        };
        if step.position != position || step.name != name {
            let (step, stored, stored_position) = (name.to_owned(), step.name.clone(), step.position);
            return Err(StepError::Changed { job, step, position, stored, stored_position });
        }
        // No other call gets it in this attempt.
        let value = std::mem::take(&mut step.value);
        self.finish(name);
        Ok(Place::Done(value))
    }

    /// Notes that the step is stored, with a value of so many bytes.
    pub(super) fn store(&mut self, name: &str, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes);
        self.finish(name);
    }

    fn finish(&mut self, name: &str) {
        self.begun.iter_mut().filter(|begun| begun.name == name).for_each(|begun| begun.is_done = true);
    }

    fn is_done(&self, name: &str) -> bool {
        self.begun.iter().any(|begun| begun.is_done && begun.name == name)
    }

    // A step that failed in this attempt keeps its place.
    fn index_of(&mut self, name: &str) -> Result<usize, StepError> {
        if let Some(index) = self.begun.iter().position(|begun| begun.name == name) {
            return Ok(index);
        }
        if self.begun.len() >= MOST_STEPS {
            return Err(StepError::refused(
                name,
                format!("is refused: a job has at most {MOST_STEPS} steps"),
            ));
        }
        self.begun.push(Begun { name: name.to_owned(), is_done: false });
        Ok(self.begun.len() - 1)
    }
}

// A name that is refused for its length.
fn shortened(name: &str) -> String {
    name.chars().take(128).collect()
}

#[cfg(test)]
mod tests;
