//! What is said in a message or comment: checked while clear, then sealed with a key of its own.

use decider::{Halt, KeyScope, Personal, World};
use events::message::{Address, Attachment, Automatic, MessageAuthor, MessageContent, ObjectRef};
use events::{AttachmentId, ChannelId, MessageId};
use uuid::Uuid;

use super::TicketRejection;
use crate::claims::{CONTACT_EMAIL, email_key};
use crate::desk::ask_all;
use crate::limits::{ATTACHMENTS_MAX, BODY_BYTES_MAX, LABEL_CHARS_MAX};
use crate::refusal::{Checks, Fault};
use crate::text;

const INVALID_VALUE: Fault = Fault { code: "invalid_value", message: "is not valid" };
const NAMELESS_FILE: &str = "file";

/// A file to be kept with a message or comment; its bytes are stored already.
#[derive(Clone, Debug)]
pub struct NewAttachment {
    /// Its id.
    pub id: AttachmentId,
    /// Where its bytes are.
    pub object: ObjectRef,
    /// The file name.
    pub name: Personal<String>,
    /// The media type, such as `image/png`.
    pub media_type: String,
    /// Size of the clear bytes.
    pub size_bytes: u64,
    /// SHA-256 of the clear bytes, hexadecimal.
    pub sha256: Personal<String>,
    /// The Content-ID that the HTML part refers to.
    pub inline_cid: Option<Personal<String>>,
}

impl NewAttachment {
    pub fn seal(&self, scope: &KeyScope) -> Attachment {
        let name = text::scrubbed_line(&self.name.0, LABEL_CHARS_MAX);
        Attachment {
            id: self.id,
            object: self.object.clone(),
            name: Personal(name.unwrap_or_else(|| NAMELESS_FILE.to_owned())).seal(scope),
            media_type: self.media_type.clone(),
            size_bytes: self.size_bytes,
            sha256: self.sha256.clone().seal(scope),
            inline_cid: self.inline_cid.clone().map(|cid| cid.seal(scope)),
        }
    }
}

/// Notes what is wrong with files that a user attached.
pub fn check_attachments(attachments: &[NewAttachment], checks: &mut Checks) {
    if attachments.len() > ATTACHMENTS_MAX {
        checks.fault("attachment_ids", "too_many", "there are too many files");
    }
    for (index, file) in attachments.iter().enumerate() {
        if attachments.iter().take(index).any(|other| other.id == file.id) {
            checks.fault("attachment_ids", "duplicate", "names a file twice");
        }
        if !is_media_type(&file.media_type) {
            checks.fault("attachment_ids", INVALID_VALUE.code, INVALID_VALUE.message);
        }
    }
}

fn is_media_type(word: &str) -> bool {
    let sound = |b: u8| b.is_ascii_graphic() && !b"<>\"\\".contains(&b);
    word.len() <= 127 && word.contains('/') && word.bytes().all(sound)
}

/// A text with its HTML form, and the beginning of it.
#[derive(Clone, Default)]
pub struct Body {
    pub text: String,
    pub html: Option<String>,
    pub preview: String,
}

impl Body {
    /// What a user wrote: something, and not too much of it.
    pub fn checked(
        text: &Personal<String>,
        html: Option<&Personal<String>>,
        checks: &mut Checks,
    ) -> Result<Self, TicketRejection> {
        let text = checks.take("text", text::body(&text.0, BODY_BYTES_MAX));
        let html = html.map(|html| checks.take("html", text::body(&html.0, BODY_BYTES_MAX)));
        let body = Self::of(text, html);
        let shows_picture = body.html.as_ref().is_some_and(|html| html.contains("<img"));
        if text::is_blank(&body.preview) && !shows_picture {
            return Err(TicketRejection::EmptyBody);
        }
        Ok(body)
    }

    /// What came in: cut to its bound.
    pub fn scrubbed(text: &str, html: Option<&str>) -> Self {
        let cut = |text: &str| {
            let mut text = text::scrubbed(text);
            text.truncate(text.floor_char_boundary(BODY_BYTES_MAX));
            text
        };
        Self::of(cut(text), html.map(cut))
    }

    fn of(text: String, html: Option<String>) -> Self {
        let html = html.filter(|html| !html.trim().is_empty());
        let preview = if text::is_blank(&text) {
            html.as_ref().map_or_else(String::new, |html| text::preview(&text::visible_text(html)))
        } else {
            text::preview(&text)
        };
        Self { text, html, preview }
    }
}

/// A message while it is clear.
pub struct ClearMessage<'a> {
    pub id: MessageId,
    pub author: Option<MessageAuthor>,
    pub channel: Option<ChannelId>,
    pub from: Vec<Address>,
    pub reply_to: Vec<Address>,
    pub to: Vec<Address>,
    pub cc: Vec<Address>,
    pub bcc: Vec<Address>,
    pub subject: String,
    pub body: Body,
    pub message_id: Option<String>,
    pub in_reply_to: Option<String>,
    pub references: Vec<String>,
    pub attachments: &'a [NewAttachment],
    pub raw: Option<ObjectRef>,
    pub automatic: Option<Automatic>,
    pub problems: Vec<String>,
}

impl ClearMessage<'_> {
    /// Seals it with one key of its own, about these persons.
    pub fn seal(self, subjects: Vec<Uuid>) -> MessageContent {
        let scope = KeyScope::content(self.id.0, subjects);
        let word = |text: String| Personal(text).seal(&scope);
        let some = |list: Vec<Address>| (!list.is_empty()).then(|| Personal(list).seal(&scope));
        let references = Some(self.references).filter(|references| !references.is_empty());
        MessageContent {
            id: self.id,
            author: self.author,
            channel: self.channel,
            from: Personal(self.from).seal(&scope),
            reply_to: some(self.reply_to),
            to: Personal(self.to).seal(&scope),
            cc: some(self.cc),
            bcc: some(self.bcc),
            subject: word(self.subject),
            preview: word(self.body.preview),
            text: word(self.body.text),
            html: self.body.html.map(word),
            message_id: self.message_id.map(word),
            in_reply_to: self.in_reply_to.map(word),
            references: references.map(|references| Personal(references).seal(&scope)),
            attachments: self.attachments.iter().map(|file| file.seal(&scope)).collect(),
            raw: self.raw,
            automatic: self.automatic,
            problems: self.problems,
        }
    }
}

/// The contacts behind addresses: the persons a message is about.
pub fn subjects<'a>(
    world: &World<'_>,
    addresses: impl IntoIterator<Item = &'a Address>,
) -> Result<Vec<Uuid>, Halt> {
    let keys = addresses.into_iter().map(|address| email_key(&address.email));
    let holders = ask_all(keys.map(|key| world.claim(CONTACT_EMAIL, &key)))?;
    let mut subjects: Vec<Uuid> = holders.into_iter().flatten().collect();
    subjects.sort_unstable();
    subjects.dedup();
    Ok(subjects)
}
