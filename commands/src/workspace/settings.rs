//! Settings of the workspace.

use access::Right;
use decider::{Aspects, Changes, Command, Halt, World};
use events::PipelineId;
use events::workspace::{AssignOnFirstReplyChanged, DefaultPipelineChanged, WorkspaceEvent};
use uuid::Uuid;

use super::Workspace;
use crate::desk::Desk;
use crate::refusal::Refusal;

/// Chooses the pipeline of new tickets that name none.
#[derive(Clone, Copy, Debug)]
pub struct SetDefaultPipeline {
    /// The pipeline.
    pub pipeline_id: PipelineId,
}

impl Command for SetDefaultPipeline {
    fn name(&self) -> &'static str {
        "SetDefaultPipeline"
    }

    fn decide(&self, world: &World<'_>) -> Result<Changes, Halt> {
        let desk = Desk::enter_with(world, Right::SettingsManage)?;
        let id = workspace_id(&desk)?;
        match desk.directory.pipeline(self.pipeline_id) {
            None => return Err(Refusal::NotFound("pipeline").into()),
            Some(pipeline) if pipeline.archived => {
                let message = "is archived";
                return Err(Refusal::field("pipeline_id", "pipeline_archived", message).into());
            }
            Some(_) => {}
        }
        let from = world.state::<Workspace>(id)?.default_pipeline();
        let mut changes = Changes::none();
        if from != Some(self.pipeline_id) {
            let changed = DefaultPipelineChanged { from, to: self.pipeline_id };
            changes.on(id, WorkspaceEvent::from(changed));
        }
        Ok(changes)
    }

    fn touches(&self) -> Aspects {
        Aspects::of(&["default_pipeline"])
    }
}

/// Switches on or off that the first reply assigns an unassigned ticket to its sender (C09).
#[derive(Clone, Copy, Debug)]
pub struct SetAssignOnFirstReply {
    /// Whether it does.
    pub enabled: bool,
}

impl Command for SetAssignOnFirstReply {
    fn name(&self) -> &'static str {
        "SetAssignOnFirstReply"
    }

    fn decide(&self, world: &World<'_>) -> Result<Changes, Halt> {
        let desk = Desk::enter_with(world, Right::SettingsManage)?;
        let id = workspace_id(&desk)?;
        let from = world.state::<Workspace>(id)?.assign_on_first_reply();
        let mut changes = Changes::none();
        if from != self.enabled {
            let changed = AssignOnFirstReplyChanged { from, to: self.enabled };
            changes.on(id, WorkspaceEvent::from(changed));
        }
        Ok(changes)
    }

    fn touches(&self) -> Aspects {
        Aspects::of(&["assign_on_first_reply"])
    }
}

fn workspace_id(desk: &Desk<'_>) -> Result<Uuid, Refusal> {
    desk.directory.workspace_id().ok_or(Refusal::NotFound("workspace"))
}

#[cfg(test)]
mod tests {
    use events::pipeline::{PipelineArchived, PipelineEvent};

    use super::*;
    use crate::fixtures::{Office, id};

    #[test]
    fn another_pipeline_becomes_the_default_t04() {
        let change = SetDefaultPipeline { pipeline_id: Office::SALES };
        Office::new().given().when(&change).then::<WorkspaceEvent>(
            Office::WORKSPACE,
            [DefaultPipelineChanged { from: Some(Office::SUPPORT), to: Office::SALES }.into()],
        );
    }

    #[test]
    fn the_present_default_is_no_change() {
        let same = SetDefaultPipeline { pipeline_id: Office::SUPPORT };
        Office::new().given().when(&same).then_nothing();
    }

    #[test]
    fn the_default_is_a_pipeline_that_takes_tickets() {
        let unknown = SetDefaultPipeline { pipeline_id: PipelineId(id(77)) };
        Office::new().given().when(&unknown).then_rejected("not_found");
        let archived =
            Office::new().with(Office::SALES, PipelineEvent::from(PipelineArchived {})).given();
        let change = SetDefaultPipeline { pipeline_id: Office::SALES };
        archived.when(&change).then_rejected("pipeline_archived");
    }

    #[test]
    fn assigning_on_first_reply_can_be_switched_off_once_c09() {
        let off = SetAssignOnFirstReply { enabled: false };
        let expected = AssignOnFirstReplyChanged { from: true, to: false };
        Office::new()
            .given()
            .when(&off)
            .then::<WorkspaceEvent>(Office::WORKSPACE, [expected.clone().into()]);
        let switched = Office::new().with(Office::WORKSPACE, WorkspaceEvent::from(expected));
        switched.given().when(&off).then_nothing();
    }

    #[test]
    fn agents_do_not_change_settings() {
        let off = SetAssignOnFirstReply { enabled: false };
        let rejected = Office::new().as_agent().when(&off).then_rejected("forbidden");
        assert_eq!(rejected.missing_right, Some("settings.manage"));
        let change = SetDefaultPipeline { pipeline_id: Office::SALES };
        Office::new().as_agent().when(&change).then_rejected("forbidden");
    }
}
