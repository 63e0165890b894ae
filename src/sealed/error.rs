//! Why a value cannot be sealed or opened. Holds no value and no key.

use std::any::type_name;

use thiserror::Error;

/// Why a value cannot be sealed or opened.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SealError {
    /// The key ring has no key of this id.
    #[error("the key `{key}` of a sealed value is not in the key ring of this process: add it")]
    #[non_exhaustive]
    NoKey {
        /// The id.
        key: String,
    },
    /// The value was changed, belongs to the payload of another task, or was sealed with another secret of the same id.
    #[error(
        "the sealed value cannot be opened with the key `{key}`: it was changed, belongs to another task, or the key of this id is another one"
    )]
    #[non_exhaustive]
    NotOpened {
        /// The id of the key.
        key: String,
    },
    /// It is not as it was sealed: the nonce is not 24 bytes in base64, or the text no base64.
    #[error("the sealed value is malformed: its nonce must be 24 bytes in base64, and its text base64")]
    Malformed,
    /// The value is open, and does not fit the type.
    #[error("the sealed value does not fit `{type_name}`")]
    #[non_exhaustive]
    Misfit {
        /// The type.
        type_name: &'static str,
    },
    /// A line of the text of a key ring is wrong.
    #[error(
        "line {line} of the keys {problem}: expected an id of 1 to 64 characters, a space, and 32 bytes as base64"
    )]
    #[non_exhaustive]
    BadKey {
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The text of a key ring has no key.
    #[error("there is no key: expected a line with an id, a space, and 32 bytes as base64")]
    NoKeys,
    /// The system gave no random numbers.
    #[error("the system gave no random numbers for a nonce: {0}")]
    NoRandom(String),
}

impl SealError {
    pub(super) fn misfit<T>() -> Self {
        Self::Misfit { type_name: type_name::<T>() }
    }
}
