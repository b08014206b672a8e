//! A pipeline that takes no new tickets any more.

use access::Right;
use decider::{Changes, Command, Halt, Rejection, RejectionKind, World};
use events::PipelineId;
use events::pipeline::{PipelineArchived, PipelineEvent};

use super::Pipeline;
use crate::desk::Desk;
use crate::refusal::Refusal;

/// What only pipelines refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum PipelineRejection {
    #[error("new tickets go to this pipeline by default; choose another default first")]
    IsDefault,
}

impl Rejection for PipelineRejection {
    fn code(&self) -> &'static str {
        "pipeline_is_default"
    }

    fn kind(&self) -> RejectionKind {
        RejectionKind::Conflict
    }
}

/// Archives a pipeline. Its tickets stay in it; the default pipeline cannot be archived.
#[derive(Clone, Copy, Debug)]
pub struct ArchivePipeline {
    /// The pipeline.
    pub pipeline_id: PipelineId,
}

impl Command for ArchivePipeline {
    fn name(&self) -> &'static str {
        "ArchivePipeline"
    }

    fn decide(&self, world: &World<'_>) -> Result<Changes, Halt> {
        let desk = Desk::enter_with(world, Right::SettingsManage)?;
        let pipeline = world.state::<Pipeline>(self.pipeline_id)?;
        let pipeline = pipeline.live().ok_or(Refusal::NotFound("pipeline"))?;
        if desk.directory.default_pipeline() == Some(self.pipeline_id) {
            return Err(PipelineRejection::IsDefault.into());
        }
        let mut changes = Changes::none();
        if !pipeline.archived {
            changes.on(self.pipeline_id, PipelineEvent::from(PipelineArchived {}));
        }
        Ok(changes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{Office, id};

    const SALES: ArchivePipeline = ArchivePipeline { pipeline_id: Office::SALES };

    #[test]
    fn a_pipeline_is_archived_once() {
        let office = Office::new();
        office
            .as_admin()
            .when(&SALES)
            .then::<PipelineEvent>(Office::SALES, [PipelineArchived {}.into()]);
        let archived = office.with(Office::SALES, PipelineEvent::from(PipelineArchived {}));
        archived.as_admin().when(&SALES).then_nothing();
    }

    #[test]
    fn the_default_pipeline_stays_t04() {
        let default = ArchivePipeline { pipeline_id: Office::SUPPORT };
        Office::new().as_admin().when(&default).then_rejected("pipeline_is_default");
    }

    #[test]
    fn a_known_pipeline_is_archived_by_who_may() {
        let unknown = ArchivePipeline { pipeline_id: PipelineId(id(9)) };
        Office::new().as_admin().when(&unknown).then_rejected("not_found");
        Office::new().as_agent().when(&SALES).then_rejected("forbidden");
    }
}
