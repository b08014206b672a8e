//! What every decision may read: users, pipelines, properties, channels and settings of the workspace.

use std::collections::BTreeMap;

use decider::{DecodeError, EventMeta, State, StoredEvent};
use events::user::Role;
use events::{AnyEvent, ChannelId, PipelineId, PropertyId, UserId};
use uuid::Uuid;

use crate::address::normalised;
use crate::channel::{Channel, LiveChannel};
use crate::pipeline::{LivePipeline, Pipeline};
use crate::property::{LiveProperty, Property};
use crate::user::{LiveUser, User};
use crate::workspace::Workspace;

/// Settings of the workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Whether the first reply assigns an unassigned ticket to its sender (C09).
    pub assign_on_first_reply: bool,
}

/// The workspace's users, pipelines, properties, channels and settings.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    workspace: Workspace,
    workspace_id: Option<Uuid>,
    users: BTreeMap<UserId, User>,
    pipelines: BTreeMap<PipelineId, Pipeline>,
    properties: BTreeMap<PropertyId, Property>,
    channels: BTreeMap<ChannelId, Channel>,
    property_by_key: BTreeMap<String, PropertyId>,
    channel_by_address: BTreeMap<String, ChannelId>,
}

impl Directory {
    /// Takes one event in; those of other kinds change nothing.
    pub fn take_in(&mut self, stream: Uuid, event: &AnyEvent, meta: &EventMeta) {
        match event {
            AnyEvent::Workspace(event) => {
                self.workspace_id.get_or_insert(stream);
                self.workspace.evolve(event, meta);
            }
            AnyEvent::User(event) => {
                self.users.entry(UserId(stream)).or_default().evolve(event, meta);
            }
            AnyEvent::Pipeline(event) => {
                self.pipelines.entry(PipelineId(stream)).or_default().evolve(event, meta);
            }
            AnyEvent::Property(event) => {
                let property = self.properties.entry(PropertyId(stream)).or_default();
                property.evolve(event, meta);
                if let Some(live) = property.live() {
                    self.property_by_key.insert(live.key.clone(), PropertyId(stream));
                }
            }
            AnyEvent::Channel(event) => {
                let channel = self.channels.entry(ChannelId(stream)).or_default();
                channel.evolve(event, meta);
                let id = ChannelId(stream);
                self.channel_by_address.retain(|_, holder| *holder != id);
                if let Some(live) = channel.live() {
                    self.channel_by_address.insert(normalised(&live.address), id);
                }
            }
            AnyEvent::Contact(_)
            | AnyEvent::Ticket(_)
            | AnyEvent::Draft(_)
            | AnyEvent::Erasure(_)
            | AnyEvent::SignIn(_)
            | AnyEvent::Audit(_) => {}
        }
    }

    /// The stream of the workspace itself; none before it exists.
    #[must_use]
    pub const fn workspace_id(&self) -> Option<Uuid> {
        self.workspace_id
    }

    /// The settings.
    #[must_use]
    pub const fn settings(&self) -> Settings {
        Settings { assign_on_first_reply: self.workspace.assign_on_first_reply() }
    }

    /// A user, active or not.
    #[must_use]
    pub fn user(&self, id: UserId) -> Option<&LiveUser> {
        self.users.get(&id).and_then(User::live)
    }

    /// Every user.
    pub fn users(&self) -> impl Iterator<Item = (UserId, &LiveUser)> {
        self.users.iter().filter_map(|(id, user)| Some((*id, user.live()?)))
    }

    /// How many active users have a role.
    #[must_use]
    pub fn active_count(&self, role: Role) -> usize {
        self.users().filter(|(_, user)| user.active && user.role == role).count()
    }

    /// A pipeline, archived or not.
    #[must_use]
    pub fn pipeline(&self, id: PipelineId) -> Option<&LivePipeline> {
        self.pipelines.get(&id).and_then(Pipeline::live)
    }

    /// Every pipeline.
    pub fn pipelines(&self) -> impl Iterator<Item = (PipelineId, &LivePipeline)> {
        self.pipelines.iter().filter_map(|(id, pipeline)| Some((*id, pipeline.live()?)))
    }

    /// The pipeline of new tickets that name none.
    #[must_use]
    pub const fn default_pipeline(&self) -> Option<PipelineId> {
        self.workspace.default_pipeline()
    }

    /// A property, archived or not.
    #[must_use]
    pub fn property(&self, id: PropertyId) -> Option<&LiveProperty> {
        self.properties.get(&id).and_then(Property::live)
    }

    /// Every property.
    pub fn properties(&self) -> impl Iterator<Item = (PropertyId, &LiveProperty)> {
        self.properties.iter().filter_map(|(id, property)| Some((*id, property.live()?)))
    }

    /// The property of an API name.
    #[must_use]
    pub fn property_by_key(&self, key: &str) -> Option<PropertyId> {
        self.property_by_key.get(key).copied()
    }

    /// A channel that was not removed.
    #[must_use]
    pub fn channel(&self, id: ChannelId) -> Option<&LiveChannel> {
        self.channels.get(&id).and_then(Channel::live)
    }

    /// Every channel that was not removed, oldest first.
    pub fn channels(&self) -> impl Iterator<Item = (ChannelId, &LiveChannel)> {
        self.channels.iter().filter_map(|(id, channel)| Some((*id, channel.live()?)))
    }

    /// The channel of an address, in whatever spelling.
    #[must_use]
    pub fn channel_by_address(&self, address: &str) -> Option<ChannelId> {
        self.channel_by_address.get(&normalised(address)).copied()
    }
}

impl decider::Directory for Directory {
    fn fold(&mut self, stored: &StoredEvent) -> Result<(), DecodeError> {
        let meta = EventMeta {
            version: stored.version,
            occurred_at: stored.occurred_at,
            actor: stored.actor,
        };
        self.take_in(stored.stream, &AnyEvent::decode(stored)?, &meta);
        Ok(())
    }
}
