//! All drafts of one's own (D02).

use std::collections::HashMap;

use axum::Json;
use axum::extract::State;
use decider::Timestamp;
use events::TicketId;
use ops::{DraftBody, DraftContent};
use projections::{drafts, inbox};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::DraftContentFields;
use crate::answer::Stale;
use crate::app::App;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::list::{Listed, PageQuery};
use crate::opened::{Shown, open};
use crate::read::{AtLeast, Params};
use crate::show::page;
use crate::show::properties::key_of;
use crate::show::words::DraftKindWord;

const LIST: &str = "drafts";

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(list_drafts))
}

/// A draft of one's own, in the list.
#[derive(Serialize, ToSchema)]
struct DraftListed {
    /// The id.
    id: Uuid,
    /// What it will become.
    #[schema(value_type = DraftKindWord)]
    kind: String,
    /// The ticket it is written on.
    ticket: DraftTicket,
    /// What is written so far.
    #[schema(value_type = DraftContentFields)]
    content: DraftContent,
    /// When it was begun.
    #[schema(format = DateTime)]
    started_at: String,
    /// The last save.
    #[schema(format = DateTime)]
    updated_at: String,
}

/// The ticket of a draft.
#[derive(Clone, Serialize, ToSchema)]
struct DraftTicket {
    /// The id.
    id: Uuid,
    /// Its number.
    number: Option<i64>,
    /// Its name.
    name: Option<Shown<String>>,
}

/// Lists one's own drafts, newest first.
#[utoipa::path(get, path = "/api/v1/drafts", tag = "drafts", params(PageQuery),
    responses((status = 200, description = "a page of drafts", body = Listed<DraftListed>)))]
async fn list_drafts(
    State(app): State<App>,
    caller: Caller,
    at_least: AtLeast,
    Params(query): Params<PageQuery>,
) -> Result<(Stale, Json<Listed<DraftListed>>), ApiError> {
    let after = page::start(&app, &caller, LIST, query.cursor.as_deref())?;
    let stale = app.await_view(&caller, at_least, "drafts").await?;
    let limit = u32::from(query.limit.0);
    let found = drafts::page(app.views(), caller.ws, caller.user, after, limit).await?;
    let ids: Vec<Uuid> = found.items.iter().map(|row| row.draft).collect();
    let bodies = app.ops().drafts.load_many(caller.ws, caller.user.0, &ids).await?;
    let mut bodies: HashMap<Uuid, DraftBody> =
        bodies.into_iter().map(|body| (body.draft, body)).collect();
    let tickets: Vec<TicketId> = found.items.iter().map(|row| TicketId(row.ticket)).collect();
    let tickets = named(&app, &caller, &tickets).await?;
    let items = found.items.into_iter().map(|row| {
        let body = bodies.remove(&row.draft);
        let saved_at = Timestamp::from_micros(row.saved_at);
        let unknown = DraftTicket { id: row.ticket, number: None, name: None };
        DraftListed {
            id: row.draft,
            kind: row.kind,
            ticket: tickets.get(&row.ticket).cloned().unwrap_or(unknown),
            updated_at: body.as_ref().map_or(saved_at, |body| body.updated_at).to_string(),
            content: body.map(|body| body.content).unwrap_or_default(),
            started_at: Timestamp::from_micros(row.started_at).to_string(),
        }
    });
    let items = items.collect();
    Ok((stale, Json(page::listed(&app, &caller, LIST, found.next, items))))
}

async fn named(
    app: &App,
    caller: &Caller,
    ids: &[TicketId],
) -> Result<HashMap<Uuid, DraftTicket>, ApiError> {
    let rows = inbox::tickets(app.views(), caller.ws, ids).await?;
    let keys: Vec<Uuid> = rows.iter().filter_map(|row| key_of(&row.name.0)).collect();
    app.vault().load_keys(caller.ws, &keys).await?;
    let mut tickets = HashMap::with_capacity(rows.len());
    for row in rows {
        let name = Some(open(app, caller, row.ticket, "name", &row.name.0).await?);
        let ticket = DraftTicket { id: row.ticket, number: Some(row.number), name };
        tickets.insert(row.ticket, ticket);
    }
    Ok(tickets)
}
