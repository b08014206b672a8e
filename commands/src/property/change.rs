//! Another label for a property, and its end.

use access::Right;
use decider::{Aspects, Changes, Command, Halt, World};
use events::PropertyId;
use events::property::{PropertyArchived, PropertyEvent, PropertyRelabelled};

use super::Property;
use super::define::description;
use crate::desk::Desk;
use crate::limits::LABEL_CHARS_MAX;
use crate::refusal::{Checks, Refusal};
use crate::text;

/// Changes what is shown of a property; what is none stays.
#[derive(Clone, Debug)]
pub struct RelabelProperty {
    /// The property.
    pub property_id: PropertyId,
    /// Its label from now on.
    pub label: Option<String>,
    /// Its description from now on; an empty one removes it.
    pub description: Option<String>,
}

impl Command for RelabelProperty {
    fn name(&self) -> &'static str {
        "RelabelProperty"
    }

    fn decide(&self, world: &World<'_>) -> Result<Changes, Halt> {
        Desk::enter_with(world, Right::SettingsManage)?;
        let property = world.state::<Property>(self.property_id)?;
        let current = property.live().ok_or(Refusal::NotFound("property"))?;
        let mut checks = Checks::default();
        let to_label = self.label.as_ref().map_or_else(
            || current.label.clone(),
            |label| checks.take("label", text::line(label, LABEL_CHARS_MAX)),
        );
        let to_description = match &self.description {
            None => current.description.clone(),
            Some(text) => description(Some(text), &mut checks),
        };
        checks.finish()?;
        let mut changes = Changes::none();
        if to_label != current.label || to_description != current.description {
            let relabelled = PropertyRelabelled {
                from_label: current.label.clone(),
                to_label,
                from_description: current.description.clone(),
                to_description,
            };
            changes.on(self.property_id, PropertyEvent::from(relabelled));
        }
        Ok(changes)
    }

    fn touches(&self) -> Aspects {
        Aspects::of(&["label"])
    }
}

/// Archives a property: it takes no new values, and no status asks for it any more.
#[derive(Clone, Copy, Debug)]
pub struct ArchiveProperty {
    /// The property.
    pub property_id: PropertyId,
}

impl Command for ArchiveProperty {
    fn name(&self) -> &'static str {
        "ArchiveProperty"
    }

    fn decide(&self, world: &World<'_>) -> Result<Changes, Halt> {
        Desk::enter_with(world, Right::SettingsManage)?;
        let property = world.state::<Property>(self.property_id)?;
        let current = property.live().ok_or(Refusal::NotFound("property"))?;
        let mut changes = Changes::none();
        if !current.archived {
            changes.on(self.property_id, PropertyEvent::from(PropertyArchived {}));
        }
        Ok(changes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{Office, id};

    fn relabel(label: Option<&str>, description: Option<&str>) -> RelabelProperty {
        RelabelProperty {
            property_id: Office::SEVERITY,
            label: label.map(str::to_owned),
            description: description.map(str::to_owned),
        }
    }

    #[test]
    fn a_property_gets_another_label_or_description() {
        Office::new()
            .as_admin()
            .when(&relabel(Some("Gravity"), Some("How bad")))
            .then::<PropertyEvent>(
                Office::SEVERITY,
                [PropertyRelabelled {
                    from_label: "severity".to_owned(),
                    to_label: "Gravity".to_owned(),
                    from_description: None,
                    to_description: Some("How bad".to_owned()),
                }
                .into()],
            );
        Office::new().as_admin().when(&relabel(Some("severity"), Some(""))).then_nothing();
        Office::new().as_admin().when(&relabel(None, None)).then_nothing();
    }

    #[test]
    fn a_known_property_gets_a_real_label_from_who_may() {
        Office::new().as_admin().when(&relabel(Some(" "), None)).then_rejected("required");
        let unknown = RelabelProperty { property_id: PropertyId(id(9)), ..relabel(None, None) };
        Office::new().as_admin().when(&unknown).then_rejected("not_found");
        Office::new().as_agent().when(&relabel(None, None)).then_rejected("forbidden");
    }

    #[test]
    fn a_property_is_archived_once() {
        let archive = ArchiveProperty { property_id: Office::SEVERITY };
        let office = Office::new();
        office
            .as_admin()
            .when(&archive)
            .then::<PropertyEvent>(Office::SEVERITY, [PropertyArchived {}.into()]);
        office.as_agent().when(&archive).then_rejected("forbidden");
        let archived = office.with(Office::SEVERITY, PropertyEvent::from(PropertyArchived {}));
        archived.as_admin().when(&archive).then_nothing();
        let unknown = ArchiveProperty { property_id: PropertyId(id(9)) };
        archived.as_admin().when(&unknown).then_rejected("not_found");
    }
}
