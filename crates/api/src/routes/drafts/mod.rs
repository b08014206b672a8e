//! Drafts (D01–D04): what one is writing, for nobody else. The words live beside the log, their coming and going in it.

mod list;
mod sweep;

use axum::Json;
use axum::extract::State;
use commands::claims::{DRAFT, draft_key};
use commands::draft::{DiscardDraft, SaveDraft, StartDraft};
use decider::{CommandId, StoredEvent};
use event_store::handler::HandleError;
use events::draft::DraftKind;
use events::{DraftEvent, DraftId, TicketId};
use http::StatusCode;
use ops::{DraftBody, DraftContent, DraftName, DraftPatch, DraftSave, KeyedSave};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::answer::{Answer, Etag, Written};
use crate::app::App;
use crate::caller::Caller;
use crate::error::{ApiError, Kind};
use crate::hex;
use crate::read::{Id, Params};
use crate::show::fold::{self, TicketName};
use crate::show::words::DraftKindWord;
use crate::write::{Meta, NoBody, Write, target};

pub use sweep::{DraftSweep, sweep_finished_drafts};

/// A save is noted in the log at most every so often.
const NOTED_EVERY_S: i64 = 30;
const CLOSED: &str = "draft_closed";

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(get_draft, save_draft, discard_draft))
        .merge(list::routes())
}

/// The content of a draft. Recipients and properties are kept as they were sent; sending checks them.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = DraftContent)]
#[expect(dead_code, reason = "describes a type of another crate")]
pub struct DraftContentFields {
    /// What is written, as HTML.
    html: Option<String>,
    /// What is written, as text.
    text: Option<String>,
    /// To, as a reply takes it.
    #[schema(value_type = Option<Vec<Object>>)]
    to: Option<Vec<String>>,
    /// Cc.
    #[schema(value_type = Option<Vec<Object>>)]
    cc: Option<Vec<String>>,
    /// Bcc.
    #[schema(value_type = Option<Vec<Object>>)]
    bcc: Option<Vec<String>>,
    /// The channel to send from.
    from_channel_id: Option<Uuid>,
    /// The message that is answered.
    in_reply_to: Option<Uuid>,
    /// Uploads.
    attachment_ids: Option<Vec<Uuid>>,
    /// The status to set when it is sent.
    status_id: Option<Uuid>,
    /// The properties to set when it is sent.
    #[schema(value_type = Option<Object>)]
    properties: Option<String>,
    /// Users called by name in a comment.
    mentions: Option<Vec<Uuid>>,
}

/// A draft of one's own.
#[derive(Serialize, ToSchema)]
struct DraftShown {
    #[serde(flatten)]
    written: Written,
    /// The ticket.
    ticket_id: Uuid,
    /// What it will become.
    #[schema(value_type = DraftKindWord)]
    kind: DraftKind,
    /// What is written so far.
    #[schema(value_type = DraftContentFields)]
    content: DraftContent,
    /// The last save.
    #[schema(format = DateTime)]
    updated_at: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct DraftQuery {
    /// The draft as it was answered before: once it is sent or discarded, a late request begins no new one, and leaves one begun
    /// since alone (409 `draft_closed`).
    #[param(value_type = Option<Uuid>)]
    draft_id: Option<DraftId>,
}

impl DraftQuery {
    /// The open draft, if it is the one that is meant; whoever names none means it, or that there is none.
    fn meant(&self, open: Option<DraftId>) -> Result<Option<DraftId>, ApiError> {
        if self.draft_id.is_some() && self.draft_id != open { Err(closed()) } else { Ok(open) }
    }
}

/// One's own draft on a ticket.
#[utoipa::path(get, path = "/api/v1/tickets/{id}/drafts/{kind}", tag = "drafts",
    params(("id" = String, Path, description = "id or number"), ("kind" = inline(DraftKindWord), Path)),
    responses((status = 200, description = "the draft", body = DraftShown)))]
async fn get_draft(
    State(app): State<App>,
    caller: Caller,
    Id((name, kind)): Id<(TicketName, DraftKind)>,
) -> Result<(Etag, Json<DraftShown>), ApiError> {
    let ticket = fold::visible(&app, &caller, name).await?;
    let draft = open_draft(&app, &caller, ticket, kind).await?.ok_or_else(ApiError::not_found)?;
    let last = last_event(&app, &caller, draft).await?.ok_or_else(ApiError::not_found)?;
    let body = app.ops().drafts.load(&name_of(&caller, draft)).await?;
    let (content, updated_at) = match body {
        Some(body) => (body.content, Some(body.updated_at.to_string())),
        None => (DraftContent::default(), None),
    };
    let written = written(&last);
    let (version, ticket_id) = (written.version, ticket.0);
    Ok((Etag(version), Json(DraftShown { written, ticket_id, kind, content, updated_at })))
}

