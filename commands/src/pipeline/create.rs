//! A new pipeline (T08).

use access::Right;
use decider::{Changes, Command, Event, Halt, StreamRef, World};
use events::pipeline::{PipelineCreated, PipelineEvent, StatusCategory, StatusDefinition};
use events::{PipelineId, PropertyId, StatusId};

use super::Pipeline;
use crate::desk::Desk;
use crate::directory::Directory;
use crate::limits::{LABEL_CHARS_MAX, STATUSES_MAX};
use crate::refusal::{Checks, Refusal};
use crate::text;

/// A status to be.
#[derive(Clone, Debug)]
pub struct NewStatus {
    /// Its id.
    pub id: StatusId,
    /// Its name.
    pub name: String,
    /// What it means.
    pub category: StatusCategory,
    /// Properties that must be filled to enter it (T10).
    pub required_properties: Vec<PropertyId>,
}

impl NewStatus {
    pub(super) fn checked(
        &self,
        field: &str,
        directory: &Directory,
        checks: &mut Checks,
    ) -> StatusDefinition {
        let name = checks.take(&format!("{field}name"), text::line(&self.name, LABEL_CHARS_MAX));
        let required = format!("{field}required_properties");
        StatusDefinition {
            id: self.id,
            name,
            category: self.category,
            required_properties: requirements(
                &required,
                &self.required_properties,
                directory,
                checks,
            ),
        }
    }
}

/// The properties a status may ask for: known ones that take values, each once.
pub(super) fn requirements(
    field: &str,
    properties: &[PropertyId],
    directory: &Directory,
    checks: &mut Checks,
) -> Vec<PropertyId> {
    let mut required = Vec::new();
    for property in properties {
        if directory.property(*property).is_none_or(|property| property.archived) {
            checks.fault(field, "unknown_property", "names a property that takes no values");
        } else if !required.contains(property) {
            required.push(*property);
        }
    }
    required
}

/// Creates a pipeline with its statuses.
#[derive(Clone, Debug)]
pub struct CreatePipeline {
    /// Its id.
    pub pipeline_id: PipelineId,
    /// Its name.
    pub name: String,
    /// Its statuses in order; at least one.
    pub statuses: Vec<NewStatus>,
}

impl Command for CreatePipeline {
    fn name(&self) -> &'static str {
        "CreatePipeline"
    }

    fn creates(&self) -> Vec<StreamRef> {
        vec![StreamRef { kind: PipelineEvent::KIND, id: self.pipeline_id.0 }]
    }

    fn decide(&self, world: &World<'_>) -> Result<Changes, Halt> {
        let desk = Desk::enter_with(world, Right::SettingsManage)?;
        let mut checks = Checks::default();
        let name = checks.take("name", text::line(&self.name, LABEL_CHARS_MAX));
        if self.statuses.is_empty() {
            checks.fault("statuses", "required", "a pipeline has at least one status");
        }
        if self.statuses.len() > STATUSES_MAX {
            checks.fault("statuses", "too_many", "there are too many statuses");
        }
        let mut statuses: Vec<StatusDefinition> = Vec::new();
        for (index, status) in self.statuses.iter().take(STATUSES_MAX).enumerate() {
            let field = format!("statuses.{index}.");
            if statuses.iter().any(|other| other.id == status.id) {
                checks.fault(format!("{field}id"), "duplicate", "stands there twice");
            }
            statuses.push(status.checked(&field, &desk.directory, &mut checks));
        }
        checks.finish()?;
        if world.state::<Pipeline>(self.pipeline_id)?.live().is_some() {
            return Err(Refusal::AlreadyExists("pipeline").into());
        }
        let mut changes = Changes::none();
        changes.on(self.pipeline_id, PipelineEvent::from(PipelineCreated { name, statuses }));
        Ok(changes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{Office, id};

    fn status(number: u128, name: &str) -> NewStatus {
        NewStatus {
            id: StatusId(id(number)),
            name: name.to_owned(),
            category: StatusCategory::Open,
            required_properties: vec![Office::SEVERITY, Office::SEVERITY],
        }
    }

    fn command() -> CreatePipeline {
        CreatePipeline {
            pipeline_id: PipelineId(id(500)),
            name: " Returns ".to_owned(),
            statuses: vec![status(501, "Asked"), status(502, "Done")],
        }
    }

    #[test]
    fn a_pipeline_is_an_ordered_list_of_statuses_t08() {
        let changes = Office::new().as_admin().when(&command()).accepted();
        let events = changes.events_on::<PipelineEvent>(id(500));
        let [PipelineEvent::Created(created)] = &events[..] else { panic!("{events:?}") };
        assert_eq!(created.name, "Returns");
        let names: Vec<_> = created.statuses.iter().map(|status| status.name.as_str()).collect();
        assert_eq!(names, ["Asked", "Done"]);
        assert_eq!(created.statuses[0].required_properties, [Office::SEVERITY]);
    }

    #[test]
    fn a_pipeline_has_a_name_and_at_least_one_status() {
        let empty = CreatePipeline { name: String::new(), statuses: Vec::new(), ..command() };
        let rejected = Office::new().as_admin().when(&empty).then_rejected("required");
        assert_eq!(rejected.fields.len(), 2);
    }

    #[test]
    fn statuses_differ_and_ask_for_known_properties() {
        let twice =
            CreatePipeline { statuses: vec![status(501, "A"), status(501, "B")], ..command() };
        Office::new().as_admin().when(&twice).then_rejected("duplicate");
        let mut unknown = command();
        unknown.statuses[1].required_properties = vec![PropertyId(id(99))];
        Office::new().as_admin().when(&unknown).then_rejected("unknown_property");
        let many = (0..101).map(|n| status(1000 + n, "A")).collect();
        let many = CreatePipeline { statuses: many, ..command() };
        Office::new().as_admin().when(&many).then_rejected("too_many");
    }

    #[test]
    fn a_pipeline_is_made_once_and_not_by_agents() {
        let again = CreatePipeline { pipeline_id: Office::SALES, ..command() };
        Office::new().as_admin().when(&again).then_rejected("already_exists");
        Office::new().as_agent().when(&command()).then_rejected("forbidden");
    }
}
