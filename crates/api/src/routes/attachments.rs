//! Files of messages and comments: found at their ticket, taken over from uploads when somebody writes.

use std::collections::BTreeSet;

use axum::extract::State;
use axum::response::Response;
use commands::claims::{CONTACT_EMAIL, email_key};
use commands::ticket::NewAttachment;
use decider::{KeyScope, Opened, Personal, StoredEvent, Version};
use events::message::{Attachment, ObjectRef};
use events::{AttachmentId, TicketEvent, TicketId, decode_stored};
use projections::thread::{self, ItemContent};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::thread::erased;
use super::uploads::file;
use crate::app::App;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::file_name;
use crate::read::{Id, Params};
use crate::show::fold::{self, TicketName};

/// So many events of a stream are held at a time.
const EVENTS_AT_A_TIME: u32 = 200;
const NAMELESS: &str = "file";

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(download_attachment))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AttachmentQuery {
    /// The message or comment it belongs to: it is found faster.
    item: Option<Uuid>,
}

/// A file of a message or comment, byte by byte.
#[utoipa::path(get, path = "/api/v1/tickets/{id}/attachments/{attachment_id}", tag = "thread",
    params(("id" = String, Path, description = "id or number"), ("attachment_id" = Uuid, Path), AttachmentQuery),
    responses((status = 200, description = "the bytes", body = Vec<u8>,
        content_type = "application/octet-stream")))]
async fn download_attachment(
    State(app): State<App>,
    caller: Caller,
    Id((name, id)): Id<(TicketName, AttachmentId)>,
    Params(query): Params<AttachmentQuery>,
) -> Result<Response, ApiError> {
    let ticket = fold::visible(&app, &caller, name).await?;
    let hinted = match query.item {
        Some(item) => in_view(&app, &caller, (ticket, item), id).await?,
        None => None,
    };
    let found = match hinted {
        Some(found) => found,
        None => in_stream(&app, &caller, ticket, id).await?.ok_or_else(ApiError::not_found)?,
    };
    let object = stored_object(&found.object, found.size_bytes);
    let Opened::Open(bytes) = app.objects().get(caller.ws, &object).await? else {
        return Err(erased());
    };
    let field = format!("attachment.{id}.name");
    let name = app.vault().open_sealed(caller.ws, ticket.0, &field, &found.name).await?;
    let name = name.into_option().unwrap_or_else(|| NAMELESS.to_owned());
    Ok(file(&file_name::clean(&name), &file_name::media_type(&found.media_type), bytes))
}

/// Where the bytes of an event's object are, as the object store names them.
pub(super) fn stored_object(object: &ObjectRef, size: u64) -> vault::ObjectRef {
    vault::ObjectRef { key: object.key, hash: object.hash.clone(), size }
}

async fn in_view(
    app: &App,
    caller: &Caller,
    (ticket, item): (TicketId, Uuid),
    id: AttachmentId,
) -> Result<Option<Attachment>, ApiError> {
    let row = thread::find(app.views(), caller.ws, ticket, item).await?;
    let files = row.map(|row| match row.content.0 {
        ItemContent::Message(message) => message.attachments,
        ItemContent::Comment(comment) => comment.attachments,
    });
    Ok(files.into_iter().flatten().find(|file| file.id == id))
}

async fn in_stream(
    app: &App,
    caller: &Caller,
    ticket: TicketId,
    id: AttachmentId,
) -> Result<Option<Attachment>, ApiError> {
    let text = id.to_string();
    let mut after: Version = 0;
    loop {
        let page = app.reader().stream_page(caller.ws, ticket.0, after, EVENTS_AT_A_TIME).await?;
        for stored in page.iter().filter(|stored| names(stored, &text)) {
            let event: TicketEvent = decode_stored(stored).map_err(ApiError::failed)?;
            if let Some(found) = files_of(event).into_iter().find(|file| file.id == id) {
                return Ok(Some(found));
            }
        }
        match page.last() {
            Some(last) if page.len() == EVENTS_AT_A_TIME as usize => after = last.version,
            Some(_) | None => return Ok(None),
        }
    }
}

