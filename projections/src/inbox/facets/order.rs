//! An order of tickets: their numbers, sorted by a key that stands elsewhere. Four bytes a ticket, cut into chunks so that one
//! ticket finds its place without moving the others.

use std::ops::Range;

use crate::inbox::Direction;
use uuid::Uuid;

/// Where a ticket stands in an order: what is sorted by, what next, and its id, which makes the order total.
pub(super) type Place = (i64, i64, Uuid);

/// A chunk with more is cut in two.
const CHUNK_MAX: usize = 512;
/// A chunk with fewer joins its neighbour.
const CHUNK_MIN: usize = 96;
/// How full chunks are at first: what comes later finds room.
const CHUNK_START: usize = 448;

/// Tickets in order.
#[derive(Default)]
pub(super) struct Order {
    /// None is empty.
    chunks: Vec<Vec<u32>>,
}

/// A gap between two tickets: before the one at this index of this chunk.
type Gap = (usize, usize);

/// A run of an order.
#[derive(Clone)]
pub(super) struct Run<'a> {
    order: &'a Order,
    gaps: Range<Gap>,
}

impl Order {
    /// Of tickets that are sorted already.
    pub(super) fn of_sorted(tickets: &[u32]) -> Self {
        Self { chunks: tickets.chunks(CHUNK_START).map(<[u32]>::to_vec).collect() }
    }

    /// Puts a ticket in its place; it must not be there yet.
    pub(super) fn insert(&mut self, ticket: u32, place: impl Fn(u32) -> Place) {
        let (mut at, mut index) = self.gap(place(ticket), &place);
        if index == 0 && at > 0 {
            // Between two chunks: at the end of the first of them.
            at -= 1;
            index = self.chunks[at].len();
        }
        let last = at + 1 >= self.chunks.len();
        let Some(chunk) = self.chunks.get_mut(at) else {
            self.chunks.push(vec![ticket]);
            return;
        };
        if chunk.len() < CHUNK_MAX {
            chunk.insert(index, ticket);
        } else if last && index == chunk.len() {
            // What is newest comes at the end: full chunks stay full.
            self.chunks.push(vec![ticket]);
        } else {
            let mut upper = chunk.split_off(CHUNK_MAX / 2);
            match index.checked_sub(CHUNK_MAX / 2) {
                Some(index) => upper.insert(index, ticket),
                None => chunk.insert(index, ticket),
            }
            chunk.shrink_to(CHUNK_START);
            self.chunks.insert(at + 1, upper);
        }
    }

    /// Takes a ticket out; its key must still be the one it was put in with.
    pub(super) fn remove(&mut self, ticket: u32, place: impl Fn(u32) -> Place) {
        let (at, index) = self.gap(place(ticket), &place);
        let Some(chunk) = self.chunks.get_mut(at).filter(|chunk| chunk.get(index) == Some(&ticket))
        else {
            debug_assert!(false, "a ticket is not where its key says");
            return;
        };
        chunk.remove(index);
        let left = chunk.len();
        if left == 0 {
            self.chunks.remove(at);
        } else if left < CHUNK_MIN
            && let Some(next) = self.chunks.get(at + 1)
            && left + next.len() <= CHUNK_START
        {
            let next = self.chunks.remove(at + 1);
            self.chunks[at].extend(next);
        }
    }

    /// All of it.
    pub(super) fn all(&self) -> Run<'_> {
        Run { order: self, gaps: (0, 0)..self.end() }
    }

    /// The tickets that stand between two places, both included.
    pub(super) fn between(
        &self,
        (first, last): (Place, Place),
        place: impl Fn(u32) -> Place,
    ) -> Run<'_> {
        let from = self.gap(first, &place);
        let to = self.gap_after(last, &place);
        Run { order: self, gaps: from..to.max(from) }
    }

    /// What comes after a place in one direction.
    pub(super) fn beyond(
        &self,
        after: Place,
        direction: Direction,
        place: impl Fn(u32) -> Place,
    ) -> Run<'_> {
        let gaps = match direction {
            Direction::Descending => (0, 0)..self.gap(after, &place),
            Direction::Ascending => self.gap_after(after, &place)..self.end(),
        };
        Run { order: self, gaps }
    }

    /// Bytes in memory, about.
    pub(super) fn bytes(&self) -> usize {
        let chunk = |chunk: &Vec<u32>| chunk.capacity() * size_of::<u32>() + 16;
        self.chunks.capacity() * size_of::<Vec<u32>>()
            + self.chunks.iter().map(chunk).sum::<usize>()
    }

    /// The gap before the first ticket that does not stand before `wanted`.
    fn gap(&self, wanted: Place, place: &impl Fn(u32) -> Place) -> Gap {
        self.gap_where(|ticket| place(ticket) < wanted)
    }

    /// The gap before the first ticket that stands behind `wanted`.
    fn gap_after(&self, wanted: Place, place: &impl Fn(u32) -> Place) -> Gap {
        self.gap_where(|ticket| place(ticket) <= wanted)
    }

    fn gap_where(&self, before: impl Fn(u32) -> bool) -> Gap {
        let is_before = |chunk: &Vec<u32>| chunk.last().is_some_and(|ticket| before(*ticket));
        let at = self.chunks.partition_point(is_before);
        let index =
            self.chunks.get(at).map_or(0, |chunk| chunk.partition_point(|ticket| before(*ticket)));
        (at, index)
    }

    const fn end(&self) -> Gap {
        (self.chunks.len(), 0)
    }
}

