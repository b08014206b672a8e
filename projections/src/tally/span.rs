//! Spans of time in three sizes, each thirty-two of the one below: 19 hours, 25 days, 2.2 years. Their borders are round numbers
//! of microseconds, so that finding one is a shift.

/// How far an instant is shifted to find its span, from the smallest size.
pub const SHIFTS: [u32; 3] = [36, 41, 46];

/// The span of an instant in a size.
pub const fn span(level: usize, micros: i64) -> i64 {
    micros >> SHIFTS[level]
}

/// How the time before an instant falls into whole spans of each size, and a rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Whole {
    /// From the smallest size: the first span, and the one after the last.
    pub spans: [(i64, i64); 3],
    /// Where the rest begins, in microseconds.
    pub rest: i64,
}

/// All time up to an instant.
pub const fn whole(until: i64) -> Whole {
    let [small, middle, large] = [span(0, until), span(1, until), span(2, until)];
    let down = SHIFTS[1] - SHIFTS[0];
    Whole {
        spans: [(middle << down, small), (large << down, middle), (i64::MIN, large)],
        rest: small << SHIFTS[0],
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_instant_before_lies_in_exactly_one_span_or_in_the_rest_z10(
            until in -4_000_000_000_000_000_i64..6_000_000_000_000_000,
            before in 0_i64..9_000_000_000_000_000,
        ) {
            let whole = whole(until);
            let places = |instant: i64| {
                let spans = (0..3).filter(|level| {
                    let (first, end) = whole.spans[*level];
                    (first..end).contains(&span(*level, instant))
                });
                spans.count() + usize::from((whole.rest..=until).contains(&instant))
            };
            prop_assert_eq!(places(until - before), 1);
            prop_assert_eq!(places(until), 1);
            prop_assert_eq!(places(until + 1), 0);
            prop_assert_eq!(places(until + before + 1), 0);
        }
    }
}
