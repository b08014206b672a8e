//! A table as a fold sees it: the rows of one batch, each with the image it had before.

use std::any::Any;
use std::collections::HashMap;
use std::fmt;

use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArguments, PgRow};

use super::column::RowKey;
use super::error::ApplyError;
use super::row::Row;
use super::rows::{AnyTable, TableDef};

/// The rows of one table that a batch may touch. A row that `keys` did not announce cannot be reached: that catches a
/// wrong `keys` at once, in every test.
pub struct Table<R: Row> {
    slots: HashMap<R::Key, Slot<R>>,
}

struct Slot<R> {
    original: Option<R>,
    current: Current<R>,
}

enum Current<R> {
    Same,
    Changed(R),
    Gone,
}

impl<R: Row> Slot<R> {
    fn stored(row: R) -> Self {
        Self { original: Some(row), current: Current::Same }
    }

    const fn get(&self) -> Option<&R> {
        match &self.current {
            Current::Same => self.original.as_ref(),
            Current::Changed(row) => Some(row),
            Current::Gone => None,
        }
    }

    /// The row as it has to be written, if it differs from what is stored.
    fn upsert(&self) -> Option<&R> {
        match &self.current {
            Current::Changed(row) if self.original.as_ref() != Some(row) => Some(row),
            Current::Changed(_) | Current::Same | Current::Gone => None,
        }
    }

    const fn deleted(&self) -> bool {
        matches!(self.current, Current::Gone) && self.original.is_some()
    }
}

impl<R: Row> Default for Table<R> {
    fn default() -> Self {
        Self { slots: HashMap::new() }
    }
}

impl<R: Row> Table<R> {
    /// The row, if there is one.
    ///
    /// # Errors
    /// When `keys` did not announce it.
    pub fn get(&self, key: &R::Key) -> Result<Option<&R>, ApplyError> {
        Ok(self.slot(key)?.get())
    }

    /// The row to change, if there is one.
    ///
    /// # Errors
    /// When `keys` did not announce it.
    pub fn find_mut(&mut self, key: &R::Key) -> Result<Option<&mut R>, ApplyError> {
        let slot = self.slot_mut(key)?;
        if matches!(slot.current, Current::Same)
            && let Some(original) = &slot.original
        {
            slot.current = Current::Changed(original.clone());
        }
        Ok(match &mut slot.current {
            Current::Changed(row) => Some(row),
            Current::Same | Current::Gone => None,
        })
    }

    /// The row to change.
    ///
    /// # Errors
    /// When there is none, or `keys` did not announce it.
    pub fn get_mut(&mut self, key: &R::Key) -> Result<&mut R, ApplyError> {
        self.find_mut(key)?.ok_or(ApplyError::MissingRow { table: R::TABLE })
    }

    /// Adds a row.
    ///
    /// # Errors
    /// When there is one already, or `keys` did not announce it.
    pub fn insert(&mut self, row: R) -> Result<(), ApplyError> {
        let slot = self.slot_mut(&row.key())?;
        if slot.get().is_some() {
            return Err(ApplyError::RowExists { table: R::TABLE });
        }
        slot.current = Current::Changed(row);
        Ok(())
    }

    /// Adds or replaces a row.
    ///
    /// # Errors
    /// When `keys` did not announce it.
    pub fn put(&mut self, row: R) -> Result<(), ApplyError> {
        let slot = self.slot_mut(&row.key())?;
        slot.current = Current::Changed(row);
        Ok(())
    }

    /// Takes a row away, if it is there.
    ///
    /// # Errors
    /// When `keys` did not announce it.
    pub fn remove(&mut self, key: &R::Key) -> Result<(), ApplyError> {
        self.slot_mut(key)?.current = Current::Gone;
        Ok(())
    }

    /// The rows there are, by key.
    #[must_use]
    pub fn rows(&self) -> Vec<&R> {
        let mut rows: Vec<_> =
            self.slots.iter().filter_map(|(key, slot)| Some((key, slot.get()?))).collect();
        rows.sort_unstable_by_key(|(key, _)| *key);
        rows.into_iter().map(|(_, row)| row).collect()
    }

    /// Takes the announced rows from somewhere else than the database.
    pub fn supply(&mut self, row: impl Fn(&R::Key) -> Option<R>) {
        for (key, slot) in &mut self.slots {
            if let Some(row) = row(key) {
                *slot = Slot::stored(row);
            }
        }
    }

    /// The rows that differ from what was supplied, by key.
    #[must_use]
    pub fn changed(&self) -> Vec<&R> {
        self.dirty().into_iter().map(|(_, row)| row).collect()
    }

    /// The keys of the supplied rows that are gone.
    pub fn removed(&self) -> impl Iterator<Item = &R::Key> {
        self.slots.iter().filter(|(_, slot)| slot.deleted()).map(|(key, _)| key)
    }

    /// Announces a row.
    pub(super) fn want(&mut self, key: R::Key) {
        self.slots.entry(key).or_insert(Slot { original: None, current: Current::Same });
    }

    fn slot(&self, key: &R::Key) -> Result<&Slot<R>, ApplyError> {
        self.slots.get(key).ok_or(ApplyError::NotAnnounced { table: R::TABLE })
    }

    fn slot_mut(&mut self, key: &R::Key) -> Result<&mut Slot<R>, ApplyError> {
        self.slots.get_mut(key).ok_or(ApplyError::NotAnnounced { table: R::TABLE })
    }

