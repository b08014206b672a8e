//! Forgetting, carried out (Z06, C17). What is to be forgotten stands in the log as a request; from it follows which keys are
//! destroyed, which storage is written anew, and when nobody can read any of it again. Every step can be repeated, so a crash
//! anywhere is a pause: whoever runs next goes on.

mod attend;
mod carry_out;
mod certificate;
mod content;
mod gather;
mod plan;
mod verify;

pub use attend::{Attendance, Neighbours, attend};
pub use carry_out::{Step, carry_out};
pub use certificate::{Certificate, LINGERING, NOT_COVERED, certificate, erasure_of, named};
pub use content::{Content, TicketContents};
pub use gather::{contents_of, each_event};
pub use plan::Plan;
pub use verify::{Finding, Verdict, verify};

use decider::WorkspaceId;
use event_store::handler::{CommandHandler, HandleError};
use event_store::log::LogError;
use events::ContactId;
use events::erasure::SharedChoice;
use ops::{Ops, OpsError};
use sqlx::PgPool;
use uuid::Uuid;
use vault::{SealedObjects, VaultError};

/// Everything that forgetting touches. Cheap to clone.
#[derive(Clone)]
pub struct Erasing {
    /// Takes commands, and reads the log.
    pub handler: CommandHandler,
    /// Reads the views: connections whose `search_path` names the schemas of the active versions.
    pub views: PgPool,
    /// Writes the views: connections of their owner.
    pub projectors: PgPool,
    /// Operational state.
    pub ops: Ops,
    /// Files and original messages.
    pub objects: SealedObjects,
}

/// Why forgetting could not go on; it is tried again.
#[derive(Debug, thiserror::Error)]
pub enum ErasureError {
    /// The log cannot be read.
    #[error("the log could not be read")]
    Log(#[from] LogError),
    /// A stored event cannot be read.
    #[error("an event cannot be read")]
    Decode(#[from] decider::DecodeError),
    /// A step was not noted in the log.
    #[error("a step of an erasure was not accepted")]
    Handle(#[from] HandleError),
    /// Operational state failed.
    #[error(transparent)]
    Ops(#[from] OpsError),
    /// Keys or sealed objects failed.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// A view cannot be read or rewritten.
    #[error("a view could not be read or written anew")]
    Views(#[from] sqlx::Error),
    /// There is no such erasure.
    #[error("there is no such erasure")]
    Unknown,
}

impl ErasureError {
    /// Whether the database was away, or somebody held a table for a moment: the same again may succeed.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        match self {
            Self::Log(error) => error.is_unavailable(),
            Self::Handle(error) => matches!(error, HandleError::Unavailable | HandleError::Busy),
            Self::Ops(error) => error.is_unavailable(),
            Self::Vault(error) => error.is_unavailable(),
            Self::Views(error) => vault::is_unavailable(error),
            Self::Decode(_) | Self::Unknown => false,
        }
    }
}

/// What forgetting a person would destroy, and what it would keep: nothing is changed.
///
/// # Errors
/// When something broke.
pub async fn preview(
    erasing: &Erasing,
    ws: WorkspaceId,
    contact: ContactId,
    (shared, also): (SharedChoice, &[Uuid]),
) -> Result<Plan, ErasureError> {
    let gathered = gather::about_contact(erasing, ws, contact).await?;
    Ok(Plan::of_contact(&gathered, shared, also))
}
