//! The thread of a ticket: messages and comments, and the original bytes of a message.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use decider::Opened;
use events::MessageId;
use events::message::ObjectRef;
use projections::effect::Until;
use projections::thread;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::attachments::stored_object;
use super::uploads::file;
use crate::answer::Stale;
use crate::app::App;
use crate::caller::Caller;
use crate::error::{ApiError, Kind};
use crate::list::{Limit, Listed};
use crate::read::{AtLeast, Id, Params};
use crate::show::fold::{self, TicketName, visit};
use crate::show::page;
use crate::show::thread::{ThreadItem, show};
use crate::travel::{self, AS_OF, Journey, Names, Travelled, list_at};

const VIEW: &str = "thread";

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(get_thread)).routes(routes!(get_original))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ThreadQuery {
    /// How many items at most: 1 to 200.
    #[serde(default)]
    #[param(value_type = Option<u16>, minimum = 1, maximum = 200, default = 50)]
    limit: Limit,
    /// Where the page before ended: its `next_cursor`.
    cursor: Option<String>,
    /// The thread as it was (Z04): an instant, `position:123` or `version:7`.
    as_of: Option<String>,
}

/// Messages and comments of a ticket, oldest first.
#[utoipa::path(get, path = "/api/v1/tickets/{id}/thread", tag = "thread",
    params(("id" = String, Path, description = "id or number"), ThreadQuery),
    responses((status = 200, description = "a page of items", body = Travelled<Listed<ThreadItem>>)))]
async fn get_thread(
    State(app): State<App>,
    caller: Caller,
    Id(name): Id<TicketName>,
    at_least: AtLeast,
    Params(query): Params<ThreadQuery>,
) -> Result<(Stale, Json<Travelled<Listed<ThreadItem>>>), ApiError> {
    let moment = travel::read(AS_OF, query.as_of.as_deref())?;
    let (ticket, then) = visit(&app, &caller, name, moment).await?;
    let list = list_at(&format!("thread.{ticket}"), moment);
    let after = page::start(&app, &caller, &list, query.cursor.as_deref())?;
    let at_least = then.as_ref().map_or(at_least, |then| at_least.and(then.ticket.position));
    let stale = app.await_view(&caller, at_least, VIEW).await?;
    let (limit, whose) = (u32::from(query.limit.0), (caller.ws, ticket));
    let place = then.as_ref().map_or(Until::PRESENT, |then| then.until);
    let found = thread::page(app.views(), whose, &place, after, limit).await?;
    let names = Names::of(&app, &caller, then.as_ref().map(|then| then.at)).await?;
    let items = show(&app, &caller, (ticket, &names), found.items).await?;
    let shown = page::listed(&app, &caller, &list, found.next, items);
    Ok((stale, Json(Travelled { shown, as_of: then.as_ref().map(Journey::shown) })))
}

/// A message as it was received, byte by byte.
#[utoipa::path(get, path = "/api/v1/tickets/{id}/messages/{message_id}/raw", tag = "thread",
    params(("id" = String, Path, description = "id or number"), ("message_id" = Uuid, Path)),
    responses((status = 200, description = "the bytes", body = Vec<u8>, content_type = "message/rfc822")))]
async fn get_original(
    State(app): State<App>,
    caller: Caller,
    Id((name, message)): Id<(TicketName, MessageId)>,
    at_least: AtLeast,
) -> Result<(Stale, Response), ApiError> {
    let ticket = fold::visible(&app, &caller, name).await?;
    let stale = app.await_view(&caller, at_least, VIEW).await?;
    let row = thread::find(app.views(), caller.ws, ticket, message.0).await?;
    let raw: ObjectRef =
        row.and_then(|row| row.raw).map(|raw| raw.0).ok_or_else(ApiError::not_found)?;
    match app.objects().get(caller.ws, &stored_object(&raw, raw.size_bytes)).await? {
        Opened::Open(bytes) => {
            let mut response = file(&format!("{message}.eml"), "message/rfc822", bytes);
            let kind = http::HeaderValue::from_static("message/rfc822");
            response.headers_mut().insert(http::header::CONTENT_TYPE, kind);
            Ok((stale, response))
        }
        Opened::Forgotten => Err(erased()),
    }
}

/// 404 for bytes whose key was destroyed.
pub(super) fn erased() -> ApiError {
    ApiError::new(Kind::NotFound, "erased", "this was erased")
}
