//! Invented history, for measuring: a workspace as it looks after years of work, through the real events, keys and append.
//!
//! Everything follows from the plan: the same plan invents the same streams, so that what is already there is passed over.

mod chance;
mod chunk;
mod run;
mod stage;
mod story;
mod words;

use decider::{Actor, CommandId, LogPosition, WorkspaceId};
use event_store::log::LogError;
use vault::VaultError;

pub use run::run;

use crate::service::ServiceError;

/// Tickets of one commit: all of them are written, or none.
pub const CHUNK_TICKETS: u64 = 200;

/// What is invented.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How many tickets; with about as many events again as there are ten times of them.
    pub tickets: u64,
    /// How many users answer them.
    pub agents: u64,
    /// Another seed tells another story.
    pub seed: u64,
    /// Whether the workspace may hold other tickets already.
    pub among_others: bool,
}

/// What a run has written.
#[derive(Clone, Copy, Debug)]
pub struct Written {
    /// Tickets that were there from an earlier run of the same plan.
    pub tickets_before: u64,
    /// Events written now.
    pub events: u64,
    /// The newest position.
    pub position: LogPosition,
}

/// Why nothing more was invented. What is written stays and is whole.
#[derive(Debug, thiserror::Error)]
pub enum GenerateError {
    /// The workspace is somebody's.
    #[error(
        "the workspace has {0} tickets: invented ones would stay among them for ever; use a fresh data folder, or say --among-others"
    )]
    NotEmpty(u64),
    /// Somebody wrote to the workspace at the same time.
    #[error("somebody else writes to this workspace: run the same command again to go on")]
    Disturbed,
    /// The log cannot be read or written.
    #[error("the log cannot be written")]
    Log(#[from] LogError),
    /// Keys cannot be made.
    #[error("keys cannot be made")]
    Vault(#[from] VaultError),
    /// Users, pipelines or properties could not be made.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// An event cannot be written.
    #[error(transparent)]
    Encode(#[from] decider::EncodeError),
    /// A sealed value cannot be written.
    #[error(transparent)]
    Slot(#[from] decider::SlotError),
    /// The envelope of an event cannot be written.
    #[error("an envelope cannot be written")]
    Context(#[from] serde_json::Error),
    /// A thread ended.
    #[error("a thread ended unexpectedly")]
    Thread(#[from] tokio::task::JoinError),
}

impl Plan {
    /// Tells its streams and addresses apart from those of other plans.
    fn name(&self) -> String {
        format!("{}-{}-{}", self.seed, self.tickets, self.agents)
    }

    const fn chunks(&self) -> u64 {
        self.tickets.div_ceil(CHUNK_TICKETS)
    }

    /// The id of the first command of a chunk, by which it is found again.
    fn first_command(&self, ws: WorkspaceId, chunk: u64) -> CommandId {
        CommandId::from_key(ws, Actor::SYSTEM, &format!("generate {} {chunk} 0", self.name()))
    }

    /// The id of a command of a chunk. All but the first are in the order of time, so that the index of commands fills its last
    /// page instead of touching one at random for each.
    fn command(&self, first: CommandId, chunk: u64, index: usize) -> CommandId {
        if index == 0 {
            return first;
        }
        let millis = story::time_of(self, chunk * CHUNK_TICKETS) / 1000 + index as i64;
        let mut rest = [0; 10];
        rest.copy_from_slice(&first.0.as_bytes()[..10]);
        let millis = u64::try_from(millis).unwrap_or(0);
        CommandId(uuid::Builder::from_unix_timestamp_millis(millis, &rest).into_uuid())
    }
}
