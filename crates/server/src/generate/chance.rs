//! Chance that can be repeated: everything invented follows from one seed, whatever the library or the machine.

use uuid::Uuid;

/// A stream of numbers (SplitMix64).
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// A stream of its own for each seed and place.
    pub fn at(seed: u64, place: u64) -> Self {
        let mut start = Self(seed ^ place.wrapping_mul(0xd6e8_feb8_6659_fd93));
        Self(start.next())
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 up to, not including, 1.
    pub fn part(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Whether something happens that happens in so many of a thousand cases.
    pub fn happens(&mut self, in_thousand: u64) -> bool {
        self.next() % 1000 < in_thousand
    }

    /// A number from 0 up to, not including, `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    /// A number from 0 up to, not including, `bound`, of which r + 1 is as likely as 1 / (r + 1) says (Zipf).
    pub fn ranked(&mut self, bound: u64) -> u64 {
        let rank = ((bound + 1) as f64).powf(self.part()) as u64;
        rank.clamp(1, bound.max(1)) - 1
    }

    /// A number from 0 up to, not including, `bound`; small ones more often, but none of them very often.
    pub fn skewed(&mut self, bound: u64) -> u64 {
        let part = self.part();
        ((bound as f64 * part * part) as u64).min(bound.saturating_sub(1))
    }

    /// How long until something happens that happens every `mean` on average.
    pub fn after(&mut self, mean: f64) -> f64 {
        -(1.0 - self.part()).ln() * mean
    }

    /// One of several.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        from.get(self.below(from.len() as u64) as usize)
    }

    /// One of several, the first more often than the last.
    pub fn pick_ranked<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        from.get(self.ranked(from.len() as u64) as usize)
    }

    /// An id ordered by time (UUIDv7).
    pub fn id(&mut self, at_micros: i64) -> Uuid {
        let mut random = [0; 10];
        random[..8].copy_from_slice(&self.next().to_be_bytes());
        random[8..].copy_from_slice(&(self.next() as u16).to_be_bytes());
        let millis = u64::try_from(at_micros / 1000).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_and_place_tell_the_same_story() {
        let (mut one, mut same, mut other) = (Chance::at(1, 7), Chance::at(1, 7), Chance::at(1, 8));
        let numbers = |chance: &mut Chance| (0..5).map(|_| chance.next()).collect::<Vec<_>>();
        let first = numbers(&mut one);
        assert_eq!(first, numbers(&mut same));
        assert_ne!(first, numbers(&mut other));
    }

    #[test]
    fn ranks_are_spread_as_zipf_says() {
        let mut chance = Chance::at(1, 1);
        let mut counts = [0_u32; 200];
        for _ in 0..100_000 {
            counts[chance.ranked(200) as usize] += 1;
        }
        assert!(counts[0] > 5 * counts[9] && counts[9] > 5 * counts[150], "{counts:?}");
        assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
    }
}
