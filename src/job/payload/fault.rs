//! A value of a payload that JSON would change, and where it is.

use std::fmt::{self, Display};

use serde::ser::Error;

/// A value that JSON would change. Its path is gathered from the inside to the outside.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) kind: Kind,
    pub(super) path: Vec<String>,
}

#[derive(Debug)]
pub(super) enum Kind {
    NotFinite(&'static str),
    Wide,
    TooDeep,
    /// The task's own code reports an error, which it did not when the text was written.
    Other,
}

impl Fault {
    pub(super) fn new(kind: Kind) -> Self {
        Self { kind, path: Vec::new() }
    }

    pub(super) fn inside(mut self, segment: impl FnOnce() -> String) -> Self {
        self.path.push(segment());
        self
    }

    pub(super) fn without_path(self) -> Self {
        Self { path: Vec::new(), ..self }
    }

    pub(super) fn path(&self) -> String {
        self.path.iter().rev().map(String::as_str).collect()
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the payload cannot be represented")
    }
}

impl std::error::Error for Fault {}

impl Error for Fault {
    fn custom<T: Display>(_: T) -> Self {
        Self::new(Kind::Other)
    }
}
