//! Chance that can be repeated: every random choice of a test follows from one seed, which a failing test prints.

use std::time::Duration;

/// A stream of numbers (SplitMix64).
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// The seed comes from `LEDGERDESK_TEST_SEED`, else it is this one.
    pub fn seeded(seed: u64) -> Self {
        let seed = setting("LEDGERDESK_TEST_SEED").unwrap_or(seed);
        println!("LEDGERDESK_TEST_SEED={seed}");
        Self(seed)
    }

    /// A stream of its own for one of several that run at once.
    pub fn branch(&mut self) -> Self {
        Self(self.next())
    }

    /// A number from 0 to `bound` - 1.
    pub fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound.max(1)).unwrap();
        usize::try_from(self.next() % bound).unwrap()
    }

    /// One of several.
    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// A moment, shorter than this.
    pub fn moment(&mut self, at_most: Duration) -> Duration {
        let micros = usize::try_from(at_most.as_micros()).unwrap();
        Duration::from_micros(u64::try_from(self.below(micros)).unwrap())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// A number from the environment.
pub fn setting(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name} is no number: {value}")))
}
