//! Pipelines: ordered lists of statuses (T08), some of which ask for properties (T10).

use decider::Aspects;
use serde::{Deserialize, Serialize};

use crate::event_list::event_list;
use crate::seal::sealed_fields;
use crate::{PropertyId, StatusId};

event_list! {
    /// What happened to a pipeline.
    pub enum PipelineEvent of "pipeline", touches touches {
        /// It came into being with its statuses.
        Created(PipelineCreated) = "PipelineCreated", 1;
        /// Its name changed.
        Renamed(PipelineRenamed) = "PipelineRenamed", 1;
        /// It got one more status.
        StatusAdded(StatusAdded) = "StatusAdded", 1;
        /// A status got another name.
        StatusRenamed(StatusRenamed) = "StatusRenamed", 1;
        /// A status counts as another category.
        StatusCategoryChanged(StatusCategoryChanged) = "StatusCategoryChanged", 1;
        /// A status asks for other properties (T10).
        StatusRequirementsChanged(StatusRequirementsChanged) = "StatusRequirementsChanged", 1;
        /// A status stands in another place.
        StatusMoved(StatusMoved) = "StatusMoved", 1;
        /// No new ticket enters it any more.
        Archived(PipelineArchived) = "PipelineArchived", 1;
    }
}

/// What a status means for counting and views.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StatusCategory {
    /// We have to act.
    Open,
    /// Somebody else has to act.
    Waiting,
    /// Nobody has to act.
    Closed,
}

/// One status of a pipeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusDefinition {
    /// Its id.
    pub id: StatusId,
    /// Its name.
    pub name: String,
    /// What it means.
    pub category: StatusCategory,
    /// Properties that must be filled to enter it (T10).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub required_properties: Vec<PropertyId>,
}

/// A pipeline came into being.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PipelineCreated {
    /// Its name.
    pub name: String,
    /// Its statuses in order.
    pub statuses: Vec<StatusDefinition>,
}

/// A pipeline's name changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PipelineRenamed {
    /// Until now.
    pub from: String,
    /// From now on.
    pub to: String,
}

/// A pipeline got one more status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusAdded {
    /// The status.
    pub status: StatusDefinition,
    /// Its place, from 0.
    pub index: u32,
}

/// A status got another name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusRenamed {
    /// The status.
    pub status: StatusId,
    /// Until now.
    pub from: String,
    /// From now on.
    pub to: String,
}

/// A status counts as another category.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusCategoryChanged {
    /// The status.
    pub status: StatusId,
    /// Until now.
    pub from: StatusCategory,
    /// From now on.
    pub to: StatusCategory,
}

/// A status asks for other properties (T10).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusRequirementsChanged {
    /// The status.
    pub status: StatusId,
    /// Until now.
    pub from: Vec<PropertyId>,
    /// From now on.
    pub to: Vec<PropertyId>,
}

/// A status stands in another place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusMoved {
    /// The status.
    pub status: StatusId,
    /// Its place until now, from 0.
    pub from: u32,
    /// Its place from now on.
    pub to: u32,
}

/// No new ticket enters the pipeline any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PipelineArchived {}

sealed_fields! {
    PipelineCreated {}
    PipelineRenamed {}
    StatusAdded {}
    StatusRenamed {}
    StatusCategoryChanged {}
    StatusRequirementsChanged {}
    StatusMoved {}
    PipelineArchived {}
}

fn touches(event: &PipelineEvent) -> Aspects {
    match event {
        PipelineEvent::Created(_) | PipelineEvent::Archived(_) => Aspects::All,
        PipelineEvent::Renamed(_) => Aspects::of(&["name"]),
        PipelineEvent::StatusAdded(_) | PipelineEvent::StatusMoved(_) => Aspects::of(&["order"]),
        PipelineEvent::StatusRenamed(renamed) => status(renamed.status),
        PipelineEvent::StatusCategoryChanged(changed) => status(changed.status),
        PipelineEvent::StatusRequirementsChanged(changed) => status(changed.status),
    }
}

fn status(id: StatusId) -> Aspects {
    Aspects::none().and(format!("status:{id}"))
}
