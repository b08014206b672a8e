//! Choices of a property: offered, and no longer offered.

use access::Right;
use decider::{Aspects, Changes, Command, Halt, World};
use events::PropertyId;
use events::property::{Choice, ChoiceAdded, ChoiceRetired, DataType, PropertyEvent};

use super::define::checked_choice;
use super::{LiveProperty, Property};
use crate::desk::Desk;
use crate::limits::CHOICES_MAX;
use crate::refusal::{Checks, Refusal};

/// Offers one more choice, after the others. One that is offered already changes nothing.
#[derive(Clone, Debug)]
pub struct AddChoice {
    /// The property.
    pub property_id: PropertyId,
    /// The choice.
    pub choice: Choice,
}

impl Command for AddChoice {
    fn name(&self) -> &'static str {
        "AddChoice"
    }

    fn decide(&self, world: &World<'_>) -> Result<Changes, Halt> {
        Desk::enter_with(world, Right::SettingsManage)?;
        let property = world.state::<Property>(self.property_id)?;
        let current = property.live().ok_or(Refusal::NotFound("property"))?;
        let mut checks = Checks::default();
        if !takes_choices(current) {
            checks.fault("value", "invalid_value", "belongs to choice types only");
        }
        let choice = checked_choice("", &self.choice, &mut checks);
        let offered = current.choices.iter().find(|other| other.value == choice.value);
        if offered.is_some_and(|other| other.label != choice.label) {
            checks.fault("value", "duplicate", "is offered already, with another label");
        }
        if offered.is_none() && current.choices.len() >= CHOICES_MAX {
            checks.fault("value", "too_many", "there are too many choices");
        }
        checks.finish()?;
        let mut changes = Changes::none();
        if offered.is_none() {
            changes.on(self.property_id, PropertyEvent::from(ChoiceAdded { choice }));
        }
        Ok(changes)
    }

    fn touches(&self) -> Aspects {
        Aspects::of(&["choices"])
    }
}

/// Offers a choice no longer. Values that have it keep it.
#[derive(Clone, Debug)]
pub struct RetireChoice {
    /// The property.
    pub property_id: PropertyId,
    /// The choice's stored value.
    pub value: String,
}

impl Command for RetireChoice {
    fn name(&self) -> &'static str {
        "RetireChoice"
    }

    fn decide(&self, world: &World<'_>) -> Result<Changes, Halt> {
        Desk::enter_with(world, Right::SettingsManage)?;
        let property = world.state::<Property>(self.property_id)?;
        let current = property.live().ok_or(Refusal::NotFound("property"))?;
        let mut changes = Changes::none();
        if current.offers(&self.value) {
            let retired = ChoiceRetired { value: self.value.clone() };
            changes.on(self.property_id, PropertyEvent::from(retired));
        } else if !current.retired.contains(&self.value) {
            return Err(Refusal::NotFound("choice").into());
        }
        Ok(changes)
    }

    fn touches(&self) -> Aspects {
        Aspects::of(&["choices"])
    }
}

const fn takes_choices(property: &LiveProperty) -> bool {
    matches!(property.data_type, DataType::SingleChoice | DataType::MultiChoice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{Office, id};

    fn add(value: &str, label: &str) -> AddChoice {
        let choice = Choice { value: value.to_owned(), label: label.to_owned() };
        AddChoice { property_id: Office::SEVERITY, choice }
    }

    fn retire(value: &str) -> RetireChoice {
        RetireChoice { property_id: Office::SEVERITY, value: value.to_owned() }
    }

    #[test]
    fn a_choice_is_added_once() {
        let expected = Choice { value: "worst".to_owned(), label: "Worst".to_owned() };
        Office::new()
            .as_admin()
            .when(&add("worst", "Worst"))
            .then::<PropertyEvent>(Office::SEVERITY, [ChoiceAdded { choice: expected }.into()]);
        Office::new().as_admin().when(&add("low", "low")).then_nothing();
        Office::new().as_admin().when(&add("low", "Lowest")).then_rejected("duplicate");
    }

    #[test]
    fn a_choice_has_value_and_label_and_belongs_to_a_choice_type() {
        Office::new().as_admin().when(&add("worst", " ")).then_rejected("required");
        let text = AddChoice { property_id: Office::ROOT_CAUSE, ..add("a", "A") };
        Office::new().as_admin().when(&text).then_rejected("invalid_value");
        let unknown = AddChoice { property_id: PropertyId(id(9)), ..add("a", "A") };
        Office::new().as_admin().when(&unknown).then_rejected("not_found");
        Office::new().as_agent().when(&add("a", "A")).then_rejected("forbidden");
    }

    #[test]
    fn a_choice_is_retired_once() {
        let expected = ChoiceRetired { value: "low".to_owned() };
        let office = Office::new();
        office
            .as_admin()
            .when(&retire("low"))
            .then::<PropertyEvent>(Office::SEVERITY, [expected.clone().into()]);
        office.as_admin().when(&retire("unheard_of")).then_rejected("not_found");
        office.as_agent().when(&retire("low")).then_rejected("forbidden");
        let unknown = RetireChoice { property_id: PropertyId(id(9)), ..retire("low") };
        office.as_admin().when(&unknown).then_rejected("not_found");
        let retired = office.with(Office::SEVERITY, PropertyEvent::from(expected));
        retired.as_admin().when(&retire("low")).then_nothing();
    }
}
