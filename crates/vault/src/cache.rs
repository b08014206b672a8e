//! A cache bounded in entries and age. Two generations stand in for an exact LRU order: a hit moves an entry to the young
//! one, and when that is full the old one is dropped whole.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A cache bounded in entries and age. Removing something raises its epoch, so that a value read from elsewhere before the
/// removal is not put back after it.
pub struct BoundedCache<K, V> {
    generations: Mutex<Generations<K, V>>,
    young_max: usize,
    age_max: Duration,
}

struct Generations<K, V> {
    young: HashMap<K, (Instant, V)>,
    old: HashMap<K, (Instant, V)>,
    epoch: u64,
}

impl<K: Eq + Hash + Clone, V: Clone> BoundedCache<K, V> {
    /// An empty cache of at most `entries_max` entries, none older than `age_max`.
    #[must_use]
    pub fn new(entries_max: usize, age_max: Duration) -> Self {
        let generations = Generations { young: HashMap::new(), old: HashMap::new(), epoch: 0 };
        Self { generations: Mutex::new(generations), young_max: (entries_max / 2).max(1), age_max }
    }

    /// The value, if it is there and not too old.
    pub fn get(&self, key: &K) -> Option<V> {
        let now = Instant::now();
        let mut all = self.lock();
        if let Some((since, value)) = all.young.get(key) {
            return self.is_fresh(*since, now).then(|| value.clone());
        }
        let (since, value) = all.old.remove(key)?;
        if !self.is_fresh(since, now) {
            return None;
        }
        self.put(&mut all, key.clone(), since, value.clone());
        Some(value)
    }

    /// Remembers a value made here.
    pub fn insert(&self, key: K, value: V) {
        self.put(&mut self.lock(), key, Instant::now(), value);
    }

    /// What to pass to [`Self::insert_since`]; ask before reading from elsewhere.
    pub fn epoch(&self) -> u64 {
        self.lock().epoch
    }

    /// Remembers values read from elsewhere, unless something was removed since `epoch`.
    pub fn insert_since(&self, epoch: u64, values: impl IntoIterator<Item = (K, V)>) -> bool {
        let now = Instant::now();
        let mut all = self.lock();
        if all.epoch != epoch {
            return false;
        }
        for (key, value) in values {
            self.put(&mut all, key, now, value);
        }
        true
    }

    /// Removes entries.
    pub fn remove<'a>(&self, keys: impl IntoIterator<Item = &'a K>)
    where
        K: 'a,
    {
        let mut all = self.lock();
        all.epoch += 1;
        for key in keys {
            all.young.remove(key);
            all.old.remove(key);
        }
    }

    /// Removes every entry for which `gone` holds.
    pub fn remove_where(&self, gone: impl Fn(&V) -> bool) {
        let mut all = self.lock();
        all.epoch += 1;
        all.young.retain(|_, (_, value)| !gone(value));
        all.old.retain(|_, (_, value)| !gone(value));
    }

    /// Removes what is too old to be answered. Until then it is still in memory, though nobody gets it.
    pub fn drop_old(&self) {
        let now = Instant::now();
        let mut all = self.lock();
        let all = &mut *all;
        for generation in [&mut all.young, &mut all.old] {
            generation.retain(|_, (since, _)| self.is_fresh(*since, now));
        }
    }

    /// Replaces entries, as a removal does: what was read before does not come back.
    pub fn overrule(&self, values: impl IntoIterator<Item = (K, V)>) {
        let now = Instant::now();
        let mut all = self.lock();
        all.epoch += 1;
        for (key, value) in values {
            self.put(&mut all, key, now, value);
        }
    }

    fn put(&self, all: &mut Generations<K, V>, key: K, since: Instant, value: V) {
        if all.young.len() >= self.young_max && !all.young.contains_key(&key) {
            all.old = std::mem::take(&mut all.young);
        }
        all.old.remove(&key);
        all.young.insert(key, (since, value));
    }

    fn is_fresh(&self, since: Instant, now: Instant) -> bool {
        now.saturating_duration_since(since) < self.age_max
    }

    fn lock(&self) -> MutexGuard<'_, Generations<K, V>> {
        self.generations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(3600);

    #[test]
    fn it_never_holds_more_than_its_bound() {
        let cache = BoundedCache::new(10, LONG);
        for n in 0..1000 {
            cache.insert(n, n);
            let all = cache.lock();
            assert!(all.young.len() + all.old.len() <= 10);
        }
        assert_eq!(cache.get(&999), Some(999));
        assert_eq!(cache.get(&0), None);
    }

    #[test]
    fn what_is_used_stays() {
        let cache = BoundedCache::new(10, LONG);
        cache.insert(0, 0);
        for n in 1..1000 {
            cache.insert(n, n);
            assert_eq!(cache.get(&0), Some(0));
        }
    }

    #[test]
    fn what_is_too_old_is_gone() {
        let cache = BoundedCache::new(10, Duration::ZERO);
        cache.insert(1, 1);
        assert_eq!(cache.get(&1), None);
    }

    #[test]
    fn what_is_too_old_does_not_stay_in_memory() {
        let cache = BoundedCache::new(10, Duration::ZERO);
        (0..8).for_each(|n| cache.insert(n, n));
        cache.drop_old();
        let all = cache.lock();
        assert_eq!(all.young.len() + all.old.len(), 0);
    }

    #[test]
    fn what_is_fresh_stays_when_what_is_old_is_dropped() {
        let cache = BoundedCache::new(10, LONG);
        (0..4).for_each(|n| cache.insert(n, n));
        cache.drop_old();
        assert!((0..4).all(|n| cache.get(&n) == Some(n)));
    }

    #[test]
    fn a_value_read_before_a_removal_is_not_put_back_after_it() {
        let cache = BoundedCache::new(10, LONG);
        let epoch = cache.epoch();
        cache.remove([&1]);
        assert!(!cache.insert_since(epoch, [(1, 1)]));
        assert_eq!(cache.get(&1), None);
        assert!(cache.insert_since(cache.epoch(), [(1, 1)]));
    }
}
