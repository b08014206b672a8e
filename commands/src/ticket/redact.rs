//! Taking words or a file out of a message or comment for ever (C17): what is left is sealed with a new key, the old one goes.

use access::Right;
use decider::{Changes, Command, Halt, KeyScope, Opened, Personal, Sealed, StreamRef, World};
use events::erasure::{
    ErasureEvent, ErasureReason, ErasureRequested, ErasureSubject, SharedChoice,
};
use events::message::{Attachment, MessageContent};
use events::ticket::{CommentAdded, CommentRedacted, MessageRedacted, RedactedPart};
use events::{AttachmentId, ErasureId, TicketEvent, TicketId};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::TicketRejection;
use crate::desk::Desk;
use crate::limits::{PASSAGE_BYTES_MAX, PASSAGES_MAX};
use crate::refusal::{Checks, Refusal};
use crate::text;

/// Stands where words were.
pub const MARK: &str = "[redacted]";

/// What is taken out.
#[derive(Clone, Debug)]
pub enum Redaction {
    /// Every place where these words stand, in text, subject and preview.
    Passages(Vec<Personal<String>>),
    /// The whole text.
    Everything,
    /// A file.
    File(AttachmentId),
}

/// The content as it is stored now.
#[derive(Clone, Debug)]
pub enum StoredContent {
    /// A message.
    Message(Box<MessageContent>),
    /// A comment.
    Comment(Box<CommentAdded>),
}

/// Takes words or a file out of a message or comment.
#[derive(Clone, Debug)]
pub struct RedactContent {
    /// The ticket.
    pub ticket_id: TicketId,
    /// The content as it is stored now.
    pub content: StoredContent,
    /// What is taken out.
    pub redaction: Redaction,
    /// Why.
    pub reason: ErasureReason,
    /// The erasure's id.
    pub erasure_id: ErasureId,
    /// The keys that go: of the content and of its originals, and of the file that is taken out.
    pub keys: Vec<Uuid>,
    /// The persons the content is about.
    pub subjects: Vec<Uuid>,
}

impl Command for RedactContent {
    fn name(&self) -> &'static str {
        "RedactContent"
    }

    fn creates(&self) -> Vec<StreamRef> {
        vec![StreamRef { kind: <ErasureEvent as decider::Event>::KIND, id: self.erasure_id.0 }]
    }

    fn decide(&self, world: &World<'_>) -> Result<Changes, Halt> {
        let desk = Desk::enter(world, Right::Erase)?;
        let ticket = desk.ticket(self.ticket_id, Right::Erase)?;
        let live = ticket.live().ok_or(Refusal::NotFound("ticket"))?;
        self.check_passages()?;
        let (id, key) = self.identity();
        if live.redactions.get(&id).is_some_and(|newest| *newest != key) {
            return Err(TicketRejection::RedactedMeanwhile.into());
        }
        let scope = KeyScope::content(id, self.subjects.clone());
        let cut = Cut { world, ticket: self.ticket_id, redaction: &self.redaction, scope };
        let (event, subject) = match &self.content {
            StoredContent::Message(message) => cut.message(message, self.erasure_id)?,
            StoredContent::Comment(comment) => cut.comment(comment, self.erasure_id)?,
        };
        let ticket = self.ticket_id;
        let subject = match self.redaction {
            Redaction::File(attachment) => ErasureSubject::File { ticket, attachment },
            Redaction::Passages(_) | Redaction::Everything => subject,
        };
        let mut changes = Changes::none();
        changes.on(self.ticket_id, event);
        changes.on(
            self.erasure_id,
            ErasureEvent::from(ErasureRequested {
                subject,
                reason: self.reason,
                shared: SharedChoice::Erase,
                also: Vec::new(),
                keys: self.keys.clone(),
            }),
        );
        Ok(changes)
    }
}

impl RedactContent {
    fn check_passages(&self) -> Result<(), Halt> {
        let Redaction::Passages(passages) = &self.redaction else { return Ok(()) };
        let mut checks = Checks::default();
        if passages.is_empty() {
            checks.fault("passages", "required", "name words, or redact everything");
        }
        if passages.len() > PASSAGES_MAX {
            checks.fault("passages", "too_many", "there are too many passages");
        }
        for (index, passage) in passages.iter().take(PASSAGES_MAX).enumerate() {
            let field = format!("passages.{index}");
            if text::is_blank(&passage.0) {
                checks.fault(field, "required", "must not be empty");
            } else if passage.0.len() > PASSAGE_BYTES_MAX {
                checks.fault(field, "too_long", "is too long");
            }
        }
        checks.finish()
    }

