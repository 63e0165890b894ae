//! Fields of filters, as a route reads them from the texts of a query, or from JSON. An error names the field, and no value.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::Deserializer;
use serde::de::{Error, Visitor};

use crate::error::Problem;

/// The most rows that a query may ask for. Rust may set more.
const MOST: u32 = 10_000;
const A_LIMIT: &str = "must be an integer from 0 to 10000";
const A_MOMENT: &str = "must be a time such as 2027-01-01T09:00:00Z";
const AN_ID: &str = "must be an integer";

/// Reads the limit of a page.
pub(super) fn limit<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    let limit: Option<u32> = field(from, "limit", A_LIMIT)?;
    let accepted = limit.filter(|limit| *limit <= MOST);
    accepted.ok_or_else(|| D::Error::custom(Problem::new("limit", A_LIMIT, "another one")))
}

macro_rules! optional {
    ($($name:ident: $type:ty => $expected:expr;)+) => {$(
        pub(super) fn $name<'de, D: Deserializer<'de>>(from: D) -> Result<Option<$type>, D::Error> {
            field(from, stringify!($name), $expected)
        }
    )+};
}

optional! {
    id: i64 => AN_ID;
    after_id: i64 => AN_ID;
    before_id: i64 => AN_ID;
    worker_id: i32 => AN_ID;
    changed_since: DateTime<Utc> => A_MOMENT;
    changed_until: DateTime<Utc> => A_MOMENT;
}

/// Reads a field from its text, or from a number. A form sends each of its fields, and an empty text is no condition.
fn field<'de, D, T>(from: D, name: &'static str, expected: &'static str) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr,
{
    from.deserialize_any(Field { name, expected, value: PhantomData })
}

struct Field<T> {
    name: &'static str,
    expected: &'static str,
    value: PhantomData<T>,
}

impl<'de, T: FromStr> Visitor<'de> for Field<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The text continues that of serde: "invalid type: map, expected".
        write!(f, "{}, which {}", self.name, self.expected)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Option<T>, E> {
        if text.is_empty() {
            return Ok(None);
        }
        let refused = |_| E::custom(Problem::new(self.name, self.expected, "another text"));
        text.parse().map(Some).map_err(refused)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Option<T>, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Option<T>, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_unit<E: Error>(self) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_none<E: Error>(self) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Option<T>, D::Error> {
        from.deserialize_any(self)
    }
}
