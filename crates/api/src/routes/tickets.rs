//! Tickets: making, reading, changing (T04, T07, T11).

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use commands::claims::email_key;
use commands::ticket::{AddContact, ContactChoice, CreateTicket, PropertyInputs, UpdateTicket};
use decider::{Event, LogPosition, Personal};
use event_store::handler::Accepted;
use events::contact::email_field;
use events::value::{Owner, Priority, TicketSource};
use events::{
    ContactId, PipelineId, StatusId, TeamId, TicketEvent, TicketId, UserId, decode_stored,
};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::answer::{Answer, Etag, Written};
use crate::app::App;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::json::nullable;
use crate::opened::{Shown, open};
use crate::read::{Id, Params};
use crate::show::fold::{self, TicketName};
use crate::show::people;
use crate::show::properties::key_of;
use crate::show::ticket::{TicketShown, show, show_with};
use crate::show::words::PriorityWord;
use crate::travel::{self, AS_OF, AsOfQuery, At, Names, Travelled};
use crate::write::{Write, target};

/// Values of custom properties by key or id; null empties one.
pub type Properties = BTreeMap<String, Personal<Value>>;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(create_ticket))
        .routes(routes!(get_ticket, update_ticket))
        .routes(routes!(add_contact))
}

/// A new ticket.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CreateTicketBody {
    /// Its name.
    #[schema(value_type = String)]
    name: Personal<String>,
    /// Its pipeline; the workspace's default if nothing is said.
    #[serde(default)]
    #[schema(value_type = Option<Uuid>)]
    pipeline_id: Option<PipelineId>,
    /// Its status; the pipeline's first if nothing is said.
    #[serde(default)]
    #[schema(value_type = Option<Uuid>)]
    status_id: Option<StatusId>,
    /// How urgent it is.
    #[serde(default)]
    #[schema(value_type = Option<PriorityWord>)]
    priority: Option<Priority>,
    /// Its category.
    #[serde(default)]
    category: Option<String>,
    /// Who is responsible.
    #[serde(default)]
    owner: Option<OwnerBody>,
    /// Contacts that take part; the first is primary.
    #[serde(default)]
    #[schema(value_type = Vec<Uuid>)]
    contact_ids: Vec<ContactId>,
    /// Companies; this version keeps none.
    #[serde(default)]
    company_ids: Vec<Uuid>,
    /// Tags.
    #[serde(default)]
    tags: Vec<String>,
    /// Values of custom properties by key or id.
    #[serde(default)]
    #[schema(value_type = Object)]
    properties: Properties,
}

/// Who is responsible: a user, a team, or a user within a team.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct OwnerBody {
    /// The user.
    #[serde(default)]
    #[schema(value_type = Option<Uuid>)]
    user_id: Option<UserId>,
    /// The team.
    #[serde(default)]
    #[schema(value_type = Option<Uuid>)]
    team_id: Option<TeamId>,
}

/// What changes of a ticket; what is absent stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct UpdateTicketBody {
    /// Its name from now on.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    name: Option<Personal<String>>,
    /// How urgent it is from now on; null takes the rank away.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<PriorityWord>)]
    priority: Option<Option<Priority>>,
    /// Its category from now on; null removes it.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    category: Option<Option<String>>,
    /// Values of custom properties by key or id; null empties one, what is absent stays.
    #[serde(default)]
    #[schema(value_type = Object)]
    properties: Properties,
    /// All its tags from now on.
    #[serde(default)]
    tags: Option<Vec<String>>,
}

/// Whom to add: somebody known, or somebody new.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AddContactBody {
    /// Somebody known.
    #[serde(default)]
    #[schema(value_type = Option<Uuid>)]
    contact_id: Option<ContactId>,
    /// Somebody new.
    #[serde(default)]
    contact: Option<NewContactBody>,
}

/// Somebody new; an address that a contact already has means that contact.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewContactBody {
    /// The name.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    name: Option<Personal<String>>,
    /// The e-mail address.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    email: Option<Personal<String>>,
    /// The phone number.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    phone: Option<Personal<String>>,
}

