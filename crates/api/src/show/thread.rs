//! Messages and comments as they are shown (API contract: `GET /tickets/{id}/thread`).

use std::str::FromStr;

use access::Right;
use commands::Directory;
use decider::{Actor, Timestamp};
use events::message::{Address, Attachment, MessageContent, SealedAddresses};
use events::ticket::{CommentAdded, MessageReceived, RedactedPart};
use events::{ChannelId, CommentId, TicketEvent, TicketId, UserId};
use projections::thread::{ItemContent, ItemRow, Redacted};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::opening::{Tombs, open_all};
use super::people::{ActorShown, People, UserShown, Wanted};
use crate::app::App;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::opened::Shown;
use crate::travel::Names;

/// A message or comment.
#[derive(Serialize, ToSchema)]
pub struct ThreadItem {
    /// The id.
    id: Uuid,
    /// `message`, `comment` or `call`.
    kind: String,
    /// `in` or `out`; null for a comment.
    direction: Option<&'static str>,
    /// The channel it came in by or goes out by.
    channel: Option<ChannelShown>,
    /// Who wrote it, where that is known.
    author: Option<ActorShown>,
    /// From.
    from: Option<Shown<Vec<AddressShown>>>,
    /// To.
    to: Option<Shown<Vec<AddressShown>>>,
    /// Cc.
    cc: Option<Shown<Vec<AddressShown>>>,
    /// Bcc, for those who may write to contacts.
    #[serde(skip_serializing_if = "Option::is_none")]
    bcc: Option<Shown<Vec<AddressShown>>>,
    /// The subject.
    subject: Option<Shown<String>>,
    /// The text.
    text: Shown<String>,
    /// The HTML form, cleaned; remote content is held back.
    html: Option<Shown<String>>,
    /// Users called by name in a comment.
    mentions: Vec<UserShown>,
    /// Files.
    attachments: Vec<AttachmentShown>,
    /// The mail header's Message-ID.
    message_id: Option<Shown<String>>,
    /// The mail header's In-Reply-To.
    in_reply_to: Option<Shown<String>>,
    /// The message of this thread that it answers.
    answers: Option<Uuid>,
    /// What becomes of it; null for what was not sent from here.
    delivery: Option<DeliveryShown>,
    /// Why it counts as written by a machine: `auto_reply`, `bounce`, `bulk` or `other`.
    automatic: Option<String>,
    /// Whether it is history.
    imported: bool,
    /// Whether the original bytes can be had.
    has_original: bool,
    /// What could not be read as it should, as stable words.
    problems: Vec<String>,
    /// What was taken out of it for ever; null when nothing was.
    redacted: Option<RedactedShown>,
    /// When it was written.
    #[schema(format = DateTime)]
    created_at: String,
    /// Its place in the log.
    position: String,
}

/// The mark of what was taken out.
#[derive(Serialize, ToSchema)]
pub struct RedactedShown {
    /// When, the last time.
    #[schema(format = DateTime)]
    at: String,
    /// By whom, the last time.
    by: ActorShown,
    /// `text`, `subject`, `file`.
    parts: Vec<&'static str>,
}

/// A channel, by name.
#[derive(Serialize, ToSchema)]
pub struct ChannelShown {
    /// The id.
    id: Uuid,
    /// The name; null when it was removed.
    name: Option<String>,
}

/// A mail address with its display name.
#[derive(Clone, Serialize, ToSchema)]
pub struct AddressShown {
    /// The display name.
    name: Option<String>,
    /// The address.
    email: String,
}

/// A file.
#[derive(Serialize, ToSchema)]
pub struct AttachmentShown {
    /// The id.
    id: Uuid,
    /// The file name.
    name: Shown<String>,
    /// The media type.
    #[serde(rename = "type")]
    media_type: String,
    /// The size in bytes.
    size: u64,
    /// SHA-256 of the bytes, in hexadecimal.
    sha256: Shown<String>,
    /// The Content-ID that the HTML refers to as `cid:…`, for an inline picture.
    content_id: Option<Shown<String>>,
}

/// What becomes of a reply.
#[derive(Serialize, ToSchema)]
pub struct DeliveryShown {
    /// `held` or `queued`.
    state: String,
    /// Why.
    reason: Option<String>,
}

/// Shows a page of a thread: keys with one query, names with one each.
pub async fn show(
    app: &App,
    caller: &Caller,
    (ticket, names): (TicketId, &Names),
    rows: Vec<ItemRow>,
) -> Result<Vec<ThreadItem>, ApiError> {
    let mut contents: Vec<TicketEvent> =
        rows.iter().map(|row| as_event(row.item, row.content.0.clone())).collect();
    let tombs = open_all(app, caller, ticket.0, &mut contents).await?;
    let mut wanted = Wanted::default();
    for (row, content) in rows.iter().zip(&contents) {
        author(row).into_iter().for_each(|actor| wanted.actor(actor));
        redactor(row).into_iter().for_each(|actor| wanted.actor(actor));
        if let TicketEvent::CommentAdded(comment) = content {
            comment.mentions.iter().for_each(|user| wanted.user(*user));
        }
    }
    let people = wanted.find_with(app, caller, names).await?;
    let shows_bcc = caller.scope.has(Right::TicketsCommunicate);
    let around = Around { people: &people, directory: &names.directory, tombs: &tombs, shows_bcc };
    Ok(rows.iter().zip(&contents).map(|(row, content)| around.item(row, content)).collect())
}

