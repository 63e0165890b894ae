//! A JSON value as a deserializer with errors that hold no values. It accepts what the reader of serde_json accepts, and a look follows
//! its way through the value.

use std::slice;

use serde::de::value::{MapAccessDeserializer, MapDeserializer, StringDeserializer};
use serde::de::{
    DeserializeSeed, Deserializer, Error, IntoDeserializer, MapAccess, SeqAccess, Unexpected, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::{Map, Value, map};

use super::fault::Fault;
use crate::job::payload::kind_of;
use crate::redacted::look;

/// The name by which `RawValue` asks for the text of a value.
pub(in crate::attempt) const RAW_VALUE: &str = "$serde_json::private::RawValue";

/// A value of the payload.
#[derive(Clone, Copy)]
pub(super) struct Node<'a>(pub(super) &'a Value);

impl Node<'_> {
    // Wide integers are read as floating point. Only their type matters here.
    fn wide(self) -> Option<f64> {
        self.0.as_f64().filter(|number| self.0.is_f64() && number.fract() == 0.0)
    }
}

impl<'de> Deserializer<'de> for Node<'_> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        look::touched();
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
                (Some(value), _, _) => visitor.visit_u64(value),
                (_, Some(value), _) => visitor.visit_i64(value),
                (_, _, value) => visitor.visit_f64(value.unwrap_or_default()),
            },
            Value::String(value) => visitor.visit_str(value),
            Value::Array(values) => visitor.visit_seq(Elements::new(values)),
            Value::Object(fields) => visitor.visit_map(Fields::new(fields)),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        if self.0.is_null() { visitor.visit_none() } else { look::announced(|| visitor.visit_some(self)) }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        look::unread();
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        look::touched();
        if name == RAW_VALUE {
            let text: StringDeserializer<Fault> = self.0.to_string().into_deserializer();
            return visitor.visit_map(MapDeserializer::new(std::iter::once((RAW_VALUE, text))));
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        look::touched();
        match self.0 {
            Value::String(variant) => visitor.visit_enum(variant.as_str().into_deserializer()),
            Value::Object(fields) if fields.len() == 1 => {
                visitor.visit_enum(MapAccessDeserializer::new(Fields::new(fields)))
            }
            Value::Object(_) => Err(Fault::expected(
                "an object with the name of a variant as its one field",
                Some("another number of fields"),
            )),
            other => Err(Fault::expected("the name of a variant", Some(kind_of(other)))),
        }
    }

    fn deserialize_u128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        look::touched();
        match self.wide() {
            Some(value) => visitor.visit_u128(value as u128),
            None => self.deserialize_any(visitor),
        }
    }

    fn deserialize_i128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        look::touched();
        match self.wide() {
            Some(value) => visitor.visit_i128(value as i128),
            None => self.deserialize_any(visitor),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier
    }
}

/// The key of an object, which may be a number or a boolean as text. It is at the place of its object.
struct Key<'a>(&'a str);

/// Methods for keys that are no strings: text that is no such value is left to the visitor, which reports it.
macro_rules! parsed {
    ($($method:ident => $visit:ident,)+) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            look::touched();
            match self.0.parse() {
                Ok(value) => visitor.$visit(value),
                Err(_) => Err(Fault::invalid_type(Unexpected::Str(""), &visitor)),
            }
            .map_err(|fault: Fault| fault.of_name(self.0))
        })+
    };
}

impl<'de> Deserializer<'de> for Key<'_> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        look::touched();
        visitor.visit_str(self.0).map_err(|fault: Fault| fault.of_name(self.0))
    }

    parsed! {
        deserialize_bool => visit_bool,
        deserialize_i8 => visit_i64,
        deserialize_i16 => visit_i64,
        deserialize_i32 => visit_i64,
        deserialize_i64 => visit_i64,
        deserialize_i128 => visit_i128,
        deserialize_u8 => visit_u64,
        deserialize_u16 => visit_u64,
        deserialize_u32 => visit_u64,
        deserialize_u64 => visit_u64,
        deserialize_u128 => visit_u128,
        deserialize_f32 => visit_f64,
        deserialize_f64 => visit_f64,
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        look::announced(|| visitor.visit_some(self))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        look::touched();
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        look::touched();
        visitor.visit_enum(self.0.into_deserializer()).map_err(|fault: Fault| fault.of_name(self.0))
    }

    forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

/// The elements of an array.
struct Elements<'a> {
    values: slice::Iter<'a, Value>,
    index: usize,
}

impl<'a> Elements<'a> {
    fn new(values: &'a [Value]) -> Self {
        Self { values: values.iter(), index: 0 }
    }
}

impl<'de> SeqAccess<'de> for Elements<'_> {
    type Error = Fault;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Fault> {
        let Some(value) = self.values.next() else { return Ok(None) };
        let index = self.index.to_string();
        self.index += 1;
        look::inside(&index, || seed.deserialize(Node(value))).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.values.len())
    }
}

/// The fields of an object.
struct Fields<'a> {
    fields: map::Iter<'a>,
    /// The field whose key was read.
    current: Option<(&'a str, &'a Value)>,
}

impl<'a> Fields<'a> {
    fn new(fields: &'a Map<String, Value>) -> Self {
        Self { fields: fields.iter(), current: None }
    }
}

impl<'de> MapAccess<'de> for Fields<'_> {
    type Error = Fault;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Fault> {
        let Some((key, value)) = self.fields.next() else { return Ok(None) };
        self.current = Some((key, value));
        seed.deserialize(Key(key)).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Fault> {
        let (key, value) = self.current.take().ok_or_else(|| Fault::custom("a value comes after its key"))?;
        look::inside(key, || seed.deserialize(Node(value)))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.fields.len())
    }
}
