//! A workspace to test rules in: two pipelines, properties of every type, a channel, and users of every role.

use std::collections::BTreeMap;

use decider::spec::Given;
use decider::{Actor, Event, EventMeta, KeyScope, Personal, Sealed, State, Timestamp};
use events::channel::{ChannelCreated, ChannelEvent, ChannelKind};
use events::pipeline::{PipelineCreated, PipelineEvent, StatusCategory, StatusDefinition};
use events::property::{Choice, DataType, PropertyDefined, PropertyEvent};
use events::user::{Role, UserAdded, UserDeactivated, UserEvent};
use events::workspace::{DefaultPipelineChanged, WorkspaceCreated, WorkspaceEvent};
use events::{AnyEvent, ChannelId, PipelineId, PropertyId, StatusId, TicketId, UserId};
use uuid::Uuid;

use crate::Directory;
use crate::channel::Channel;
use crate::pipeline::Pipeline;
use crate::property::Property;
use crate::user::User;
use crate::workspace::Workspace;

pub const fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

pub fn personal(text: &str) -> Personal<String> {
    Personal(text.to_owned())
}

pub fn sealed(scope: &KeyScope, text: &str) -> Sealed<String> {
    personal(text).seal(scope)
}

pub fn meta() -> EventMeta {
    EventMeta { version: 1, occurred_at: Timestamp::from_micros(0), actor: Actor::SYSTEM }
}

/// The directory's events, in order, from which both directory and streams are folded.
#[derive(Default)]
pub struct Office {
    events: Vec<(Uuid, AnyEvent)>,
}

impl Office {
    pub const WORKSPACE: Uuid = id(1);
    pub const ADMIN: UserId = UserId(id(10));
    pub const AGENT: UserId = UserId(id(11));
    pub const LIGHT: UserId = UserId(id(12));
    pub const GONE: UserId = UserId(id(13));
    pub const SUPPORT: PipelineId = PipelineId(id(20));
    pub const NEW: StatusId = StatusId(id(21));
    pub const WAITING: StatusId = StatusId(id(22));
    /// Asks for `severity` and `root_cause` (T10).
    pub const SOLVED: StatusId = StatusId(id(23));
    pub const SALES: PipelineId = PipelineId(id(30));
    pub const LEAD: StatusId = StatusId(id(31));
    pub const EMAIL: ChannelId = ChannelId(id(40));
    pub const SEVERITY: PropertyId = PropertyId(id(50));
    pub const ROOT_CAUSE: PropertyId = PropertyId(id(51));
    pub const TICKET: TicketId = TicketId(id(60));

    pub fn new() -> Self {
        let mut office = Self::default()
            .with(Self::WORKSPACE, WorkspaceEvent::from(WorkspaceCreated { name: "Ex".into() }));
        for (user, role) in [
            (Self::ADMIN, Role::SuperAdmin),
            (Self::AGENT, Role::Agent),
            (Self::LIGHT, Role::LightAgent),
            (Self::GONE, Role::Agent),
        ] {
            let scope = KeyScope::person(user.0);
            let name = sealed(&scope, "A user");
            let email = sealed(&scope, &format!("user{}@example.org", user.0.as_u128()));
            office = office.with(user, UserEvent::from(UserAdded { name, email, role }));
        }
        office
            .with(Self::GONE, UserEvent::from(UserDeactivated {}))
            .with_properties()
            .with_pipelines()
            .with(
                Self::EMAIL,
                ChannelEvent::from(ChannelCreated {
                    kind: ChannelKind::Email,
                    name: "Support".into(),
                    address: "support@example.org".into(),
                }),
            )
    }

    fn with_pipelines(self) -> Self {
        let status = |id, name: &str, category, required_properties| StatusDefinition {
            id,
            name: name.to_owned(),
            category,
            required_properties,
        };
        let support = vec![
            status(Self::NEW, "New", StatusCategory::Open, Vec::new()),
            status(Self::WAITING, "Waiting", StatusCategory::Waiting, Vec::new()),
            status(
                Self::SOLVED,
                "Solved",
                StatusCategory::Closed,
                vec![Self::SEVERITY, Self::ROOT_CAUSE],
            ),
        ];
        let sales = vec![status(Self::LEAD, "Lead", StatusCategory::Open, Vec::new())];
        let created = |name: &str, statuses| {
            PipelineEvent::from(PipelineCreated { name: name.to_owned(), statuses })
        };
        let default = DefaultPipelineChanged { from: None, to: Self::SUPPORT };
        self.with(Self::SUPPORT, created("Support", support))
            .with(Self::SALES, created("Sales", sales))
            .with(Self::WORKSPACE, WorkspaceEvent::from(default))
    }

