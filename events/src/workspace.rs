//! The workspace: its name and its settings.

use decider::Aspects;
use serde::{Deserialize, Serialize};

use crate::PipelineId;
use crate::event_list::event_list;
use crate::seal::sealed_fields;

event_list! {
    /// What happened to a workspace.
    pub enum WorkspaceEvent of "workspace", touches touches {
        /// It came into being.
        Created(WorkspaceCreated) = "WorkspaceCreated", 1;
        /// Another pipeline became the default of new tickets.
        DefaultPipelineChanged(DefaultPipelineChanged) = "DefaultPipelineChanged", 1;
        /// Whether the first reply assigns an unassigned ticket to its sender (C09).
        AssignOnFirstReplyChanged(AssignOnFirstReplyChanged) = "AssignOnFirstReplyChanged", 1;
    }
}

/// A workspace came into being.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkspaceCreated {
    /// The name of the organisation.
    pub name: String,
}

/// Another pipeline became the default of new tickets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DefaultPipelineChanged {
    /// The default until now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<PipelineId>,
    /// The default from now on.
    pub to: PipelineId,
}

/// Whether the first reply assigns an unassigned ticket to its sender (C09). On until it is first changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssignOnFirstReplyChanged {
    /// Until now.
    pub from: bool,
    /// From now on.
    pub to: bool,
}

sealed_fields! {
    WorkspaceCreated {}
    DefaultPipelineChanged {}
    AssignOnFirstReplyChanged {}
}

fn touches(event: &WorkspaceEvent) -> Aspects {
    match event {
        WorkspaceEvent::Created(_) => Aspects::All,
        WorkspaceEvent::DefaultPipelineChanged(_) => Aspects::of(&["default_pipeline"]),
        WorkspaceEvent::AssignOnFirstReplyChanged(_) => Aspects::of(&["assign_on_first_reply"]),
    }
}
