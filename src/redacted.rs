//! A value of a payload that no output shows. Does not know who shows payloads: a look at a payload finds out where its redacted values
//! are, see [`look`].

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub(crate) mod look;

/// What stands in the place of a redacted value.
pub(crate) const MARK: &str = "[redacted]";

/// A value of a payload, of a result or of a step that no output shows.
///
/// It is stored as the value itself. So a field may become redacted, or cease to be, without a migration. [`Debug`] and
/// [`Display`](fmt::Display) write `[redacted]`. The dashboard, its API and the command line program show that text in its place, see
/// "Payloads with secrets" in [`guide::tasks`](crate::guide::tasks). There is no `Deref`: a handler asks for the value with
/// [`expose_secret`](Self::expose_secret).
///
/// ```
/// use mainspring::{NewJob, Redacted, Task};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Debug, Serialize, Deserialize)]
/// struct Login {
///     user: String,
///     password: Redacted<String>,
/// }
///
/// impl Task for Login {
///     const NAME: &'static str = "login";
/// }
///
/// let login = Login { user: "ada".into(), password: Redacted::new("s3cret".into()) };
/// assert_eq!(format!("{login:?}"), r#"Login { user: "ada", password: [redacted] }"#);
/// assert_eq!(login.password.expose_secret(), "s3cret");
///
/// // A worker gets the value, so the row holds it.
/// let stored = r#"{"user":"ada","password":"s3cret"}"#;
/// assert_eq!(serde_json::to_string(&login)?, stored);
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// Whoever may read the tables may read the value. It is neither encrypted nor wiped from memory.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Redacted<T>(T);

impl<T> Redacted<T> {
    /// Hides a value from all outputs.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// Returns the value. Take care that it reaches no log and no error.
    pub const fn expose_secret(&self) -> &T {
        &self.0
    }

    /// Returns the value, which is hidden no longer.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> From<T> for Redacted<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T> fmt::Debug for Redacted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MARK)
    }
}

impl<T> fmt::Display for Redacted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(MARK)
    }
}

impl<T: Serialize> Serialize for Redacted<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        look::write(&self.0, serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Redacted<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        look::read(deserializer).map(Self)
    }
}

#[cfg(test)]
mod tests;
