//! What a type declares of its fields: asks its own deserialization, without a payload.

use std::fmt::{self, Display};

use serde::de::value::StrDeserializer;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error, MapAccess, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::{Value, json};

use super::panics::caught;
#[cfg(feature = "sealed")]
use crate::sealed;

// No type declares it.
const NO_FIELD: &str = "\u{1}";

/// Returns `true` if the type is a struct that declares the field. A struct with flattened fields declares none.
pub(super) fn declares<T: DeserializeOwned>(field: &str) -> bool {
    matches!(T::deserialize(Probe::Fields), Err(Reply::Fields(fields)) if fields.contains(&field))
}

/// Returns what a type with named fields accepts: its fields, the first one that a payload must have, and whether a payload may
/// have others. Returns `None` for any other type.
pub(super) fn accepts<T: DeserializeOwned>() -> Option<Value> {
    let reply = |probe| caught(|| T::deserialize(probe).err()).ok().flatten();
    let Some(Reply::Fields(fields)) = reply(Probe::Fields) else { return None };
    let required = match reply(Probe::Without) {
        Some(Reply::Missing(field)) => Some(field),
        _ => None,
    };
    let is_closed = matches!(reply(Probe::With(NO_FIELD)), Some(Reply::UnknownField));
    let mut accepts = json!({"fields": fields, "required": required, "closed": is_closed});
    #[cfg(feature = "sealed")]
    {
        // A payload that is sealed as a whole has the field of an envelope.
        let is_sealed = |field: &&&'static str| {
            **field == sealed::FIELD || matches!(reply(Probe::With(field)), Some(Reply::Sealed))
        };
        let sealed: Vec<&&'static str> = fields.iter().filter(is_sealed).collect();
        if !sealed.is_empty() {
            accepts["sealed"] = json!(sealed);
        }
    }
    Some(accepts)
}

/// Pretends to be a payload.
#[derive(Clone, Copy)]
enum Probe {
    /// Replies with the fields of a struct, and ends the deserialization.
    Fields,
    /// Has no fields.
    Without,
    /// Has this one field, without a value.
    With(&'static str),
    /// Is the value of a field.
    Value,
}

#[derive(Debug)]
enum Reply {
    Fields(&'static [&'static str]),
    Missing(&'static str),
    UnknownField,
    #[cfg(feature = "sealed")]
    Sealed,
    Other,
}

impl Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a probe has no value")
    }
}

impl std::error::Error for Reply {}

impl Error for Reply {
    fn custom<T: Display>(_: T) -> Self {
        Self::Other
    }

    fn missing_field(field: &'static str) -> Self {
        Self::Missing(field)
    }

    fn unknown_field(_: &str, _: &'static [&'static str]) -> Self {
        Self::UnknownField
    }
}

impl<'de> Deserializer<'de> for Probe {
    type Error = Reply;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Reply> {
        Err(Reply::Other)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Reply> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Reply> {
        #[cfg(feature = "sealed")]
        if name == sealed::NAME && matches!(self, Self::Value) {
            return Err(Reply::Sealed);
        }
        let _ = name;
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Reply> {
        match self {
            Self::Fields => Err(Reply::Fields(fields)),
            Self::Without => visitor.visit_map(Keys(None)),
            Self::With(field) => visitor.visit_map(Keys(Some(field))),
            Self::Value => Err(Reply::Other),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map enum identifier ignored_any
    }
}

/// The fields of a probe.
struct Keys(Option<&'static str>);

impl<'de> MapAccess<'de> for Keys {
    type Error = Reply;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Reply> {
        self.0.take().map(|key| seed.deserialize(StrDeserializer::new(key))).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Reply> {
        seed.deserialize(Probe::Value)
    }
}
