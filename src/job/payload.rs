//! A payload as JSON text that every reader can represent: how it is written, and what is refused before it is stored. Does
//! not know how payloads are read.

use std::cell::Cell;
use std::io::{self, Write};

use serde::Serialize;
use serde_json::Value;
use serde_json::ser::{CompactFormatter, Formatter, Serializer};

mod bounds;
mod fault;
mod faults;
mod numbers;

use self::bounds::{MAX_DEPTH, depth_problem, is_too_deep};
pub(crate) use self::bounds::{character_problem, check_depth, cut, kind_of, nesting_problem};
use self::faults::first_fault;
pub(crate) use self::numbers::{has_exponent, number_problem};
use crate::error::{Problem, StoreError};
#[cfg(feature = "sealed")]
use crate::sealed::place;

// From here on, the usual text of a number with a fraction has an exponent. PostgreSQL expands that to an integer.
const FIRST_WITH_EXPONENT: f64 = 1e16;

/// Returns the payload of a task as JSON text.
///
/// # Errors
///
/// [`StoreError::Payload`] when the task cannot be written as JSON, [`StoreError::Invalid`] when it would be read back as
/// something else. The text names the path of the value.
pub(crate) fn encode<T: Serialize + ?Sized>(task: &'static str, payload: &T) -> Result<String, StoreError> {
    #[cfg(feature = "sealed")]
    let _sealed = place::Payload::of(task);
    let notes = Notes::default();
    let json = match write(payload, &notes) {
        Ok(json) => json,
        Err(_) if notes.depth.get() > MAX_DEPTH => return Err(deep_fault(payload).into()),
        Err(error) => return Err(StoreError::Payload { task: task.to_owned(), error: error.into() }),
    };
    // A payload may hold parts that were written before.
    let too_deep = is_too_deep(&json);
    if (notes.is_doubtful.get() || too_deep)
        && let Some(fault) = first_fault(payload)
    {
        return Err(fault.into());
    }
    if too_deep { Err(depth_problem("").into()) } else { Ok(json) }
}

fn deep_fault<T: Serialize + ?Sized>(payload: &T) -> Problem {
    first_fault(payload).unwrap_or_else(|| depth_problem(""))
}

/// Returns the payload of a task as a JSON value, which is read back as the task.
///
/// # Errors
///
/// As [`encode`].
pub(crate) fn to_value<T: Serialize + ?Sized>(task: &'static str, payload: &T) -> Result<Value, StoreError> {
    let json = encode(task, payload)?;
    serde_json::from_str(&json)
        .map_err(|error| StoreError::Payload { task: task.to_owned(), error: error.into() })
}

/// Returns a JSON value as text. Its depth is not judged.
pub(crate) fn text_of(payload: &Value) -> String {
    // A value has string keys and finite numbers, and memory takes any text. A deeper one is refused by its reader.
    write(payload, &Notes::default()).unwrap_or_else(|_| payload.to_string())
}

fn write<T: Serialize + ?Sized>(payload: &T, notes: &Notes) -> serde_json::Result<String> {
    let mut json = Vec::with_capacity(128);
    payload.serialize(&mut Serializer::with_formatter(&mut json, Exact(notes)))?;
    // The serializer writes UTF-8 only.
    String::from_utf8(json).map_err(serde::ser::Error::custom)
}

/// Set while a payload is written: whether it has a value that JSON may not hold, and the depth of the place that is written.
#[derive(Default)]
struct Notes {
    is_doubtful: Cell<bool>,
    depth: Cell<usize>,
}

impl Notes {
    // A payload without an end, such as a long chain of boxes, must not use up the stack.
    fn enter(&self) -> io::Result<()> {
        self.depth.set(self.depth.get() + 1);
        if self.depth.get() > MAX_DEPTH {
            Err(io::Error::other(depth_problem("").to_string()))
        } else {
            Ok(())
        }
    }

    fn leave(&self) {
        self.depth.set(self.depth.get() - 1);
    }
}

/// Writes numbers so that `jsonb` keeps their kind: a number with a fraction is never read back as an integer.
struct Exact<'a>(&'a Notes);

impl Formatter for Exact<'_> {
    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.enter()?;
        CompactFormatter.begin_array(writer)
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.leave();
        CompactFormatter.end_array(writer)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.enter()?;
        CompactFormatter.begin_object(writer)
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.leave();
        CompactFormatter.end_object(writer)
    }

    // NaN and infinity are written as null too.
    fn write_null<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.is_doubtful.set(true);
        CompactFormatter.write_null(writer)
    }

    fn write_f32<W: ?Sized + Write>(&mut self, writer: &mut W, value: f32) -> io::Result<()> {
        if f64::from(value.abs()) < FIRST_WITH_EXPONENT {
            return CompactFormatter.write_f32(writer, value);
        }
        write!(writer, "{value}.0")
    }

    fn write_f64<W: ?Sized + Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        if value.abs() < FIRST_WITH_EXPONENT {
            return CompactFormatter.write_f64(writer, value);
        }
        write!(writer, "{value}.0")
    }

    fn write_i128<W: ?Sized + Write>(&mut self, writer: &mut W, value: i128) -> io::Result<()> {
        self.0.is_doubtful.set(true);
        CompactFormatter.write_i128(writer, value)
    }

    fn write_u128<W: ?Sized + Write>(&mut self, writer: &mut W, value: u128) -> io::Result<()> {
        self.0.is_doubtful.set(true);
        CompactFormatter.write_u128(writer, value)
    }
}

#[cfg(test)]
mod tests;
