//! History in: old mail becomes tickets with its own dates and senders (H03). Nothing is sent to anybody because of it,
//! and importing the same again changes nothing.

mod content;
mod known;
mod patience;
mod people;
mod plan;
mod raw_store;
mod run;
mod scan;
mod source;
mod write;

use std::path::PathBuf;

use commands::ticket::ImportedStatus;
use decider::{Actor, WorkspaceId};
use event_store::handler::{CommandHandler, HandleError};
use event_store::log::LogError;
use events::ChannelId;
use ops::{Intake, OpsError};
use vault::{SealedObjects, VaultError};

pub use source::SourceError;

/// Takes history in. Cheap to clone.
#[derive(Clone)]
pub struct Importer {
    pub handler: CommandHandler,
    pub objects: SealedObjects,
    pub intake: Intake,
}

/// What is to be imported, and how.
#[derive(Clone, Debug)]
pub struct ImportRequest {
    pub ws: WorkspaceId,
    pub actor: Actor,
    pub format: Format,
    pub files: Vec<PathBuf>,
    /// The channel the mail came by. Mail of one channel does not join tickets of another.
    pub channel: Option<ChannelId>,
    /// In which status new tickets begin.
    pub status: ImportedStatus,
}

/// What kind of files they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Many messages in one file.
    Mbox,
    /// One message in each file.
    Eml,
}

/// What an import is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Files are read and stored; counted in bytes.
    Reading,
    /// Tickets are written; counted in messages.
    Writing,
}

/// How far an import is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    pub phase: Phase,
    pub done: u64,
    pub total: u64,
}

/// What became of the messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Messages in the files.
    pub messages: u64,
    /// Different ones.
    pub distinct: u64,
    pub tickets_created: u64,
    /// Tickets that were there before and got more messages.
    pub tickets_joined: u64,
    /// Differing copies whose bytes were kept.
    pub copies_kept: u64,
    /// What the log had before, and what the files hold twice.
    pub already_there: u64,
    /// Mails kept as they came.
    pub unreadable: u64,
    pub attachments: u64,
    /// Pairs of tickets that were linked.
    pub links: u64,
    /// Messages that could not be imported.
    pub failed: u64,
}

/// Why an import stopped. What was imported until then stays; another attempt goes on where this one stopped.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error("there is no such channel")]
    UnknownChannel,
    #[error("raw messages could not be stored")]
    Store(#[from] OpsError),
    #[error("a stored message or file could not be written or read")]
    Objects(#[from] VaultError),
    #[error("the log could not be read")]
    Log(#[from] LogError),
    #[error("an event could not be read")]
    Decode(#[source] decider::DecodeError),
    #[error("messages could not be written")]
    Handle(#[source] HandleError),
    #[error("the program is stopping")]
    Stopping,
}
