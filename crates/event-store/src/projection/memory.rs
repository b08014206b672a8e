//! The same fold without a database: time travel, checks of stored rows, tests.

use decider::{SealedSlot, StoredEvent};

use super::error::Fault;
use super::fold::{Fold, Projection, Quarantine, TypedFold};
use super::rows::RowSet;

/// The rows of a view in memory. Each batch announces, loads, folds and merges as it would with a database.
pub struct MemoryStore<P: Projection> {
    rows: P::Rows,
}

impl<P: Projection> Default for MemoryStore<P> {
    fn default() -> Self {
        Self { rows: P::Rows::default() }
    }
}

impl<P: Projection> MemoryStore<P> {
    /// Folds one batch; on a fault the rows stay as they were.
    ///
    /// # Errors
    /// The first event that cannot be folded.
    pub fn apply(&mut self, events: &[StoredEvent], without: &Quarantine) -> Result<(), Fault> {
        self.apply_opened(events, without, &mut |_, _, _| {})
    }

    /// The same for a view that opens sealed content: `open` is shown every sealed field with its event and name.
    ///
    /// # Errors
    /// The first event that cannot be folded.
    pub fn apply_opened(
        &mut self,
        events: &[StoredEvent],
        without: &Quarantine,
        open: &mut dyn FnMut(&StoredEvent, &str, &mut dyn SealedSlot),
    ) -> Result<(), Fault> {
        let events: Vec<&StoredEvent> = events.iter().collect();
        let mut fold = TypedFold::<P>::default();
        fold.decode(&events, without)?;
        fold.visit_sealed(&mut |index, field, slot| {
            if let Some(event) = events.get(index) {
                open(event, field, slot);
            }
        });
        fold.announce(&events);
        for (table, stored) in fold.rows.tables_mut().into_iter().zip(self.rows.tables()) {
            table.load_from(stored);
        }
        fold.apply(&events, without)?;
        for (table, stored) in fold.rows.tables().into_iter().zip(self.rows.tables_mut()) {
            table.merge_into(stored);
        }
        Ok(())
    }

    /// The rows.
    #[must_use]
    pub const fn rows(&self) -> &P::Rows {
        &self.rows
    }

    /// The rows.
    #[must_use]
    pub fn into_rows(self) -> P::Rows {
        self.rows
    }
}

/// Folds a batch onto rows that somebody else keeps: `supply` gives those that the batch announces. What changed is in the
/// answer.
///
/// # Errors
/// The first event that cannot be folded.
pub fn fold_onto<P: Projection>(
    events: &[&StoredEvent],
    without: &Quarantine,
    supply: impl FnOnce(&mut P::Rows),
) -> Result<P::Rows, Fault> {
    let mut fold = TypedFold::<P>::default();
    fold.decode(events, without)?;
    fold.announce(events);
    supply(&mut fold.rows);
    fold.apply(events, without)?;
    Ok(fold.rows)
}

/// Folds events, in the order of the log, into rows.
///
/// # Errors
/// The first event that cannot be folded.
pub fn fold_in_memory<P: Projection>(events: &[StoredEvent]) -> Result<P::Rows, Fault> {
    let mut store = MemoryStore::<P>::default();
    store.apply(events, &Quarantine::default())?;
    Ok(store.into_rows())
}
