//! Makes a sample of any type out of its own shape: every optional field there, or none.

use std::cell::Cell;
use std::fmt::{self, Display};

use serde::de::value::{StrDeserializer, StringDeserializer};
use serde::de::{
    self, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};

/// How much of a type is there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Every optional field, two of everything that may be several, the last of alternatives.
    Full,
    /// Nothing optional, the first of alternatives.
    Minimal,
}

/// A deserializer that invents what it is asked for.
pub struct Example {
    extent: Extent,
    ids: Cell<u32>,
}

impl Example {
    pub const fn new(extent: Extent) -> Self {
        Self { extent, ids: Cell::new(0) }
    }
}

/// A place in the sample: below a field, perhaps an element of a list.
#[derive(Clone, Copy)]
struct Spot<'a> {
    example: &'a Example,
    field: &'static str,
    index: Option<usize>,
}

impl Spot<'_> {
    fn full(self) -> bool {
        self.example.extent == Extent::Full
    }

    /// Words that must have a form, or should read well; everything else gets an id.
    fn text(self) -> String {
        let at = self.index.unwrap_or(0);
        match self.field {
            "deliver_after" => "2026-02-03T04:05:06.789Z".to_owned(),
            "n" => "AAECAwQFBgcICQoL".to_owned(),
            "c" => "c2VhbGVk".to_owned(),
            "hash" | "content_mac" => "5e".repeat(32),
            "media_type" => "image/png".to_owned(),
            "name" | "label" | "description" | "from_label" | "to_label" | "from_description"
            | "to_description" => format!("A word {at}"),
            "address" => "support@example.org".to_owned(),
            "value" | "added" | "removed" | "problems" | "single_choice" | "multi_choice" => {
                format!("word_{at}")
            }
            "number" => "-12.50".to_owned(),
            "date" => "2026-02-03".to_owned(),
            "text_clear" => "A word".to_owned(),
            "link_clear" => "https://example.org/".to_owned(),
            _ => {
                let number = self.example.ids.get() + 1;
                self.example.ids.set(number);
                format!("01900000-0000-7000-8000-{number:012x}")
            }
        }
    }
}

#[derive(Debug)]
pub struct Error(String);

impl Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

impl de::Error for Error {
    fn custom<T: Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

impl<'de> Deserializer<'de> for &Example {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(Error("a payload is a struct".to_owned()))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        Spot { example: self, field: "", index: None }.deserialize_struct(name, fields, visitor)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

impl<'de> Deserializer<'de> for Spot<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(Error(format!("the type of {} is not known", self.field)))
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_bool(self.full())
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_u64(1 + self.index.unwrap_or(0) as u64)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_u64(if self.full() { 1042 } else { 1 })
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_string(self.text())
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_string(self.text())
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.full() { visitor.visit_some(self) } else { visitor.visit_none() }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let length = match (self.full(), self.field) {
            (false, "changes" | "statuses") => 1,
            (false, _) => 0,
            (true, "changes") => 9,
            (true, _) => 2,
        };
        visitor.visit_seq(Elements { spot: self, next: 0, length })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_map(Fields { spot: self, fields, current: "" })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let last = variants.len() - 1;
        let chosen = if self.full() { self.index.map_or(last, |i| i % variants.len()) } else { 0 };
        visitor.visit_enum(Alternative { spot: self, name: variants[chosen] })
    }

    serde::forward_to_deserialize_any! {
        i8 i16 i32 i64 u8 u16 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct map
        identifier ignored_any
    }
}

struct Elements<'a> {
    spot: Spot<'a>,
    next: usize,
    length: usize,
}

impl<'de> SeqAccess<'de> for Elements<'_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Error> {
        if self.next == self.length {
            return Ok(None);
        }
        let index = Some(self.next);
        self.next += 1;
        seed.deserialize(Spot { index, ..self.spot }).map(Some)
    }
}

struct Fields<'a> {
    spot: Spot<'a>,
    fields: &'static [&'static str],
    current: &'static str,
}

impl<'de> MapAccess<'de> for Fields<'_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        let Some((first, rest)) = self.fields.split_first() else { return Ok(None) };
        (self.current, self.fields) = (first, rest);
        let name: StrDeserializer<'_, Error> = self.current.into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        seed.deserialize(Spot { field: self.current, ..self.spot })
    }
}

struct Alternative<'a> {
    spot: Spot<'a>,
    name: &'static str,
}

impl<'de, 'a> EnumAccess<'de> for Alternative<'a> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Error> {
        let name: StringDeserializer<Error> = self.name.to_owned().into_deserializer();
        Ok((seed.deserialize(name)?, self))
    }
}

impl<'de> VariantAccess<'de> for Alternative<'_> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(Spot { field: self.name, index: None, ..self.spot })
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Error> {
        Err(Error("no tuple variants in the log".to_owned()))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_map(Fields { spot: self.spot, fields, current: "" })
    }
}
