//! How many events the next batch takes.

use std::time::Duration;

/// What one commit of a batch should take.
const TARGET: Duration = Duration::from_millis(25);
/// No batch is larger, unless a single commit is.
pub const BATCH_EVENTS_MAX: usize = 5_000;
/// The first batch. Slowness alone makes none smaller: a batch has a cost of its own, however few events it takes, and where
/// that alone is longer than the target, smaller batches only fall further behind.
const USUAL: usize = 256;
/// A batch that was made smaller than that, because it could not be written at all, grows again once it takes less.
const SLOW: Duration = Duration::from_secs(2);

/// Follows how long batches take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BatchSize(usize);

impl BatchSize {
    pub(super) const fn usual() -> Self {
        Self(USUAL)
    }

    pub(super) const fn of(events: usize) -> Self {
        Self(if events == 0 { 1 } else { events })
    }

    pub(super) const fn events(self) -> usize {
        self.0
    }

    /// After a batch of so many events that took so long.
    pub(super) fn after(self, events: usize, took: Duration) -> Self {
        let fast = if self.0 < USUAL { SLOW } else { TARGET * 2 / 3 };
        if took > TARGET * 3 / 2 && self.0 > USUAL {
            Self((self.0 / 2).max(USUAL))
        } else if took < fast && events * 2 > self.0 {
            Self((self.0 * 2).min(BATCH_EVENTS_MAX))
        } else {
            self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUNDS: usize = 50;

    /// After so many full batches, each of which takes as long as the database says.
    fn settled(mut size: BatchSize, takes: impl Fn(usize) -> Duration) -> usize {
        for _ in 0..ROUNDS {
            size = size.after(size.events(), takes(size.events()));
        }
        size.events()
    }

    fn micros(fixed: u64, each: u64) -> impl Fn(usize) -> Duration {
        move |events| Duration::from_micros(fixed + each * events as u64)
    }

    #[test]
    fn a_fast_database_gets_large_batches_and_a_slower_one_such_as_take_the_target() {
        assert_eq!(settled(BatchSize::usual(), micros(500, 1)), BATCH_EVENTS_MAX);
        let events = settled(BatchSize::usual(), micros(1_000, 20));
        assert!((512..=1_024).contains(&events), "{events}");
    }

    #[test]
    fn where_every_batch_is_slow_none_becomes_so_small_that_the_view_falls_behind() {
        // Waiting in line for a busy processor takes longer than the target, whatever the batch holds.
        assert_eq!(settled(BatchSize::usual(), micros(100_000, 10)), USUAL);
        assert_eq!(settled(BatchSize::of(4_000), micros(100_000, 10)), USUAL);
    }

    #[test]
    fn a_batch_that_could_not_be_written_at_all_grows_again_once_it_can() {
        assert_eq!(settled(BatchSize::of(1), micros(100_000, 10)), USUAL);
        assert_eq!(settled(BatchSize::of(1), micros(10_000_000, 10)), 1);
    }

    #[test]
    fn a_view_at_the_end_of_the_log_keeps_its_size() {
        let size = BatchSize::usual();
        assert_eq!(size.after(3, Duration::from_millis(1)), size);
        assert_eq!(size.after(3, Duration::from_millis(900)), size);
    }
}
