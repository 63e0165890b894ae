//! Whether a type declares a field: asks its own deserialization, without a payload.

use std::fmt::{self, Display};

use serde::de::{DeserializeOwned, Deserializer, Error, Visitor};
use serde::forward_to_deserialize_any;

/// Returns `true` if the type is a struct that declares the field. A struct with flattened fields declares none.
pub(super) fn declares<T: DeserializeOwned>(field: &'static str) -> bool {
    matches!(T::deserialize(Probe { field }), Err(Reply::Declared))
}

/// Ends every deserialization with the reply.
struct Probe {
    field: &'static str,
}

#[derive(Debug)]
enum Reply {
    Declared,
    Unknown,
}

impl Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a probe has no value")
    }
}

impl std::error::Error for Reply {}

impl Error for Reply {
    fn custom<T: Display>(_: T) -> Self {
        Self::Unknown
    }
}

impl<'de> Deserializer<'de> for Probe {
    type Error = Reply;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Reply> {
        Err(Reply::Unknown)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Reply> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Reply> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Reply> {
        Err(if fields.contains(&self.field) { Reply::Declared } else { Reply::Unknown })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map enum identifier ignored_any
    }
}
