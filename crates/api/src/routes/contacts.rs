//! Contacts: persons outside (K01).

use access::Right;
use axum::Json;
use axum::extract::State;
use commands::contact::{CreateContact, LiveContact, UpdateContact};
use decider::{Personal, Version};
use events::contact::{email_field, phone_field};
use events::{ContactEvent, ContactId};
use projections::lookup::{self, PersonKind, PersonRow};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::answer::{Answer, Etag, Stale, Written};
use crate::app::App;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::json::nullable;
use crate::list::{Limit, Listed};
use crate::opened::{Shown, open};
use crate::read::{AtLeast, Id, Params};
use crate::show::people;
use crate::show::properties::key_of;
use crate::travel::{self, AS_OF, AsOfQuery, Travelled};
use crate::write::{Write, target};

/// Where the list of contacts goes on.
const LIST: &str = "contacts";
const SEARCH: &str = "contacts.search";

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(list_contacts, create_contact))
        .routes(routes!(get_contact, update_contact))
}

/// A contact.
#[derive(Serialize, ToSchema)]
struct ContactRow {
    /// The id.
    id: Uuid,
    /// The name, if known.
    name: Option<Shown<String>>,
    /// E-mail addresses; the first is the one to write to.
    emails: Vec<Shown<String>>,
    /// Phone numbers.
    phones: Vec<Shown<String>>,
}

/// A contact with its version.
#[derive(Serialize, ToSchema)]
struct ContactDetail {
    #[serde(flatten)]
    contact: ContactRow,
    /// Its version.
    version: Version,
}

/// What is looked for, or which page of all.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ContactQuery {
    /// Beginnings of words of a name, an address, or digits of a number. Without it all contacts are listed.
    q: Option<String>,
    /// How many items at most: 1 to 200.
    #[serde(default)]
    #[param(value_type = Option<u16>, minimum = 1, maximum = 200, default = 50)]
    limit: Limit,
    /// Where the page before ended: its `next_cursor`. A search has one page.
    cursor: Option<String>,
}

/// A new contact: a name, an address or a number at least.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CreateContactBody {
    /// The name.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    name: Option<Personal<String>>,
    /// E-mail addresses; the first is primary.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    emails: Vec<Personal<String>>,
    /// Phone numbers; the first is primary.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    phones: Vec<Personal<String>>,
}

/// What changes of a contact; what is absent stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct UpdateContactBody {
    /// The name from now on; null removes it.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    name: Option<Option<Personal<String>>>,
    /// All e-mail addresses from now on; the first is primary.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    emails: Option<Vec<Personal<String>>>,
    /// All phone numbers from now on.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    phones: Option<Vec<Personal<String>>>,
}

/// Lists contacts by name, page after page; with `q` finds them: the best page of them.
#[utoipa::path(get, path = "/api/v1/contacts", tag = "contacts", params(ContactQuery),
    responses((status = 200, description = "contacts", body = Listed<ContactRow>)))]
async fn list_contacts(
    State(app): State<App>,
    caller: Caller,
    at_least: AtLeast,
    Params(query): Params<ContactQuery>,
) -> Result<(Stale, Json<Listed<ContactRow>>), ApiError> {
    caller.require(Right::TicketsView)?;
    let stale = app.await_view(&caller, at_least, "lookup").await?;
    let page = match &query.q {
        Some(words) => search(&app, &caller, words, &query).await?,
        None => page(&app, &caller, &query).await?,
    };
    Ok((stale, Json(page.map(found))))
}

/// Makes a person known.
#[utoipa::path(post, path = "/api/v1/contacts", tag = "contacts", request_body = CreateContactBody,
    responses((status = 201, description = "created", body = Written)))]
async fn create_contact(
    State(app): State<App>,
    write: Write<CreateContactBody>,
) -> Result<Answer, ApiError> {
    let contact_id: ContactId = write.meta.new_id("contact");
    let CreateContactBody { name, emails, phones } = &write.body;
    let command = CreateContact {
        contact_id,
        name: name.clone(),
        emails: emails.clone(),
        phones: phones.clone(),
    };
    Ok(Answer::created(app.write(&write, target::<ContactEvent>(contact_id), command).await?))
}

/// One contact, as it is now or was at an earlier place in the log.
#[utoipa::path(get, path = "/api/v1/contacts/{id}", tag = "contacts",
    params(("id" = Uuid, Path), AsOfQuery),
    responses((status = 200, description = "the contact", body = Travelled<ContactDetail>)))]