/// Saves one's own draft, field by field: what is absent stays, null clears. The first save begins it.
#[utoipa::path(put, path = "/api/v1/tickets/{id}/drafts/{kind}", tag = "drafts",
    params(("id" = String, Path, description = "id or number"), ("kind" = inline(DraftKindWord), Path), DraftQuery),
    request_body = DraftContentFields, responses((status = 200, description = "saved", body = DraftShown)))]
async fn save_draft(
    State(app): State<App>,
    Id((name, kind)): Id<(TicketName, DraftKind)>,
    Params(query): Params<DraftQuery>,
    write: Write<DraftPatch>,
) -> Result<Answer<DraftShown>, ApiError> {
    let caller = &write.caller;
    let ticket = fold::visible(&app, caller, name).await?;
    let keyed = keyed(&app, &write);
    if let Some(draft) = saved_before(&app, caller, keyed.as_ref()).await? {
        return shown_again(&app, caller, (ticket, kind), draft).await;
    }
    let draft = match query.meant(open_draft(&app, caller, ticket, kind).await?)? {
        Some(open) => open,
        None => begin(&app, &write, ticket, kind).await?,
    };
    let (patch, kind_name) = (write.body.clone(), kind.as_str().to_owned());
    let save = DraftSave { ticket: ticket.0, kind: kind_name, patch, keyed };
    let saved = app.ops().drafts.save(&name_of(caller, draft), &save, app.now()).await?;
    let body = saved.ok_or_else(closed)?;
    let written = note(&app, caller, draft, &body).await?;
    let updated_at = Some(body.updated_at.to_string());
    let (content, ticket_id) = (body.content, ticket.0);
    let shown = |written| DraftShown { written, ticket_id, kind, content, updated_at };
    Ok(Answer::with(StatusCode::OK, written, shown))
}

/// How this save is known again: keyed hashes of the idempotency key (as the command's id) and of what was asked.
fn keyed(app: &App, write: &Write<DraftPatch>) -> Option<KeyedSave> {
    let mac = |scope, bytes: &[u8]| app.vault().mac(write.caller.ws, scope, bytes);
    write.meta.keyed.then(|| KeyedSave {
        key_mac: mac("draft.save.key", write.meta.command.0.as_bytes()),
        body_mac: mac("draft.save.body", &write.meta.canonical),
    })
}

/// The draft that this very request saved when it came first: its words must not come back over newer ones (W02).
async fn saved_before(
    app: &App,
    caller: &Caller,
    keyed: Option<&KeyedSave>,
) -> Result<Option<DraftId>, ApiError> {
    let Some(save) = keyed else { return Ok(None) };
    match app.ops().drafts.saved_before((caller.ws, caller.user.0), save).await? {
        None => Ok(None),
        Some((draft, true)) => Ok(Some(DraftId(draft))),
        Some((_, false)) => Err(HandleError::KeyReused.into()),
    }
}

/// The answer to a repeated save: the draft as it is now.
async fn shown_again(
    app: &App,
    caller: &Caller,
    (ticket, kind): (TicketId, DraftKind),
    draft: DraftId,
) -> Result<Answer<DraftShown>, ApiError> {
    let last = last_event(app, caller, draft).await?.ok_or_else(closed)?;
    let body = app.ops().drafts.load(&name_of(caller, draft)).await?.ok_or_else(closed)?;
    let updated_at = Some(body.updated_at.to_string());
    let (content, ticket_id) = (body.content, ticket.0);
    let shown = |written| DraftShown { written, ticket_id, kind, content, updated_at };
    Ok(Answer::with(StatusCode::OK, written(&last), shown))
}

/// Throws one's own draft away; its words are destroyed.
#[utoipa::path(delete, path = "/api/v1/tickets/{id}/drafts/{kind}", tag = "drafts",
    params(("id" = String, Path, description = "id or number"), ("kind" = inline(DraftKindWord), Path), DraftQuery),
    responses((status = 200, description = "discarded", body = Written)))]
async fn discard_draft(
    State(app): State<App>,
    Id((name, kind)): Id<(TicketName, DraftKind)>,
    Params(query): Params<DraftQuery>,
    write: Write<NoBody>,
) -> Result<Answer, ApiError> {
    let caller = &write.caller;
    let ticket = fold::id_of(&app, caller, name).await?;
    let draft_id = match discarded_before(&app, &write).await? {
        Some(discarded) => discarded,
        None => query
            .meant(open_draft(&app, caller, ticket, kind).await?)?
            .ok_or_else(ApiError::not_found)?,
    };
    let (target, command) = (target::<DraftEvent>(draft_id), DiscardDraft { draft_id });
    let accepted = app.execute(caller, &write.meta, target, command).await?;
    // The same request may have reached another server first: what it discarded there counts, not the draft begun since.
    let discarded = accepted.events().first().map_or(draft_id, |event| DraftId(event.stream));
    if query.draft_id.is_some_and(|meant| meant != discarded) {
        return Err(HandleError::KeyReused.into());
    }
    let written = app.written(caller, discarded.0, &accepted).await?;
    finished(&app, caller, discarded).await;
    Ok(Answer::ok(written))
}

