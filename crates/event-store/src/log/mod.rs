//! The log on Postgres: how events are written, read, followed and proved.

mod append;
mod bookmark;
mod bound;
mod continuity;
pub mod copy;
mod each;
mod error;
mod follow;
mod hex;
mod leaf;
pub mod notify;
mod outline;
mod reader;
mod signed_head;
mod sum;
mod time;
mod verify;
mod wire;

pub use append::{
    AppendBatch, Appended, BadClaim, Base, Duplicate, PendingEvent, Problems, append,
};
pub use bookmark::{Bookmark, Mark, ParseBookmarkError};
pub(crate) use bound::bounded;
pub use continuity::{Continuity, watch_over};
pub use each::Each;
pub(crate) use error::is_disk_full;
pub use error::{LogError, is_unavailable};
pub use follow::{CommitWithEvents, Follower, RecentCommits};
pub use leaf::{
    ClaimRowInput, CommandRowInput, CommitHash, CommitInput, LeafInput, ZERO_HASH, commit_content,
    commit_hash, leaf, workspace_seal,
};
pub use outline::{Outline, Outlines};
pub use reader::{ClaimRow, CommandRow, Commit, Head, LogReader};
pub use signed_head::{HeadRefusal, SignedHead};
pub use sum::{Included, Stretch, Sum};
pub use time::PgInstant;
pub use verify::{Finding, KnownHead, STREAMS_MAX, Verification, VerifyReport, strangers, verify};
