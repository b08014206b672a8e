//! Statuses of a pipeline: adding, changing, moving them (T08, T10).

use std::sync::Arc;

use access::Right;
use decider::{Aspects, Changes, Command, Halt, World};
use events::pipeline::{
    PipelineEvent, StatusAdded, StatusCategory, StatusCategoryChanged, StatusMoved, StatusRenamed,
    StatusRequirementsChanged,
};
use events::{PipelineId, PropertyId, StatusId};

use super::create::requirements;
use super::{NewStatus, Pipeline};
use crate::desk::Desk;
use crate::limits::{LABEL_CHARS_MAX, STATUSES_MAX};
use crate::refusal::{Checks, Refusal};
use crate::text;

/// Adds a status to a pipeline.
#[derive(Clone, Debug)]
pub struct AddStatus {
    /// The pipeline.
    pub pipeline_id: PipelineId,
    /// The status.
    pub status: NewStatus,
    /// Its place, from 0; none puts it last.
    pub index: Option<u32>,
}

impl Command for AddStatus {
    fn name(&self) -> &'static str {
        "AddStatus"
    }

    fn decide(&self, world: &World<'_>) -> Result<Changes, Halt> {
        let desk = Desk::enter_with(world, Right::SettingsManage)?;
        let pipeline = known(world, self.pipeline_id)?;
        let statuses = pipeline.live().map_or(&[][..], |pipeline| &pipeline.statuses);
        if statuses.iter().any(|status| status.id == self.status.id) {
            return Err(Refusal::AlreadyExists("status").into());
        }
        let mut checks = Checks::default();
        if statuses.len() >= STATUSES_MAX {
            checks.fault("status", "too_many", "the pipeline has too many statuses");
        }
        let status = self.status.checked("", &desk.directory, &mut checks);
        checks.finish()?;
        let index = within(self.index, statuses.len());
        let mut changes = Changes::none();
        changes.on(self.pipeline_id, PipelineEvent::from(StatusAdded { status, index }));
        Ok(changes)
    }

    fn touches(&self) -> Aspects {
        Aspects::of(&["order"])
    }
}

/// Changes what a status is called, means and asks for; what is none stays.
#[derive(Clone, Debug)]
pub struct ChangeStatusDefinition {
    /// The pipeline.
    pub pipeline_id: PipelineId,
    /// The status.
    pub status_id: StatusId,
    /// Its name from now on.
    pub name: Option<String>,
    /// What it means from now on.
    pub category: Option<StatusCategory>,
    /// What it asks for from now on (T10).
    pub required_properties: Option<Vec<PropertyId>>,
}

impl Command for ChangeStatusDefinition {
    fn name(&self) -> &'static str {
        "ChangeStatusDefinition"
    }

    fn decide(&self, world: &World<'_>) -> Result<Changes, Halt> {
        let desk = Desk::enter_with(world, Right::SettingsManage)?;
        let pipeline = known(world, self.pipeline_id)?;
        let current = pipeline.live().and_then(|pipeline| pipeline.status(self.status_id));
        let current = current.ok_or(Refusal::NotFound("status"))?;
        let mut checks = Checks::default();
        let name =
            self.name.as_ref().map(|name| checks.take("name", text::line(name, LABEL_CHARS_MAX)));
        let required = self.required_properties.as_ref().map(|properties| {
            requirements("required_properties", properties, &desk.directory, &mut checks)
        });
        checks.finish()?;
        let (status, id) = (self.status_id, self.pipeline_id);
        let mut changes = Changes::none();
        if let Some(to) = name.filter(|name| *name != current.name) {
            let renamed = StatusRenamed { status, from: current.name.clone(), to };
            changes.on(id, PipelineEvent::from(renamed));
        }
        if let Some(to) = self.category.filter(|category| *category != current.category) {
            let changed = StatusCategoryChanged { status, from: current.category, to };
            changes.on(id, PipelineEvent::from(changed));
        }
        if let Some(to) = required.filter(|required| *required != current.required_properties) {
            let from = current.required_properties.clone();
            changes.on(id, PipelineEvent::from(StatusRequirementsChanged { status, from, to }));
        }
        Ok(changes)
    }

    fn touches(&self) -> Aspects {
        Aspects::none().and(format!("status:{}", self.status_id))
    }
}

/// Puts a status in another place.
#[derive(Clone, Copy, Debug)]
pub struct MoveStatus {
    /// The pipeline.
    pub pipeline_id: PipelineId,
    /// The status.
    pub status_id: StatusId,
    /// Its place from now on, from 0.
    pub index: u32,
}

impl Command for MoveStatus {
    fn name(&self) -> &'static str {
        "MoveStatus"
    }

    fn decide(&self, world: &World<'_>) -> Result<Changes, Halt> {
        Desk::enter_with(world, Right::SettingsManage)?;
        let pipeline = known(world, self.pipeline_id)?;
        let Some((live, index)) =
            pipeline.live().and_then(|live| Some((live, live.index_of(self.status_id)?)))
        else {
            return Err(Refusal::NotFound("status").into());
        };
        let from = u32::try_from(index).unwrap_or(u32::MAX);
        let to = within(Some(self.index), live.statuses.len() - 1);
        let mut changes = Changes::none();
        if from != to {
            let moved = StatusMoved { status: self.status_id, from, to };
            changes.on(self.pipeline_id, PipelineEvent::from(moved));
        }
        Ok(changes)
    }

    fn touches(&self) -> Aspects {
        Aspects::of(&["order"])
    }
}

