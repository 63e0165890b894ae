//! Looks at types and payloads for redacted values. A look runs the type's own code, which comes to [`read`] and [`write`]. Outside of a
//! look both do what the value does.

use std::cell::RefCell;
use std::marker::PhantomData;
use std::{fmt, mem};

use serde::de::value::{StrDeserializer, UnitDeserializer};
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::{Serialize, Serializer};
use serde_json::Value;

/// The name by which a redacted value announces itself while the faults of a payload are looked for.
pub(crate) const NAME: &str = "mainspring::Redacted";

thread_local! {
    static LOOK: RefCell<Look> = const { RefCell::new(Look::None) };
}

/// What this thread looks at.
#[derive(Default)]
enum Look {
    #[default]
    None,
    /// A type, without a payload. Whether it has a redacted value.
    Type(bool),
    Payload(Found),
    /// A payload that is written.
    Faults,
}

/// The keys and indexes that lead to a value.
pub(crate) type Place = Vec<String>;

/// What a look at a payload has found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    here: Place,
    /// The deserializer passes on the value at the place, and nothing has been read of it.
    is_announced: bool,
    /// The redacted values.
    pub(crate) redacted: Vec<Place>,
    /// What the type does not read.
    pub(crate) unread: Vec<Place>,
    /// Redacted values whose places are unknown. serde reads enums without names of variants and flattened fields from a copy.
    pub(crate) copied: Vec<Value>,
}

/// Ends a look, also by a panic.
struct End;

impl Drop for End {
    fn drop(&mut self) {
        LOOK.take();
    }
}

/// Looks at a type. Returns also whether it came to a redacted value, which ends its code with an error.
pub(crate) fn of_type<R>(work: impl FnOnce() -> R) -> (R, bool) {
    let (done, look) = during(Look::Type(false), work);
    (done, matches!(look, Look::Type(true)))
}

/// Looks at a payload that a deserializer passes on which calls [`inside`], [`announced`] and [`touched`].
pub(crate) fn of_payload<R>(work: impl FnOnce() -> R) -> (R, Found) {
    match during(Look::Payload(Found::default()), work) {
        (done, Look::Payload(found)) => (done, found),
        (done, Look::None | Look::Type(_) | Look::Faults) => (done, Found::default()),
    }
}

/// Looks for the faults of a payload: redacted values announce themselves to the serializer.
pub(crate) fn for_faults<R>(work: impl FnOnce() -> R) -> R {
    during(Look::Faults, work).0
}

fn during<R>(look: Look, work: impl FnOnce() -> R) -> (R, Look) {
    LOOK.set(look);
    let _end = End;
    let done = work();
    (done, LOOK.take())
}

fn with_found<R: Default>(change: impl FnOnce(&mut Found) -> R) -> R {
    LOOK.with_borrow_mut(|look| match look {
        Look::Payload(found) => change(found),
        Look::None | Look::Type(_) | Look::Faults => R::default(),
    })
}

/// Reads the value at a key or an index.
pub(crate) fn inside<R>(step: &str, read: impl FnOnce() -> R) -> R {
    with_found(|found| found.here.push(step.to_owned()));
    let done = read();
    with_found(|found| found.here.pop());
    done
}

/// Passes the value at the place on as it is.
pub(crate) fn announced<R>(pass: impl FnOnce() -> R) -> R {
    with_found(|found| found.is_announced = true);
    let done = pass();
    touched();
    done
}

/// Something is read of the value at the place.
pub(crate) fn touched() {
    with_found(|found| found.is_announced = false);
}

/// The type does not read the value at the place.
pub(crate) fn unread() {
    with_found(|found| found.unread.push(found.here.clone()));
}

/// Writes a redacted value.
pub(super) fn write<T: Serialize, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    if LOOK.with_borrow(|look| matches!(look, Look::Faults)) {
        return serializer.serialize_newtype_struct(NAME, value);
    }
    value.serialize(serializer)
}

/// Reads a redacted value.
pub(super) fn read<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    let is_payload = LOOK.with_borrow_mut(|look| match look {
        Look::None | Look::Faults => Some(false),
        Look::Payload(_) => Some(true),
        Look::Type(found) => {
            *found = true;
            None
        }
    });
    match is_payload {
        Some(false) => T::deserialize(deserializer),
        // Each deserializer passes an optional value on, also that of a missing field.
        Some(true) => deserializer.deserialize_option(Announced(PhantomData)),
        None => Err(D::Error::custom("the look at the type ends here")),
    }
}

/// Reads a redacted value, and notes its place, or else the value.
struct Announced<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Announced<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    // Nothing is there that could be hidden.
    fn visit_none<E: Error>(self) -> Result<T, E> {
        T::deserialize(UnitDeserializer::new())
    }

    fn visit_unit<E: Error>(self) -> Result<T, E> {
        self.visit_none()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        let is_placed = with_found(|found| {
            let is_placed = mem::take(&mut found.is_announced);
            if is_placed {
                found.redacted.push(found.here.clone());
            }
            is_placed
        });
        if is_placed {
            return T::deserialize(deserializer);
        }
        let value = Value::deserialize(deserializer)?;
        with_found(|found| found.copied.push(value.clone()));
        // Its text may have the value.
        T::deserialize(value).map_err(|_| D::Error::custom("a redacted value does not fit"))
    }

    // What passes on no optional values: the keys of a copy.
    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        with_found(|found| found.copied.push(text.into()));
        T::deserialize(StrDeserializer::new(text))
    }
}
