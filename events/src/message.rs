//! The content of a message: everything that was said is sealed with the message's own key.

use decider::Sealed;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::seal::{SealedField, SealedFields, Visit};
use crate::{AttachmentId, ChannelId, ContactId, MessageId, UserId};

/// A mail address with its display name. Only ever inside a sealed value.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Address {
    /// The display name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The address as it was written.
    pub email: String,
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// Several addresses, in their order.
pub type SealedAddresses = Sealed<Vec<Address>>;

/// A sealed object in the object store.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ObjectRef {
    /// The key it is sealed with.
    pub key: Uuid,
    /// SHA-256 of the ciphertext, hexadecimal: its address in the store.
    pub hash: String,
    /// Size of the clear content; the store checks it when it gives the content back.
    pub size_bytes: u64,
}

/// A file of a message or comment. Its fields are sealed as `attachment.<id>.name` and so on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attachment {
    /// Its id.
    pub id: AttachmentId,
    /// Where its bytes are.
    pub object: ObjectRef,
    /// The file name.
    pub name: Sealed<String>,
    /// The media type, such as `image/png`.
    pub media_type: String,
    /// Size of the clear bytes.
    pub size_bytes: u64,
    /// SHA-256 of the clear bytes, hexadecimal.
    pub sha256: Sealed<String>,
    /// The Content-ID that the HTML part refers to, for an inline picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inline_cid: Option<Sealed<String>>,
}

/// Who wrote a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageAuthor {
    /// A user.
    User(UserId),
    /// A contact.
    Contact(ContactId),
}

/// Which way a message went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From outside to us.
    Incoming,
    /// From us to outside.
    Outgoing,
}

/// Why a message counts as written by a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Automatic {
    /// An answer sent by itself, such as an absence notice.
    AutoReply,
    /// A delivery report.
    Bounce,
    /// A newsletter or list.
    Bulk,
    /// Anything else that says so of itself.
    Other,
}

/// One message. Its fields are sealed as `message.text` and so on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MessageContent {
    /// Its id.
    pub id: MessageId,
    /// Who wrote it, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<MessageAuthor>,
    /// The channel it came in by or goes out by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<ChannelId>,
    /// From.
    pub from: SealedAddresses,
    /// Where answers are wished, when that is not `from`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<SealedAddresses>,
    /// To.
    pub to: SealedAddresses,
    /// Cc.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cc: Option<SealedAddresses>,
    /// Bcc; never shown outside (C04).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bcc: Option<SealedAddresses>,
    /// The subject.
    pub subject: Sealed<String>,
    /// The beginning of the text, at most 200 characters.
    pub preview: Sealed<String>,
    /// The text.
    pub text: Sealed<String>,
    /// The HTML part, already cleaned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub html: Option<Sealed<String>>,
    /// The mail header's Message-ID, without angle brackets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<Sealed<String>>,
    /// The mail header's In-Reply-To, without angle brackets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_reply_to: Option<Sealed<String>>,
    /// The mail header's References, oldest first, without angle brackets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub references: Option<Sealed<Vec<String>>>,
    /// Files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
    /// The original bytes as received.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<ObjectRef>,
    /// Why it counts as written by a machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub automatic: Option<Automatic>,
    /// What could not be read as it should, as stable words; never content.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
}

impl SealedFields for Attachment {
    fn visit_sealed(&mut self, visit: Visit<'_>) {
        let id = self.id;
        self.name.show(&format!("attachment.{id}.name"), visit);
        self.sha256.show(&format!("attachment.{id}.sha256"), visit);
        self.inline_cid.show(&format!("attachment.{id}.inline_cid"), visit);
    }
}

impl SealedFields for MessageContent {
    fn visit_sealed(&mut self, visit: Visit<'_>) {
        self.from.show("message.from", visit);
        self.reply_to.show("message.reply_to", visit);
        self.to.show("message.to", visit);
        self.cc.show("message.cc", visit);
        self.bcc.show("message.bcc", visit);
        self.subject.show("message.subject", visit);
        self.preview.show("message.preview", visit);
        self.text.show("message.text", visit);
        self.html.show("message.html", visit);
        self.message_id.show("message.message_id", visit);
        self.in_reply_to.show("message.in_reply_to", visit);
        self.references.show("message.references", visit);
        self.attachments.iter_mut().for_each(|file| file.visit_sealed(visit));
    }
}
