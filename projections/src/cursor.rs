//! Keyset paging: a page begins after the last row of the one before, so it costs the same anywhere, and a row that did not
//! change is shown exactly once.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

/// The most rows of one page.
pub const PAGE_MAX: u32 = 200;

/// The place of a row in an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// What is sorted by.
    pub first: i64,
    /// What is sorted by next; 0 where there is nothing.
    pub second: i64,
    /// The row's id, which makes the order total.
    pub id: Uuid,
}

impl Cursor {
    /// Before every row of a descending order.
    pub const TOP: Self = Self { first: i64::MAX, second: i64::MAX, id: Uuid::max() };
    /// Before every row of an ascending order.
    pub const BOTTOM: Self = Self { first: i64::MIN, second: i64::MIN, id: Uuid::nil() };
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.first, self.second, self.id.simple())
    }
}

/// The text is not a cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor")]
pub struct ParseCursorError;

impl FromStr for Cursor {
    type Err = ParseCursorError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.split('.');
        let mut next = || parts.next().ok_or(ParseCursorError);
        let first = next()?.parse().map_err(|_| ParseCursorError)?;
        let second = next()?.parse().map_err(|_| ParseCursorError)?;
        let id = next()?.parse().map_err(|_| ParseCursorError)?;
        if parts.next().is_some() { Err(ParseCursorError) } else { Ok(Self { first, second, id }) }
    }
}

/// A page of rows, and where the next one begins.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    /// The rows in order.
    pub items: Vec<T>,
    /// None on the last page.
    pub next: Option<Cursor>,
}

impl<T> Page<T> {
    /// A page without rows.
    #[must_use]
    pub const fn empty() -> Self {
        Self { items: Vec::new(), next: None }
    }

    /// Of `limit + 1` rows that were asked for: one more than shown tells that there is a next page.
    pub(crate) fn cut(mut items: Vec<T>, limit: u32, place: impl Fn(&T) -> Cursor) -> Self {
        let limit = limit as usize;
        let more = items.len() > limit;
        items.truncate(limit);
        let next = if more { items.last().map(place) } else { None };
        Self { items, next }
    }
}

/// The number of rows to show, and to ask for.
pub(crate) fn limits(limit: u32) -> (u32, i64) {
    let shown = limit.clamp(1, PAGE_MAX);
    (shown, i64::from(shown) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_its_text_form() {
        for cursor in
            [Cursor::TOP, Cursor::BOTTOM, Cursor { first: -3, second: 0, id: Uuid::from_u128(7) }]
        {
            assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }
        for text in [
            "",
            "1.2",
            "1.2.3",
            "1.2.00000000000000000000000000000007.4",
            "a.0.00000000000000000000000000000007",
        ] {
            assert_eq!(text.parse::<Cursor>(), Err(ParseCursorError));
        }
    }

    #[test]
    fn only_a_full_page_with_more_behind_it_has_a_next_one() {
        let place = |n: &i64| Cursor { first: *n, second: 0, id: Uuid::nil() };
        assert_eq!(Page::cut(vec![1, 2], 2, place).next, None);
        let page = Page::cut(vec![1, 2, 3], 2, place);
        assert_eq!(
            (page.items.as_slice(), page.next.map(|next| next.first)),
            (&[1, 2][..], Some(2))
        );
    }
}
