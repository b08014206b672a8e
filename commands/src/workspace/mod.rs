//! The workspace: what may be asked of it.

mod create;
mod settings;
mod state;

pub use create::{CreateWorkspace, SeedIds};
pub use settings::{SetAssignOnFirstReply, SetDefaultPipeline};
pub use state::Workspace;
