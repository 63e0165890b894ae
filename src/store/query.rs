//! How many rows a page of a list has, as a route reads it from a query.

use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserializer, de::Unexpected};

/// The most that a query may ask for. Rust may set more.
const MOST: u32 = 10_000;

/// Reads the limit of a page, from a number or from the text of one.
pub(super) fn limit<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    deserializer.deserialize_any(Limit)
}

struct Limit;

impl Visitor<'_> for Limit {
    type Value = u32;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "limit to be an integer from 0 to {MOST}")
    }

    fn visit_u64<E: Error>(self, limit: u64) -> Result<u32, E> {
        let accepted = u32::try_from(limit).ok().filter(|limit| *limit <= MOST);
        accepted.ok_or_else(|| E::invalid_value(Unexpected::Unsigned(limit), &self))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<u32, E> {
        match text.parse::<u64>() {
            Ok(limit) => self.visit_u64(limit),
            Err(_) => Err(E::invalid_value(Unexpected::Other("another text"), &self)),
        }
    }
}
