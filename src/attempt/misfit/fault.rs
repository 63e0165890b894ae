//! An error of deserialization that holds types and names of the program, and nothing of the payload.

use std::fmt::{self, Display};

use serde::de::{Error, Expected, Unexpected};

/// What a type expected.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) expected: String,
    /// What was there instead, if the type has reported it.
    pub(super) found: Option<&'static str>,
    /// The name that is at fault: of a field, a variant or an entry. It is part of the payload, and no part of the path.
    pub(super) name: Option<String>,
}

impl Fault {
    pub(super) fn expected(expected: impl Display, found: Option<&'static str>) -> Self {
        Self { expected: format!("expected {expected}"), found, name: None }
    }

    pub(super) fn of_name(self, name: &str) -> Self {
        Self { name: Some(name.to_owned()), ..self }
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.expected)
    }
}

impl std::error::Error for Fault {}

impl Error for Fault {
    // The text may quote the value.
    fn custom<T: Display>(_: T) -> Self {
        Self::expected("a value that the type accepts", None)
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::expected(expected, Some(type_of(found)))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::expected(expected, Some(other_value_of(found)))
    }

    fn invalid_length(_: usize, expected: &dyn Expected) -> Self {
        Self::expected(expected, Some("another number of elements"))
    }

    fn unknown_variant(_: &str, variants: &'static [&'static str]) -> Self {
        Self::expected(one_of(variants), Some("another name"))
    }

    fn unknown_field(_: &str, fields: &'static [&'static str]) -> Self {
        Self::expected(one_of(fields), Some("another field"))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::expected(format_args!("field `{field}`"), Some("an object without it"))
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::expected(format_args!("field `{field}` once"), Some("it more than once"))
    }
}

fn one_of(names: &[&str]) -> String {
    match names {
        [] => "no name".to_owned(),
        names => names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" or "),
    }
}

fn type_of(found: Unexpected<'_>) -> &'static str {
    match found {
        Unexpected::Bool(_) => "a boolean",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) => "an integer",
        Unexpected::Float(_) => "a floating point number",
        Unexpected::Char(_) | Unexpected::Str(_) => "a string",
        Unexpected::Bytes(_) => "bytes",
        Unexpected::Unit | Unexpected::Option => "null",
        Unexpected::Seq => "an array",
        Unexpected::Map => "an object",
        Unexpected::NewtypeStruct | Unexpected::Enum => "another type",
        Unexpected::UnitVariant
        | Unexpected::NewtypeVariant
        | Unexpected::TupleVariant
        | Unexpected::StructVariant => "another kind of variant",
        Unexpected::Other(_) => "another value",
    }
}

fn other_value_of(found: Unexpected<'_>) -> &'static str {
    match type_of(found) {
        "an integer" => "another integer",
        "a floating point number" => "another floating point number",
        "a string" => "another string",
        other => other,
    }
}
