//! Another name for a pipeline.

use access::Right;
use decider::{Aspects, Changes, Command, Halt, World};
use events::PipelineId;
use events::pipeline::{PipelineEvent, PipelineRenamed};

use super::Pipeline;
use crate::desk::Desk;
use crate::limits::LABEL_CHARS_MAX;
use crate::refusal::{Checks, Refusal};
use crate::text;

/// Gives a pipeline another name.
#[derive(Clone, Debug)]
pub struct RenamePipeline {
    /// The pipeline.
    pub pipeline_id: PipelineId,
    /// Its name from now on.
    pub name: String,
}

impl Command for RenamePipeline {
    fn name(&self) -> &'static str {
        "RenamePipeline"
    }

    fn decide(&self, world: &World<'_>) -> Result<Changes, Halt> {
        Desk::enter_with(world, Right::SettingsManage)?;
        let pipeline = world.state::<Pipeline>(self.pipeline_id)?;
        let pipeline = pipeline.live().ok_or(Refusal::NotFound("pipeline"))?;
        let mut checks = Checks::default();
        let to = checks.take("name", text::line(&self.name, LABEL_CHARS_MAX));
        checks.finish()?;
        let mut changes = Changes::none();
        if to != pipeline.name {
            let renamed = PipelineRenamed { from: pipeline.name.clone(), to };
            changes.on(self.pipeline_id, PipelineEvent::from(renamed));
        }
        Ok(changes)
    }

    fn touches(&self) -> Aspects {
        Aspects::of(&["name"])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{Office, id};

    fn rename(pipeline_id: PipelineId, name: &str) -> RenamePipeline {
        RenamePipeline { pipeline_id, name: name.to_owned() }
    }

    #[test]
    fn a_pipeline_gets_another_name() {
        Office::new().as_admin().when(&rename(Office::SALES, "Orders")).then::<PipelineEvent>(
            Office::SALES,
            [PipelineRenamed { from: "Sales".to_owned(), to: "Orders".to_owned() }.into()],
        );
    }

    #[test]
    fn the_present_name_is_no_change() {
        Office::new().as_admin().when(&rename(Office::SALES, " Sales ")).then_nothing();
    }

    #[test]
    fn a_known_pipeline_gets_a_real_name_from_who_may() {
        Office::new().as_admin().when(&rename(PipelineId(id(9)), "A")).then_rejected("not_found");
        Office::new().as_admin().when(&rename(Office::SALES, " ")).then_rejected("required");
        Office::new().as_agent().when(&rename(Office::SALES, "A")).then_rejected("forbidden");
    }
}
