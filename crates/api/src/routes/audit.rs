//! The audit log (Z02), for administrators.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use decider::Timestamp;
use events::TicketId;
use events::audit::ExportedData;
use projections::audit::Wanted;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::app::App;
use crate::audit::{AuditBook, AuditEntry, AuditKind, Place};
use crate::caller::Caller;
use crate::error::ApiError;
use crate::export::{Format, ROWS_AT_A_TIME};
use crate::filter::{ActorName, Kinds};
use crate::list::{Limit, Listed};
use crate::read::{AtLeast, Params};
use crate::recorded::Leaving;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(list_audit))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AuditQuery {
    /// How many items at most: 1 to 200.
    #[serde(default)]
    #[param(value_type = Option<u16>, minimum = 1, maximum = 200, default = 50)]
    limit: Limit,
    /// Where the page before ended: its `next_cursor`.
    cursor: Option<String>,
    /// Only what this actor did: its kind and id, such as `user:0190…`; `system` is the program itself.
    #[param(value_type = Option<String>)]
    actor: Option<ActorName>,
    /// Only entries of these kinds, such as `UserRoleChanged,RequestRefused`.
    #[param(value_type = Option<String>)]
    kind: Option<Kinds<AuditKind>>,
    /// Only what was recorded at this instant or later.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Only what was recorded before this instant.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    /// Only what is about this user, pipeline, property, channel, contact, ticket or erasure.
    target: Option<Uuid>,
    /// Only what is about the ticket with this id.
    #[param(value_type = Option<Uuid>)]
    ticket: Option<TicketId>,
    /// `csv` or `ndjson` for all of it as a file, without `limit` and `cursor`; a page of JSON if nothing is said.
    #[serde(default)]
    #[param(inline, required = false)]
    format: Format,
}

impl AuditQuery {
    fn wanted(&self) -> Wanted {
        Wanted {
            actor: self.actor.map(|ActorName(actor)| actor.to_string()),
            kinds: self.kind.as_ref().map(|kinds| kinds.names()),
            from: self.from.map(Timestamp::as_micros),
            until: self.until.map(Timestamp::as_micros),
            target: self.target,
            ticket: self.ticket.map(|ticket| ticket.0),
        }
    }
}

/// What administrators can look up, the newest first: changes of settings, users and tokens with the values before and after,
/// sign-ins, files that left, and what was refused.
///
/// Looking is recorded too, once in a quarter of an hour for each who looks. With `format` the whole of it as a file. Cells of a
/// table that a spreadsheet would take for a formula begin with a quote mark. A file that breaks off was not written to its end.
#[utoipa::path(get, path = "/api/v1/admin/audit", tag = "operation", params(AuditQuery),
    responses((status = 200, description = "a page of entries; with `format` a file", content(
        (Listed<AuditEntry> = "application/json"), (String = "text/csv"),
        (String = "application/x-ndjson")))))]
async fn list_audit(
    State(app): State<App>,
    caller: Caller,
    at_least: AtLeast,
    Params(query): Params<AuditQuery>,
) -> Result<Response, ApiError> {
    caller.require(access::Right::AuditRead)?;
    let stale = app.await_view(&caller, at_least, "audit").await?;
    let wanted = query.wanted();
    let book = AuditBook {
        ws: caller.ws,
        views: app.views().clone(),
        vault: app.vault().clone(),
        ops: app.ops().clone(),
        directory: app.directory(caller.ws).await?,
    };
    if let Some(format) = query.format.file() {
        let export = app.begin_export()?;
        let filtered = wanted != Wanted::default();
        let leaving = Leaving { data: ExportedData::AuditLog, format, filtered, ticket: None };
        app.record_export(&caller, leaving).await?;
        let next = move |place| {
            let (book, wanted) = (book.clone(), wanted.clone());
            async move { book.page(&wanted, place, ROWS_AT_A_TIME).await }
        };
        return Ok((stale, export.answer((format, "audit"), next).await?).into_response());
    }
    let list = format!("audit.{wanted:?}");
    let place: Option<Place> = app.read_cursor(&caller, &list, query.cursor.as_deref())?;
    if place.is_none() {
        app.record_audit_read(&caller).await?;
    }
    let (items, next) = book.page(&wanted, place, u32::from(query.limit.0)).await?;
    let next_cursor = next.map(|next| app.cursor(&caller, &list, &next));
    Ok((stale, Json(Listed { items, next_cursor })).into_response())
}
