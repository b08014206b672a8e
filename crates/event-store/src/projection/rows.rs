//! The tables of a projection together, and what the engine does with a table whose row type it does not know.

use std::any::Any;
use std::fmt;

use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArguments, PgRow};
use uuid::Uuid;

use super::column::Column;
use super::row::Row;
use super::table::Table;

/// A table as SQL sees it. The workspace is the first column of its key and is not listed.
#[derive(Clone, Copy, Debug)]
pub struct TableDef {
    /// Its name.
    pub name: &'static str,
    /// How many of the columns are the key.
    pub keys: usize,
    /// Its columns.
    pub columns: &'static [Column],
}

/// A table whose row type is not known here.
pub trait AnyTable: Send + Sync {
    /// Its description.
    fn def(&self) -> TableDef;
    /// Binds the keys of all announced rows that are to be looked for; answers how many there are.
    ///
    /// # Errors
    /// When a value cannot be encoded.
    fn wanted(&self, arguments: &mut PgArguments) -> Result<usize, BoxDynError>;
    /// Whether some of the announced rows are to be looked for.
    fn looks_for_some(&self) -> bool;
    /// Takes stored rows in.
    ///
    /// # Errors
    /// When a row does not hold what its type says.
    fn load(&mut self, rows: &[PgRow]) -> Result<(), sqlx::Error>;
    /// Binds the rows to write; nothing is bound when there are none.
    ///
    /// # Errors
    /// When a value cannot be encoded, or the fold changed a row's key.
    fn upserts(&self, arguments: &mut PgArguments) -> Result<usize, BoxDynError>;
    /// Binds the rows to write that are in the table already; nothing is bound when there are none.
    ///
    /// # Errors
    /// When a value cannot be encoded, or the fold changed a row's key.
    fn updates(&self, arguments: &mut PgArguments) -> Result<usize, BoxDynError>;
    /// Adds the rows that are not in the table yet, in the binary form of `copy`; answers how many they are.
    ///
    /// # Errors
    /// When a value cannot be encoded, or the fold changed a row's key.
    fn copies(&self, ws: Uuid, out: &mut Vec<u8>) -> Result<usize, BoxDynError>;
    /// Binds the keys of the rows to delete; nothing is bound when there are none.
    ///
    /// # Errors
    /// When a value cannot be encoded.
    fn deletes(&self, arguments: &mut PgArguments) -> Result<usize, BoxDynError>;
    /// Forgets all changes.
    fn reset(&mut self);
    /// Takes the announced rows from a table of the same type.
    fn load_from(&mut self, store: &dyn AnyTable);
    /// Puts what changed into a table of the same type.
    fn merge_into(&self, store: &mut dyn AnyTable);
    /// How many rows are announced.
    fn announced(&self) -> usize;
    /// The keys of announced rows that do not stand in `stored` as they stand here.
    fn differences(&self, stored: &dyn AnyTable) -> Vec<Vec<String>>;
    /// For who knows its type.
    fn as_any(&self) -> &dyn Any;
    /// For who knows its type.
    fn as_any_mut(&mut self) -> &mut dyn Any;
}

/// The tables of a projection. Declared with [`crate::row_set!`]; no two may hold the same row type.
pub trait RowSet: Default + PartialEq + fmt::Debug + Send + Sync + 'static {
    /// Its tables, always in the same order.
    fn tables(&self) -> Vec<&dyn AnyTable>;
    /// Its tables, always in the same order.
    fn tables_mut(&mut self) -> Vec<&mut dyn AnyTable>;
}

/// Collects the rows that a batch may touch.
pub struct Keys<'a> {
    tables: Vec<&'a mut dyn AnyTable>,
    look: Look,
}

/// Which of the announced rows are looked for in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// All.
    Always,
    /// All but those that only this event can have made.
    UnlessNew,
    /// None: nothing of the stream was folded before.
    Never,
}

impl<'a> Keys<'a> {
    pub(super) fn of(rows: &'a mut impl RowSet) -> Self {
        Self { tables: rows.tables_mut(), look: Look::Always }
    }

    pub(super) const fn look(&mut self, look: Look) {
        self.look = look;
    }

    /// Announces a row by its key, whether it exists or not.
    pub fn row<R: Row>(&mut self, key: R::Key) {
        self.announce::<R>(key, self.look != Look::Never);
    }

    /// Announces a row that does not exist before this event. A rebuild then does not look for it; should it exist all the
    /// same, the database refuses it, and the rebuild looks again.
    pub fn new_row<R: Row>(&mut self, key: R::Key) {
        self.announce::<R>(key, self.look == Look::Always);
    }

    fn announce<R: Row>(&mut self, key: R::Key, looked_for: bool) {
        let table =
            self.tables.iter_mut().find_map(|table| table.as_any_mut().downcast_mut::<Table<R>>());
        if let Some(table) = table {
            table.want(key, looked_for);
        }
    }
}

/// Declares the tables of a projection: `struct Rows { tickets: TicketRow, mentions: MentionRow }`.
#[macro_export]
macro_rules! row_set {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident { $($(#[$field_meta:meta])* $field:ident : $row:ty),+ $(,)? }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Default, PartialEq)]
        $vis struct $name {
            $($(#[$field_meta])* pub $field: $crate::projection::Table<$row>,)+
        }

        impl $crate::projection::RowSet for $name {
            fn tables(&self) -> Vec<&dyn $crate::projection::AnyTable> {
                vec![$(&self.$field),+]
            }

            fn tables_mut(&mut self) -> Vec<&mut dyn $crate::projection::AnyTable> {
                vec![$(&mut self.$field),+]
            }
        }
    };
}
