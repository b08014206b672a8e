//! Row types: what a table of a projection holds, declared once for Rust and for SQL.

use std::fmt;

use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArguments, PgRow};

use super::column::{Column, ColumnType, RowKey};

/// A row of one table. Declared with [`crate::row!`].
pub trait Row: Clone + PartialEq + fmt::Debug + Send + Sync + 'static {
    /// Its key within the workspace, in the order of the key columns.
    type Key: RowKey;
    /// The table's name, unique over all projections: readers use it unqualified.
    const TABLE: &'static str;
    /// How many of the columns, from the first, are the key. The workspace comes before them and is not listed.
    const KEYS: usize;
    /// The columns.
    const COLUMNS: &'static [Column];

    /// Its key.
    fn key(&self) -> Self::Key;

    /// Adds one argument per column, each an array with one value per row.
    ///
    /// # Errors
    /// When a value cannot be encoded.
    fn bind(rows: &[&Self], arguments: &mut PgArguments) -> Result<(), BoxDynError>;

    /// Reads a row whose columns stand in the order of [`Self::COLUMNS`].
    ///
    /// # Errors
    /// When a column does not hold what its type says.
    fn read(row: &PgRow) -> Result<Self, sqlx::Error>;

    /// Adds its columns as fields of a `copy` in binary form.
    ///
    /// # Errors
    /// When a value cannot be encoded.
    fn copy(&self, out: &mut Vec<u8>) -> Result<(), BoxDynError>;
}

/// Reads the columns of a row one after the other.
pub struct Reader<'a> {
    row: &'a PgRow,
    index: usize,
}

impl<'a> Reader<'a> {
    /// Stands before the first column.
    #[must_use]
    pub const fn new(row: &'a PgRow) -> Self {
        Self { row, index: 0 }
    }

    /// The value of the next column.
    ///
    /// # Errors
    /// When the column does not hold such a value.
    pub fn value<T: ColumnType>(&mut self) -> Result<T, sqlx::Error> {
        let index = self.index;
        self.index += 1;
        T::read(self.row, index)
    }
}

/// Declares a row type: `struct Name in "table" { key { a: Uuid } b: i64, c: Option<String> }`. The type of a column follows
/// from the type of its field (see [`crate::projection::Scalar`]).
#[macro_export]
macro_rules! row {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident in $table:literal {
            key { $($(#[$key_meta:meta])* $key:ident : $key_type:ty),+ $(,)? }
            $($(#[$field_meta:meta])* $field:ident : $field_type:ty),* $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        $vis struct $name {
            $($(#[$key_meta])* pub $key: $key_type,)+
            $($(#[$field_meta])* pub $field: $field_type,)*
        }

        impl $crate::projection::Row for $name {
            type Key = $crate::row!(@one_or_tuple type $($key_type),+);
            const TABLE: &'static str = $table;
            const KEYS: usize = [$(stringify!($key)),+].len();
            const COLUMNS: &'static [$crate::projection::Column] = &[
                $($crate::projection::Column::of::<$key_type>(stringify!($key)),)+
                $($crate::projection::Column::of::<$field_type>(stringify!($field)),)*
            ];

            fn key(&self) -> Self::Key {
                $crate::row!(@one_or_tuple value $(::core::clone::Clone::clone(&self.$key)),+)
            }

            fn bind(
                rows: &[&Self],
                arguments: &mut $crate::projection::PgArguments,
            ) -> ::core::result::Result<(), $crate::projection::BoxDynError> {
                use $crate::projection::ColumnType;
                $(<$key_type as ColumnType>::bind(rows.iter().map(|row| &row.$key).collect(), arguments)?;)+
                $(<$field_type as ColumnType>::bind(rows.iter().map(|row| &row.$field).collect(), arguments)?;)*
                Ok(())
            }

            fn copy(
                &self,
                out: &mut ::std::vec::Vec<u8>,
            ) -> ::core::result::Result<(), $crate::projection::BoxDynError> {
                use $crate::projection::ColumnType;
                $(<$key_type as ColumnType>::copy(&self.$key, out)?;)+
                $(<$field_type as ColumnType>::copy(&self.$field, out)?;)*
                Ok(())
            }

            fn read(
                row: &$crate::projection::PgRow,
            ) -> ::core::result::Result<Self, $crate::projection::SqlError> {
                let mut columns = $crate::projection::Reader::new(row);
                Ok(Self {
                    $($key: columns.value()?,)+
                    $($field: columns.value()?,)*
                })
            }
        }
    };
    (@one_or_tuple type $one:ty) => { $one };
    (@one_or_tuple type $($part:ty),+) => { ($($part),+) };
    (@one_or_tuple value $one:expr) => { $one };
    (@one_or_tuple value $($part:expr),+) => { ($($part),+) };
}
