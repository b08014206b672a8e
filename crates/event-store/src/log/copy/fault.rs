//! What keeps a copy from being made, or from being taken in.

use std::io;

use decider::LogPosition;
use vault::VaultError;

use crate::log::error::LogError;
use crate::log::verify::Finding;

/// Why no copy was made.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The log could not be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The keys could not be read.
    #[error(transparent)]
    Keys(#[from] VaultError),
    /// It could not be written.
    #[error("the copy could not be written")]
    Output(#[from] io::Error),
    /// There is no such workspace.
    #[error("there is no such workspace")]
    NoWorkspace,
    /// There is no such position.
    #[error("there is no position {position}: the log ends at {head}")]
    NoSuchPosition {
        /// The one that was asked for.
        position: LogPosition,
        /// The end.
        head: LogPosition,
    },
    /// It would begin behind its end.
    #[error("the copy would begin behind its end")]
    NothingBetween,
    /// The log is not as it was written.
    #[error(
        "the log is damaged {}: {}; `ledgerdesk log verify` tells more. The copy is not whole",
        place_of(.0), .0.what
    )]
    Damaged(Finding),
}

/// What is wrong with a copy, or with taking it in here.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The input could not be read.
    #[error("it could not be read")]
    Input(#[from] io::Error),
    /// No line of a copy.
    #[error("this is no line of a sealed copy (byte {column})")]
    Form {
        /// Where in the line.
        column: usize,
    },
    /// Another line says the same, and that one was written.
    #[error("the line is not as it was written")]
    NotAsWritten,
    /// A line, or a commit, that no program of this version writes.
    #[error("it is longer than {max} bytes")]
    TooLong {
        /// The bound.
        max: usize,
    },
    /// Made by another program.
    #[error("the copy has form {format}; this program takes form {known}", known = super::FORMAT)]
    OtherForm {
        /// Its form.
        format: u64,
    },
    /// The end is missing.
    #[error("the copy ends here, and its end is missing: it was cut off")]
    Cut,
    /// A line that does not belong here.
    #[error("this line does not belong here")]
    Order,
    /// A row is not as it was written.
    #[error("{}: {}", place_of(.0), .0.what)]
    Damaged(Finding),
    /// The row of the workspace is not what its seal says.
    #[error("what it says of the workspace was changed")]
    Workspace,
    /// The last line disagrees with what stands before it.
    #[error("the last line disagrees with those before it: {0}")]
    End(&'static str),
    /// The log here is another one.
    #[error(
        "the log here has other history from position {position} on (commit {commit}); nothing of it was changed"
    )]
    OtherHistory {
        /// The commit that differs.
        commit: u64,
        /// Its first position.
        position: LogPosition,
    },
    /// The workspace is here, made at another time.
    #[error("a workspace with this id is here, and it is another one; nothing of it was changed")]
    OtherWorkspace,
    /// What comes before is not here.
    #[error(
        "the copy goes on behind position {after} (commit {commit}), which is not in the log here: that ends at {head}. \
         Take in the part before it first"
    )]
    Gap {
        /// Where the copy begins.
        after: LogPosition,
        /// The commit there.
        commit: u64,
        /// Where the log here ends.
        head: LogPosition,
    },
    /// Somebody else wrote to the log meanwhile.
    #[error("somebody else writes to this log: stop every server of the workspace first")]
    NotAlone,
    /// The copy was sealed with another key file.
    #[error("the copy is of an installation with another key file")]
    OtherKeyFile,
    /// A key cannot be taken in.
    #[error("a key of the copy cannot be used")]
    Key(#[source] VaultError),
}

/// Why a copy was not taken in as a whole.
#[derive(Debug, thiserror::Error)]
pub enum TakeError {
    /// The log could not be read or written. What was written before is whole and proven.
    #[error(
        "the log could not be written; it is whole up to where it ends, and the same command goes on there"
    )]
    Log(#[from] LogError),
    /// The copy is at fault, or does not fit.
    #[error(
        "stopped at line {line}. The log here ends at position {position}, and everything up to there is proven"
    )]
    Stopped {
        /// The line.
        line: u64,
        /// Where the log ends now.
        position: LogPosition,
        /// What is wrong there.
        #[source]
        fault: Fault,
    },
}

fn place_of(finding: &Finding) -> String {
    match finding.position {
        Some(position) => format!("at position {position} (commit {})", finding.commit),
        None => format!("at commit {}", finding.commit),
    }
}