/// Whether the id stands in a payload at all: reading it costs much more.
fn names(stored: &StoredEvent, id: &str) -> bool {
    stored.payload.windows(id.len()).any(|window| window == id.as_bytes())
}

fn files_of(event: TicketEvent) -> Vec<Attachment> {
    match event {
        TicketEvent::MessageReceived(received) => received.message.attachments,
        TicketEvent::MessageImported(imported) => imported.message.attachments,
        TicketEvent::ReplySubmitted(reply) => reply.message.attachments,
        TicketEvent::CommentAdded(comment) => comment.attachments,
        TicketEvent::MessageRedacted(redacted) => redacted.message.attachments,
        TicketEvent::CommentRedacted(redacted) => redacted.comment.attachments,
        _ => Vec::new(),
    }
}

/// The caller's uploads as files to be attached, in the order named. From now on they are kept, and erasing one of the
/// `subjects` concerns them.
pub(super) async fn take_uploads(
    app: &App,
    caller: &Caller,
    ids: &[Uuid],
    subjects: Vec<Uuid>,
) -> Result<Vec<NewAttachment>, ApiError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    if ids.len() > commands::limits::ATTACHMENTS_MAX {
        return Err(ApiError::invalid_field(
            "attachment_ids",
            "too_many",
            "there are too many files",
        ));
    }
    let mut found = app.ops().uploads.get(caller.ws, caller.user.0, ids).await?;
    found.retain(|_, upload| upload.user == caller.user.0);
    let mut files = Vec::with_capacity(ids.len());
    for (index, id) in ids.iter().enumerate() {
        let upload = found.get(id).cloned().ok_or_else(|| {
            let field = format!("attachment_ids.{index}");
            ApiError::invalid_field(&field, "unknown_upload", "is none of your uploads")
        })?;
        let object = ObjectRef {
            key: upload.object.key,
            hash: upload.object.hash,
            size_bytes: upload.object.size,
        };
        files.push(NewAttachment {
            id: AttachmentId(upload.id),
            object,
            name: Personal(upload.meta.name),
            media_type: upload.meta.media_type,
            size_bytes: upload.object.size,
            sha256: Personal(upload.meta.sha256),
            inline_cid: None,
        });
    }
    // Before they are attached: what is attached must never be taken for an upload that nothing uses.
    app.ops().uploads.mark_used(caller.ws, caller.user.0, ids, app.now()).await?;
    if !subjects.is_empty() {
        for file in &files {
            let scope = KeyScope::content(file.id.0, subjects.clone());
            app.vault().assign(caller.ws, file.object.key, &scope).await?;
        }
    }
    Ok(files)
}

/// The persons a file of a reply is about: the contacts of the ticket and those who are written to.
pub(super) async fn subjects(
    app: &App,
    caller: &Caller,
    ticket: TicketId,
    emails: impl Iterator<Item = &str>,
) -> Result<Vec<Uuid>, ApiError> {
    let folded = fold::fold(app, caller, TicketName::Id(ticket)).await?;
    let scope = format!("claim.{CONTACT_EMAIL}");
    let mac = |email: &str| app.vault().mac(caller.ws, &scope, email_key(email).as_bytes());
    let keys: Vec<_> = emails
        .take(commands::limits::RECIPIENTS_MAX)
        .map(|email| (CONTACT_EMAIL, mac(email)))
        .collect();
    let holders = app.reader().claims(caller.ws, &keys).await?;
    let holders = holders.into_iter().filter_map(|claim| claim.holder);
    let contacts = folded.live.contacts.iter().map(|contact| contact.0);
    Ok(Vec::from_iter(contacts.chain(holders).collect::<BTreeSet<_>>()))
}
