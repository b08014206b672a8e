//! A new property (T11).

use access::Right;
use decider::{Changes, Command, Event, Halt, Rejection, RejectionKind, StreamRef, World};
use events::property::{Choice, DataType, PropertyDefined, PropertyEvent};
use events::{PropertyId, property};

use super::Property;
use crate::claims::PROPERTY_KEY;
use crate::desk::Desk;
use crate::limits::{CHOICES_MAX, DESCRIPTION_BYTES_MAX, KEY_CHARS_MAX, LABEL_CHARS_MAX};
use crate::refusal::{Checks, Fault, Refusal};
use crate::text;

const INVALID_KEY: Fault = Fault {
    code: "invalid_key",
    message: "is lower-case letters, digits and underscores, beginning with a letter",
};

/// What only properties refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum PropertyRejection {
    #[error("another property has this name in the API")]
    KeyInUse,
}

impl Rejection for PropertyRejection {
    fn code(&self) -> &'static str {
        "key_in_use"
    }

    fn kind(&self) -> RejectionKind {
        RejectionKind::Conflict
    }
}

/// Defines a property of tickets.
#[derive(Clone, Debug)]
pub struct DefineProperty {
    /// Its id.
    pub property_id: PropertyId,
    /// Its name in the API, snake_case; never changes.
    pub key: String,
    /// What is shown.
    pub label: String,
    /// What it is for.
    pub description: Option<String>,
    /// What values it takes.
    pub data_type: DataType,
    /// Its choices, for choice types.
    pub choices: Vec<property::Choice>,
    /// Whether its texts and links may say something about a person.
    pub personal: bool,
}

impl DefineProperty {
    fn choices(&self, checks: &mut Checks) -> Vec<Choice> {
        let takes_choices =
            matches!(self.data_type, DataType::SingleChoice | DataType::MultiChoice);
        if takes_choices == self.choices.is_empty() {
            checks.fault("choices", "invalid_value", "belong to choice types, and only to them");
        }
        if self.choices.len() > CHOICES_MAX {
            checks.fault("choices", "too_many", "there are too many choices");
        }
        let mut choices: Vec<Choice> = Vec::new();
        for (index, choice) in self.choices.iter().take(CHOICES_MAX).enumerate() {
            let choice = checked_choice(&format!("choices.{index}."), choice, checks);
            if choices.iter().any(|other| other.value == choice.value) {
                checks.fault(format!("choices.{index}.value"), "duplicate", "stands there twice");
            }
            choices.push(choice);
        }
        choices
    }
}

/// A choice with a stored value and a label that say something.
pub(super) fn checked_choice(field: &str, choice: &Choice, checks: &mut Checks) -> Choice {
    Choice {
        value: checks.take(&format!("{field}value"), text::line(&choice.value, KEY_CHARS_MAX)),
        label: checks.take(&format!("{field}label"), text::line(&choice.label, LABEL_CHARS_MAX)),
    }
}

/// A description, or none when it is empty.
pub(super) fn description(text: Option<&str>, checks: &mut Checks) -> Option<String> {
    let text = checks.take("description", text::body(text.unwrap_or(""), DESCRIPTION_BYTES_MAX));
    (!text::is_blank(&text)).then_some(text)
}

fn checked_key(key: &str) -> Result<String, Fault> {
    let starts_well = key.starts_with(|c: char| c.is_ascii_lowercase());
    let sound = key.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if starts_well && sound && key.len() <= KEY_CHARS_MAX {
        Ok(key.to_owned())
    } else {
        Err(INVALID_KEY)
    }
}

impl Command for DefineProperty {
    fn name(&self) -> &'static str {
        "DefineProperty"
    }

    fn creates(&self) -> Vec<StreamRef> {
        vec![StreamRef { kind: PropertyEvent::KIND, id: self.property_id.0 }]
    }

    fn decide(&self, world: &World<'_>) -> Result<Changes, Halt> {
        Desk::enter_with(world, Right::SettingsManage)?;
        let mut checks = Checks::default();
        let key = checks.take("key", checked_key(&self.key));
        let label = checks.take("label", text::line(&self.label, LABEL_CHARS_MAX));
        let description = description(self.description.as_deref(), &mut checks);
        let choices = self.choices(&mut checks);
        checks.finish()?;
        if world.state::<Property>(self.property_id)?.live().is_some() {
            return Err(Refusal::AlreadyExists("property").into());
        }
        if world.claim(PROPERTY_KEY, &key)?.is_some() {
            return Err(PropertyRejection::KeyInUse.into());
        }
        let (data_type, personal) = (self.data_type, self.personal);
        let defined =
            PropertyDefined { key: key.clone(), label, description, data_type, choices, personal };
        let mut changes = Changes::none();
        changes.on(self.property_id, PropertyEvent::from(defined)).claim(
            PROPERTY_KEY,
            key,
            self.property_id,
        );
        Ok(changes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{Office, id};

    fn choice(value: &str) -> Choice {
        Choice { value: value.to_owned(), label: value.to_uppercase() }
    }

    fn command() -> DefineProperty {
        DefineProperty {
            property_id: PropertyId(id(500)),
            key: "colour".to_owned(),
            label: " Colour ".to_owned(),
            description: Some(" ".to_owned()),
            data_type: DataType::SingleChoice,
            choices: vec![choice("red"), choice("blue")],
            personal: false,
        }
    }

    #[test]
    fn a_property_is_defined_and_its_api_name_taken_t11() {
        let changes = Office::new().as_admin().when(&command()).then::<PropertyEvent>(
            id(500),
            [PropertyDefined {
                key: "colour".to_owned(),
                label: "Colour".to_owned(),
                description: None,
                data_type: DataType::SingleChoice,
                choices: vec![choice("red"), choice("blue")],
                personal: false,
            }
            .into()],
        );
        assert_eq!(changes.claims[0].key, "colour");
        assert_eq!(changes.claims[0].holder, Some(id(500)));
    }

    #[test]
    fn the_api_name_is_snake_case_and_unique() {
        for key in ["", "Colour", "1st", "co-lour", "ümlaut"] {
            let command = DefineProperty { key: key.to_owned(), ..command() };
            Office::new().as_admin().when(&command).then_rejected("invalid_key");
        }
        let taken = Office::new().as_admin().claim(PROPERTY_KEY, "colour", id(7));
        taken.when(&command()).then_rejected("key_in_use");
    }

    #[test]
    fn choices_belong_to_choice_types_and_differ() {
        let none = DefineProperty { choices: Vec::new(), ..command() };
        Office::new().as_admin().when(&none).then_rejected("invalid_value");
        let text = DefineProperty { data_type: DataType::Text, ..command() };
        Office::new().as_admin().when(&text).then_rejected("invalid_value");
        let twice = DefineProperty { choices: vec![choice("a"), choice("a")], ..command() };
        Office::new().as_admin().when(&twice).then_rejected("duplicate");
        let blank = DefineProperty { choices: vec![choice(" ")], ..command() };
        Office::new().as_admin().when(&blank).then_rejected("required");
        let many = (0..=CHOICES_MAX).map(|n| choice(&n.to_string())).collect();
        let many = DefineProperty { choices: many, ..command() };
        Office::new().as_admin().when(&many).then_rejected("too_many");
    }

    #[test]
    fn a_property_is_defined_once_and_not_by_agents() {
        let again = DefineProperty { property_id: Office::SEVERITY, ..command() };
        Office::new().as_admin().when(&again).then_rejected("already_exists");
        Office::new().as_agent().when(&command()).then_rejected("forbidden");
    }
}
