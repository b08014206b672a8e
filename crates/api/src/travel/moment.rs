//! An earlier place, as people and programs write it: an instant, a position of the log, a version.

use std::fmt;

use decider::{LogPosition, Timestamp, Version};
use jiff::civil::DateTime;
use jiff::fmt::temporal::Pieces;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};

/// An earlier place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// What had happened by an instant: `2026-03-29T02:30:00+02:00`, `2026-03-29T02:30[Europe/Paris]`.
    Instant(Timestamp),
    /// What had been recorded up to a position: `position:123`, or bare digits.
    Position(LogPosition),
    /// What a ticket, contact or pipeline was in a version: `version:7`.
    Version(Version),
}

/// The text is no place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseMomentError {
    /// It has none of the forms.
    #[error(
        "takes an instant such as 2026-03-29T02:30:00+02:00 or 2026-03-29T02:30[Europe/Paris], position:123 or version:7"
    )]
    Malformed,
    /// A date and a time that say neither offset nor zone.
    #[error("needs an offset such as +02:00 or a zone such as [Europe/Paris]")]
    NoOffset,
    /// Nobody knows the zone.
    #[error("names a time zone that is not known")]
    UnknownZone,
    /// The offset is none that the zone had at that time.
    #[error("has an offset that its time zone did not have at that time")]
    OtherOffset,
    /// The clocks were put forward over it.
    #[error(
        "does not exist in this zone, whose clocks were put forward over it: say {before} or {after}"
    )]
    Skipped {
        /// With the offset before.
        before: String,
        /// With the offset after.
        after: String,
    },
    /// The clocks were put back, and so it came twice.
    #[error("came twice in this zone, whose clocks were put back: say {first} or {second}")]
    Twice {
        /// With the offset before.
        first: String,
        /// With the offset after.
        second: String,
    },
}

impl ParseMomentError {
    /// A stable word.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed | Self::NoOffset => "invalid_parameter",
            Self::UnknownZone => "unknown_time_zone",
            Self::OtherOffset => "wrong_offset",
            Self::Skipped { .. } => "nonexistent_local_time",
            Self::Twice { .. } => "ambiguous_local_time",
        }
    }
}

impl std::str::FromStr for Moment {
    type Err = ParseMomentError;

    fn from_str(text: &str) -> Result<Self, ParseMomentError> {
        if let Some(digits) = text.strip_prefix("position:") {
            return position(digits);
        }
        if let Some(digits) = text.strip_prefix("version:") {
            let version = whole(digits).and_then(|number| Version::try_from(number).ok());
            return version.map(Self::Version).ok_or(ParseMomentError::Malformed);
        }
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            return position(text);
        }
        instant(text).map(Self::Instant)
    }
}

impl fmt::Display for Moment {
    /// One text for each place: an instant is told in UTC.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Instant(instant) => write!(f, "{instant}"),
            Self::Position(position) => write!(f, "position:{position}"),
            Self::Version(version) => write!(f, "version:{version}"),
        }
    }
}

fn position(digits: &str) -> Result<Moment, ParseMomentError> {
    let number = whole(digits).filter(|number| i64::try_from(*number).is_ok());
    let position = number.map(|number| Moment::Position(LogPosition(number)));
    position.ok_or(ParseMomentError::Malformed)
}

