//! Why a scenario could not be played.

use std::error::Error;
use std::fmt;

pub type Outcome<T> = Result<T, Trouble>;

#[derive(Debug)]
pub enum Trouble {
    /// This machine lacks what the scenario needs.
    Skip(String),
    /// The harness itself failed.
    Failed(String),
}

impl Trouble {
    pub fn skip(why: impl Into<String>) -> Self {
        Self::Skip(why.into())
    }

    pub fn failed(why: impl Into<String>) -> Self {
        Self::Failed(why.into())
    }
}

impl<E: Error> From<E> for Trouble {
    fn from(error: E) -> Self {
        Self::Failed(error.to_string())
    }
}

// Not itself an `Error`, so that this conversion can take every error there is.
impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Skip(why) => write!(f, "skipped: {why}"),
            Self::Failed(why) => f.write_str(why),
        }
    }
}
