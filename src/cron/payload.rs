//! The payload of a crontab line: JSON5 in, a JSON object out. It refuses what PostgreSQL's jsonb
//! could not hold, so that a line fails when it is read and not each time it fires.

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::CronError;
use crate::job::payload::{check_depth, text_of};

/// The `json5` crate has no limit of its own, and a hostile text would exhaust the stack. The bound of payloads is less.
const DEEPEST: usize = 128;

/// Stands for a payload in an error, which names its column: its values belong into no log.
const WITHHELD: &str = "{..}";

mod integers;

pub(super) fn parse(text: &str) -> Result<Map<String, Value>, CronError> {
    if let Some(integer) = integers::first_wide(text) {
        let found = format!("an integer of {} digits", integer.len());
        return Err(CronError::new(&found, "an integer of at most 64 bits, or a string"));
    }
    match json5::from_str(text) {
        Ok(Payload(Value::Object(payload))) => {
            let depth = check_depth(&text_of(&Value::Object(payload.clone())));
            depth.map(|()| payload).map_err(|error| CronError::new(WITHHELD, error.to_string()))
        }
        Ok(_) => Err(CronError::new(WITHHELD, "a payload that is an object, such as `{key: 1}`")),
        Err(error) => Err(CronError::new(WITHHELD, format!("a JSON5 object as payload ({error})"))),
    }
}

/// A whole JSON5 text.
struct Payload(Value);

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Nested { depth: 0 }.deserialize(deserializer).map(Payload)
    }
}

/// A value inside `depth` arrays and objects.
struct Nested {
    depth: usize,
}

impl Nested {
    fn deeper<E: Error>(&self) -> Result<Self, E> {
        if self.depth == DEEPEST {
            return Err(E::custom(format!("nested deeper than {DEEPEST}")));
        }
        Ok(Self { depth: self.depth + 1 })
    }
}

impl<'de> DeserializeSeed<'de> for Nested {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Nested {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON5 value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        let number = Number::from_f64(value).ok_or_else(|| E::custom(format!("JSON has no {value}")))?;
        Ok(Value::Number(number))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        text(value.to_owned()).map(Value::String)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(self.deeper()?)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let value = entries.next_value_seed(self.deeper()?)?;
            object.insert(text(key)?, value);
        }
        Ok(Value::Object(object))
    }
}

fn text<E: Error>(text: String) -> Result<String, E> {
    if text.contains('\0') {
        return Err(E::custom("PostgreSQL stores no U+0000"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json5_becomes_json() {
        let payload = parse("{a: 'x', \"b\": [1, -2, 0x10, 1.5,], c: null, d: {e: true}, /* f */}").unwrap();
        assert_eq!(
            Value::Object(payload),
            json!({"a": "x", "b": [1, -2, 16, 1.5], "c": null, "d": {"e": true}})
        );
    }

    #[test]
    fn what_jsonb_cannot_hold_is_refused() {
        assert!(parse("{a: NaN}").unwrap_err().expected().contains("JSON has no NaN"));
        assert!(parse("{a: -Infinity}").is_err());
        assert!(parse("{a: '\\0'}").unwrap_err().expected().contains("U+0000"));
        assert!(parse("{'\\0': 1}").is_err());
        for half in ["{a: '\\ud800'}", "{a: '\\udc00x'}", "{'\\ud800': 1}", "{a: ['\\ud800\\ud800']}"] {
            let refused = parse(half).unwrap_err();
            assert!(refused.expected().contains("JSON5 object as payload"), "{half}: {refused}");
        }
        assert_eq!(Value::Object(parse("{a: '\\ud83d\\ude00'}").unwrap()), json!({"a": "😀"}));
    }

    #[test]
    fn an_integer_that_would_be_rounded_is_refused() {
        let refused = parse("{n: [12345678901234567890123]}").unwrap_err();
        assert_eq!(refused.found(), "an integer of 23 digits");
        assert!(refused.expected().contains("an integer of at most 64 bits"));
        let kept = parse("{a: 18446744073709551615, b: -9223372036854775808, c: 1e22}").unwrap();
        assert_eq!(Value::Object(kept), json!({"a": u64::MAX, "b": i64::MIN, "c": 1e22}));
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for text in ["[1]", "5", "'a'", "null"] {
            assert!(parse(text).unwrap_err().expected().contains("is an object"), "{text}");
        }
        for text in ["", "{", "{a}", "{} {}", "{a: 1} x"] {
            assert!(parse(text).unwrap_err().expected().contains("JSON5 object"), "{text}");
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |depth: usize| format!("{{a: {}{}}}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(&nested(126)).is_ok());
        assert!(parse(&nested(127)).unwrap_err().expected().contains("nested at most 127 deep"));
        assert!(parse(&nested(100_000)).unwrap_err().expected().contains("nested deeper than 128"));
    }
}
