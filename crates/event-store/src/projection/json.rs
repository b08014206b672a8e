//! Values that are kept as `jsonb`.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::Arguments;
use sqlx::Row as _;
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArguments, PgRow};

use super::column::{Scalar, SqlType, unreadable};
use super::copy;

const JSONB: SqlType = SqlType { name: "jsonb", wire: "text", read_as_text: true };

/// A value kept as `jsonb`, such as a sealed field.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Json<T>(pub T);

impl<T> Scalar for Json<T>
where
    T: Serialize + DeserializeOwned + Clone + PartialEq + fmt::Debug + Send + Sync + 'static,
{
    const SQL: SqlType = JSONB;

    fn bind(values: Vec<Option<&Self>>, arguments: &mut PgArguments) -> Result<(), BoxDynError> {
        let texts = values
            .into_iter()
            .map(|value| value.map(|value| serde_json::to_string(&value.0)).transpose())
            .map(|text| text.map(|text| text.map(without_nul)))
            .collect::<Result<Vec<Option<String>>, _>>()?;
        arguments.add(texts)
    }

    fn read(row: &PgRow, index: usize) -> Result<Option<Self>, sqlx::Error> {
        let text: Option<&str> = row.try_get(index)?;
        text.map(|text| serde_json::from_str(text).map(Self))
            .transpose()
            .map_err(|error| unreadable(index, error.into()))
    }

    fn copy(&self, out: &mut Vec<u8>) -> Result<(), BoxDynError> {
        out.push(copy::JSONB_VERSION);
        let from = out.len();
        serde_json::to_writer(&mut *out, &self.0)?;
        copy::without_escaped_nul(&mut out[from..]);
        Ok(())
    }
}

/// A value kept as `jsonb`, held as its text: for what is written often and looked into rarely. Equal are equal values, however
/// they are written.
#[derive(Clone, Debug)]
pub struct JsonText(Box<str>);

impl JsonText {
    /// Writes a value.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn of(value: &impl Serialize) -> Result<Self, serde_json::Error> {
        serde_json::to_string(value).map(|text| Self(text.into()))
    }

    /// Reads it.
    ///
    /// # Errors
    /// When it is no value of this type.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(&self.0)
    }

    /// As it is written.
    #[must_use]
    pub const fn as_str(&self) -> &str {
        &self.0
    }
}

impl PartialEq for JsonText {
    fn eq(&self, other: &Self) -> bool {
        let value = |text: &Self| text.read::<serde_json::Value>();
        self.0 == other.0
            || value(self).is_ok_and(|ours| value(other).is_ok_and(|theirs| ours == theirs))
    }
}

impl Scalar for JsonText {
    const SQL: SqlType = JSONB;

    fn bind(values: Vec<Option<&Self>>, arguments: &mut PgArguments) -> Result<(), BoxDynError> {
        let text = |value: &Self| without_nul(value.0.to_string());
        arguments.add(values.into_iter().map(|value| value.map(text)).collect::<Vec<_>>())
    }

    fn read(row: &PgRow, index: usize) -> Result<Option<Self>, sqlx::Error> {
        let text: Option<&str> = row.try_get(index)?;
        Ok(text.map(|text| Self(text.into())))
    }

    fn copy(&self, out: &mut Vec<u8>) -> Result<(), BoxDynError> {
        out.push(copy::JSONB_VERSION);
        let from = out.len();
        out.extend_from_slice(self.0.as_bytes());
        copy::without_escaped_nul(&mut out[from..]);
        Ok(())
    }
}

/// `jsonb` refuses an escaped NUL. The replacement has the same length, so no other escape falls apart.
fn without_nul(text: String) -> String {
    if text.contains("\\u0000") { text.replace("\\u0000", "\\ufffd") } else { text }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_text_equals_the_same_value_written_otherwise() {
        let text = |text: &str| JsonText(text.into());
        assert_eq!(text(r#"{"b":1,"a":[2]}"#), text(r#"{"a": [2], "b": 1}"#));
        assert_ne!(text(r#"{"a":1}"#), text(r#"{"a":2}"#));
        assert_ne!(text("no"), text("nor"), "what is no JSON equals itself alone");
        assert_eq!(JsonText::of(&json!({"a": 1})).unwrap(), text(r#"{ "a": 1 }"#));
    }

    #[test]
    fn json_without_nul_is_still_json() {
        let text = serde_json::to_string("a\0b \\u0000").unwrap();
        assert!(serde_json::from_str::<String>(&without_nul(text)).is_ok());
    }
}