/// A ticket that was created.
#[derive(Serialize, ToSchema)]
struct CreatedTicket {
    #[serde(flatten)]
    written: Written,
    /// Its number, for people.
    number: u64,
}

/// A contact that takes part.
#[derive(Serialize, ToSchema)]
struct AddedContact {
    #[serde(flatten)]
    written: Written,
    /// The contact: the new one, or the one that has this address.
    contact_id: Uuid,
}

/// Creates a ticket. It has no conversation unless contacts are named.
#[utoipa::path(post, path = "/api/v1/tickets", tag = "tickets", request_body = CreateTicketBody,
    responses((status = 201, description = "created", body = CreatedTicket)))]
async fn create_ticket(
    State(app): State<App>,
    write: Write<CreateTicketBody>,
) -> Result<Answer<CreatedTicket>, ApiError> {
    let (caller, body) = (&write.caller, &write.body);
    if !body.company_ids.is_empty() {
        let field = "company_ids.0";
        return Err(ApiError::invalid_field(field, "unknown_company", "there is no such company"));
    }
    let ticket_id: TicketId = write.meta.new_id("ticket");
    let by_program = caller.token.is_some();
    let command = CreateTicket {
        ticket_id,
        name: body.name.clone(),
        pipeline_id: body.pipeline_id,
        status_id: body.status_id,
        source: if by_program { TicketSource::Api } else { TicketSource::Manual },
        priority: body.priority.unwrap_or_default(),
        category: body.category.clone(),
        owner: body
            .owner
            .map(|OwnerBody { user_id, team_id }| Owner { user: user_id, team: team_id }),
        contact_ids: body.contact_ids.clone(),
        tags: body.tags.clone(),
        properties: PropertyInputs(body.properties.clone()),
    };
    let accepted =
        app.execute(caller, &write.meta, target::<TicketEvent>(ticket_id), command).await?;
    let created = accepted.events().first().map(decode_stored::<TicketEvent>).transpose();
    let number = match created.map_err(ApiError::failed)? {
        Some(TicketEvent::Created(created)) => created.number,
        Some(_) | None => 0,
    };
    let written = app.written(caller, ticket_id.0, &accepted).await?;
    Ok(Answer::with(StatusCode::CREATED, written, |written| CreatedTicket { written, number }))
}

/// One ticket, as it is now or was at an earlier place in the log.
#[utoipa::path(get, path = "/api/v1/tickets/{id}", tag = "tickets",
    params(("id" = String, Path, description = "id or number"), AsOfQuery),
    responses((status = 200, description = "the ticket", body = Travelled<TicketShown>)))]
async fn get_ticket(
    State(app): State<App>,
    caller: Caller,
    Id(name): Id<TicketName>,
    Params(query): Params<AsOfQuery>,
) -> Result<(Etag, Json<Travelled<TicketShown>>), ApiError> {
    let shown = match query.moment()? {
        None => {
            let now = fold::fold(&app, &caller, name).await?;
            Travelled::now(show(&app, &caller, now).await?)
        }
        Some(moment) => {
            let id = fold::id_of(&app, &caller, name).await?;
            let journey = travel::journey(&app, &caller, id, (AS_OF, moment)).await?;
            let (as_of, names) =
                (journey.shown(), Names::of(&app, &caller, Some(journey.at)).await?);
            Travelled::then(show_with(&app, &caller, journey.ticket, &names).await?, as_of)
        }
    };
    Ok((Etag(shown.shown.version()), Json(shown)))
}

/// Changes what a ticket is.
#[utoipa::path(patch, path = "/api/v1/tickets/{id}", tag = "tickets",
    params(("id" = String, Path, description = "id or number")),
    request_body = UpdateTicketBody, responses((status = 200, description = "changed", body = Written)))]