    fn dirty(&self) -> Vec<(&R::Key, &R)> {
        let mut rows: Vec<_> =
            self.slots.iter().filter_map(|(key, slot)| Some((key, slot.upsert()?))).collect();
        rows.sort_unstable_by_key(|(key, _)| *key);
        rows
    }
}

impl<R: Row> AnyTable for Table<R> {
    fn def(&self) -> TableDef {
        TableDef { name: R::TABLE, keys: R::KEYS, columns: R::COLUMNS }
    }

    fn wanted(&self, arguments: &mut PgArguments) -> Result<usize, BoxDynError> {
        let mut keys: Vec<_> = self.slots.keys().collect();
        keys.sort_unstable();
        R::Key::bind(&keys, arguments)?;
        Ok(keys.len())
    }

    fn load(&mut self, rows: &[PgRow]) -> Result<(), sqlx::Error> {
        for row in rows {
            let row = R::read(row)?;
            self.slots.insert(row.key(), Slot::stored(row));
        }
        Ok(())
    }

    fn upserts(&self, arguments: &mut PgArguments) -> Result<usize, BoxDynError> {
        let dirty = self.dirty();
        if dirty.iter().any(|(key, row)| row.key() != **key) {
            return Err("a fold changed the key of a row".into());
        }
        let rows: Vec<&R> = dirty.into_iter().map(|(_, row)| row).collect();
        if !rows.is_empty() {
            R::bind(&rows, arguments)?;
        }
        Ok(rows.len())
    }

    fn deletes(&self, arguments: &mut PgArguments) -> Result<usize, BoxDynError> {
        let mut keys: Vec<_> =
            self.slots.iter().filter(|(_, slot)| slot.deleted()).map(|(key, _)| key).collect();
        keys.sort_unstable();
        if !keys.is_empty() {
            R::Key::bind(&keys, arguments)?;
        }
        Ok(keys.len())
    }

    fn reset(&mut self) {
        self.slots.values_mut().for_each(|slot| slot.current = Current::Same);
    }

    fn load_from(&mut self, store: &dyn AnyTable) {
        let Some(store) = store.as_any().downcast_ref::<Self>() else { return };
        for (key, slot) in &mut self.slots {
            if let Some(row) = store.slots.get(key).and_then(Slot::get) {
                *slot = Slot::stored(row.clone());
            }
        }
    }

    fn merge_into(&self, store: &mut dyn AnyTable) {
        let Some(store) = store.as_any_mut().downcast_mut::<Self>() else { return };
        for (key, slot) in &self.slots {
            if let Some(row) = slot.upsert() {
                store.slots.insert(key.clone(), Slot::stored(row.clone()));
            } else if slot.deleted() {
                store.slots.remove(key);
            }
        }
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

impl<R: Row> PartialEq for Table<R> {
    fn eq(&self, other: &Self) -> bool {
        self.rows() == other.rows()
    }
}

impl<R: Row> fmt::Debug for Table<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.rows()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    crate::row! {
        struct Counter in "counter" {
            key { id: i64 }
            count: i64,
        }
    }

    fn table_with(rows: impl IntoIterator<Item = (i64, i64)>) -> Table<Counter> {
        let mut table = Table::default();
        for (id, count) in rows {
            table.slots.insert(id, Slot::stored(Counter { id, count }));
        }
        table
    }

    #[test]
    fn a_row_that_was_not_announced_cannot_be_reached() {
        let mut table = Table::<Counter>::default();
        assert_eq!(table.get(&1).unwrap_err(), ApplyError::NotAnnounced { table: "counter" });
        assert!(table.insert(Counter { id: 1, count: 0 }).is_err());
        table.want(1);
        assert_eq!(table.get(&1).unwrap(), None);
        assert_eq!(table.get_mut(&1).unwrap_err(), ApplyError::MissingRow { table: "counter" });
    }

    #[test]
    fn a_row_that_ends_as_it_began_is_not_written() {
        let mut table = table_with([(1, 5)]);
        table.get_mut(&1).unwrap().count = 6;
        assert_eq!(table.dirty().len(), 1);
        table.get_mut(&1).unwrap().count = 5;
        assert!(table.dirty().is_empty());
    }

    #[test]
    fn a_row_added_and_taken_away_in_one_batch_is_neither_written_nor_deleted() {
        let mut table = Table::<Counter>::default();
        table.want(1);
        table.insert(Counter { id: 1, count: 0 }).unwrap();
        table.remove(&1).unwrap();
        assert!(table.dirty().is_empty());
        assert!(!table.slots[&1].deleted());
    }

    #[test]
    fn a_row_taken_away_and_added_again_is_written() {
        let mut table = table_with([(1, 5)]);
        table.remove(&1).unwrap();
        assert!(table.slots[&1].deleted());
        table.insert(Counter { id: 1, count: 0 }).unwrap();
        assert_eq!(table.dirty().len(), 1);
        assert!(!table.slots[&1].deleted());
    }

    #[test]
    fn a_reset_brings_back_what_was_stored() {
        let mut table = table_with([(1, 5), (2, 7)]);
        table.get_mut(&1).unwrap().count = 6;
        table.remove(&2).unwrap();
        table.reset();
        assert_eq!(table, table_with([(1, 5), (2, 7)]));
        assert!(table.dirty().is_empty());
    }

    #[test]
    fn a_changed_key_is_refused_when_it_is_written() {
        let mut table = table_with([(1, 5)]);
        table.get_mut(&1).unwrap().id = 2;
        assert!(table.upserts(&mut PgArguments::default()).is_err());
    }
}
