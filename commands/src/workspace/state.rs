//! What rules ask about the workspace.

use decider::{EventMeta, State};
use events::{PipelineId, WorkspaceEvent};

/// A workspace.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Workspace {
    exists: bool,
    default_pipeline: Option<PipelineId>,
    keep_unassigned_on_reply: bool,
}

impl Workspace {
    /// Whether it was created.
    #[must_use]
    pub const fn exists(&self) -> bool {
        self.exists
    }

    /// The pipeline of new tickets that name none.
    #[must_use]
    pub const fn default_pipeline(&self) -> Option<PipelineId> {
        self.default_pipeline
    }

    /// Whether the first reply assigns an unassigned ticket to its sender (C09).
    #[must_use]
    pub const fn assign_on_first_reply(&self) -> bool {
        !self.keep_unassigned_on_reply
    }
}

impl State for Workspace {
    type Event = WorkspaceEvent;
    const DIRECTORY: bool = true;

    fn evolve(&mut self, event: &WorkspaceEvent, _: &EventMeta) {
        match event {
            WorkspaceEvent::Created(_) => self.exists = true,
            WorkspaceEvent::DefaultPipelineChanged(changed) => {
                self.default_pipeline = Some(changed.to);
            }
            WorkspaceEvent::AssignOnFirstReplyChanged(changed) => {
                self.keep_unassigned_on_reply = !changed.to;
            }
        }
    }
}
