//! Tickets as rows of a list: names looked up once for the whole page.

use std::collections::HashMap;

use decider::Timestamp;
use events::value::{Owner, Place};
use events::{PipelineId, StatusId, TeamId, TicketId, UserId};
use projections::drafts;
use projections::inbox::TicketRow;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::people::{ContactShown, People, Wanted};
use super::properties::key_of;
use super::ticket::{OwnerShown, PipelineShown, StatusShown, knows, owner_shown, place_in};
use super::words::{DraftKindWord, PriorityWord, TicketSourceWord};
use crate::app::App;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::opened::{Shown, open};

/// So many contacts of a ticket are named in a list.
const CONTACTS_SHOWN_MAX: usize = 3;
const PRIORITIES: [&str; 5] = ["none", "low", "medium", "high", "urgent"];

/// A ticket in a list.
#[derive(Serialize, ToSchema)]
pub struct TicketListed {
    /// The id.
    id: Uuid,
    /// Its number, for people.
    number: i64,
    /// Its name.
    name: Shown<String>,
    /// The beginning of the newest message.
    preview: Option<Shown<String>>,
    /// Which way the newest message went: `in` or `out`.
    last_direction: Option<&'static str>,
    /// Its pipeline.
    pipeline: PipelineShown,
    /// Its status.
    status: StatusShown,
    /// How urgent it is.
    #[schema(value_type = PriorityWord)]
    priority: &'static str,
    /// Its category.
    category: Option<String>,
    /// How it came to be.
    #[schema(value_type = TicketSourceWord)]
    source: String,
    /// Whether it is history.
    imported: bool,
    /// Who is responsible; null when nobody is.
    owner: Option<OwnerShown>,
    /// The first contacts, the primary one before the others.
    contacts: Vec<ContactShown>,
    /// How many contacts there are.
    contact_count: usize,
    /// Tags.
    tags: Vec<String>,
    /// Whether one can write to the contact.
    has_conversation: bool,
    /// What the caller is writing on it.
    #[schema(value_type = Vec<DraftKindWord>)]
    drafts: Vec<String>,
    /// When it came into being.
    #[schema(format = DateTime)]
    created_at: String,
    /// When something last happened.
    #[schema(format = DateTime)]
    last_activity_at: String,
    /// When the newest message was written.
    #[schema(format = DateTime)]
    last_message_at: Option<String>,
    /// Its version.
    version: i32,
}

/// Shows a page of tickets: keys with one query, names with one each.
pub async fn show(
    app: &App,
    caller: &Caller,
    rows: Vec<TicketRow>,
) -> Result<Vec<TicketListed>, ApiError> {
    let sealed = rows.iter().flat_map(|row| {
        let preview = row.last_preview.as_ref().map(|preview| &preview.0);
        std::iter::once(&row.name.0).chain(preview)
    });
    app.vault().load_keys(caller.ws, &sealed.filter_map(key_of).collect::<Vec<_>>()).await?;
    let mut wanted = Wanted::default();
    for row in &rows {
        row.owner_user.into_iter().for_each(|user| wanted.user(user));
        first_contacts(row).for_each(|contact| wanted.contact(contact));
    }
    let people = wanted.find(app, caller).await?;
    let ids: Vec<TicketId> = rows.iter().map(|row| TicketId(row.ticket)).collect();
    let mut writing: HashMap<Uuid, Vec<String>> = HashMap::new();
    for draft in drafts::on_tickets(app.views(), caller.ws, caller.user, &ids).await? {
        writing.entry(draft.ticket).or_default().push(draft.kind);
    }
    let mut listed = Vec::with_capacity(rows.len());
    for row in rows {
        let drafts = writing.remove(&row.ticket).unwrap_or_default();
        listed.push(one(app, caller, &people, (row, drafts)).await?);
    }
    Ok(listed)
}

async fn one(
    app: &App,
    caller: &Caller,
    people: &People,
    (row, drafts): (TicketRow, Vec<String>),
) -> Result<TicketListed, ApiError> {
    let name = open(app, caller, row.ticket, "name", &row.name.0).await?;
    let preview = match &row.last_preview {
        Some(preview) => Some(open(app, caller, row.ticket, "message.preview", &preview.0).await?),
        None => None,
    };
    let place = Place { pipeline: PipelineId(row.pipeline), status: StatusId(row.status) };
    let directory = app.directory_where(caller.ws, |known| knows(known, place)).await?;
    let (pipeline, status) = place_in(&directory, place);
    let owner = (row.owner_user.is_some() || row.owner_team.is_some())
        .then(|| Owner { user: row.owner_user.map(UserId), team: row.owner_team.map(TeamId) });
    let last_direction = row.last_direction.as_deref().map(|word| match word {
        "incoming" => "in",
        _ => "out",
    });
    let priority = usize::try_from(row.priority).ok().and_then(|number| PRIORITIES.get(number));
    let time = |micros: i64| Timestamp::from_micros(micros).to_string();
    Ok(TicketListed {
        id: row.ticket,
        number: row.number,
        name,
        preview,
        last_direction,
        pipeline,
        status,
        priority: priority.copied().unwrap_or(PRIORITIES[0]),
        category: row.category.clone(),
        source: row.source.clone(),
        imported: row.imported,
        owner: owner.map(|owner| owner_shown(owner, |user| people.user(user))),
        contacts: first_contacts(&row).map(|id| people.contact(id)).collect(),
        contact_count: row.contacts.len(),
        tags: row.tags,
        has_conversation: row.has_conversation,
        drafts,
        created_at: time(row.created_at),
        last_activity_at: time(row.last_activity_at),
        last_message_at: row.last_message_at.map(time),
        version: row.version,
    })
}

fn first_contacts(row: &TicketRow) -> impl Iterator<Item = Uuid> {
    let others = row.contacts.iter().copied().filter(|id| Some(*id) != row.primary_contact);
    row.primary_contact.into_iter().chain(others).take(CONTACTS_SHOWN_MAX)
}
