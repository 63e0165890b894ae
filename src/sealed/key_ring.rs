//! The keys of an application, by their ids.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::error::SealError;

const BYTES: usize = 32;
const LONGEST_ID: usize = 64;

/// Names the key ring of an application for [`Sealed`](super::Sealed). A process may have several, for values of several kinds.
pub trait Keys {
    /// Returns the key ring. It must be the same one at each call.
    fn ring() -> &'static KeyRing;
}

/// The keys that a process has, each with an id. New values are sealed with the current one. Others open what was sealed before.
///
/// To replace a key: give all processes the new one, then make it the current one, then seal all stored values again with
/// [`reseal::all`](crate::reseal::all) or `mainspring reseal`, and then take the old one away.
pub struct KeyRing {
    current: String,
    find: Box<Find>,
}

type Key = [u8; BYTES];
type Find = dyn Fn(&str) -> Option<Key> + Send + Sync;

impl KeyRing {
    /// Creates a key ring whose current key has this id. `find` returns the 32 bytes of the key of an id; `None` if it is not there.
    /// It is called for each value that is sealed or opened, on the thread that does so. So it must not block.
    pub fn new(
        current: impl Into<String>,
        find: impl Fn(&str) -> Option<[u8; BYTES]> + Send + Sync + 'static,
    ) -> Self {
        Self { current: current.into(), find: Box::new(find) }
    }

    /// Reads keys from a text of lines: an id, a space, and 32 bytes as base64. The first is the current one. Empty lines and those that
    /// begin with `#` are left out.
    ///
    /// ```
    /// use mainspring::KeyRing;
    ///
    /// let ring = KeyRing::parse("2027a BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n")?;
    /// assert_eq!(ring.current(), "2027a");
    /// # Ok::<(), mainspring::SealError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`SealError::BadKey`] with the number of the line, [`SealError::NoKeys`] for a text without a key.
    pub fn parse(text: &str) -> Result<Self, SealError> {
        let (mut first, mut keys) = (None, BTreeMap::new());
        for (index, line) in text.lines().map(str::trim).enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let bad = |problem| SealError::BadKey { line: index + 1, problem };
            let (id, key) = line.split_once(char::is_whitespace).ok_or(bad("has no space"))?;
            if id.chars().count() > LONGEST_ID {
                return Err(bad("has a longer id"));
            }
            let key = STANDARD.decode(key.trim()).map_err(|_| bad("has no base64"))?;
            let key: Key = key.try_into().map_err(|_| bad("has another number of bytes"))?;
            if keys.insert(id.to_owned(), key).is_some() {
                return Err(bad("repeats an id"));
            }
            first.get_or_insert_with(|| id.to_owned());
        }
        let current = first.ok_or(SealError::NoKeys)?;
        Ok(Self::new(current, move |id| keys.get(id).copied()))
    }

    /// Returns the id of the current key.
    #[must_use]
    pub fn current(&self) -> &str {
        &self.current
    }

    pub(super) fn key(&self, id: &str) -> Result<Key, SealError> {
        (self.find)(id).ok_or_else(|| SealError::NoKey { key: id.chars().take(LONGEST_ID).collect() })
    }
}

/// Without the keys.
impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing").field("current", &self.current).finish_non_exhaustive()
    }
}
