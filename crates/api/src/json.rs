//! Reading JSON strictly: every mistake in a body has a code of its own and names the field, and nothing is lost silently.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, DeserializeOwned, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use serde_path_to_error::{Path, Segment};

use crate::error::{ApiError, Kind};
use crate::objects::Objects;

/// Reads a body as JSON. Names that stand twice in one object are refused: readers disagree on which one counts.
pub(crate) fn parse(bytes: &[u8]) -> Result<Value, ApiError> {
    let text = std::str::from_utf8(bytes)
        .map_err(|_| ApiError::new(Kind::Malformed, "invalid_utf8", "the body is not UTF-8"))?;
    match serde_json::from_str::<Strict>(text) {
        Ok(Strict(value)) => Ok(value),
        Err(error) if error.to_string().starts_with(DUPLICATE) => {
            Err(ApiError::new(Kind::Malformed, "duplicate_key", place(DUPLICATE, &error)))
        }
        Err(error) => {
            Err(ApiError::new(Kind::Malformed, "malformed_json", place("this is not JSON", &error)))
        }
    }
}

/// The one spelling of a JSON value: names sorted, no spaces. Two bodies that mean the same are the same request.
pub(crate) fn canonical(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_canonical(value, &mut bytes);
    bytes
}

/// Reads a value as a type. It must be an object: a list would be taken as one without names.
pub(crate) fn typed<T: DeserializeOwned>(value: Value) -> Result<T, ApiError> {
    if !value.is_object() {
        return Err(ApiError::malformed_field("", "invalid_type", "expected an object"));
    }
    serde_path_to_error::deserialize(Objects(value))
        .map_err(|error| explain(&place_of(error.path()), &error.inner().to_string()))
}

/// A place in a body as rules name it too: `statuses.0.name`.
fn place_of(path: &Path) -> String {
    let words = path.iter().filter_map(|segment| match segment {
        Segment::Seq { index } => Some(index.to_string()),
        Segment::Map { key } => Some(key.clone()),
        Segment::Enum { .. } | Segment::Unknown => None,
    });
    words.collect::<Vec<_>>().join(".")
}

/// For fields that tell "leave it" (absent) from "take it away" (null):
/// `#[serde(default, deserialize_with = "nullable")] owner: Option<Option<UserId>>`.
///
/// # Errors
/// When the value is of another type.
pub fn nullable<'de, T, D>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    Option::<T>::deserialize(deserializer).map(Some)
}

/// What serde says, without the content it quotes and in words of our own.
fn explain(path: &str, said: &str) -> ApiError {
    if said.starts_with("unknown field") {
        // The path ends with the name.
        return ApiError::malformed_field(
            &shortened(path),
            "unknown_field",
            "this field is not known here",
        );
    }
    for (start, code, message) in [
        ("missing field `", "missing_field", "this field is missing"),
        ("duplicate field `", "duplicate_key", DUPLICATE),
    ] {
        if let Some(name) = said.strip_prefix(start).and_then(|rest| rest.split('`').next()) {
            return ApiError::malformed_field(&shortened(&joined(path, name)), code, message);
        }
    }
    let code = if said.starts_with("invalid type") { "invalid_type" } else { "invalid_value" };
    ApiError::malformed_field(&shortened(path), code, expected(said))
}

/// What would have been right. The content that serde quotes stands before it, and may hold anything.
fn expected(said: &str) -> String {
    let wanted = said.rsplit_once(", expected ").map_or("", |(_, wanted)| wanted);
    if said.starts_with("unknown variant") {
        return format!("expected {}", wanted.replace('`', "\""));
    }
    let word = match wanted.split(' ').next().unwrap_or_default() {
        "u8" | "u16" | "u32" | "u64" | "usize" => "expected a whole number that is not negative",
        "i8" | "i16" | "i32" | "i64" | "isize" => "expected a whole number",
        "f32" | "f64" => "expected a number",
        "struct" | "map" => "expected an object",
        _ => match wanted {
            "a string" | "a borrowed string" => "expected a string",
            "a boolean" => "expected true or false",
            "a sequence" => "expected a list",
            "a map" => "expected an object",
            "a formatted UUID string" => "expected an id",
            _ => "this is not a value of the right form",
        },
    };
    word.to_owned()
}

/// A name may be as long as the body: so much of it is repeated.
fn shortened(name: &str) -> String {
    name.chars().take(NAME_CHARS_MAX).collect()
}

fn joined(path: &str, name: &str) -> String {
    match path {
        "" => name.to_owned(),
        path if path == name || path.ends_with(&format!(".{name}")) => path.to_owned(),
        path => format!("{path}.{name}"),
    }
}

/// How much of a field's name an answer repeats.
const NAME_CHARS_MAX: usize = 200;
const DUPLICATE: &str = "a name stands twice in one object";

fn place(what: &str, error: &serde_json::Error) -> String {
    format!("{what} (line {}, column {})", error.line(), error.column())
}

fn write_canonical(value: &Value, bytes: &mut Vec<u8>) {
    match value {
        Value::Array(items) => {
            bytes.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    bytes.push(b',');
                }
                write_canonical(item, bytes);
            }
            bytes.push(b']');
        }
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_unstable_by_key(|(name, _)| *name);
            bytes.push(b'{');
            for (index, (name, item)) in entries.into_iter().enumerate() {
                if index > 0 {
                    bytes.push(b',');
                }
                bytes.extend_from_slice(Value::from(name.as_str()).to_string().as_bytes());
                bytes.push(b':');
                write_canonical(item, bytes);
            }
            bytes.push(b'}');
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            bytes.extend_from_slice(value.to_string().as_bytes());
        }
    }
}

