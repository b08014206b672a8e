//! A table as a fold sees it: the rows of one batch, each with the image it had before.

use std::any::Any;
use std::collections::HashMap;
use std::fmt;

use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArguments, PgRow};
use uuid::Uuid;

use super::column::{RowKey, Scalar};
use super::copy;
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
    /// Whether the database may know the row.
    looked_for: bool,
}

enum Current<R> {
    Same,
    Changed(R),
    Gone,
}

impl<R: Row> Slot<R> {
    fn stored(row: R) -> Self {
        Self { original: Some(row), current: Current::Same, looked_for: true }
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
    pub(super) fn want(&mut self, key: R::Key, looked_for: bool) {
        let fresh = Slot { original: None, current: Current::Same, looked_for };
        self.slots.entry(key).or_insert(fresh).looked_for |= looked_for;
    }

    fn slot(&self, key: &R::Key) -> Result<&Slot<R>, ApplyError> {
        self.slots.get(key).ok_or(ApplyError::NotAnnounced { table: R::TABLE })
    }

    fn slot_mut(&mut self, key: &R::Key) -> Result<&mut Slot<R>, ApplyError> {
        self.slots.get_mut(key).ok_or(ApplyError::NotAnnounced { table: R::TABLE })
    }

    fn dirty(&self) -> Vec<(&R::Key, &R)> {
        self.dirty_where(|_| true)
    }

    fn dirty_where(&self, wanted: impl Fn(&Slot<R>) -> bool) -> Vec<(&R::Key, &R)> {
        let mut rows: Vec<_> = self
            .slots
            .iter()
            .filter(|(_, slot)| wanted(slot))
            .filter_map(|(key, slot)| Some((key, slot.upsert()?)))
            .collect();
        rows.sort_unstable_by_key(|(key, _)| *key);
        rows
    }
}

impl<R: Row> AnyTable for Table<R> {
    fn def(&self) -> TableDef {
        TableDef { name: R::TABLE, keys: R::KEYS, columns: R::COLUMNS }
    }

    fn wanted(&self, arguments: &mut PgArguments) -> Result<usize, BoxDynError> {
        let mut keys: Vec<_> =
            self.slots.iter().filter(|(_, slot)| slot.looked_for).map(|(key, _)| key).collect();
        keys.sort_unstable();
        R::Key::bind(&keys, arguments)?;
        Ok(keys.len())
    }

    fn looks_for_some(&self) -> bool {
        self.slots.values().any(|slot| slot.looked_for)
    }

    fn load(&mut self, rows: &[PgRow]) -> Result<(), sqlx::Error> {
        for row in rows {
            let row = R::read(row)?;
            self.slots.insert(row.key(), Slot::stored(row));
        }
        Ok(())
    }

    fn upserts(&self, arguments: &mut PgArguments) -> Result<usize, BoxDynError> {
        bind(&by_their_keys(self.dirty())?, arguments)
    }

    fn updates(&self, arguments: &mut PgArguments) -> Result<usize, BoxDynError> {
        bind(&by_their_keys(self.dirty_where(|slot| slot.original.is_some()))?, arguments)
    }

    fn copies(&self, ws: Uuid, out: &mut Vec<u8>) -> Result<usize, BoxDynError> {
        let rows = by_their_keys(self.dirty_where(|slot| slot.original.is_none()))?;
        for row in &rows {
            copy::row(R::COLUMNS.len() + 1, out)?;
            copy::field(out, |out| Scalar::copy(&ws, out))?;
            row.copy(out)?;
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

    fn announced(&self) -> usize {
        self.slots.len()
    }

    fn differences(&self, stored: &dyn AnyTable) -> Vec<Vec<String>> {
        let Some(stored) = stored.as_any().downcast_ref::<Self>() else { return Vec::new() };
        let mut keys: Vec<_> = self
            .slots
            .iter()
            .filter(|(key, slot)| {
                !is_stored_as(slot.get(), stored.slots.get(key).and_then(Slot::get))
            })
            .map(|(key, _)| key)
            .collect();
        keys.sort_unstable();
        keys.into_iter().map(RowKey::texts).collect()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

/// Rows that are to be written, each still under its own key.
fn by_their_keys<'a, R: Row>(rows: Vec<(&R::Key, &'a R)>) -> Result<Vec<&'a R>, BoxDynError> {
    if rows.iter().any(|(key, row)| row.key() != **key) {
        return Err("a fold changed the key of a row".into());
    }
    Ok(rows.into_iter().map(|(_, row)| row).collect())
}

/// Whether the database would hold one row as the other: it keeps no NUL in text.
fn is_stored_as<R: Row>(folded: Option<&R>, stored: Option<&R>) -> bool {
    let encoded = |row: Option<&R>| {
        let mut bytes = Vec::new();
        row?.copy(&mut bytes).ok()?;
        Some(bytes)
    };
    folded == stored || encoded(folded).is_some_and(|bytes| Some(bytes) == encoded(stored))
}

fn bind<R: Row>(rows: &[&R], arguments: &mut PgArguments) -> Result<usize, BoxDynError> {
    if !rows.is_empty() {
        R::bind(rows, arguments)?;
    }
    Ok(rows.len())
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
mod tests;