    fn with_properties(self) -> Self {
        let choices =
            ["low", "high"].map(|value| Choice { value: value.into(), label: value.into() });
        let property = |key: &str, data_type, personal| {
            PropertyEvent::from(PropertyDefined {
                key: key.to_owned(),
                label: key.to_owned(),
                description: None,
                data_type,
                choices: match data_type {
                    DataType::SingleChoice | DataType::MultiChoice => choices.to_vec(),
                    DataType::Text
                    | DataType::Number
                    | DataType::Date
                    | DataType::Boolean
                    | DataType::Link => Vec::new(),
                },
                personal,
            })
        };
        self.with(Self::SEVERITY, property("severity", DataType::SingleChoice, false))
            .with(Self::ROOT_CAUSE, property("root_cause", DataType::Text, true))
            .with(PropertyId(id(52)), property("sku", DataType::Text, false))
            .with(PropertyId(id(53)), property("amount", DataType::Number, false))
            .with(PropertyId(id(54)), property("due", DataType::Date, false))
            .with(PropertyId(id(55)), property("vip", DataType::Boolean, false))
            .with(PropertyId(id(56)), property("areas", DataType::MultiChoice, false))
            .with(PropertyId(id(57)), property("page", DataType::Link, true))
    }

    pub fn with(mut self, stream: impl Into<Uuid>, event: impl Into<AnyEvent>) -> Self {
        self.events.push((stream.into(), event.into()));
        self
    }

    pub fn directory(&self) -> Directory {
        let mut directory = Directory::default();
        for (stream, event) in &self.events {
            directory.take_in(*stream, event, &meta());
        }
        directory
    }

    /// The workspace as the program itself meets it.
    pub fn given(&self) -> Given {
        let mut given = Given::directory(self.directory());
        given = fold::<Workspace>(given, self.of(match_kind));
        given = fold::<User>(given, self.of(match_kind));
        given = fold::<Pipeline>(given, self.of(match_kind));
        given = fold::<Property>(given, self.of(match_kind));
        fold::<Channel>(given, self.of(match_kind))
    }

    pub fn as_admin(&self) -> Given {
        self.given().actor(Actor::user(Self::ADMIN.0))
    }

    pub fn as_agent(&self) -> Given {
        self.given().actor(Actor::user(Self::AGENT.0))
    }

    pub fn as_light_agent(&self) -> Given {
        self.given().actor(Actor::user(Self::LIGHT.0))
    }

    pub fn as_gone(&self) -> Given {
        self.given().actor(Actor::user(Self::GONE.0))
    }

    fn of<E: Event>(&self, pick: impl Fn(&AnyEvent) -> Option<E>) -> BTreeMap<Uuid, Vec<E>> {
        let mut streams: BTreeMap<Uuid, Vec<E>> = BTreeMap::new();
        for (stream, event) in &self.events {
            if let Some(event) = pick(event) {
                streams.entry(*stream).or_default().push(event);
            }
        }
        streams
    }
}

fn match_kind<E: Event>(event: &AnyEvent) -> Option<E> {
    let inner: &dyn std::any::Any = match event {
        AnyEvent::Workspace(event) => event,
        AnyEvent::User(event) => event,
        AnyEvent::Pipeline(event) => event,
        AnyEvent::Property(event) => event,
        AnyEvent::Channel(event) => event,
        AnyEvent::Contact(event) => event,
        AnyEvent::Ticket(event) => event,
        AnyEvent::Draft(event) => event,
        AnyEvent::Erasure(event) => event,
        AnyEvent::SignIn(event) => event,
        AnyEvent::Audit(event) => event,
    };
    inner.downcast_ref::<E>().cloned()
}

fn fold<S: State>(given: Given, streams: BTreeMap<Uuid, Vec<S::Event>>) -> Given {
    streams.into_iter().fold(given, |given, (stream, events)| given.events::<S>(stream, events))
}
