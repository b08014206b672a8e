//! One property of tickets: which of them have which value, a compressed bitmap per value.

use std::collections::HashMap;
use std::hash::Hash;

use roaring::RoaringBitmap;

/// What a value is called inside the index.
pub(super) type Code = u32;

/// A bitmap of tickets per value. Values are remembered for as long as the index lives: a workspace has few of them.
pub(super) struct Facet<K> {
    codes: HashMap<K, Code>,
    values: Vec<(K, RoaringBitmap)>,
}

impl<K> Default for Facet<K> {
    fn default() -> Self {
        Self { codes: HashMap::new(), values: Vec::new() }
    }
}

impl<K: Clone + Eq + Hash> Facet<K> {
    /// The code of a value, a new one if it was never seen.
    pub(super) fn code(&mut self, value: &K) -> Code {
        if let Some(code) = self.codes.get(value) {
            return *code;
        }
        let code = Code::try_from(self.values.len()).unwrap_or(Code::MAX);
        self.codes.insert(value.clone(), code);
        self.values.push((value.clone(), RoaringBitmap::new()));
        code
    }

    /// The value of a code.
    pub(super) fn value(&self, code: Code) -> Option<&K> {
        self.values.get(code as usize).map(|(value, _)| value)
    }

    /// A ticket has a value from now on.
    pub(super) fn insert(&mut self, code: Code, ticket: u32) {
        if let Some((_, tickets)) = self.values.get_mut(code as usize) {
            tickets.insert(ticket);
        }
    }

    /// A ticket has a value no more.
    pub(super) fn remove(&mut self, code: Code, ticket: u32) {
        if let Some((_, tickets)) = self.values.get_mut(code as usize) {
            tickets.remove(ticket);
        }
    }

    /// The tickets with a value, if any ever had it.
    pub(super) fn with(&self, value: &K) -> Option<&RoaringBitmap> {
        let code = self.codes.get(value)?;
        self.values.get(*code as usize).map(|(_, tickets)| tickets)
    }

    /// The tickets of each value that passes a test.
    pub(super) fn of_those(&self, test: impl Fn(&K) -> bool) -> Vec<&RoaringBitmap> {
        self.values.iter().filter(|(value, _)| test(value)).map(|(_, tickets)| tickets).collect()
    }

    /// Every value that some ticket has, with these tickets.
    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &RoaringBitmap)> {
        self.values.iter().filter(|(_, set)| !set.is_empty()).map(|(value, set)| (value, set))
    }

    /// Bytes in memory, about. `heap` are those of a value outside its own place.
    pub(super) fn bytes(&self, heap: impl Fn(&K) -> usize) -> usize {
        let slots = self.codes.capacity() * (size_of::<(K, Code)>() + 1)
            + self.values.capacity() * size_of::<(K, RoaringBitmap)>();
        let held = |(value, set): &(K, RoaringBitmap)| 2 * heap(value) + bytes_of(set);
        slots + self.values.iter().map(held).sum::<usize>()
    }
}

/// Bytes of a bitmap in memory, about.
pub(super) fn bytes_of(set: &RoaringBitmap) -> usize {
    let statistics = set.statistics();
    let containers = statistics.n_containers as usize * 48;
    let held = statistics.n_bytes_array_containers
        + statistics.n_bytes_bitset_containers
        + statistics.n_bytes_run_containers;
    containers + usize::try_from(held).unwrap_or(usize::MAX)
}