fn known(world: &World<'_>, id: PipelineId) -> Result<Arc<Pipeline>, Halt> {
    let pipeline = world.state::<Pipeline>(id)?;
    if pipeline.live().is_none() {
        return Err(Refusal::NotFound("pipeline").into());
    }
    Ok(pipeline)
}

fn within(index: Option<u32>, last: usize) -> u32 {
    let last = u32::try_from(last).unwrap_or(u32::MAX);
    index.map_or(last, |index| index.min(last))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{Office, id};

    fn add(status: u128, index: Option<u32>) -> AddStatus {
        let status = NewStatus {
            id: StatusId(id(status)),
            name: "Held".to_owned(),
            category: StatusCategory::Waiting,
            required_properties: Vec::new(),
        };
        AddStatus { pipeline_id: Office::SUPPORT, status, index }
    }

    fn change() -> ChangeStatusDefinition {
        ChangeStatusDefinition {
            pipeline_id: Office::SUPPORT,
            status_id: Office::NEW,
            name: None,
            category: None,
            required_properties: None,
        }
    }

    fn index_added(command: &AddStatus) -> u32 {
        let changes = Office::new().as_admin().when(command).accepted();
        let events = changes.events_on::<PipelineEvent>(Office::SUPPORT);
        let [PipelineEvent::StatusAdded(added)] = &events[..] else { panic!("{events:?}") };
        added.index
    }

    #[test]
    fn a_status_is_added_last_or_where_it_is_wanted_t08() {
        assert_eq!(index_added(&add(99, None)), 3);
        assert_eq!(index_added(&add(99, Some(1))), 1);
        assert_eq!(index_added(&add(99, Some(70))), 3);
    }

    #[test]
    fn a_status_is_added_once_to_a_known_pipeline_with_a_name() {
        Office::new().as_admin().when(&add(21, None)).then_rejected("already_exists");
        let unknown = AddStatus { pipeline_id: PipelineId(id(9)), ..add(99, None) };
        Office::new().as_admin().when(&unknown).then_rejected("not_found");
        let mut unnamed = add(99, None);
        unnamed.status.name = " ".to_owned();
        Office::new().as_admin().when(&unnamed).then_rejected("required");
        Office::new().as_agent().when(&add(99, None)).then_rejected("forbidden");
    }

    #[test]
    fn each_thing_changed_about_a_status_is_one_event_t10() {
        let all = ChangeStatusDefinition {
            name: Some("Fresh".to_owned()),
            category: Some(StatusCategory::Waiting),
            required_properties: Some(vec![Office::SEVERITY]),
            ..change()
        };
        let status = Office::NEW;
        Office::new().as_admin().when(&all).then::<PipelineEvent>(
            Office::SUPPORT,
            [
                StatusRenamed { status, from: "New".to_owned(), to: "Fresh".to_owned() }.into(),
                StatusCategoryChanged {
                    status,
                    from: StatusCategory::Open,
                    to: StatusCategory::Waiting,
                }
                .into(),
                StatusRequirementsChanged { status, from: vec![], to: vec![Office::SEVERITY] }
                    .into(),
            ],
        );
    }

    #[test]
    fn a_status_that_stays_as_it_is_is_no_change() {
        let same = ChangeStatusDefinition {
            name: Some("New".to_owned()),
            category: Some(StatusCategory::Open),
            required_properties: Some(Vec::new()),
            ..change()
        };
        Office::new().as_admin().when(&same).then_nothing();
    }

    #[test]
    fn only_a_status_of_the_pipeline_is_changed_and_only_soundly() {
        let foreign = ChangeStatusDefinition { status_id: Office::LEAD, ..change() };
        Office::new().as_admin().when(&foreign).then_rejected("not_found");
        let unnamed = ChangeStatusDefinition { name: Some(String::new()), ..change() };
        Office::new().as_admin().when(&unnamed).then_rejected("required");
        let required_properties = Some(vec![PropertyId(id(9))]);
        let unknown = ChangeStatusDefinition { required_properties, ..change() };
        Office::new().as_admin().when(&unknown).then_rejected("unknown_property");
        Office::new().as_agent().when(&change()).then_rejected("forbidden");
    }

    fn moved(status_id: StatusId, index: u32) -> MoveStatus {
        MoveStatus { pipeline_id: Office::SUPPORT, status_id, index }
    }

    #[test]
    fn a_status_is_moved_within_its_pipeline() {
        let expected = StatusMoved { status: Office::NEW, from: 0, to: 2 };
        Office::new()
            .as_admin()
            .when(&moved(Office::NEW, 9))
            .then::<PipelineEvent>(Office::SUPPORT, [expected.into()]);
        Office::new().as_admin().when(&moved(Office::SOLVED, 2)).then_nothing();
        Office::new().as_admin().when(&moved(Office::LEAD, 0)).then_rejected("not_found");
        Office::new().as_agent().when(&moved(Office::NEW, 1)).then_rejected("forbidden");
    }
}
