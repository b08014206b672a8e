//! The first start: a workspace with one pipeline to begin with (T08).

use access::Right;
use decider::{Changes, Command, Halt, World};
use events::pipeline::{PipelineCreated, PipelineEvent, StatusCategory, StatusDefinition};
use events::workspace::{DefaultPipelineChanged, WorkspaceCreated, WorkspaceEvent};
use events::{PipelineId, StatusId};
use uuid::Uuid;

use super::Workspace;
use crate::desk::Desk;
use crate::limits::LABEL_CHARS_MAX;
use crate::refusal::{Checks, Refusal};
use crate::text;

const SEED_STATUSES: [(&str, StatusCategory); 4] = [
    ("New", StatusCategory::Open),
    ("Waiting on contact", StatusCategory::Waiting),
    ("Waiting on us", StatusCategory::Open),
    ("Closed", StatusCategory::Closed),
];

/// Ids of what a new workspace begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeedIds {
    /// The pipeline.
    pub pipeline_id: PipelineId,
    /// New, Waiting on contact, Waiting on us, Closed.
    pub status_ids: [StatusId; 4],
}

/// Creates the workspace. The same again changes nothing; another one in its place is refused.
#[derive(Clone, Debug)]
pub struct CreateWorkspace {
    /// The stream of the workspace.
    pub workspace_id: Uuid,
    /// The name of the organisation.
    pub name: String,
    /// Ids of what it begins with.
    pub seed: SeedIds,
}

impl Command for CreateWorkspace {
    fn name(&self) -> &'static str {
        "CreateWorkspace"
    }

    fn decide(&self, world: &World<'_>) -> Result<Changes, Halt> {
        let desk = Desk::enter_with(world, Right::SettingsManage)?;
        if desk.directory.workspace_id().is_some_and(|id| id != self.workspace_id) {
            return Err(Refusal::AlreadyExists("workspace").into());
        }
        let mut checks = Checks::default();
        let name = checks.take("name", text::line(&self.name, LABEL_CHARS_MAX));
        checks.finish()?;
        if world.state::<Workspace>(self.workspace_id)?.exists() {
            return Ok(Changes::none());
        }
        let statuses = self.seed.status_ids.into_iter().zip(SEED_STATUSES);
        let statuses = statuses
            .map(|(id, (name, category))| StatusDefinition {
                id,
                name: name.to_owned(),
                category,
                required_properties: Vec::new(),
            })
            .collect();
        let pipeline = PipelineCreated { name: "Support".to_owned(), statuses };
        let default = DefaultPipelineChanged { from: None, to: self.seed.pipeline_id };
        let mut changes = Changes::none();
        changes
            .on(self.workspace_id, WorkspaceEvent::from(WorkspaceCreated { name }))
            .on(self.seed.pipeline_id, PipelineEvent::from(pipeline))
            .on(self.workspace_id, WorkspaceEvent::from(default));
        Ok(changes)
    }
}

#[cfg(test)]
mod tests {
    use decider::spec::Given;

    use super::*;
    use crate::Directory;
    use crate::fixtures::{Office, id};

    fn command() -> CreateWorkspace {
        let status_ids = [1, 2, 3, 4].map(|number| StatusId(id(number)));
        CreateWorkspace {
            workspace_id: id(900),
            name: " Example Ltd ".to_owned(),
            seed: SeedIds { pipeline_id: PipelineId(id(5)), status_ids },
        }
    }

    #[test]
    fn a_new_workspace_begins_with_the_seed_pipeline_as_default_t08() {
        let changes = Given::directory(Directory::default()).when(&command()).accepted();
        let pipelines = changes.events_on::<PipelineEvent>(id(5));
        let [PipelineEvent::Created(pipeline)] = &pipelines[..] else { panic!("{pipelines:?}") };
        let statuses: Vec<_> =
            pipeline.statuses.iter().map(|s| (s.name.as_str(), s.category)).collect();
        assert_eq!(statuses, SEED_STATUSES);
        assert_eq!(
            changes.events_on::<WorkspaceEvent>(id(900)),
            [
                WorkspaceEvent::Created(WorkspaceCreated { name: "Example Ltd".to_owned() }),
                WorkspaceEvent::DefaultPipelineChanged(DefaultPipelineChanged {
                    from: None,
                    to: PipelineId(id(5)),
                }),
            ]
        );
    }

    #[test]
    fn creating_the_same_workspace_again_changes_nothing() {
        let office = Office::new();
        let again = CreateWorkspace { workspace_id: Office::WORKSPACE, ..command() };
        office.given().when(&again).then_nothing();
    }

    #[test]
    fn there_is_one_workspace_and_only_super_admins_make_it() {
        let office = Office::new();
        office.given().when(&command()).then_rejected("already_exists");
        office.as_agent().when(&command()).then_rejected("forbidden");
    }

    #[test]
    fn a_workspace_has_a_name() {
        let unnamed = CreateWorkspace { name: "  ".to_owned(), ..command() };
        Given::directory(Directory::default()).when(&unnamed).then_rejected("required");
    }
}