/// The event that brings such content, since events know their sealed fields.
fn as_event(item: Uuid, content: ItemContent) -> TicketEvent {
    match content {
        ItemContent::Message(message) => MessageReceived { message: *message }.into(),
        ItemContent::Comment(comment) => CommentAdded {
            comment: CommentId(item),
            text: comment.text,
            html: comment.html,
            preview: comment.preview,
            mentions: comment.mentions.into_iter().map(UserId).collect(),
            attachments: comment.attachments,
        }
        .into(),
    }
}

fn author(row: &ItemRow) -> Option<Actor> {
    Actor::from_str(row.author.as_deref()?).ok()
}

fn redactor(row: &ItemRow) -> Option<Actor> {
    Actor::from_str(&row.redacted.as_ref()?.0.by).ok()
}

/// What is around an item.
struct Around<'a> {
    people: &'a People,
    directory: &'a Directory,
    tombs: &'a Tombs,
    shows_bcc: bool,
}

impl Around<'_> {
    fn item(&self, row: &ItemRow, content: &TicketEvent) -> ThreadItem {
        let item = self.bare(row);
        match content {
            TicketEvent::MessageReceived(received) => self.message(item, &received.message),
            TicketEvent::CommentAdded(comment) => ThreadItem {
                text: self.tombs.shown(&comment.text),
                html: comment.html.as_ref().map(|html| self.tombs.shown(html)),
                mentions: comment.mentions.iter().map(|user| self.people.user(user.0)).collect(),
                attachments: comment.attachments.iter().map(|file| self.attachment(file)).collect(),
                ..item
            },
            // The two above are all that [`as_event`] makes.
            _ => item,
        }
    }

    fn message(&self, item: ThreadItem, message: &MessageContent) -> ThreadItem {
        ThreadItem {
            from: Some(self.addresses(&message.from)),
            to: Some(self.addresses(&message.to)),
            cc: message.cc.as_ref().map(|list| self.addresses(list)),
            bcc: message.bcc.as_ref().filter(|_| self.shows_bcc).map(|list| self.addresses(list)),
            subject: Some(self.tombs.shown(&message.subject)),
            text: self.tombs.shown(&message.text),
            html: message.html.as_ref().map(|html| self.tombs.shown(html)),
            attachments: message.attachments.iter().map(|file| self.attachment(file)).collect(),
            message_id: message.message_id.as_ref().map(|id| self.tombs.shown(id)),
            in_reply_to: message.in_reply_to.as_ref().map(|id| self.tombs.shown(id)),
            problems: message.problems.clone(),
            ..item
        }
    }

    fn bare(&self, row: &ItemRow) -> ThreadItem {
        let direction = row.direction.as_deref().map(|word| match word {
            "incoming" => "in",
            _ => "out",
        });
        let state = row.delivery.clone();
        ThreadItem {
            id: row.item,
            kind: row.kind.clone(),
            direction,
            channel: row.channel.map(|id| self.channel(ChannelId(id))),
            author: author(row).map(|actor| self.people.actor(actor)),
            from: None,
            to: None,
            cc: None,
            bcc: None,
            subject: None,
            text: Shown::Open(String::new()),
            html: None,
            mentions: Vec::new(),
            attachments: Vec::new(),
            message_id: None,
            in_reply_to: None,
            answers: row.answers,
            delivery: state
                .map(|state| DeliveryShown { state, reason: row.delivery_reason.clone() }),
            automatic: row.automatic.clone(),
            imported: row.imported,
            has_original: row.raw.is_some(),
            problems: Vec::new(),
            redacted: row.redacted.as_ref().map(|redacted| self.redacted(row, &redacted.0)),
            created_at: Timestamp::from_micros(row.occurred_at).to_string(),
            position: row.position.to_string(),
        }
    }

    fn redacted(&self, row: &ItemRow, redacted: &Redacted) -> RedactedShown {
        let mut parts: Vec<&'static str> = Vec::new();
        for part in &redacted.parts {
            let word = match part {
                RedactedPart::Text => "text",
                RedactedPart::Subject => "subject",
                RedactedPart::File(_) => "file",
            };
            if !parts.contains(&word) {
                parts.push(word);
            }
        }
        RedactedShown {
            at: Timestamp::from_micros(redacted.at).to_string(),
            by: self.people.actor(redactor(row).unwrap_or(Actor::SYSTEM)),
            parts,
        }
    }

    fn channel(&self, id: ChannelId) -> ChannelShown {
        let name = self.directory.channel(id).map(|channel| channel.name.clone());
        ChannelShown { id: id.0, name }
    }

    fn addresses(&self, sealed: &SealedAddresses) -> Shown<Vec<AddressShown>> {
        let plain = |Address { name, email }: Address| AddressShown { name, email };
        match self.tombs.shown(sealed) {
            Shown::Open(list) => Shown::Open(list.into_iter().map(plain).collect()),
            Shown::Erased(erased) => Shown::Erased(erased),
        }
    }

    fn attachment(&self, file: &Attachment) -> AttachmentShown {
        AttachmentShown {
            id: file.id.0,
            name: self.tombs.shown(&file.name),
            media_type: file.media_type.clone(),
            size: file.size_bytes,
            sha256: self.tombs.shown(&file.sha256),
            content_id: file.inline_cid.as_ref().map(|cid| self.tombs.shown(cid)),
        }
    }
}
