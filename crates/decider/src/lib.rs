//! The vocabulary of a pure core: events, states, commands and the world a command decides in, and the types that
//! keep personal content apart from facts. Nothing here reads a clock, draws a random number or does IO.

mod actor;
mod aspects;
mod changes;
mod command;
mod event;
mod ids;
mod rejection;
mod sealed;
pub mod spec;
mod state;
mod stored;
mod time;
mod world;

pub use actor::{Actor, ActorKind, ParseActorError};
pub use aspects::Aspects;
pub use changes::{Changes, ClaimChange, NewEvent};
pub use command::Command;
pub use event::{DecodeError, EncodeError, ErasedEvent, Event};
pub use ids::{
    CommandId, LogPosition, ParsePositionError, SealId, StreamRef, Version, WorkspaceId,
};
pub use rejection::{FieldError, Halt, Need, Rejected, Rejection, RejectionKind};
pub use sealed::{Cipher, KeyKind, KeyScope, Opened, Personal, Sealed, SealedSlot, SlotError};
pub use state::{AnyState, Directory, DirectoryType, EventMeta, State, StreamType};
pub use stored::{EventContext, StoredEvent};
pub use time::{ParseTimestampError, Timestamp};
pub use world::{Facts, World};
