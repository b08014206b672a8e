//! What a fold may do with rows, and what is written of it.

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
    table.want(1, true);
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
    table.want(1, true);
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
fn a_row_is_copied_when_it_is_new_and_updated_when_it_is_stored() {
    let mut table = table_with([(1, 5)]);
    table.want(2, false);
    table.insert(Counter { id: 2, count: 7 }).unwrap();
    table.get_mut(&1).unwrap().count = 6;
    let mut copied = Vec::new();
    assert_eq!(table.copies(Uuid::nil(), &mut copied).unwrap(), 1);
    assert!(copied.ends_with(&[0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 7]), "{copied:?}");
    assert_eq!(table.updates(&mut PgArguments::default()).unwrap(), 1);
    assert_eq!(table.wanted(&mut PgArguments::default()).unwrap(), 1);
}

#[test]
fn rows_that_differ_are_named_by_their_keys() {
    let mut folded = Table::<Counter>::default();
    (1..=4).for_each(|id| folded.want(id, true));
    for id in 1..=3 {
        folded.insert(Counter { id, count: id }).unwrap();
    }
    let stored = table_with([(1, 1), (2, 99), (4, 4)]);
    assert_eq!(folded.differences(&stored), [["2"], ["3"], ["4"]]);
}

#[test]
fn a_changed_key_is_refused_when_it_is_written() {
    let mut table = table_with([(1, 5)]);
    table.get_mut(&1).unwrap().id = 2;
    assert!(table.upserts(&mut PgArguments::default()).is_err());
}
