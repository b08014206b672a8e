//! What can break when the log is used.

use decider::DecodeError;

/// A failure of the log or of the database below it.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// A statement or the connection failed.
    #[error("the database did not answer as expected")]
    Database(#[from] sqlx::Error),
    /// A stored event cannot be read by this program.
    #[error("a stored event cannot be read")]
    Decode(#[from] DecodeError),
    /// An envelope in the database does not have the form this program writes.
    #[error("the envelope at position {position} is damaged: {what}")]
    Envelope {
        /// Where.
        position: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// A key could not be used.
    #[error("a key could not be used")]
    Keys(#[source] Box<vault::VaultError>),
    /// The workspace is unknown or closed.
    #[error("the workspace is unknown or closed")]
    WorkspaceClosed,
    /// The commit a consumer stood on is no longer in the log: it was rewound by a restore or a lossy failover.
    #[error("the log was rewound below commit {commit}")]
    Rewound {
        /// The number of the commit that is gone or different.
        commit: u64,
    },
}

impl LogError {
    /// Whether the database was out of reach, so that the same call may succeed later.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        match self {
            Self::Database(error) => is_unavailable(error),
            Self::Decode(_)
            | Self::Envelope { .. }
            | Self::Keys(_)
            | Self::WorkspaceClosed
            | Self::Rewound { .. } => false,
        }
    }
}

/// Whether a database error means "not now" rather than "never": connection gone, server starting or stopping, no free
/// connection, a statement cut short by a time limit, a server that became a standby.
#[must_use]
pub fn is_unavailable(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::Protocol(_) => true,
        sqlx::Error::Database(error) => error.code().is_some_and(|code| {
            ["57P", "08", "53"].iter().any(|class| code.starts_with(class))
                || ["57014", "55P03", "25006", "25P03"].contains(&code.as_ref())
        }),
        _ => false,
    }
}

/// Whether the disk of the database has no room left.
pub(crate) fn is_disk_full(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(|error| error.code()).is_some_and(|code| code == "53100")
}
