//! A ticket as it is shown: names looked up, sealed values opened.

use std::collections::BTreeMap;

use commands::Directory;
use decider::Version;
use events::pipeline::StatusCategory;
use events::value::{Owner, Place, Priority, TicketSource};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::people::{ContactShown, UserShown, Wanted};
use super::properties;
use super::words::{PriorityWord, StatusCategoryWord, TicketSourceWord};
use crate::app::App;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::opened::{Shown, open};
use crate::travel::{Folded, Names};

/// A pipeline, by name.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PipelineShown {
    /// The id.
    pub id: Uuid,
    /// The name.
    pub name: String,
}

/// A status, by name.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StatusShown {
    /// The id.
    pub id: Uuid,
    /// The name.
    pub name: String,
    /// What it means.
    #[schema(value_type = StatusCategoryWord)]
    pub category: StatusCategory,
}

/// A team, by name.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TeamShown {
    /// The id.
    pub id: Uuid,
    /// The name.
    pub name: Option<String>,
}

/// Who is responsible.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OwnerShown {
    /// The user.
    pub user: Option<UserShown>,
    /// The team.
    pub team: Option<TeamShown>,
}

/// A contact of a ticket.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TicketContact {
    #[serde(flatten)]
    contact: ContactShown,
    /// Whether it is the first to be written to.
    primary: bool,
}

/// A record of a kind that this version does not keep yet.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Associated {
    /// The id.
    pub id: Uuid,
}

/// A ticket.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TicketShown {
    /// The id.
    id: Uuid,
    /// Its number, for people.
    number: u64,
    /// Its name.
    name: Shown<String>,
    /// Its pipeline.
    pipeline: PipelineShown,
    /// Its status.
    status: StatusShown,
    /// How urgent it is.
    #[schema(value_type = PriorityWord)]
    priority: Priority,
    /// Its category.
    category: Option<String>,
    /// How it came to be.
    #[schema(value_type = TicketSourceWord)]
    source: TicketSource,
    /// Whether it is history.
    imported: bool,
    /// Who is responsible; null when nobody is.
    owner: Option<OwnerShown>,
    /// Contacts, in the order they came.
    contacts: Vec<TicketContact>,
    /// Companies.
    companies: Vec<Associated>,
    /// Deals.
    deals: Vec<Associated>,
    /// Tags.
    tags: Vec<String>,
    /// Values of custom properties by their keys.
    #[schema(value_type = Object)]
    properties: BTreeMap<String, Value>,
    /// Tickets that have to do with it.
    links: Vec<Uuid>,
    /// Whether one can write to the contact (T07).
    has_conversation: bool,
    /// When it came into being.
    #[schema(format = DateTime)]
    created_at: String,
    /// When something last happened.
    #[schema(format = DateTime)]
    last_activity_at: String,
    /// Its version.
    version: Version,
    /// Place in the log of its last event.
    position: String,
}

/// Shows a ticket as it is: names looked up, sealed values opened.
pub async fn show(app: &App, caller: &Caller, ticket: Folded) -> Result<TicketShown, ApiError> {
    let place = ticket.live.place;
    let names = Names::now(app, caller, |known| knows(known, place)).await?;
    show_with(app, caller, ticket, &names).await
}

/// The same with names of any time.
pub async fn show_with(
    app: &App,
    caller: &Caller,
    ticket: Folded,
    names: &Names,
) -> Result<TicketShown, ApiError> {
    let (live, directory) = (&ticket.live, &*names.directory);
    let keys = properties::keys(&live.properties).chain(properties::key_of(&live.name));
    app.vault().load_keys(caller.ws, &Vec::from_iter(keys)).await?;
    let mut wanted = Wanted::default();
    live.contacts.iter().for_each(|contact| wanted.contact(*contact));
    live.owner.and_then(|owner| owner.user).into_iter().for_each(|user| wanted.user(user));
    let people = wanted.find_current(app, caller, names).await?;
    let (pipeline, status) = place_in(directory, live.place);
    let custom = (ticket.id, &live.properties);
    let contacts = live.contacts.iter().map(|contact| TicketContact {
        contact: people.contact(contact.0),
        primary: live.primary_contact == Some(*contact),
    });
    Ok(TicketShown {
        id: ticket.id.0,
        number: live.number,
        name: open(app, caller, ticket.id, "name", &live.name).await?,
        pipeline,
        status,
        priority: live.priority,
        category: live.category.clone(),
        source: ticket.source,
        imported: ticket.imported,
        owner: live.owner.map(|owner| owner_shown(owner, |user| people.user(user))),
        contacts: contacts.collect(),
        companies: Vec::new(),
        deals: Vec::new(),
        tags: live.tags.iter().cloned().collect(),
        properties: properties::by_key(app, caller, directory, custom).await?,
        links: live.links.iter().map(|id| id.0).collect(),
        has_conversation: live.has_conversation || ticket.has_messages,
        created_at: ticket.created_at.to_string(),
        last_activity_at: ticket.last_activity_at.to_string(),
        version: ticket.version,
        position: ticket.position.to_string(),
    })
}

impl TicketShown {
    /// Its version, for the `ETag`.
    pub const fn version(&self) -> Version {
        self.version
    }
}

/// An owner with names.
pub fn owner_shown(owner: Owner, user: impl FnOnce(Uuid) -> UserShown) -> OwnerShown {
    OwnerShown {
        user: owner.user.map(|id| user(id.0)),
        team: owner.team.map(|team| TeamShown { id: team.0, name: None }),
    }
}

/// Whether pipeline and status have their names in a directory.
pub fn knows(directory: &Directory, place: Place) -> bool {
    directory.pipeline(place.pipeline).is_some_and(|found| found.status(place.status).is_some())
}

/// Pipeline and status with their names.
pub fn place_in(directory: &Directory, place: Place) -> (PipelineShown, StatusShown) {
    let pipeline = directory.pipeline(place.pipeline);
    let status = pipeline.and_then(|pipeline| pipeline.status(place.status));
    let name = pipeline.map(|pipeline| pipeline.name.clone()).unwrap_or_default();
    let status_name = status.map(|status| status.name.clone()).unwrap_or_default();
    let category = status.map_or(StatusCategory::Open, |status| status.category);
    (
        PipelineShown { id: place.pipeline.0, name },
        StatusShown { id: place.status.0, name: status_name, category },
    )
}
