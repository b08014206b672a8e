//! What can go wrong in a fold, and what stops a projection.

use decider::{DecodeError, StoredEvent};
use uuid::Uuid;

use crate::log::LogError;

/// An event that cannot be folded. Names tables, never content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// The fold reached for a row that `keys` did not announce.
    #[error("a row of {table} was not announced")]
    NotAnnounced {
        /// The table.
        table: &'static str,
    },
    /// A row that must be there is not.
    #[error("a row of {table} is missing")]
    MissingRow {
        /// The table.
        table: &'static str,
    },
    /// A row that must not be there is.
    #[error("a row of {table} exists already")]
    RowExists {
        /// The table.
        table: &'static str,
    },
    /// The event says something that the fold cannot make sense of.
    #[error("{0}")]
    Unexpected(&'static str),
}

/// Which event a batch failed on, and why.
#[derive(Debug, thiserror::Error)]
#[error("the event at position {position} cannot be folded")]
pub struct Fault {
    /// Its position.
    pub position: u64,
    /// Its stream.
    pub stream: Uuid,
    /// Why.
    #[source]
    pub cause: FaultCause,
}

/// Why an event could not be folded.
#[derive(Debug, thiserror::Error)]
pub enum FaultCause {
    /// It cannot be read.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The fold refused it.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// The fold panicked.
    #[error("the fold panicked")]
    Panicked,
    /// Its sealed content fails authentication or does not fit its type.
    #[error("its sealed content cannot be opened")]
    Sealed,
    /// The database refuses the rows it gives.
    #[error("the database refuses the rows of its commit")]
    Refused,
}

impl Fault {
    pub(super) fn new(event: &StoredEvent, cause: impl Into<FaultCause>) -> Self {
        Self { position: event.position.0, stream: event.stream, cause: cause.into() }
    }

    /// Whether this program is too old to read the event, rather than the event being damaged.
    #[must_use]
    pub const fn is_unknown_type(&self) -> bool {
        matches!(self.cause, FaultCause::Decode(DecodeError::UnknownType { .. }))
    }
}

/// Why a projection stops until a person does something.
#[derive(Debug, thiserror::Error)]
pub enum StopReason {
    /// An event of a type, or of a version of it, that this program does not know: it is older than the log.
    #[error("the log holds events this program does not know")]
    UnknownType(#[source] Fault),
    /// An event cannot be folded, and a partial sum would be a lie; or the view is rebuilt, and would lose what it has.
    #[error("an event cannot be folded, and nothing may be left out here")]
    Data(#[source] Fault),
    /// The commit it stands on is no longer in the log, or is another one.
    #[error(
        "the log was rewound below commit {commit}: restore the views with it, or rebuild them"
    )]
    Rewound {
        /// The commit.
        commit: u64,
    },
    /// The log itself cannot be read as it should.
    #[error("the log cannot be read")]
    Log(#[source] LogError),
    /// The tables are not what the program expects.
    #[error("the tables of the view are not what this program expects")]
    Tables(#[source] sqlx::Error),
    /// It opens sealed content, and there is no key ring.
    #[error("there is no key ring to open sealed content with")]
    NoVault,
    /// The key ring cannot be used.
    #[error("the key ring cannot be used")]
    Vault(#[source] vault::VaultError),
}

/// Why one step of a projector failed.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// The database is away or busy: the same step may succeed later.
    #[error("the database does not answer")]
    Transient(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Another owner has written a checkpoint since this one read it.
    #[error("another node has gone on with this view")]
    Fenced,
    /// A person has to do something.
    #[error(transparent)]
    Stopped(#[from] StopReason),
}

impl StepError {
    /// Sorts a failure of reading the log.
    pub(super) fn of_log(error: LogError) -> Self {
        match error {
            LogError::Rewound { commit } => StopReason::Rewound { commit }.into(),
            LogError::Database(error) => Self::of_sql(error),
            LogError::Decode(_)
            | LogError::Envelope { .. }
            | LogError::WorkspaceClosed
            | LogError::Keys(_) => StopReason::Log(error).into(),
        }
    }

    /// Sorts a failure of a statement: what the statement itself is to blame for does not pass by waiting.
    pub(super) fn of_sql(error: sqlx::Error) -> Self {
        let permanent = match &error {
            sqlx::Error::Database(database) => database.code().is_some_and(|code| {
                ["0A", "22", "23", "42", "3F", "54"].iter().any(|class| code.starts_with(class))
            }),
            sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::ColumnIndexOutOfBounds { .. }
            | sqlx::Error::ColumnNotFound(_)
            | sqlx::Error::Decode(_)
            | sqlx::Error::Encode(_)
            | sqlx::Error::TypeNotFound { .. } => true,
            _ => false,
        };
        if permanent { StopReason::Tables(error).into() } else { Self::Transient(Box::new(error)) }
    }
}

/// Whether the database refuses the values of a statement, rather than the statement.
pub(super) fn refuses_values(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .and_then(|error| error.code())
        .is_some_and(|code| ["22", "23", "54"].iter().any(|class| code.starts_with(class)))
}

/// Whether a statement hit a unique key.
pub(super) fn is_unique_violation(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(|error| error.code()).is_some_and(|code| code == "23505")
}
