//! How Rust values become columns: one bound array per column, whatever the number of rows.

use std::fmt;
use std::hash::Hash;

use sqlx::Arguments;
use sqlx::Row as _;
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArguments, PgRow};
use uuid::Uuid;

use super::copy;

/// How a type stands in Postgres.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SqlType {
    /// The column's type.
    pub name: &'static str,
    /// The type its values are sent as: arrays and JSON travel as text, since `unnest` flattens arrays of arrays.
    pub wire: &'static str,
    /// Whether it is read as text.
    pub read_as_text: bool,
}

/// A column of a row type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub sql: SqlType,
    /// Whether it may be null.
    pub nullable: bool,
}

impl Column {
    /// The column of a field.
    #[must_use]
    pub const fn of<T: ColumnType>(name: &'static str) -> Self {
        Self { name, sql: T::SQL, nullable: T::NULLABLE }
    }
}

/// A value that is never null.
pub trait Scalar: Clone + PartialEq + fmt::Debug + Send + Sync + 'static {
    /// How it stands in Postgres.
    const SQL: SqlType;

    /// Adds one column of values to the arguments of a statement.
    ///
    /// # Errors
    /// When a value cannot be encoded.
    fn bind(values: Vec<Option<&Self>>, arguments: &mut PgArguments) -> Result<(), BoxDynError>;

    /// Reads the value of one column.
    ///
    /// # Errors
    /// When the column does not hold such a value.
    fn read(row: &PgRow, index: usize) -> Result<Option<Self>, sqlx::Error>;

    /// Adds its binary form as `copy` takes it, without the length before it.
    ///
    /// # Errors
    /// When the value cannot be encoded.
    fn copy(&self, out: &mut Vec<u8>) -> Result<(), BoxDynError>;
}

/// A value of a column: a [`Scalar`] or an `Option` of one.
pub trait ColumnType: Clone + PartialEq + fmt::Debug + Send + Sync + 'static {
    /// How it stands in Postgres.
    const SQL: SqlType;
    /// Whether it may be null.
    const NULLABLE: bool;

    /// See [`Scalar::bind`].
    ///
    /// # Errors
    /// When a value cannot be encoded.
    fn bind(values: Vec<&Self>, arguments: &mut PgArguments) -> Result<(), BoxDynError>;

    /// See [`Scalar::read`].
    ///
    /// # Errors
    /// When the column does not hold such a value.
    fn read(row: &PgRow, index: usize) -> Result<Self, sqlx::Error>;

    /// Adds the field of a `copy` in binary form: its length, then the value.
    ///
    /// # Errors
    /// When the value cannot be encoded.
    fn copy(&self, out: &mut Vec<u8>) -> Result<(), BoxDynError>;
}

impl<T: Scalar> ColumnType for T {
    const SQL: SqlType = <T as Scalar>::SQL;
    const NULLABLE: bool = false;

    fn bind(values: Vec<&Self>, arguments: &mut PgArguments) -> Result<(), BoxDynError> {
        <T as Scalar>::bind(values.into_iter().map(Some).collect(), arguments)
    }

    fn read(row: &PgRow, index: usize) -> Result<Self, sqlx::Error> {
        <T as Scalar>::read(row, index)?
            .ok_or_else(|| unreadable(index, "a value is missing".into()))
    }

    fn copy(&self, out: &mut Vec<u8>) -> Result<(), BoxDynError> {
        copy::field(out, |out| <T as Scalar>::copy(self, out))
    }
}

impl<T: Scalar> ColumnType for Option<T> {
    const SQL: SqlType = <T as Scalar>::SQL;
    const NULLABLE: bool = true;

    fn bind(values: Vec<&Self>, arguments: &mut PgArguments) -> Result<(), BoxDynError> {
        <T as Scalar>::bind(values.into_iter().map(Option::as_ref).collect(), arguments)
    }

    fn read(row: &PgRow, index: usize) -> Result<Self, sqlx::Error> {
        <T as Scalar>::read(row, index)
    }

    fn copy(&self, out: &mut Vec<u8>) -> Result<(), BoxDynError> {
        match self {
            Some(value) => copy::field(out, |out| <T as Scalar>::copy(value, out)),
            None => {
                copy::null(out);
                Ok(())
            }
        }
    }
}

/// The key of a row within its workspace: one value, or a tuple of them.
pub trait RowKey: Clone + Eq + Hash + Ord + fmt::Debug + Send + Sync + 'static {
    /// Adds one column per part to the arguments of a statement.
    ///
    /// # Errors
    /// When a value cannot be encoded.
    fn bind(keys: &[&Self], arguments: &mut PgArguments) -> Result<(), BoxDynError>;

    /// Its parts as people read them.
    fn texts(&self) -> Vec<String>;
}

impl<A: Scalar + Eq + Hash + Ord> RowKey for A {
    fn bind(keys: &[&Self], arguments: &mut PgArguments) -> Result<(), BoxDynError> {
        <A as Scalar>::bind(keys.iter().map(|key| Some(*key)).collect(), arguments)
    }

    fn texts(&self) -> Vec<String> {
        vec![format!("{self:?}")]
    }
}

macro_rules! tuple_key {
    ($($part:ident . $index:tt),+) => {
        impl<$($part: Scalar + Eq + Hash + Ord),+> RowKey for ($($part,)+) {
            fn bind(keys: &[&Self], arguments: &mut PgArguments) -> Result<(), BoxDynError> {
                $(<$part as Scalar>::bind(keys.iter().map(|key| Some(&key.$index)).collect(), arguments)?;)+
                Ok(())
            }

            fn texts(&self) -> Vec<String> {
                vec![$(format!("{:?}", self.$index)),+]
            }
        }
    };
}