/// A JSON value without repeated names.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Strict;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Strict, E> {
        Ok(Strict(Value::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Strict, E> {
        Ok(Strict(Value::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Strict, E> {
        Ok(Strict(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Strict, E> {
        Ok(Strict(value.into()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Strict, E> {
        let number = Number::from_f64(value).ok_or_else(|| E::custom("number out of range"))?;
        Ok(Strict(Value::Number(number)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Strict, E> {
        Ok(Strict(value.into()))
    }

    fn visit_string<E>(self, value: String) -> Result<Strict, E> {
        Ok(Strict(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Strict, A::Error> {
        let mut list = Vec::new();
        while let Some(Strict(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Strict(Value::Array(list)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Strict, A::Error> {
        let mut map = Map::new();
        while let Some(name) = entries.next_key::<String>()? {
            let Strict(value) = entries.next_value()?;
            if map.insert(name, value).is_some() {
                return Err(de::Error::custom(DUPLICATE));
            }
        }
        Ok(Strict(Value::Object(map)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read")]
    struct Outer {
        name: String,
        #[serde(default)]
        inner: Option<Inner>,
        #[serde(default, deserialize_with = "nullable")]
        owner: Option<Option<u32>>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read")]
    struct Inner {
        count: u32,
        #[serde(default)]
        list: Vec<u32>,
    }

    fn refused(body: &str) -> (String, String) {
        let error = parse(body.as_bytes()).and_then(typed::<Outer>).unwrap_err();
        (error.code().to_owned(), format!("{error:?}"))
    }

    #[test]
    fn every_mistake_has_its_code_and_names_the_field() {
        for (body, code, field) in [
            (r#"{"name":"a","nmae":1}"#, "unknown_field", "\"nmae\""),
            (r#"{"name":"a","inner":{"count":1,"x":1}}"#, "unknown_field", "\"inner.x\""),
            (r#"{}"#, "missing_field", "\"name\""),
            (r#"{"name":"a","inner":{}}"#, "missing_field", "\"inner.count\""),
            (r#"{"name":7}"#, "invalid_type", "\"name\""),
            (
                r#"{"name":"a","inner":{"count":1,"list":[1,"x"]}}"#,
                "invalid_type",
                "\"inner.list.1\"",
            ),
            (r#"{"name":"a","inner":{"count":-1}}"#, "invalid_value", "\"inner.count\""),
            (r#"["a",null,7]"#, "invalid_type", ""),
            (r#"{"name":"a","inner":[1,[]]}"#, "invalid_type", "\"inner\""),
            (r#""text""#, "invalid_type", ""),
            (r#"{"name":"a""#, "malformed_json", ""),
            (r#"{"name":"a"} x"#, "malformed_json", ""),
            ("", "malformed_json", ""),
            (r#"{"name":"a","name":"b"}"#, "duplicate_key", ""),
            (r#"{"name":"a","inner":{"count":1,"count":1}}"#, "duplicate_key", ""),
            (r#"{"name":1e999}"#, "malformed_json", ""),
        ] {
            let (found, error) = refused(body);
            assert_eq!(found, code, "{body}: {error}");
            assert!(error.contains(field), "{body}: {error}");
        }
    }

    #[test]
    fn refused_content_is_not_repeated_and_types_are_told_in_plain_words() {
        for body in [
            r#"{"name":"a","inner":"planted"}"#,
            r#"{"name":"a","owner":"x, expected planted"}"#,
            r#"{"name":"a","inner":{"count":"`planted`"}}"#,
        ] {
            let (_, error) = refused(body);
            assert!(!error.contains("planted") && !error.contains("u32"), "{error}");
        }
        let (_, error) = refused(r#"{"name":"a","owner":"7"}"#);
        assert!(error.contains("expected a whole number that is not negative"), "{error}");
    }

    #[test]
    fn the_name_of_an_unknown_field_is_whole_unless_it_is_endless() {
        let (_, error) = refused(r#"{"name":"a","a`b":1}"#);
        assert!(error.contains("\"a`b\""), "{error}");
        let (_, error) = refused(&format!(r#"{{"name":"a","{}":1}}"#, "x".repeat(10_000)));
        assert!(error.len() < 2_000, "{error}");
    }

    #[test]
    fn bytes_that_are_not_text_are_refused_and_so_is_endless_nesting() {
        assert_eq!(parse(b"\"\xff\"").unwrap_err().code(), "invalid_utf8");
        assert_eq!(parse("[".repeat(100_000).as_bytes()).unwrap_err().code(), "malformed_json");
    }

    #[test]
    fn null_is_told_from_absent() {
        let read = |body: &str| typed::<Outer>(parse(body.as_bytes()).unwrap()).unwrap().owner;
        assert_eq!(read(r#"{"name":"a"}"#), None);
        assert_eq!(read(r#"{"name":"a","owner":null}"#), Some(None));
        assert_eq!(read(r#"{"name":"a","owner":7}"#), Some(Some(7)));
    }

    #[test]
    fn two_spellings_of_one_value_are_the_same_request() {
        let one = parse(br#"{"b":[1,{"z":null,"a":"\u00e4"}],"a":1.50}"#).unwrap();
        let two = parse(" {\"a\":1.5 ,\"b\":[1,{\"a\":\"ä\",\"z\":null}]}".as_bytes()).unwrap();
        assert_eq!(canonical(&one), canonical(&two));
        assert_ne!(canonical(&one), canonical(&parse(br#"{"a":1.5}"#).unwrap()));
    }
}
