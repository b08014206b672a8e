//! What rules ask about a property definition.

use decider::{EventMeta, State};
use events::PropertyEvent;
use events::property::{Choice, DataType, PropertyDefined};

/// A property definition.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Property {
    /// It does not exist.
    #[default]
    Unknown,
    /// It exists, perhaps archived.
    Live(LiveProperty),
}

/// A property definition that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveProperty {
    /// Its name in the API.
    pub key: String,
    /// What is shown.
    pub label: String,
    /// What it is for.
    pub description: Option<String>,
    /// What values it takes.
    pub data_type: DataType,
    /// The choices offered, in order.
    pub choices: Vec<Choice>,
    /// Stored values of choices no longer offered.
    pub retired: Vec<String>,
    /// Whether its texts and links are sealed.
    pub personal: bool,
    /// Whether it takes no new values any more.
    pub archived: bool,
}

impl Property {
    /// The definition, if it exists.
    #[must_use]
    pub const fn live(&self) -> Option<&LiveProperty> {
        match self {
            Self::Unknown => None,
            Self::Live(property) => Some(property),
        }
    }
}

impl LiveProperty {
    fn new(defined: &PropertyDefined) -> Self {
        Self {
            key: defined.key.clone(),
            label: defined.label.clone(),
            description: defined.description.clone(),
            data_type: defined.data_type,
            choices: defined.choices.clone(),
            retired: Vec::new(),
            personal: defined.personal,
            archived: false,
        }
    }

    /// Whether a stored value is offered.
    #[must_use]
    pub fn offers(&self, value: &str) -> bool {
        self.choices.iter().any(|choice| choice.value == value)
    }

    fn take_in(&mut self, event: &PropertyEvent) {
        match event {
            PropertyEvent::Defined(_) => {}
            PropertyEvent::Relabelled(relabelled) => {
                self.label.clone_from(&relabelled.to_label);
                self.description.clone_from(&relabelled.to_description);
            }
            PropertyEvent::ChoiceAdded(added) => {
                self.retired.retain(|value| *value != added.choice.value);
                self.choices.push(added.choice.clone());
            }
            PropertyEvent::ChoiceRetired(retired) => {
                self.choices.retain(|choice| choice.value != retired.value);
                self.retired.push(retired.value.clone());
            }
            PropertyEvent::Archived(_) => self.archived = true,
        }
    }
}

impl State for Property {
    type Event = PropertyEvent;
    const DIRECTORY: bool = true;

    fn evolve(&mut self, event: &PropertyEvent, _: &EventMeta) {
        match self {
            Self::Live(property) => property.take_in(event),
            Self::Unknown => {
                if let PropertyEvent::Defined(defined) = event {
                    *self = Self::Live(LiveProperty::new(defined));
                }
            }
        }
    }

    fn size_bytes(&self) -> usize {
        self.live()
            .map_or(0, |property| 500 + (property.choices.len() + property.retired.len()) * 100)
    }
}