tuple_key!(A.0, B.1);
tuple_key!(A.0, B.1, C.2);
tuple_key!(A.0, B.1, C.2, D.3);

macro_rules! plain_scalar {
    ($($rust:ty => $sql:literal, $bytes:expr);+ $(;)?) => {$(
        impl Scalar for $rust {
            const SQL: SqlType = SqlType { name: $sql, wire: $sql, read_as_text: false };

            fn bind(values: Vec<Option<&Self>>, arguments: &mut PgArguments) -> Result<(), BoxDynError> {
                arguments.add(values.into_iter().map(|value| value.copied()).collect::<Vec<Option<Self>>>())
            }

            fn read(row: &PgRow, index: usize) -> Result<Option<Self>, sqlx::Error> {
                row.try_get(index)
            }

            fn copy(&self, out: &mut Vec<u8>) -> Result<(), BoxDynError> {
                let bytes: fn(&Self) -> _ = $bytes;
                out.extend_from_slice(&bytes(self));
                Ok(())
            }
        }
    )+};
}

plain_scalar! {
    Uuid => "uuid", |id| *id.as_bytes();
    i64 => "bigint", |number| number.to_be_bytes();
    i32 => "integer", |number| number.to_be_bytes();
    i16 => "smallint", |number| number.to_be_bytes();
    bool => "boolean", |yes| [u8::from(*yes)];
}

impl Scalar for String {
    const SQL: SqlType = SqlType { name: "text", wire: "text", read_as_text: false };

    fn bind(values: Vec<Option<&Self>>, arguments: &mut PgArguments) -> Result<(), BoxDynError> {
        // Postgres keeps no NUL in text: it is left out rather than refusing the row.
        if values.iter().flatten().any(|text| text.contains('\0')) {
            let clean: Vec<_> =
                values.into_iter().map(|text| text.map(|text| text.replace('\0', ""))).collect();
            return arguments.add(clean);
        }
        arguments.add(values.into_iter().map(|text| text.map(String::as_str)).collect::<Vec<_>>())
    }

    fn read(row: &PgRow, index: usize) -> Result<Option<Self>, sqlx::Error> {
        row.try_get(index)
    }

    fn copy(&self, out: &mut Vec<u8>) -> Result<(), BoxDynError> {
        copy::text(self, out);
        Ok(())
    }
}

impl Scalar for Vec<u8> {
    const SQL: SqlType = SqlType { name: "bytea", wire: "bytea", read_as_text: false };

    fn bind(values: Vec<Option<&Self>>, arguments: &mut PgArguments) -> Result<(), BoxDynError> {
        arguments.add(values.into_iter().map(|bytes| bytes.map(Vec::as_slice)).collect::<Vec<_>>())
    }

    fn read(row: &PgRow, index: usize) -> Result<Option<Self>, sqlx::Error> {
        row.try_get(index)
    }

    fn copy(&self, out: &mut Vec<u8>) -> Result<(), BoxDynError> {
        out.extend_from_slice(self);
        Ok(())
    }
}

impl Scalar for Vec<String> {
    const SQL: SqlType = SqlType { name: "text[]", wire: "text", read_as_text: false };

    fn bind(values: Vec<Option<&Self>>, arguments: &mut PgArguments) -> Result<(), BoxDynError> {
        arguments.add(
            values.into_iter().map(|list| list.map(|list| array_text(list))).collect::<Vec<_>>(),
        )
    }

    fn read(row: &PgRow, index: usize) -> Result<Option<Self>, sqlx::Error> {
        row.try_get(index)
    }

    fn copy(&self, out: &mut Vec<u8>) -> Result<(), BoxDynError> {
        copy::array(copy::TEXT, self, out, |text, out| copy::text(text, out))
    }
}

impl Scalar for Vec<Uuid> {
    const SQL: SqlType = SqlType { name: "uuid[]", wire: "text", read_as_text: false };

    fn bind(values: Vec<Option<&Self>>, arguments: &mut PgArguments) -> Result<(), BoxDynError> {
        arguments.add(
            values.into_iter().map(|list| list.map(|list| array_text(list))).collect::<Vec<_>>(),
        )
    }

    fn read(row: &PgRow, index: usize) -> Result<Option<Self>, sqlx::Error> {
        row.try_get(index)
    }

    fn copy(&self, out: &mut Vec<u8>) -> Result<(), BoxDynError> {
        copy::array(copy::UUID, self, out, |id, out| out.extend_from_slice(id.as_bytes()))
    }
}

/// An array in Postgres' text form.
fn array_text<T: fmt::Display>(items: &[T]) -> String {
    let mut text = String::with_capacity(2 + items.len() * 40);
    text.push('{');
    for (index, item) in items.iter().enumerate() {
        text.push_str(if index == 0 { "\"" } else { ",\"" });
        for character in item.to_string().chars() {
            match character {
                '\0' => continue,
                '"' | '\\' => text.push('\\'),
                _ => {}
            }
            text.push(character);
        }
        text.push('"');
    }
    text.push('}');
    text
}

pub(super) fn unreadable(index: usize, source: BoxDynError) -> sqlx::Error {
    sqlx::Error::ColumnDecode { index: index.to_string(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_array_is_written_so_that_postgres_reads_the_same_items() {
        assert_eq!(array_text::<String>(&[]), "{}");
        assert_eq!(
            array_text(&["a", "b \"c\"", "\\", "null", ""]),
            r#"{"a","b \"c\"","\\","null",""}"#
        );
    }
}
