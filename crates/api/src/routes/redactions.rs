//! Redacting: taking words or a file out of a message or comment for ever (C17).

use axum::extract::State;
use commands::ticket::{RedactContent, Redaction, StoredContent};
use decider::{Personal, WorkspaceId};
use erasure::Content;
use events::erasure::ErasureReason;
use events::message::Attachment;
use events::{AttachmentId, CommentId, MessageId, TicketEvent, TicketId, decode_stored};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::answer::{Answer, Written};
use crate::app::App;
use crate::error::ApiError;
use crate::read::Id;
use crate::show::erasure::{CertificateShown, show};
use crate::show::fold::{self, TicketName};
use crate::show::words::ErasureReasonWord;
use crate::write::{Write, target};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(redact_message))
        .routes(routes!(redact_comment))
        .routes(routes!(redact_file))
}

/// Which words go: passages, or all of them.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RedactBody {
    /// Words that are taken out wherever they stand, in the text, the subject and the preview.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    passages: Vec<Personal<String>>,
    /// Whether the whole text goes.
    #[serde(default)]
    everything: bool,
    /// Why.
    #[serde(default = "misplaced")]
    #[schema(value_type = Option<ErasureReasonWord>)]
    reason: ErasureReason,
}

/// Why a file goes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RedactFileBody {
    /// Why.
    #[serde(default = "misplaced")]
    #[schema(value_type = Option<ErasureReasonWord>)]
    reason: ErasureReason,
}

const fn misplaced() -> ErasureReason {
    ErasureReason::Misplaced
}

/// Words or a file are being destroyed.
#[derive(Serialize, ToSchema)]
struct Redacted {
    #[serde(flatten)]
    written: Written,
    /// The certificate, as far as the erasure has come.
    certificate: CertificateShown,
}

/// Takes words out of a message for ever. Its original mail goes as well, since it holds them.
#[utoipa::path(post, path = "/api/v1/tickets/{id}/messages/{message_id}/redact", tag = "erasures",
    params(("id" = String, Path, description = "id or number"), ("message_id" = Uuid, Path)),
    request_body = RedactBody, responses((status = 202, description = "they are being destroyed", body = Redacted)))]
async fn redact_message(
    State(app): State<App>,
    Id((name, message)): Id<(TicketName, MessageId)>,
    write: Write<RedactBody>,
) -> Result<Answer<Redacted>, ApiError> {
    let (redaction, reason) = chosen(&write.body)?;
    redact(&app, &write, (name, Wanted::Message(message)), (redaction, reason)).await
}

/// Takes words out of a comment for ever.
#[utoipa::path(post, path = "/api/v1/tickets/{id}/comments/{comment_id}/redact", tag = "erasures",
    params(("id" = String, Path, description = "id or number"), ("comment_id" = Uuid, Path)),
    request_body = RedactBody, responses((status = 202, description = "they are being destroyed", body = Redacted)))]
async fn redact_comment(
    State(app): State<App>,
    Id((name, comment)): Id<(TicketName, CommentId)>,
    write: Write<RedactBody>,
) -> Result<Answer<Redacted>, ApiError> {
    let (redaction, reason) = chosen(&write.body)?;
    redact(&app, &write, (name, Wanted::Comment(comment)), (redaction, reason)).await
}

/// Destroys a file of a message or comment. The original mail of the message goes as well, since it holds it.
#[utoipa::path(post, path = "/api/v1/tickets/{id}/attachments/{attachment_id}/redact", tag = "erasures",
    params(("id" = String, Path, description = "id or number"), ("attachment_id" = Uuid, Path)),
    request_body = RedactFileBody, responses((status = 202, description = "it is being destroyed", body = Redacted)))]
async fn redact_file(
    State(app): State<App>,
    Id((name, file)): Id<(TicketName, AttachmentId)>,
    write: Write<RedactFileBody>,
) -> Result<Answer<Redacted>, ApiError> {
    let choice = (Redaction::File(file), write.body.reason);
    redact(&app, &write, (name, Wanted::File(file)), choice).await
}

fn chosen(body: &RedactBody) -> Result<(Redaction, ErasureReason), ApiError> {
    match (body.everything, body.passages.is_empty()) {
        (true, true) => Ok((Redaction::Everything, body.reason)),
        (true, false) => {
            let message = "names words, although everything goes";
            Err(ApiError::invalid_field("passages", "not_together", message))
        }
        (false, _) => Ok((Redaction::Passages(body.passages.clone()), body.reason)),
    }
}