    /// The content's id, and the key of its text as it was read.
    fn identity(&self) -> (Uuid, Option<Uuid>) {
        let (id, text) = match &self.content {
            StoredContent::Message(message) => (message.id.0, &message.text),
            StoredContent::Comment(comment) => (comment.comment.0, &comment.text),
        };
        (id, text.cipher().map(|cipher| cipher.key))
    }
}

/// Opens a content field by field, takes out what has to go, and seals the rest anew.
struct Cut<'a> {
    world: &'a World<'a>,
    ticket: TicketId,
    redaction: &'a Redaction,
    scope: KeyScope,
}

/// A text with its HTML form and its beginning, while it is clear.
struct Words {
    text: String,
    html: Option<String>,
    subject: Option<String>,
    preview: String,
}

impl Cut<'_> {
    fn message(
        &self,
        old: &MessageContent,
        erasure: ErasureId,
    ) -> Result<(TicketEvent, ErasureSubject), Halt> {
        let mut words = Words {
            text: self.open("message.text", &old.text)?,
            html: self.open_some("message.html", old.html.as_ref())?,
            subject: Some(self.open("message.subject", &old.subject)?),
            preview: self.open("message.preview", &old.preview)?,
        };
        let mut parts = self.cut_words(&mut words)?;
        let attachments = self.files(&old.attachments, &mut parts)?;
        let message = MessageContent {
            id: old.id,
            author: old.author,
            channel: old.channel,
            from: self.again("message.from", &old.from)?,
            reply_to: self.again_some("message.reply_to", old.reply_to.as_ref())?,
            to: self.again("message.to", &old.to)?,
            cc: self.again_some("message.cc", old.cc.as_ref())?,
            bcc: self.again_some("message.bcc", old.bcc.as_ref())?,
            subject: self.seal(words.subject.unwrap_or_default()),
            preview: self.seal(words.preview),
            text: self.seal(words.text),
            html: words.html.map(|html| self.seal(html)),
            message_id: self.again_some("message.message_id", old.message_id.as_ref())?,
            in_reply_to: self.again_some("message.in_reply_to", old.in_reply_to.as_ref())?,
            references: self.again_some("message.references", old.references.as_ref())?,
            attachments,
            // The original holds what was taken out.
            raw: None,
            automatic: old.automatic,
            problems: old.problems.clone(),
        };
        let (ticket, id) = (self.ticket, old.id);
        let event = TicketEvent::from(MessageRedacted { message, parts, erasure });
        Ok((event, ErasureSubject::Message { ticket, message: id }))
    }

    fn comment(
        &self,
        old: &CommentAdded,
        erasure: ErasureId,
    ) -> Result<(TicketEvent, ErasureSubject), Halt> {
        let mut words = Words {
            text: self.open("comment.text", &old.text)?,
            html: self.open_some("comment.html", old.html.as_ref())?,
            subject: None,
            preview: self.open("comment.preview", &old.preview)?,
        };
        let mut parts = self.cut_words(&mut words)?;
        let attachments = self.files(&old.attachments, &mut parts)?;
        let comment = CommentAdded {
            comment: old.comment,
            text: self.seal(words.text),
            html: words.html.map(|html| self.seal(html)),
            preview: self.seal(words.preview),
            mentions: old.mentions.clone(),
            attachments,
        };
        let (ticket, id) = (self.ticket, old.comment);
        let event = TicketEvent::from(CommentRedacted { comment, parts, erasure });
        Ok((event, ErasureSubject::Comment { ticket, comment: id }))
    }

    fn cut_words(&self, words: &mut Words) -> Result<Vec<RedactedPart>, Halt> {
        let mut parts = Vec::new();
        match self.redaction {
            Redaction::File(_) => {}
            Redaction::Everything => {
                words.text = MARK.to_owned();
                words.preview = MARK.to_owned();
                words.html = None;
                parts.push(RedactedPart::Text);
            }
            Redaction::Passages(passages) => {
                for (index, passage) in passages.iter().enumerate() {
                    let found = cut_passage(passage.0.trim(), words, &mut parts);
                    if !found {
                        let field = format!("passages.{index}");
                        let message = "does not stand in it";
                        return Err(Refusal::field(field, "passage_not_found", message).into());
                    }
                }
            }
        }
        Ok(parts)
    }

    fn files(
        &self,
        old: &[Attachment],
        parts: &mut Vec<RedactedPart>,
    ) -> Result<Vec<Attachment>, Halt> {
        let mut kept = Vec::with_capacity(old.len());
        for file in old {
            let id = file.id;
            if matches!(self.redaction, Redaction::File(gone) if *gone == id) {
                parts.push(RedactedPart::File(id));
                continue;
            }
            let cid = format!("attachment.{id}.inline_cid");
            kept.push(Attachment {
                id,
                object: file.object.clone(),
                name: self.again(&format!("attachment.{id}.name"), &file.name)?,
                media_type: file.media_type.clone(),
                size_bytes: file.size_bytes,
                sha256: self.again(&format!("attachment.{id}.sha256"), &file.sha256)?,
                inline_cid: self.again_some(&cid, file.inline_cid.as_ref())?,
            });
        }
        if parts.is_empty() {
            return Err(Refusal::NotFound("file").into());
        }
        Ok(kept)
    }

    fn open<T: DeserializeOwned + Clone>(
        &self,
        field: &str,
        sealed: &Sealed<T>,
    ) -> Result<T, Halt> {
        match self.world.open(self.ticket, field, sealed)? {
            Opened::Open(value) => Ok(value),
            Opened::Forgotten => Err(TicketRejection::ContentErased.into()),
        }
    }

    fn open_some<T: DeserializeOwned + Clone>(
        &self,
        field: &str,
        sealed: Option<&Sealed<T>>,
    ) -> Result<Option<T>, Halt> {
        sealed.map(|sealed| self.open(field, sealed)).transpose()
    }

    fn seal<T>(&self, value: T) -> Sealed<T> {
        Personal(value).seal(&self.scope)
    }

    fn again<T: DeserializeOwned + Clone>(
        &self,
        field: &str,
        sealed: &Sealed<T>,
    ) -> Result<Sealed<T>, Halt> {
        Ok(self.seal(self.open(field, sealed)?))
    }

    fn again_some<T: DeserializeOwned + Clone>(
        &self,
        field: &str,
        sealed: Option<&Sealed<T>>,
    ) -> Result<Option<Sealed<T>>, Halt> {
        sealed.map(|sealed| self.again(field, sealed)).transpose()
    }
}

