//! The sealed copy: the log of a workspace as a file, every row exactly as it is stored, one in a line; and the way back, into an
//! empty workspace or behind a part that is there. A replica made from it has the same positions and hashes.
//!
//! Both ways the rows are judged as the verification judges them, commit by commit. What is not proven is not written.

mod bytes;
mod fault;
mod file;
mod gather;
mod line;
mod proof;
mod read;
mod take;
#[cfg(test)]
mod tests;
mod write;

pub use bytes::{Digits, Payload};
pub use fault::{CopyError, Fault, TakeError};
pub use file::{LINE_BYTES_MAX, LineReader, LineWriter};
pub use line::{
    Begin, ClaimLine, CommandLine, CommitLine, End, EventLine, FORMAT, Line, Point, Totals,
};
pub use read::{CopyRequest, Source};
pub use take::{Taken, Target, take};
