//! What rules ask about a pipeline.

use decider::{EventMeta, State};
use events::StatusId;
use events::pipeline::{PipelineCreated, PipelineEvent, StatusCategory, StatusDefinition};

/// A pipeline.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Pipeline {
    /// It does not exist.
    #[default]
    Unknown,
    /// It exists, perhaps archived.
    Live(LivePipeline),
}

/// A pipeline that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LivePipeline {
    /// Its name.
    pub name: String,
    /// Its statuses in order.
    pub statuses: Vec<StatusDefinition>,
    /// Whether it takes no new tickets any more.
    pub archived: bool,
}

impl Pipeline {
    /// The pipeline, if it exists.
    #[must_use]
    pub const fn live(&self) -> Option<&LivePipeline> {
        match self {
            Self::Unknown => None,
            Self::Live(pipeline) => Some(pipeline),
        }
    }
}

impl LivePipeline {
    fn new(created: &PipelineCreated) -> Self {
        Self { name: created.name.clone(), statuses: created.statuses.clone(), archived: false }
    }

    /// One of its statuses.
    #[must_use]
    pub fn status(&self, id: StatusId) -> Option<&StatusDefinition> {
        self.statuses.iter().find(|status| status.id == id)
    }

    /// The place of a status, from 0.
    #[must_use]
    pub fn index_of(&self, id: StatusId) -> Option<usize> {
        self.statuses.iter().position(|status| status.id == id)
    }

    /// Its first status of a category.
    #[must_use]
    pub fn first_of(&self, category: StatusCategory) -> Option<&StatusDefinition> {
        self.statuses.iter().find(|status| status.category == category)
    }

    fn change(&mut self, id: StatusId, change: impl FnOnce(&mut StatusDefinition)) {
        if let Some(status) = self.statuses.iter_mut().find(|status| status.id == id) {
            change(status);
        }
    }

    fn take_in(&mut self, event: &PipelineEvent) {
        match event {
            PipelineEvent::Created(_) => {}
            PipelineEvent::Renamed(renamed) => self.name.clone_from(&renamed.to),
            PipelineEvent::StatusAdded(added) => {
                let index = (added.index as usize).min(self.statuses.len());
                self.statuses.insert(index, added.status.clone());
            }
            PipelineEvent::StatusRenamed(renamed) => {
                self.change(renamed.status, |status| status.name.clone_from(&renamed.to));
            }
            PipelineEvent::StatusCategoryChanged(changed) => {
                self.change(changed.status, |status| status.category = changed.to);
            }
            PipelineEvent::StatusRequirementsChanged(changed) => {
                self.change(changed.status, |status| {
                    status.required_properties.clone_from(&changed.to);
                });
            }
            PipelineEvent::StatusMoved(moved) => {
                if let Some(index) = self.index_of(moved.status) {
                    let status = self.statuses.remove(index);
                    let to = (moved.to as usize).min(self.statuses.len());
                    self.statuses.insert(to, status);
                }
            }
            PipelineEvent::Archived(_) => self.archived = true,
        }
    }
}

impl State for Pipeline {
    type Event = PipelineEvent;
    const DIRECTORY: bool = true;

    fn evolve(&mut self, event: &PipelineEvent, _: &EventMeta) {
        match self {
            Self::Live(pipeline) => pipeline.take_in(event),
            Self::Unknown => {
                if let PipelineEvent::Created(created) = event {
                    *self = Self::Live(LivePipeline::new(created));
                }
            }
        }
    }

    fn size_bytes(&self) -> usize {
        self.live().map_or(0, |pipeline| 200 + pipeline.statuses.len() * 200)
    }
}