/// Whether the words stood anywhere. HTML that still shows them, between tags or written otherwise, goes as a whole: the
/// text says the same.
fn cut_passage(passage: &str, words: &mut Words, parts: &mut Vec<RedactedPart>) -> bool {
    let mut note = |part: RedactedPart| {
        if !parts.contains(&part) {
            parts.push(part);
        }
    };
    let in_text = words.text.contains(passage);
    let in_html = words.html.as_ref().is_some_and(|html| shows(html, passage));
    if in_text || in_html {
        note(RedactedPart::Text);
        words.text = words.text.replace(passage, MARK);
        if in_html {
            words.html = words.html.take().map(|html| html.replace(passage, MARK));
            words.html = words.html.take().filter(|html| !shows(html, passage));
        }
        // The beginning may end in the middle of the words.
        words.preview = text::preview(&words.text);
        if text::is_blank(&words.preview) {
            MARK.clone_into(&mut words.preview);
        }
    }
    let in_subject = words.subject.as_ref().is_some_and(|subject| subject.contains(passage));
    if in_subject {
        note(RedactedPart::Subject);
        words.subject = words.subject.take().map(|subject| subject.replace(passage, MARK));
    }
    in_text || in_html || in_subject
}

/// Whether HTML holds the words, in its source or as they are read.
fn shows(html: &str, passage: &str) -> bool {
    let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    html.contains(passage) || squeezed(&text::visible_text(html)).contains(&squeezed(passage))
}

#[cfg(test)]
#[path = "redact_tests.rs"]
mod tests;
