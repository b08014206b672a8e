//! Why a command was not accepted.

use decider::{Rejected, StoredEvent, Version};
use vault::VaultError;

use crate::log::LogError;

/// Why a command was not accepted. Nothing was written, except that after [`HandleError::Unavailable`] the outcome is open.
#[derive(Debug, thiserror::Error)]
pub enum HandleError {
    /// A rule refuses.
    #[error(transparent)]
    Rejected(#[from] Rejected),
    /// The command id was used before with another body.
    #[error("the command id was used before for another command")]
    KeyReused,
    /// The aggregate changed since the version the client has seen, in what this command touches (W03).
    #[error("the aggregate changed meanwhile")]
    VersionConflict {
        /// Its present version.
        version: Version,
        /// What happened since.
        events: Vec<StoredEvent>,
    },
    /// Others changed the same streams faster than this command could be decided.
    #[error("too many others change the same thing at the same time")]
    Contended,
    /// Too many commands wait.
    #[error("too many commands are waiting")]
    Busy,
    /// The database did not answer in time; the outcome is open until the same command is sent again.
    #[error("the database did not answer in time")]
    Unavailable,
    /// The program is stopping.
    #[error("the program is stopping")]
    Stopping,
    /// The workspace is unknown or closed.
    #[error("the workspace is unknown or closed")]
    WorkspaceClosed,
    /// Commits that this process has seen are not in the log any more. It takes no commands until it is started anew.
    #[error("the log was rewound beneath the running program")]
    Rewound,
    /// Something broke.
    #[error("the command could not be handled")]
    Failed(#[source] Broken),
}

/// What broke.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The vault.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// An event could not be written.
    #[error(transparent)]
    Encode(#[from] decider::EncodeError),
    /// A sealed field could not be written.
    #[error(transparent)]
    Slot(#[from] decider::SlotError),
    /// The context of an event could not be written.
    #[error("the context of an event cannot be written")]
    Context(#[source] serde_json::Error),
    /// An event of a kind nobody registered.
    #[error("the stream kind {0} is not registered")]
    UnknownKind(&'static str),
    /// The fold of a stream or of the directory panicked.
    #[error("the events of a {0} cannot be folded")]
    Fold(&'static str),
    /// One command writes events of two kinds to one stream.
    #[error("events of the kinds {0} and {1} under one id")]
    TwoKinds(&'static str, &'static str),
    /// A rule panicked.
    #[error("the rule of {0} panicked")]
    Panicked(&'static str),
    /// A decision kept asking for more.
    #[error("the rule of {0} keeps asking for more")]
    Endless(&'static str),
    /// The database refused a statement; told to each command of the batch.
    #[error("the database refused the append")]
    Append,
}

impl Broken {
    /// Whether the same command may succeed later.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        match self {
            Self::Log(error) => error.is_unavailable(),
            Self::Vault(error) => error.is_unavailable(),
            Self::Encode(_)
            | Self::Slot(_)
            | Self::Context(_)
            | Self::UnknownKind(_)
            | Self::TwoKinds(..)
            | Self::Fold(_)
            | Self::Panicked(_)
            | Self::Endless(_)
            | Self::Append => false,
        }
    }
}

impl From<Broken> for HandleError {
    fn from(broken: Broken) -> Self {
        if broken.is_unavailable() {
            return Self::Unavailable;
        }
        match broken {
            Broken::Log(LogError::WorkspaceClosed) => Self::WorkspaceClosed,
            Broken::Log(LogError::Rewound { .. }) => Self::Rewound,
            broken => Self::Failed(broken),
        }
    }
}

/// An error with its causes in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
