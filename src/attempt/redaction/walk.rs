//! Whether a type has redacted values: runs its deserialization without a payload, once for each of its fields and variants. What that
//! cannot reach is taken for redacted.

use serde::de::value::{Error as Ended, StrDeserializer};
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess,
    Visitor,
};
use serde::forward_to_deserialize_any;

use self::route::Route;
use crate::attempt::misfit::RAW_VALUE;
use crate::attempt::panics::caught;
use crate::redacted::look;

mod route;

/// A type that nests deeper may be recursive.
const DEEPEST: usize = 32;
/// A type with more fields is not walked to its end.
const MOST_RUNS: usize = 4096;

/// Returns `false` if no payload of the type has a redacted value.
pub(in crate::attempt) fn redacts<T: DeserializeOwned>() -> bool {
    let walk = || {
        look::of_type(|| {
            let route = Route::default();
            for _ in 0..MOST_RUNS {
                // Most runs end with an error: a field is missing.
                let _ = T::deserialize(Walk { route: &route, depth: 0 });
                if route.is_lost() || !route.turn() {
                    break;
                }
            }
            route.is_lost() || !route.is_over()
        })
    };
    caught(walk).map_or(true, |(is_unsure, found)| is_unsure || found)
}

/// Pretends to be a payload.
#[derive(Clone, Copy)]
struct Walk<'a> {
    route: &'a Route,
    depth: usize,
}

impl<'a> Walk<'a> {
    fn lost<R>(self) -> Result<R, Ended> {
        self.route.lose();
        Err(Ended::custom("a part of the type is not reached"))
    }

    fn deeper(self) -> Result<Self, Ended> {
        if self.depth == DEEPEST { self.lost() } else { Ok(Self { depth: self.depth + 1, ..self }) }
    }

    fn elements(self, left: usize) -> Result<Elements<'a>, Ended> {
        Ok(Elements { walk: self.deeper()?, left })
    }

    fn fields<'de, V: Visitor<'de>>(self, names: &[&'static str], visitor: V) -> Result<V::Value, Ended> {
        let walk = self.deeper()?;
        let field = (!names.is_empty()).then(|| names[self.route.choose(names.len())]);
        visitor.visit_map(Field { walk, field })
    }
}

/// Whether it is a collection of the standard library, whose elements are all of one type. Another type may read each element or key
/// as something else.
fn is_of_std<T>() -> bool {
    ["alloc::", "std::"].iter().any(|of| std::any::type_name::<T>().starts_with(of))
}

/// Methods for values without parts. Most of their types accept these.
macro_rules! leaves {
    ($($method:ident => $visit:ident($($value:expr)?),)+) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Ended> {
            visitor.$visit($($value)?)
        })+
    };
}

impl<'de> Deserializer<'de> for Walk<'_> {
    type Error = Ended;

    // The type decides by the payload.
    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Ended> {
        self.lost()
    }

    leaves! {
        deserialize_unit => visit_unit(),
        deserialize_ignored_any => visit_unit(),
        deserialize_bool => visit_bool(true),
        deserialize_i8 => visit_i8(1),
        deserialize_i16 => visit_i16(1),
        deserialize_i32 => visit_i32(1),
        deserialize_i64 => visit_i64(1),
        deserialize_i128 => visit_i128(1),
        deserialize_u8 => visit_u8(1),
        deserialize_u16 => visit_u16(1),
        deserialize_u32 => visit_u32(1),
        deserialize_u64 => visit_u64(1),
        deserialize_u128 => visit_u128(1),
        deserialize_f32 => visit_f32(1.0),
        deserialize_f64 => visit_f64(1.0),
        deserialize_char => visit_char('1'),
        deserialize_str => visit_str("1"),
        deserialize_string => visit_str("1"),
        deserialize_bytes => visit_bytes(b"1"),
        deserialize_byte_buf => visit_bytes(b"1"),
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Ended> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! { identifier }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Ended> {
        visitor.visit_some(self.deeper()?)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Ended> {
        if name == RAW_VALUE { self.lost() } else { visitor.visit_newtype_struct(self.deeper()?) }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Ended> {
        if is_of_std::<V::Value>() { visitor.visit_seq(self.elements(1)?) } else { self.lost() }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Ended> {
        visitor.visit_seq(self.elements(length)?)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Ended> {
        visitor.visit_seq(self.elements(length)?)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Ended> {
        if !is_of_std::<V::Value>() {
            return self.lost();
        }
        visitor.visit_map(Entry { walk: self.deeper()?, is_over: false })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Ended> {
        self.fields(fields, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Ended> {
        let walk = self.deeper()?;
        if variants.is_empty() {
            return Err(Ended::custom("no payload is of this type"));
        }
        visitor.visit_enum(Variant { walk, name: variants[self.route.choose(variants.len())] })
    }
}

/// So many elements of a sequence.
struct Elements<'a> {
    walk: Walk<'a>,
    left: usize,
}

impl<'de> SeqAccess<'de> for Elements<'_> {
    type Error = Ended;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Ended> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        match seed.deserialize(self.walk) {
            Err(_) if self.left > 0 => self.walk.lost(),
            element => element.map(Some),
        }
    }
}

/// One entry of a map.
struct Entry<'a> {
    walk: Walk<'a>,
    is_over: bool,
}

impl<'de> MapAccess<'de> for Entry<'_> {
    type Error = Ended;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Ended> {
        if std::mem::replace(&mut self.is_over, true) {
            return Ok(None);
        }
        seed.deserialize(self.walk).map(Some).or_else(|_| self.walk.lost())
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Ended> {
        seed.deserialize(self.walk)
    }
}

/// One field of a struct.
struct Field<'a> {
    walk: Walk<'a>,
    field: Option<&'static str>,
}

impl<'de> MapAccess<'de> for Field<'_> {
    type Error = Ended;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Ended> {
        self.field.take().map(|field| seed.deserialize(StrDeserializer::new(field))).transpose()
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Ended> {
        seed.deserialize(self.walk)
    }
}

/// One variant of an enum.
struct Variant<'a> {
    walk: Walk<'a>,
    name: &'static str,
}

impl<'de, 'a> EnumAccess<'de> for Variant<'a> {
    type Error = Ended;
    type Variant = Walk<'a>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Walk<'a>), Ended> {
        seed.deserialize(StrDeserializer::new(self.name)).map(|variant| (variant, self.walk))
    }
}

/// As what a variant holds.
impl<'de> VariantAccess<'de> for Walk<'_> {
    type Error = Ended;

    fn unit_variant(self) -> Result<(), Ended> {
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Ended> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Ended> {
        visitor.visit_seq(self.elements(length)?)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Ended> {
        self.fields(fields, visitor)
    }
}
