//! What a verification is asked, and what it answers.

use std::fmt;
use std::str::FromStr;

use decider::LogPosition;
use serde::Serialize;

/// How many findings a report lists.
const FINDINGS_MAX: usize = 100;

/// Something that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The commit; 0 where no commit is concerned.
    pub commit: u64,
    /// The position, where one event is at fault.
    pub position: Option<LogPosition>,
    /// What is wrong.
    pub what: &'static str,
}

/// What a verification saw.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct VerifyReport {
    /// Commits read.
    pub commits: u64,
    /// Events read.
    pub events: u64,
    /// Commands read.
    pub commands: u64,
    /// Changes of natural keys read.
    pub claims: u64,
    /// The newest position.
    pub head: LogPosition,
    /// Number of the newest commit.
    pub head_commit: u64,
    /// Hash of the newest commit, hexadecimal.
    pub head_hash: String,
    /// How many heads kept elsewhere it was compared with.
    pub heads_compared: u64,
    /// What is wrong, the first hundred.
    pub findings: Vec<Finding>,
}

impl VerifyReport {
    pub(super) fn found(&mut self, commit: i64, position: Option<i64>, what: &'static str) {
        if self.findings.len() < FINDINGS_MAX {
            let unsigned = |number: i64| u64::try_from(number).unwrap_or(0);
            self.findings.push(Finding {
                commit: unsigned(commit),
                position: position.map(|pos| LogPosition(unsigned(pos))),
                what,
            });
        }
    }
}

/// A commit as it was seen once, and kept outside the database: only against such a copy a truncated or wholly rewritten log
/// shows. Its text form is `number:hash`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownHead {
    /// Number of the commit.
    pub commit: u64,
    /// Its chain hash.
    pub hash: [u8; 32],
}

/// The text does not name a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a head is the number of a commit, a colon and its hash of 64 hexadecimal digits")]
pub struct ParseHeadError;

impl FromStr for KnownHead {
    type Err = ParseHeadError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (commit, digits) = text.split_once(':').ok_or(ParseHeadError)?;
        let commit = commit.parse().map_err(|_| ParseHeadError)?;
        if digits.len() != 64 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(ParseHeadError);
        }
        let mut hash = [0; 32];
        for (byte, pair) in hash.iter_mut().zip(digits.as_bytes().chunks(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| ParseHeadError)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| ParseHeadError)?;
        }
        Ok(Self { commit, hash })
    }
}

impl fmt::Display for KnownHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.commit, hex(&self.hash))
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_as_it_is_written_and_nothing_else_is_one() {
        let head = KnownHead { commit: 17, hash: [0xa5; 32] };
        assert_eq!(head.to_string().parse(), Ok(head));
        let digits = "a5".repeat(32);
        for other in [
            String::new(),
            "17".to_owned(),
            format!(":{digits}"),
            format!("-1:{digits}"),
            format!("17:{}", &digits[2..]),
            format!("17:{}zz", &digits[2..]),
            format!("17:{}é", &digits[2..]),
            format!("17:+{}", &digits[1..]),
        ] {
            assert_eq!(other.parse::<KnownHead>(), Err(ParseHeadError), "{other}");
        }
    }
}
