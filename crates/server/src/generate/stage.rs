//! Who and what the story needs before it begins: users, pipelines, properties, a channel. Made by the ordinary commands.

use commands::Directory;
use commands::channel::CreateChannel;
use commands::pipeline::{CreatePipeline, NewStatus};
use commands::property::DefineProperty;
use commands::user::AddUser;
use decider::{Actor, Command, CommandId, Personal, WorkspaceId};
use events::channel::ChannelKind;
use events::pipeline::StatusCategory;
use events::property::{Choice, DataType};
use events::user::Role;
use events::value::Place;
use events::{ChannelId, PipelineId, PropertyId, StatusId, UserId};
use uuid::Uuid;

use super::Plan;
use crate::service::{Service, ServiceError};

/// Address of the invented channel, before the name of the plan.
const CHANNEL: &str = "help";
const PIPELINES: [&str; 3] = ["Returns", "Technical", "Billing"];
const STATUSES: [(&str, StatusCategory); 6] = [
    ("New", StatusCategory::Open),
    ("In progress", StatusCategory::Open),
    ("Waiting for the customer", StatusCategory::Waiting),
    ("Waiting for a part", StatusCategory::Waiting),
    ("Solved", StatusCategory::Closed),
    ("Cancelled", StatusCategory::Closed),
];

/// The stage of a story.
pub struct Stage {
    pub plan: Plan,
    pub ws: WorkspaceId,
    pub agents: Vec<UserId>,
    pub pipelines: Vec<Places>,
    pub channel: ChannelId,
    pub channel_address: String,
    pub properties: Properties,
}

/// The statuses of one pipeline by what they mean.
pub struct Places {
    pub open: Vec<Place>,
    pub waiting: Vec<Place>,
    pub closed: Vec<Place>,
}

/// One property of most kinds.
pub struct Properties {
    pub product: PropertyId,
    pub amount: PropertyId,
    pub order: PropertyId,
    pub promised: PropertyId,
    pub urgent: PropertyId,
}

/// Values of the choice `product`.
pub const PRODUCTS: u64 = 60;

impl Stage {
    /// Makes what is not there yet.
    pub async fn set(service: &Service, ws: WorkspaceId, plan: Plan) -> Result<Self, ServiceError> {
        let maker = Maker { service, ws, plan: plan.name() };
        let agents = maker.agents(plan.agents).await?;
        for name in PIPELINES {
            maker.pipeline(name).await?;
        }
        let properties = maker.properties().await?;
        let channel = ChannelId(maker.id("channel"));
        let channel_address = format!("{CHANNEL}.{}@desk.example", plan.name());
        let create = CreateChannel {
            channel_id: channel,
            kind: ChannelKind::Email,
            name: "Help".to_owned(),
            address: channel_address.clone(),
        };
        maker.send("channel", create).await?;
        let directory = service.handler.directory::<Directory>(ws);
        let pipelines = directory.pipelines().map(|(id, pipeline)| {
            let of = |category| {
                let statuses = pipeline.statuses.iter().filter(move |s| s.category == category);
                statuses.map(|status| Place { pipeline: id, status: status.id }).collect()
            };
            Places {
                open: of(StatusCategory::Open),
                waiting: of(StatusCategory::Waiting),
                closed: of(StatusCategory::Closed),
            }
        });
        let pipelines = pipelines.collect();
        Ok(Self { plan, ws, agents, pipelines, channel, channel_address, properties })
    }
}

struct Maker<'a> {
    service: &'a Service,
    ws: WorkspaceId,
    plan: String,
}

impl Maker<'_> {
    fn id(&self, what: &str) -> Uuid {
        Uuid::new_v5(&self.ws.0, format!("generate {} {what}", self.plan).as_bytes())
    }

    async fn send(&self, what: &str, command: impl Command) -> Result<(), ServiceError> {
        let key = format!("generate {} {what}", self.plan);
        let id = CommandId::from_key(self.ws, Actor::SYSTEM, &key);
        self.service.handle(self.ws, id, command).await.map(drop).map_err(ServiceError::Setup)
    }

    async fn agents(&self, count: u64) -> Result<Vec<UserId>, ServiceError> {
        let mut agents = Vec::new();
        for index in 0..count.max(1) {
            let what = format!("agent {index}");
            let user_id = UserId(self.id(&what));
            let role = match index % 40 {
                0 => Role::AccountAdmin,
                1..=3 => Role::LightAgent,
                _ => Role::Agent,
            };
            let add = AddUser {
                user_id,
                name: Personal(format!("Agent {index}")),
                email: Personal(format!("agent{index}.{}@desk.example", self.plan)),
                role,
            };
            self.send(&what, add).await?;
            agents.push(user_id);
        }
        Ok(agents)
    }

    async fn pipeline(&self, name: &str) -> Result<(), ServiceError> {
        let what = format!("pipeline {name}");
        let statuses = STATUSES.iter().map(|(status, category)| NewStatus {
            id: StatusId(self.id(&format!("{what} {status}"))),
            name: (*status).to_owned(),
            category: *category,
            required_properties: Vec::new(),
        });
        let create = CreatePipeline {
            pipeline_id: PipelineId(self.id(&what)),
            name: name.to_owned(),
            statuses: statuses.collect(),
        };
        self.send(&what, create).await
    }

    async fn properties(&self) -> Result<Properties, ServiceError> {
        let products = (0..PRODUCTS).map(|number| Choice {
            value: format!("product_{number}"),
            label: format!("Product {number}"),
        });
        Ok(Properties {
            product: self.property("product", DataType::SingleChoice, products.collect()).await?,
            amount: self.property("amount", DataType::Number, Vec::new()).await?,
            order: self.property("order", DataType::Text, Vec::new()).await?,
            promised: self.property("promised", DataType::Date, Vec::new()).await?,
            urgent: self.property("urgent", DataType::Boolean, Vec::new()).await?,
        })
    }

    async fn property(
        &self,
        name: &str,
        data_type: DataType,
        choices: Vec<Choice>,
    ) -> Result<PropertyId, ServiceError> {
        let what = format!("property {name}");
        let property_id = PropertyId(self.id(&what));
        let define = DefineProperty {
            property_id,
            key: format!("{name}_{}", self.plan.replace('-', "_")),
            label: name.to_owned(),
            description: None,
            data_type,
            choices,
            personal: name == "order",
        };
        self.send(&what, define).await.map(|()| property_id)
    }
}
