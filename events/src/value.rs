//! Values that events of a ticket carry.

use decider::Sealed;
use serde::{Deserialize, Serialize};

use crate::{PipelineId, PropertyId, StatusId, TeamId, UserId};

/// How urgent a ticket is (T11).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// Not ranked.
    #[default]
    None,
    /// Can wait.
    Low,
    /// As usual.
    Medium,
    /// Before the others.
    High,
    /// Now.
    Urgent,
}

/// How a ticket came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TicketSource {
    /// Made by hand (T04).
    Manual,
    /// Made by a program.
    Api,
    /// Came with history (H03).
    Import,
    /// Came by e-mail.
    Email,
    /// Came by a form.
    Form,
    /// Came by chat.
    Chat,
    /// Came by a call.
    Call,
}

/// Who is responsible: a user, a team, or a user within a team.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Owner {
    /// The user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// The team.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<TeamId>,
}

impl Owner {
    /// A user without a team.
    #[must_use]
    pub const fn user(user: UserId) -> Self {
        Self { user: Some(user), team: None }
    }
}

/// Where a ticket stands: a status and the pipeline it belongs to (T08).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The pipeline.
    pub pipeline: PipelineId,
    /// The status, one of that pipeline.
    pub status: StatusId,
}

/// The value of a custom property. Texts and links are sealed unless the definition says that they are not personal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PropertyValue {
    /// A text.
    Text(Sealed<String>),
    /// A text of a property that is not personal.
    TextClear(String),
    /// A decimal number as text: no floats in the log.
    Number(String),
    /// A date as `YYYY-MM-DD`.
    Date(String),
    /// Yes or no.
    Boolean(bool),
    /// The stored value of a choice.
    SingleChoice(String),
    /// The stored values of some choices, in the order of the definition.
    MultiChoice(Vec<String>),
    /// A URL.
    Link(Sealed<String>),
    /// A URL of a property that is not personal.
    LinkClear(String),
}

impl PropertyValue {
    /// The sealed content, where there is one.
    #[must_use]
    pub const fn sealed(&self) -> Option<&Sealed<String>> {
        match self {
            Self::Text(sealed) | Self::Link(sealed) => Some(sealed),
            Self::TextClear(_)
            | Self::Number(_)
            | Self::Date(_)
            | Self::Boolean(_)
            | Self::SingleChoice(_)
            | Self::MultiChoice(_)
            | Self::LinkClear(_) => None,
        }
    }

    pub(crate) const fn sealed_mut(&mut self) -> Option<&mut Sealed<String>> {
        match self {
            Self::Text(sealed) | Self::Link(sealed) => Some(sealed),
            Self::TextClear(_)
            | Self::Number(_)
            | Self::Date(_)
            | Self::Boolean(_)
            | Self::SingleChoice(_)
            | Self::MultiChoice(_)
            | Self::LinkClear(_) => None,
        }
    }
}

/// Why a ticket's owner changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OwnerChangeReason {
    /// Somebody said so.
    Manual,
    /// The first reply to an unassigned ticket assigns it to its sender (C09).
    FirstReply,
}

/// What is to become of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// The channel cannot send yet: it stays until somebody releases it.
    Held,
    /// It goes out when its time has come.
    Queued,
}

/// Why two tickets have to do with each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkReason {
    /// Somebody said so.
    Manual,
    /// Imported mail refers to messages of both.
    BridgedByImport,
    /// Somebody who takes no part in the one answered in the other (H05).
    AnsweredByStranger,
}

/// One property got another value. Sealed as `property.<id>` and `property.<id>.from`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PropertyChange {
    /// The property.
    pub property: PropertyId,
    /// The value until now, if there was one that could still be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<PropertyValue>,
    /// The value from now on; none empties it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<PropertyValue>,
}