/// Digits and nothing else: no sign, no blank.
fn whole(digits: &str) -> Option<u64> {
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

fn instant(text: &str) -> Result<Timestamp, ParseMomentError> {
    // In a query an unescaped plus arrives as a blank, and nothing else in an instant is one.
    let text = text.replace(' ', "+");
    let pieces = Pieces::parse(&text).map_err(|_| ParseMomentError::Malformed)?;
    let time = pieces.time().ok_or(ParseMomentError::Malformed)?;
    let local = DateTime::from_parts(pieces.date(), time);
    let zone = match pieces.time_zone_annotation() {
        Some(_) => match pieces.to_time_zone() {
            Ok(zone) => zone,
            Err(_) => return Err(ParseMomentError::UnknownZone),
        },
        None => None,
    };
    match (pieces.to_numeric_offset(), zone) {
        (Some(offset), None) => at(local, offset),
        (Some(offset), Some(zone)) => {
            let instant = at(local, offset)?;
            let known = jiff::Timestamp::from_microsecond(instant.as_micros());
            let known = known.map_err(|_| ParseMomentError::Malformed)?;
            // `Z` says that the offset of the place is not known: there is nothing to contradict.
            let is_zulu = matches!(pieces.offset(), Some(jiff::fmt::temporal::PiecesOffset::Zulu));
            let fits = is_zulu || zone.to_offset(known) == offset;
            if fits { Ok(instant) } else { Err(ParseMomentError::OtherOffset) }
        }
        (None, Some(zone)) => in_zone(local, &zone),
        (None, None) => Err(ParseMomentError::NoOffset),
    }
}

fn at(local: DateTime, offset: Offset) -> Result<Timestamp, ParseMomentError> {
    let instant = offset.to_timestamp(local).map_err(|_| ParseMomentError::Malformed)?;
    Ok(instant.into())
}

fn in_zone(local: DateTime, zone: &TimeZone) -> Result<Timestamp, ParseMomentError> {
    let told = |offset: Offset| format!("{local}{}", Told(offset));
    match zone.to_ambiguous_timestamp(local).offset() {
        AmbiguousOffset::Unambiguous { offset } => at(local, offset),
        AmbiguousOffset::Gap { before, after } => {
            // A time that was skipped means one instant by the clock before and another by the clock after.
            let shown = |offset: Offset| {
                let instant = offset.to_timestamp(local);
                instant.map_or_else(|_| told(offset), |instant| in_force(instant, zone))
            };
            Err(ParseMomentError::Skipped { before: shown(before), after: shown(after) })
        }
        AmbiguousOffset::Fold { before, after } => {
            Err(ParseMomentError::Twice { first: told(before), second: told(after) })
        }
    }
}

/// An instant with the offset that the zone has then.
fn in_force(instant: jiff::Timestamp, zone: &TimeZone) -> String {
    let offset = zone.to_offset(instant);
    format!("{}{}", offset.to_datetime(instant), Told(offset))
}

/// An offset as RFC 3339 writes it.
struct Told(Offset);

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.seconds();
        let (sign, seconds) = (if seconds < 0 { '-' } else { '+' }, seconds.abs());
        write!(f, "{sign}{:02}:{:02}", seconds / 3600, seconds / 60 % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Moment, ParseMomentError> {
        text.parse()
    }

    fn micros(text: &str) -> Moment {
        Moment::Instant(text.parse().unwrap())
    }

    #[test]
    fn a_place_is_an_instant_a_position_or_a_version_z04() {
        assert_eq!(read("17"), Ok(Moment::Position(LogPosition(17))));
        assert_eq!(read("position:17"), Ok(Moment::Position(LogPosition(17))));
        assert_eq!(read("version:7"), Ok(Moment::Version(7)));
        assert_eq!(read("2026-03-03T10:00:00Z"), Ok(micros("2026-03-03T10:00:00Z")));
        assert_eq!(read("2026-03-03T10:00:00+05:45"), Ok(micros("2026-03-03T04:15:00Z")));
        assert_eq!(read("2026-03-03T10:00:00 02:00"), Ok(micros("2026-03-03T08:00:00Z")));
        assert_eq!(read("2026-03-03T10:00[Europe/Paris]"), Ok(micros("2026-03-03T09:00:00Z")));
        let both = "2026-03-03T10:00+01:00[Europe/Paris]";
        assert_eq!(read(both), Ok(micros("2026-03-03T09:00:00Z")));
    }

    #[test]
    fn a_local_time_that_never_was_is_refused_with_both_readings_z04() {
        let refused = read("2026-03-29T02:30[Europe/Paris]").unwrap_err();
        assert_eq!(refused.code(), "nonexistent_local_time");
        let text = refused.to_string();
        assert!(text.contains("2026-03-29T03:30:00+02:00"), "{text}");
        assert!(text.contains("2026-03-29T01:30:00+01:00"), "{text}");
    }

    #[test]
    fn a_local_time_that_came_twice_is_refused_with_both_readings_z04() {
        let refused = read("2026-10-25T02:30[Europe/Paris]").unwrap_err();
        assert_eq!(refused.code(), "ambiguous_local_time");
        let text = refused.to_string();
        assert!(text.contains("2026-10-25T02:30:00+02:00"), "{text}");
        assert!(text.contains("2026-10-25T02:30:00+01:00"), "{text}");
        let second = read("2026-10-25T02:30+01:00[Europe/Paris]");
        assert_eq!(second, Ok(micros("2026-10-25T01:30:00Z")));
    }

    #[test]
    fn what_is_no_place_is_refused_with_a_word_for_it_z04() {
        for (text, code) in [
            ("", "invalid_parameter"),
            ("yesterday", "invalid_parameter"),
            ("-1", "invalid_parameter"),
            ("position:", "invalid_parameter"),
            ("position:-1", "invalid_parameter"),
            ("version:99999999999", "invalid_parameter"),
            ("9223372036854775808", "invalid_parameter"),
            ("2026-01-01", "invalid_parameter"),
            ("2026-01-01T00:00:00", "invalid_parameter"),
            ("2026-13-01T00:00:00Z", "invalid_parameter"),
            ("2026-01-01T00:00[Europe/Atlantis]", "unknown_time_zone"),
            ("2026-01-01T00:00+09:00[Europe/Paris]", "wrong_offset"),
        ] {
            assert_eq!(read(text).map_err(|error| error.code()), Err(code), "{text}");
        }
    }

    #[test]
    fn a_place_has_one_text_however_it_was_written_z04() {
        for text in ["position:17", "version:7", "2026-03-03T10:00:00Z"] {
            assert_eq!(read(text).unwrap().to_string(), text);
        }
        let offset = read("2026-03-03T12:00:00+02:00").unwrap();
        assert_eq!(offset.to_string(), "2026-03-03T10:00:00Z");
    }
}