async fn update_ticket(
    State(app): State<App>,
    Id(name): Id<TicketName>,
    write: Write<UpdateTicketBody>,
) -> Result<Answer, ApiError> {
    let ticket_id = fold::id_of(&app, &write.caller, name).await?;
    let body = &write.body;
    let command = UpdateTicket {
        ticket_id,
        name: body.name.clone(),
        priority: body.priority.map(Option::unwrap_or_default),
        category: body.category.clone(),
        tags: body.tags.clone(),
        properties: PropertyInputs(body.properties.clone()),
    };
    Ok(Answer::ok(app.write(&write, target::<TicketEvent>(ticket_id), command).await?))
}

/// Lets a contact take part, which starts the conversation.
#[utoipa::path(post, path = "/api/v1/tickets/{id}/contacts", tag = "tickets",
    params(("id" = String, Path, description = "id or number")),
    request_body = AddContactBody, responses((status = 200, description = "added", body = AddedContact)))]
async fn add_contact(
    State(app): State<App>,
    Id(name): Id<TicketName>,
    write: Write<AddContactBody>,
) -> Result<Answer<AddedContact>, ApiError> {
    let ticket_id = fold::id_of(&app, &write.caller, name).await?;
    let (contact, new_id) = match (write.body.contact_id, write.body.contact.clone()) {
        (Some(id), None) => (ContactChoice::Existing(id), id),
        (None, Some(NewContactBody { name, email, phone })) => {
            let contact_id: ContactId = write.meta.new_id("contact");
            (ContactChoice::New { contact_id, name, email, phone }, contact_id)
        }
        (Some(_), Some(_)) | (None, None) => {
            let message = "name either contact_id or contact";
            return Err(ApiError::invalid_field("contact_id", "either_or", message));
        }
    };
    let command = AddContact { ticket_id, contact };
    let target = target::<TicketEvent>(ticket_id);
    let accepted = app.execute(&write.caller, &write.meta, target, command).await?;
    let written = app.written(&write.caller, ticket_id.0, &accepted).await?;
    let contact_id = match added_contact(&accepted)? {
        Some(added) => added,
        None => takes_part(&app, &write, ticket_id, accepted.position).await?.unwrap_or(new_id),
    };
    let contact_id = contact_id.0;
    Ok(Answer::with(StatusCode::OK, written, |written| AddedContact { written, contact_id }))
}

/// Whom this command added. Somebody else may have the address by now.
fn added_contact(accepted: &Accepted) -> Result<Option<ContactId>, ApiError> {
    for stored in accepted.events().iter().filter(|event| event.kind == TicketEvent::KIND) {
        if let TicketEvent::ContactAssociated(added) =
            decode_stored(stored).map_err(ApiError::failed)?
        {
            return Ok(Some(added.contact));
        }
    }
    Ok(None)
}

/// The contact who took part already when nothing was added, as it was then: by now somebody else may have the address.
async fn takes_part(
    app: &App,
    write: &Write<AddContactBody>,
    ticket: TicketId,
    then: LogPosition,
) -> Result<Option<ContactId>, ApiError> {
    let caller = &write.caller;
    let email = write.body.contact.as_ref().and_then(|contact| contact.email.as_ref());
    let Some(key) = email.map(|email| email_key(&email.0)) else { return Ok(None) };
    let at = At::Position(then);
    let journey = travel::back_to(app, caller, ticket, at).await?;
    let ids: Vec<Uuid> = journey.ticket.live.contacts.iter().map(|contact| contact.0).collect();
    let contacts = people::contacts(app, caller, &ids, Some(at)).await?;
    let sealed = contacts.values().flat_map(|then| &then.contact.emails);
    let keys: Vec<Uuid> = sealed.filter_map(|email| key_of(&email.address)).collect();
    app.vault().load_keys(caller.ws, &keys).await?;
    for (id, then) in &contacts {
        for email in &then.contact.emails {
            let address = open(app, caller, *id, &email_field(email.no), &email.address).await?;
            if matches!(address, Shown::Open(address) if email_key(&address) == key) {
                return Ok(Some(ContactId(*id)));
            }
        }
    }
    Ok(None)
}
