//! What a verification is asked, and what it answers.

use decider::LogPosition;
use serde::Serialize;

use crate::log::hex;

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
/// shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownHead {
    /// Number of the commit.
    pub commit: u64,
    /// Its chain hash.
    pub hash: [u8; 32],
}

impl KnownHead {
    /// Its hash in hexadecimal digits.
    #[must_use]
    pub fn hash_digits(&self) -> String {
        hex::encode(&self.hash)
    }
}
