//! Pipelines: what may be asked of them.

mod archive;
mod create;
mod rename;
mod state;
mod status;

pub use archive::ArchivePipeline;
pub use create::{CreatePipeline, NewStatus};
pub use rename::RenamePipeline;
pub use state::{LivePipeline, Pipeline};
pub use status::{AddStatus, ChangeStatusDefinition, MoveStatus};
