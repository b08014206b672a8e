//! Definitions of custom properties (T11).

use decider::Aspects;
use serde::{Deserialize, Serialize};

use crate::event_list::event_list;
use crate::seal::sealed_fields;

event_list! {
    /// What happened to a property definition.
    pub enum PropertyEvent of "property", touches touches {
        /// It came into being.
        Defined(PropertyDefined) = "PropertyDefined", 1;
        /// Label or description changed.
        Relabelled(PropertyRelabelled) = "PropertyRelabelled", 1;
        /// One more choice is offered.
        ChoiceAdded(ChoiceAdded) = "ChoiceAdded", 1;
        /// A choice is no longer offered; values that have it keep it.
        ChoiceRetired(ChoiceRetired) = "ChoiceRetired", 1;
        /// It takes no new values any more.
        Archived(PropertyArchived) = "PropertyArchived", 1;
    }
}

/// What kind of values a property takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DataType {
    /// Free text.
    Text,
    /// A decimal number.
    Number,
    /// A calendar date.
    Date,
    /// Yes or no.
    Boolean,
    /// One of a list.
    SingleChoice,
    /// Some of a list.
    MultiChoice,
    /// A URL.
    Link,
}

/// One choice of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// What is stored.
    pub value: String,
    /// What is shown.
    pub label: String,
}

/// A property came into being.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PropertyDefined {
    /// Its name in the API, snake_case; never changes.
    pub key: String,
    /// What is shown.
    pub label: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What values it takes.
    pub data_type: DataType,
    /// Its choices, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<Choice>,
    /// Whether its texts and links may say something about a person, and so are sealed.
    pub personal: bool,
}

/// Label or description changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PropertyRelabelled {
    /// The label until now.
    pub from_label: String,
    /// The label from now on.
    pub to_label: String,
    /// The description until now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_description: Option<String>,
    /// The description from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_description: Option<String>,
}

/// One more choice is offered, after the others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChoiceAdded {
    /// The choice.
    pub choice: Choice,
}

/// A choice is no longer offered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChoiceRetired {
    /// The choice's stored value.
    pub value: String,
}

/// The property takes no new values any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PropertyArchived {}

sealed_fields! {
    PropertyDefined {}
    PropertyRelabelled {}
    ChoiceAdded {}
    ChoiceRetired {}
    PropertyArchived {}
}

fn touches(event: &PropertyEvent) -> Aspects {
    match event {
        PropertyEvent::Defined(_) | PropertyEvent::Archived(_) => Aspects::All,
        PropertyEvent::Relabelled(_) => Aspects::of(&["label"]),
        PropertyEvent::ChoiceAdded(_) | PropertyEvent::ChoiceRetired(_) => {
            Aspects::of(&["choices"])
        }
    }
}