impl<'a> Run<'a> {
    /// How many tickets.
    pub(super) fn len(&self) -> usize {
        self.slices().map(<[u32]>::len).sum()
    }

    /// What two runs of one order have in common.
    pub(super) fn within(&self, other: &Self) -> Self {
        let start = self.gaps.start.max(other.gaps.start);
        Self { order: self.order, gaps: start..self.gaps.end.min(other.gaps.end).max(start) }
    }

    /// Its tickets, lowest first.
    pub(super) fn tickets(&self) -> impl DoubleEndedIterator<Item = u32> + use<'a> {
        self.slices().flat_map(|slice| slice.iter().copied())
    }

    fn slices(&self) -> impl DoubleEndedIterator<Item = &'a [u32]> + use<'a> {
        let (order, Range { start, end }) = (self.order, self.gaps.clone());
        (start.0..end.0.saturating_add(1)).filter_map(move |at| {
            let chunk = order.chunks.get(at)?;
            let from = if at == start.0 { start.1 } else { 0 };
            let to = if at == end.0 { end.1 } else { chunk.len() };
            chunk.get(from..to)
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn place_of(keys: &[i64]) -> impl Fn(u32) -> Place + '_ {
        |ticket| (keys[ticket as usize], 0, Uuid::from_u128(ticket.into()))
    }

    fn sorted(keys: &[i64]) -> Vec<u32> {
        let mut tickets: Vec<u32> = (0..keys.len() as u32).collect();
        tickets.sort_by_key(|ticket| place_of(keys)(*ticket));
        tickets
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn tickets_stay_in_order_however_their_keys_change(
            start in prop::collection::vec(0..40_i64, 1..3_000),
            changes in prop::collection::vec((any::<prop::sample::Index>(), 0..40_i64), 0..600),
            newer in any::<bool>(),
            (low, high) in (0..40_i64, 0..40_i64),
        ) {
            let mut keys = start;
            let mut order = Order::default();
            for ticket in 0..keys.len() {
                order.insert(ticket as u32, place_of(&keys));
            }
            prop_assert_eq!(order.all().tickets().collect::<Vec<_>>(), sorted(&keys));
            for (number, (ticket, key)) in changes.into_iter().enumerate() {
                let ticket = ticket.index(keys.len());
                order.remove(ticket as u32, place_of(&keys));
                keys[ticket] = if newer { 1_000 + number as i64 } else { key };
                order.insert(ticket as u32, place_of(&keys));
            }
            let expected = sorted(&keys);
            prop_assert_eq!(order.all().tickets().collect::<Vec<_>>(), expected.clone());
            prop_assert_eq!(order.all().len(), keys.len());
            let (low, high) = ((low, 0, Uuid::nil()), (high, 0, Uuid::max()));
            let run = order.between((low, high), place_of(&keys));
            let within: Vec<u32> = expected.iter().copied()
                .filter(|ticket| (low..=high).contains(&place_of(&keys)(*ticket))).collect();
            prop_assert_eq!(run.tickets().collect::<Vec<_>>(), within.clone());
            prop_assert_eq!(run.len(), within.len());
            for direction in [Direction::Ascending, Direction::Descending] {
                let beyond = order.beyond(low, direction, place_of(&keys));
                let both: Vec<u32> = expected.iter().copied().filter(|ticket| {
                    let place = place_of(&keys)(*ticket);
                    let beyond = if direction == Direction::Ascending { place > low } else { place < low };
                    beyond && (low..=high).contains(&place)
                }).collect();
                prop_assert_eq!(run.within(&beyond).tickets().collect::<Vec<_>>(), both);
            }
        }
    }

    #[test]
    fn what_is_taken_out_leaves_no_empty_chunks() {
        let keys: Vec<i64> = (0..5_000).collect();
        let mut order = Order::of_sorted(&sorted(&keys));
        for ticket in 0..4_990 {
            order.remove(ticket, place_of(&keys));
        }
        assert_eq!(order.all().tickets().collect::<Vec<_>>(), (4_990..5_000).collect::<Vec<_>>());
        assert!(order.chunks.len() <= 2, "{}", order.chunks.len());
    }
}