async fn get_contact(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<ContactId>,
    Params(query): Params<AsOfQuery>,
) -> Result<(Etag, Json<Travelled<ContactDetail>>), ApiError> {
    caller.require(Right::TicketsView)?;
    let moment = query.moment()?;
    let mut found = people::contacts(&app, &caller, &[id.0], None).await?;
    let mut then = found.remove(&id.0).ok_or_else(ApiError::not_found)?;
    let mut as_of = None;
    if let Some(moment) = moment {
        let at = travel::resolve(&app, &caller, Some(id.0), (AS_OF, moment)).await?;
        let mut found = people::contacts(&app, &caller, &[id.0], Some(at)).await?;
        then = found.remove(&id.0).ok_or_else(travel::not_yet_created)?;
        as_of = Some(at.shown(then.newest, Some(then.version)));
    }
    let contact = opened(&app, &caller, id, &then.contact).await?;
    let shown = ContactDetail { contact, version: then.version };
    Ok((Etag(then.version), Json(Travelled { shown, as_of })))
}

/// Changes who a contact is.
#[utoipa::path(patch, path = "/api/v1/contacts/{id}", tag = "contacts", params(("id" = Uuid, Path)),
    request_body = UpdateContactBody, responses((status = 200, description = "changed", body = Written)))]
async fn update_contact(
    State(app): State<App>,
    Id(contact_id): Id<ContactId>,
    write: Write<UpdateContactBody>,
) -> Result<Answer, ApiError> {
    let UpdateContactBody { name, emails, phones } = &write.body;
    let command = UpdateContact {
        contact_id,
        name: name.clone().map(Option::unwrap_or_default),
        emails: emails.clone(),
        phones: phones.clone(),
    };
    Ok(Answer::ok(app.write(&write, target::<ContactEvent>(contact_id), command).await?))
}

async fn search(
    app: &App,
    caller: &Caller,
    words: &str,
    query: &ContactQuery,
) -> Result<Listed<PersonRow>, ApiError> {
    // No cursor is ever made for a search.
    app.read_cursor::<()>(caller, SEARCH, query.cursor.as_deref())?;
    let (kind, limit) = (Some(PersonKind::Contact), u32::from(query.limit.0));
    let items = lookup::search(app.views(), caller.ws, words, kind, limit).await?;
    Ok(Listed { items, next_cursor: None })
}

async fn page(
    app: &App,
    caller: &Caller,
    query: &ContactQuery,
) -> Result<Listed<PersonRow>, ApiError> {
    let after: Option<(String, Uuid)> = app.read_cursor(caller, LIST, query.cursor.as_deref())?;
    let after = after.as_ref().map(|(name, person)| (name.as_str(), *person));
    let (kind, limit) = (PersonKind::Contact, u32::from(query.limit.0));
    let rows = lookup::page(app.views(), caller.ws, kind, after, limit).await?;
    Ok(Listed::cut(rows, query.limit, |last| {
        app.cursor(caller, LIST, &(&last.sort_name, last.person))
    }))
}

fn found(row: PersonRow) -> ContactRow {
    let mut emails = row.emails.0;
    emails.sort_by_key(|email| (Some(email.no) != row.primary_email, email.no));
    ContactRow {
        id: row.person,
        name: row.name.map(Shown::Open),
        emails: emails.into_iter().map(|email| Shown::Open(email.value)).collect(),
        phones: row.phones.0.into_iter().map(|phone| Shown::Open(phone.value)).collect(),
    }
}

async fn opened(
    app: &App,
    caller: &Caller,
    id: ContactId,
    contact: &LiveContact,
) -> Result<ContactRow, ApiError> {
    let emails = contact.emails.iter().map(|email| &email.address);
    let phones = contact.phones.iter().map(|phone| &phone.number);
    let sealed = contact.name.iter().chain(emails).chain(phones);
    app.vault().load_keys(caller.ws, &sealed.filter_map(key_of).collect::<Vec<_>>()).await?;
    let mut row = ContactRow { id: id.0, name: None, emails: Vec::new(), phones: Vec::new() };
    if let Some(name) = &contact.name {
        row.name = Some(open(app, caller, id, "name", name).await?);
    }
    for email in &contact.emails {
        let shown = open(app, caller, id, &email_field(email.no), &email.address).await?;
        let place = if contact.primary_email == Some(email.no) { 0 } else { row.emails.len() };
        row.emails.insert(place, shown);
    }
    for phone in &contact.phones {
        row.phones.push(open(app, caller, id, &phone_field(phone.no), &phone.number).await?);
    }
    Ok(row)
}
