//! Where a reader left off, written so that it fits this log alone: a position says nothing about a log that was set back and
//! has grown again past it.

use std::fmt;
use std::str::FromStr;

use decider::{CommandId, LogPosition, Timestamp, WorkspaceId};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest, Sha256};

use super::error::LogError;
use super::reader::LogReader;

/// Hexadecimal digits of a mark.
const MARK_DIGITS: usize = 8;

/// Tells the event at a position from any other that ever stands there. It reveals nothing of an event to those who may not
/// see it: it is 32 bits of a hash over a random or hashed id and an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark(u32);

impl Mark {
    /// The mark of an event that a command wrote at an instant. The id alone would not do: a command that was lost may be
    /// repeated, and its event stand at the same position behind other ones.
    #[must_use]
    pub fn of(command: CommandId, at: Timestamp) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"ledgerdesk.mark.1");
        hash.update(command.0.as_bytes());
        hash.update(at.as_micros().to_be_bytes());
        let [a, b, c, d, ..] = <[u8; 32]>::from(hash.finalize());
        Self(u32::from_be_bytes([a, b, c, d]))
    }
}

/// A position and, where it is known, the mark of the event that stands there: `POSITION-MARK` or `POSITION`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bookmark {
    /// The position.
    pub position: LogPosition,
    /// The mark of its event; a bookmark without one fits every log.
    pub mark: Option<Mark>,
}

impl Bookmark {
    /// One that fits every log.
    #[must_use]
    pub const fn unmarked(position: LogPosition) -> Self {
        Self { position, mark: None }
    }
}

impl fmt::Display for Bookmark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.mark {
            Some(Mark(mark)) => write!(f, "{}-{mark:0MARK_DIGITS$x}", self.position),
            None => self.position.fmt(f),
        }
    }
}

/// The text is neither a position nor one with a mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a place in the log")]
pub struct ParseBookmarkError;

impl FromStr for Bookmark {
    type Err = ParseBookmarkError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (position, mark) = match text.split_once('-') {
            Some((position, mark)) => (position, Some(mark)),
            None => (text, None),
        };
        let position: LogPosition = position.parse().map_err(|_| ParseBookmarkError)?;
        let mark = mark.map(|digits| mark_at(position, digits).ok_or(ParseBookmarkError));
        Ok(Self { position, mark: mark.transpose()? })
    }
}

/// No event stands before the first position.
fn mark_at(position: LogPosition, digits: &str) -> Option<Mark> {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if position.0 == 0 || digits.len() != MARK_DIGITS || !digits.bytes().all(is_digit) {
        return None;
    }
    u32::from_str_radix(digits, 16).ok().map(Mark)
}

impl Serialize for Bookmark {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Bookmark {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl LogReader {
    /// The mark of the event that stands at a position; none where there is no event.
    ///
    /// # Errors
    /// When the database fails or an envelope is damaged.
    pub async fn mark_at(
        &self,
        ws: WorkspaceId,
        position: LogPosition,
    ) -> Result<Option<Mark>, LogError> {
        let Some(before) = position.0.checked_sub(1) else { return Ok(None) };
        let next = self.outline(ws, LogPosition(before), 1, &[]).await?;
        let event = next.first().filter(|event| event.position == position);
        Ok(event.and_then(|event| event.bookmark().mark))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn mark(command: u128, micros: i64) -> Mark {
        Mark::of(CommandId(Uuid::from_u128(command)), Timestamp::from_micros(micros))
    }

    #[test]
    fn a_bookmark_reads_as_it_is_written() {
        for position in [1, 42, i64::MAX.unsigned_abs()].map(LogPosition) {
            for known in [None, Some(mark(1, 2)), Some(Mark(0)), Some(Mark(u32::MAX))] {
                let bookmark = Bookmark { position, mark: known };
                assert_eq!(bookmark.to_string().parse(), Ok(bookmark));
            }
        }
        assert_eq!("0".parse(), Ok(Bookmark::default()));
        assert_eq!(
            Bookmark { position: LogPosition(7), mark: Some(Mark(10)) }.to_string(),
            "7-0000000a"
        );
    }

    #[test]
    fn what_is_no_bookmark_is_refused() {
        for wrong in [
            "",
            "-",
            "x",
            "-1",
            "1-",
            "-0000000a",
            "1-a",
            "1-0000000A",
            "1-0000000g",
            "1-+000000a",
            "1-00000000a",
            "1-0000000a-",
            "1-0000000a ",
            " 1",
            "0-0000000a",
            "99999999999999999999",
        ] {
            assert_eq!(wrong.parse::<Bookmark>(), Err(ParseBookmarkError), "{wrong}");
        }
    }

    #[test]
    fn a_mark_never_changes_and_differs_by_command_and_by_instant() {
        assert_eq!(mark(1, 2), Mark(0x9a19_dc8b));
        assert_ne!(mark(1, 2), mark(2, 2));
        assert_ne!(mark(1, 2), mark(1, 3));
    }
}