/// The draft has become a message or comment, or was thrown away: its words go. What fails here is left to the sweep.
pub(super) async fn finished(app: &App, caller: &Caller, draft: DraftId) {
    if let Err(error) = app.ops().drafts.delete(&name_of(caller, draft), app.now()).await {
        tracing::warn!(draft.id = %draft, error = &error as &dyn std::error::Error, "a draft's words stay for now");
    }
}

/// The caller's open draft of this kind: a claim, so it never lags.
async fn open_draft(
    app: &App,
    caller: &Caller,
    ticket: TicketId,
    kind: DraftKind,
) -> Result<Option<DraftId>, ApiError> {
    let key = draft_key(ticket, caller.user, kind);
    Ok(fold::claim(app, caller, DRAFT, &key).await?.map(DraftId))
}

/// Begins a draft, or finds the one that another tab has just begun.
async fn begin(
    app: &App,
    write: &Write<DraftPatch>,
    ticket_id: TicketId,
    kind: DraftKind,
) -> Result<DraftId, ApiError> {
    let draft_id: DraftId = write.meta.new_id("draft");
    let meta = Meta { expected: None, ..write.meta.clone() };
    let command = StartDraft { draft_id, ticket_id, kind };
    let accepted =
        app.execute(&write.caller, &meta, target::<DraftEvent>(draft_id), command).await?;
    match accepted.events().first() {
        Some(started) => Ok(DraftId(started.stream)),
        None => open_draft(app, &write.caller, ticket_id, kind).await?.ok_or_else(closed),
    }
}

/// Notes a save in the log, if the last note is old enough.
async fn note(
    app: &App,
    caller: &Caller,
    draft: DraftId,
    body: &DraftBody,
) -> Result<Written, ApiError> {
    let last = last_event(app, caller, draft).await?.ok_or_else(closed)?;
    let is_note = last.type_name == "DraftSaved";
    if is_note && last.at.plus_seconds(NOTED_EVERY_S) > app.now() {
        return Ok(written(&last));
    }
    let content = serde_json::to_vec(&body.content).unwrap_or_default();
    let content_mac = hex::encode(&app.vault().mac(caller.ws, "draft.content", &content));
    let command = SaveDraft { draft_id: draft, content_mac, record: true };
    // Two tabs that come at once note one save.
    let id = Uuid::new_v5(&draft.0, format!("save after {}", last.version).as_bytes());
    let canonical = b"draft.save".to_vec();
    let meta = Meta { command: CommandId(id), keyed: true, expected: None, canonical };
    match app.execute(caller, &meta, target::<DraftEvent>(draft), command).await {
        Ok(accepted) => app.written(caller, draft.0, &accepted).await,
        Err(error) => {
            if error.code() == CLOSED {
                // It was sent between the save and the note: what was saved late must not stay.
                finished(app, caller, draft).await;
            }
            Err(error)
        }
    }
}

/// The draft that this very request discarded when it came first.
async fn discarded_before(app: &App, write: &Write<NoBody>) -> Result<Option<DraftId>, ApiError> {
    if !write.meta.keyed {
        return Ok(None);
    }
    let ws = write.caller.ws;
    let known = app.reader().commands(ws, &[write.meta.command]).await?;
    let Some(command) = known.into_iter().flatten().next() else { return Ok(None) };
    let before = decider::LogPosition(command.first_pos.0.saturating_sub(1));
    let first = app.reader().after(ws, before, 1).await?;
    let own = first
        .into_iter()
        .find(|event| event.command == write.meta.command && event.type_name == "DraftDiscarded");
    Ok(own.map(|event| DraftId(event.stream)))
}

async fn last_event(
    app: &App,
    caller: &Caller,
    draft: DraftId,
) -> Result<Option<StoredEvent>, ApiError> {
    let version = app.version_of(caller, draft).await?;
    let tail = app.reader().stream(caller.ws, draft.0, version.saturating_sub(1)).await?;
    Ok(tail.into_iter().next_back())
}

fn written(last: &StoredEvent) -> Written {
    Written { id: last.stream, version: last.version, position: last.position.to_string() }
}

fn name_of(caller: &Caller, draft: DraftId) -> DraftName {
    DraftName { ws: caller.ws, draft: draft.0, user: caller.user.0 }
}

fn closed() -> ApiError {
    ApiError::new(Kind::Conflict, CLOSED, "this draft was sent or discarded")
}