/// What is looked for in a ticket.
#[derive(Clone, Copy)]
enum Wanted {
    Message(MessageId),
    Comment(CommentId),
    File(AttachmentId),
}

async fn redact<T>(
    app: &App,
    write: &Write<T>,
    (name, wanted): (TicketName, Wanted),
    (redaction, reason): (Redaction, ErasureReason),
) -> Result<Answer<Redacted>, ApiError> {
    let caller = &write.caller;
    let ticket_id = fold::visible(app, caller, name).await?;
    caller.require(access::Right::Erase)?;
    let (content, held) =
        find(app, caller.ws, ticket_id, wanted).await?.ok_or_else(ApiError::not_found)?;
    let subjects = app.vault().subjects_of(caller.ws, &Vec::from_iter(held.keys.clone())).await?;
    let command = RedactContent {
        ticket_id,
        keys: keys_that_go(&content, &held, &redaction),
        content,
        redaction,
        reason,
        erasure_id: write.meta.new_id("erasure"),
        subjects: subjects.into_values().flatten().collect(),
    };
    let id = command.erasure_id;
    let written = app.write(write, target::<TicketEvent>(ticket_id), command).await?;
    let found = erasure::certificate(app.erasing(), caller.ws, id).await?;
    let certificate = show(app, caller, found.ok_or_else(ApiError::not_found)?).await?;
    Ok(Answer::with(StatusCode::ACCEPTED, written, |written| Redacted { written, certificate }))
}

/// The newest form of a content, and every key and object it ever had. From the ticket's stream: no view may be behind.
async fn find(
    app: &App,
    ws: WorkspaceId,
    ticket: TicketId,
    wanted: Wanted,
) -> Result<Option<(StoredContent, Content)>, ApiError> {
    let mut newest: Option<StoredContent> = None;
    erasure::each_event(app.erasing(), ws, ticket.0, |stored| {
        let Some(content) = content_of(decode_stored(stored)?) else { return Ok(()) };
        // A later form counts even if it has lost the file: then the command says that there is none.
        let follows =
            newest.as_ref().is_some_and(|known| parts_of(known).0 == parts_of(&content).0);
        if follows || is_wanted(&content, wanted) {
            newest = Some(content);
        }
        Ok(())
    })
    .await?;
    let Some(content) = newest else { return Ok(None) };
    let mut held = erasure::contents_of(app.erasing(), ws, ticket).await?;
    let (id, _) = parts_of(&content);
    Ok(held.contents.remove(&id).map(|held| (content, held)))
}

fn content_of(event: TicketEvent) -> Option<StoredContent> {
    let message = |message| Some(StoredContent::Message(Box::new(message)));
    match event {
        TicketEvent::MessageReceived(received) => message(received.message),
        TicketEvent::MessageImported(imported) => message(imported.message),
        TicketEvent::ReplySubmitted(reply) => message(reply.message),
        TicketEvent::MessageRedacted(redacted) => message(redacted.message),
        TicketEvent::CommentAdded(comment) => Some(StoredContent::Comment(Box::new(comment))),
        TicketEvent::CommentRedacted(redacted) => {
            Some(StoredContent::Comment(Box::new(redacted.comment)))
        }
        _ => None,
    }
}

fn is_wanted(content: &StoredContent, wanted: Wanted) -> bool {
    let (id, files) = parts_of(content);
    match (wanted, content) {
        (Wanted::Message(message), StoredContent::Message(_)) => message.0 == id,
        (Wanted::Comment(comment), StoredContent::Comment(_)) => comment.0 == id,
        (Wanted::File(file), _) => files.iter().any(|known| known.id == file),
        (Wanted::Message(_), StoredContent::Comment(_))
        | (Wanted::Comment(_), StoredContent::Message(_)) => false,
    }
}

fn parts_of(content: &StoredContent) -> (Uuid, &[Attachment]) {
    match content {
        StoredContent::Message(message) => (message.id.0, &message.attachments),
        StoredContent::Comment(comment) => (comment.comment.0, &comment.attachments),
    }
}

/// Every key the content ever had, but those of the files that stay.
fn keys_that_go(content: &StoredContent, held: &Content, redaction: &Redaction) -> Vec<Uuid> {
    let (_, files) = parts_of(content);
    let goes = |file: &Attachment| matches!(redaction, Redaction::File(gone) if *gone == file.id);
    let stay: Vec<Uuid> =
        files.iter().filter(|file| !goes(file)).map(|file| file.object.key).collect();
    held.keys.iter().copied().filter(|key| !stay.contains(key)).collect()
}
