//! What is wrong with a value, as data: the field, what is expected of it, and what came.

use std::borrow::Cow;
use std::fmt::{self, Display};

use super::sentences::sentence;
use super::store::{JobPlace, StoreError};

/// What is wrong with a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) field: Cow<'static, str>,
    /// As in `must be 1 to 512 characters`.
    pub(crate) expected: Cow<'static, str>,
    pub(crate) got: String,
}

impl Problem {
    pub(crate) fn new(
        field: impl Into<Cow<'static, str>>,
        expected: impl Into<Cow<'static, str>>,
        got: impl Display,
    ) -> Self {
        Self { field: field.into(), expected: expected.into(), got: got.to_string() }
    }

    /// The error of the job at that place, which is named where there are several.
    pub(crate) fn at(self, index: usize, jobs: usize) -> StoreError {
        let Self { field, expected, got } = self;
        StoreError::Invalid {
            field: field.into_owned(),
            expected: expected.into_owned(),
            got,
            place: (jobs > 1).then_some(JobPlace { index, jobs }),
        }
    }
}

impl From<Problem> for StoreError {
    fn from(problem: Problem) -> Self {
        problem.at(0, 1)
    }
}

impl Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&sentence(&self.field, &self.expected, &self.got))
    }
}
