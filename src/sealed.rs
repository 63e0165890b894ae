//! Values that are stored encrypted, so that only a process with the key reads them. Knows no rows and no jobs.
//!
//! The cipher is XChaCha20-Poly1305 of the crate `chacha20poly1305`: it detects changes, and its nonce of 24 bytes may be random.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;

use serde::de::{DeserializeOwned, Deserializer, Error as _, Visitor};
use serde::ser::{Error as _, Serializer};
use serde::{Deserialize, Serialize};

mod envelope;
mod error;
mod key_ring;
pub(crate) mod place;

use self::envelope::{Envelope, Outer};
pub use self::error::SealError;
pub use self::key_ring::{KeyRing, Keys};
use crate::job::payload::encode;

#[cfg(feature = "testing")]
pub(crate) use self::envelope::mask;
pub(crate) use self::envelope::{Again, FIELD, resealed};

/// The name by which the type asks its deserializer for a sealed value.
pub(crate) const NAME: &str = "mainspring::Sealed";

const UNWRITABLE: &str =
    "a value to be sealed cannot be written as JSON, such as a number that is not finite";

/// A value that is stored encrypted: in a payload, a result, a step or a signal. As JSON it is an object with the one field
/// `_sealed`: the id of its key, a nonce and the encrypted JSON of the value. In memory it is the value itself, and `Debug` hides it.
///
/// - `K` names the key ring of the application, see [`Keys`].
/// - A value in a payload belongs to its task. [`Enqueue`](crate::Enqueue), [`NewSchedule::of`](crate::NewSchedule::of) and
///   [`Cron::new`](crate::Cron::new) write it for the task. One that the program writes by itself, such as by
///   `serde_json::to_value` for a [`NewJob`](crate::NewJob), belongs to no task: the handler cannot open it.
/// - A job whose payload cannot be opened is `held`. Its last error has the reason, such as a missing key. Remove the cause, and
///   release the job.
/// - Once a worker has published the task, SQL and `NewJob` are refused where they have a plain value in a sealed field.
///
/// ```
/// use std::sync::LazyLock;
///
/// use mainspring::{Enqueue, KeyRing, Keys, Sealed, Task};
/// use serde::{Deserialize, Serialize};
///
/// struct AppKeys;
/// impl Keys for AppKeys {
///     fn ring() -> &'static KeyRing {
///         // Where your secrets are: a file, the environment, a vault.
///         static RING: LazyLock<KeyRing> = LazyLock::new(|| KeyRing::new("2027a", |id| (id == "2027a").then_some([7; 32])));
///         &RING
///     }
/// }
///
/// #[derive(Serialize, Deserialize)]
/// struct ChargeCard { order: i64, card: Sealed<String, AppKeys> }
/// impl Task for ChargeCard { const NAME: &'static str = "card.charge"; }
///
/// let task = ChargeCard { order: 7, card: Sealed::new("4111 1111".to_owned()) };
/// assert!(!serde_json::to_string(&task)?.contains("4111"));
/// assert_eq!(task.card.expose_secret(), "4111 1111");
/// let job = Enqueue::new(task);
/// # let _ = job;
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// # Errors
///
/// Serialization fails when the key ring lacks its current key, or when the value cannot be written as JSON. Deserialization fails as
/// [`SealError`] says.
pub struct Sealed<T, K> {
    value: T,
    keys: PhantomData<fn() -> K>,
}

impl<T, K> Sealed<T, K> {
    /// Takes a value to be sealed when it is stored.
    pub const fn new(value: T) -> Self {
        Self { value, keys: PhantomData }
    }

    /// Returns the value.
    #[must_use]
    pub const fn expose_secret(&self) -> &T {
        &self.value
    }

    /// Returns the value itself.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.value
    }
}

impl<T, K> From<T> for Sealed<T, K> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: Serialize, K: Keys> Serialize for Sealed<T, K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let task = place::task();
        // The error of the writer may name a key of a map, which is a secret here.
        let json = encode(task, &self.value).map_err(|_| S::Error::custom(UNWRITABLE))?;
        let sealed = Envelope::seal(K::ring(), json.as_bytes(), task).map_err(S::Error::custom)?;
        Outer { sealed }.serialize(serializer)
    }
}

impl<'de, T: DeserializeOwned, K: Keys> Deserialize<'de> for Sealed<T, K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Outer { sealed } = deserializer.deserialize_newtype_struct(NAME, Asked)?;
        let opened = sealed.open(K::ring(), place::task());
        let value =
            opened.and_then(|json| serde_json::from_slice(&json).map_err(|_| SealError::misfit::<T>()));
        // A deserializer may keep no text of an error.
        value.map(Self::new).map_err(|problem| D::Error::custom(place::tell(problem)))
    }
}

/// Reads what is inside of the name.
struct Asked;

impl<'de> Visitor<'de> for Asked {
    type Value = Outer;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a sealed value")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Outer, D::Error> {
        Outer::deserialize(deserializer)
    }
}

/// Without the value.
impl<T, K> fmt::Debug for Sealed<T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[sealed]")
    }
}

impl<T: Clone, K> Clone for Sealed<T, K> {
    fn clone(&self) -> Self {
        Self::new(self.value.clone())
    }
}

impl<T: Default, K> Default for Sealed<T, K> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: PartialEq, K> PartialEq for Sealed<T, K> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: Eq, K> Eq for Sealed<T, K> {}

impl<T: Hash, K> Hash for Sealed<T, K> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.value.hash(state);
    }
}

#[cfg(test)]
mod tests;
