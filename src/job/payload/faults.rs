//! Finds the first value of a payload that JSON text would change, and its path. It writes nothing, and runs only when the
//! text of a payload is doubtful.

use serde::Serialize;
use serde::ser::{
    SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::bounds::{MAX_DEPTH, cut, depth_problem};
use super::fault::{Fault, Kind};
use crate::error::Problem;
use crate::redacted::look;

const LONGEST_PATH: usize = 200;

/// Returns what is wrong with the payload, in words for a person, or `None`.
pub(super) fn first_fault<T: Serialize + ?Sized>(payload: &T) -> Option<Problem> {
    let fault = look::for_faults(|| payload.serialize(Finder { depth: 0 })).err()?;
    let (expected, got) = match fault.kind {
        Kind::NotFinite(what) => ("must hold finite numbers", what),
        Kind::Wide => ("must hold integers of at most 64 bits", "a larger one"),
        // The path of the deepest value is of no use: the outermost field is named.
        Kind::TooDeep => {
            return Some(depth_problem(&place(fault.path.last().map_or("", String::as_str))));
        }
        Kind::Other => return None,
    };
    Some(Problem::new("payload", expected, format_args!("{got}{}", place(&fault.path()))))
}

fn place(path: &str) -> String {
    match path.trim_start_matches('.') {
        "" => String::new(),
        path => format!(" at `{}`", cut(path, LONGEST_PATH)),
    }
}

/// Visits a value inside `depth` arrays and objects.
#[derive(Clone, Copy)]
struct Finder {
    depth: usize,
}

impl Finder {
    fn enter(self, variant: Option<&'static str>) -> Result<Inside, Fault> {
        // A variant with a name is an object around its content.
        let depth = self.depth + 1 + usize::from(variant.is_some());
        if depth > MAX_DEPTH {
            return Err(Fault::new(Kind::TooDeep));
        }
        Ok(Inside { finder: Self { depth }, index: 0, key: String::new(), variant })
    }
}

/// The elements of an array, or the entries of an object.
struct Inside {
    finder: Finder,
    index: usize,
    key: String,
    variant: Option<&'static str>,
}

impl Inside {
    fn find<T: Serialize + ?Sized>(&self, value: &T, segment: impl FnOnce() -> String) -> Result<(), Fault> {
        value.serialize(self.finder).map_err(|fault| {
            let fault = fault.inside(segment);
            match self.variant {
                Some(variant) => fault.inside(|| format!(".{variant}")),
                None => fault,
            }
        })
    }

    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Fault> {
        let index = self.index;
        self.index += 1;
        self.find(value, || format!("[{index}]"))
    }

    fn field<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), Fault> {
        self.find(value, || format!(".{name}"))
    }
}

/// Methods for values that JSON always holds.
macro_rules! harmless {
    ($($method:ident: $type:ty,)+) => {
        $(fn $method(self, _: $type) -> Result<(), Fault> {
            Ok(())
        })+
    };
}

impl Serializer for Finder {
    type Ok = ();
    type Error = Fault;
    type SerializeSeq = Inside;
    type SerializeTuple = Inside;
    type SerializeTupleStruct = Inside;
    type SerializeTupleVariant = Inside;
    type SerializeMap = Inside;
    type SerializeStruct = Inside;
    type SerializeStructVariant = Inside;

    harmless! {
        serialize_bool: bool,
        serialize_i8: i8,
        serialize_i16: i16,
        serialize_i32: i32,
        serialize_i64: i64,
        serialize_u8: u8,
        serialize_u16: u16,
        serialize_u32: u32,
        serialize_u64: u64,
        serialize_char: char,
        serialize_str: &str,
        serialize_bytes: &[u8],
        serialize_unit_struct: &'static str,
    }

    fn serialize_i128(self, value: i128) -> Result<(), Fault> {
        let fits = i64::try_from(value).is_ok() || u64::try_from(value).is_ok();
        if fits { Ok(()) } else { Err(Fault::new(Kind::Wide)) }
    }

    fn serialize_u128(self, value: u128) -> Result<(), Fault> {
        if u64::try_from(value).is_ok() { Ok(()) } else { Err(Fault::new(Kind::Wide)) }
    }

    fn serialize_f32(self, value: f32) -> Result<(), Fault> {
        self.serialize_f64(f64::from(value))
    }

    fn serialize_f64(self, value: f64) -> Result<(), Fault> {
        match value {
            _ if value.is_finite() => Ok(()),
            _ if value.is_nan() => Err(Fault::new(Kind::NotFinite("NaN"))),
            _ if value > 0.0 => Err(Fault::new(Kind::NotFinite("infinity"))),
            _ => Err(Fault::new(Kind::NotFinite("-infinity"))),
        }
    }

    fn serialize_none(self) -> Result<(), Fault> {
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Fault> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Fault> {
        Ok(())
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, _: &'static str) -> Result<(), Fault> {
        Ok(())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Fault> {
        let found = value.serialize(self);
        // Keys inside a redacted value are values too.
        if name == look::NAME { found.map_err(Fault::without_path) } else { found }
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Fault> {
        self.enter(None)?.field(variant, value)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Inside, Fault> {
        self.enter(None)
    }

    fn serialize_tuple(self, _: usize) -> Result<Inside, Fault> {
        self.enter(None)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Inside, Fault> {
        self.enter(None)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Inside, Fault> {
        self.enter(Some(variant))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Inside, Fault> {
        self.enter(None)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Inside, Fault> {
        self.enter(None)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Inside, Fault> {
        self.enter(Some(variant))
    }
}

/// The traits of the kinds of array.
macro_rules! arrays {
    ($($trait:ident: $method:ident,)+) => {
        $(impl $trait for Inside {
            type Ok = ();
            type Error = Fault;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Fault> {
                self.element(value)
            }

            fn end(self) -> Result<(), Fault> {
                Ok(())
            }
        })+
    };
}

arrays! {
    SerializeSeq: serialize_element,
    SerializeTuple: serialize_element,
    SerializeTupleStruct: serialize_field,
    SerializeTupleVariant: serialize_field,
}

/// The traits of the kinds of object with fields.
macro_rules! structs {
    ($($trait:ident,)+) => {
        $(impl $trait for Inside {
            type Ok = ();
            type Error = Fault;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Fault> {
                self.field(name, value)
            }

            fn end(self) -> Result<(), Fault> {
                Ok(())
            }
        })+
    };
}

structs! { SerializeStruct, SerializeStructVariant, }

impl SerializeMap for Inside {
    type Ok = ();
    type Error = Fault;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Fault> {
        self.key = match serde_json::to_value(key) {
            Ok(serde_json::Value::String(key)) => key,
            Ok(key) => key.to_string(),
            Err(_) => String::new(),
        };
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Fault> {
        self.find(value, || format!(".{}", self.key))
    }

    fn end(self) -> Result<(), Fault> {
        Ok(())
    }
}
