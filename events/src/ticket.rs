//! Tickets: facts about one request and its conversation. Name, notes, comments and texts are sealed.

use decider::{Aspects, Sealed, Timestamp};
use serde::{Deserialize, Serialize};

use crate::event_list::event_list;
use crate::message::{Attachment, Direction, MessageContent, ObjectRef};
pub use crate::redaction::{CommentRedacted, MessageRedacted, RedactedPart};
use crate::seal::{SealedFields, Visit, sealed_fields};
use crate::value::{
    Delivery, LinkReason, Owner, OwnerChangeReason, Place, Priority, PropertyChange, PropertyValue,
    TicketSource,
};
use crate::{
    ChannelId, CommentId, ContactId, MessageId, PipelineId, PropertyId, StatusId, TicketId, UserId,
};

event_list! {
    /// What happened to a ticket.
    pub enum TicketEvent of "ticket", touches touches {
        /// It came into being.
        Created(TicketCreated) = "TicketCreated", 1;
        /// Its name changed.
        Renamed(TicketRenamed) = "TicketRenamed", 1;
        /// It stands in another status, perhaps of another pipeline (T08).
        StatusChanged(StatusChanged) = "StatusChanged", 1;
        /// It is more or less urgent (T11).
        PriorityChanged(PriorityChanged) = "PriorityChanged", 1;
        /// It belongs to another category (T11).
        CategoryChanged(CategoryChanged) = "CategoryChanged", 1;
        /// Somebody else is responsible, or nobody.
        OwnerChanged(OwnerChanged) = "OwnerChanged", 1;
        /// Tags came or went.
        TagsChanged(TagsChanged) = "TagsChanged", 1;
        /// Custom properties got other values (T11).
        PropertiesSet(PropertiesSet) = "PropertiesSet", 1;
        /// A contact takes part (T07).
        ContactAssociated(ContactAssociated) = "ContactAssociated", 1;
        /// A contact takes part no longer.
        ContactDissociated(ContactDissociated) = "ContactDissociated", 1;
        /// Another contact is the first to be written to.
        PrimaryContactChanged(PrimaryContactChanged) = "PrimaryContactChanged", 1;
        /// From now on one can write to the contact (T07).
        ConversationStarted(ConversationStarted) = "ConversationStarted", 1;
        /// There is nobody to write to any more: the contact with whom it began was taken back (Z11).
        ConversationEnded(ConversationEnded) = "ConversationEnded", 1;
        /// A message came in.
        MessageReceived(MessageReceived) = "MessageReceived", 1;
        /// A user answered (C09).
        ReplySubmitted(ReplySubmitted) = "ReplySubmitted", 1;
        /// A user left an internal comment (M01).
        CommentAdded(CommentAdded) = "CommentAdded", 1;
        /// A message of earlier times was taken over (H03).
        MessageImported(MessageImported) = "MessageImported", 1;
        /// A differing copy of a known message was kept.
        MessageCopyKept(MessageCopyKept) = "MessageCopyKept", 1;
        /// Mail that could not be read was kept as it came.
        RawMessageKept(RawMessageKept) = "RawMessageKept", 1;
        /// Words or a file were taken out of a message for ever (C17).
        MessageRedacted(MessageRedacted) = "MessageRedacted", 1;
        /// Words or a file were taken out of a comment for ever (C17).
        CommentRedacted(CommentRedacted) = "CommentRedacted", 1;
        /// Another ticket has to do with it.
        Linked(TicketLinked) = "TicketLinked", 1;
        /// Another ticket has no longer to do with it.
        Unlinked(TicketUnlinked) = "TicketUnlinked", 1;
    }
}

/// A ticket came into being.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TicketCreated {
    /// Its number, for people.
    pub number: u64,
    /// Its name.
    pub name: Sealed<String>,
    /// The pipeline it starts in.
    pub pipeline: PipelineId,
    /// The status it starts in.
    pub status: StatusId,
    /// How it came to be.
    pub source: TicketSource,
    /// Whether it is history (H03): nothing automatic may come of it.
    pub imported: bool,
    /// The channel it came in by, if it came by one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<ChannelId>,
}

/// A ticket's name changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TicketRenamed {
    /// The name until now, if it could still be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Sealed<String>>,
    /// The name from now on.
    pub to: Sealed<String>,
}

/// A ticket stands in another status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusChanged {
    /// Until now.
    pub from: Place,
    /// From now on.
    pub to: Place,
    /// The reply it was sent with (C10).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub with_reply: Option<MessageId>,
}

/// A ticket is more or less urgent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriorityChanged {
    /// Until now.
    pub from: Priority,
    /// From now on.
    pub to: Priority,
}

/// A ticket belongs to another category.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CategoryChanged {
    /// Until now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// From now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// Somebody else is responsible, or nobody.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OwnerChanged {
    /// Until now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Owner>,
    /// From now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Owner>,
    /// Why.
    pub reason: OwnerChangeReason,
    /// A word to the new owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Sealed<String>>,
}

/// Tags came or went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagsChanged {
    /// Came.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub added: Vec<String>,
    /// Went.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<String>,
}

/// Custom properties got other values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PropertiesSet {
    /// The changes, each property once.
    pub changes: Vec<PropertyChange>,
}

/// A contact takes part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactAssociated {
    /// The contact.
    pub contact: ContactId,
    /// Whether it is the first to be written to.
    pub primary: bool,
}

/// A contact takes part no longer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactDissociated {
    /// The contact.
    pub contact: ContactId,
}

/// Another contact is the first to be written to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrimaryContactChanged {
    /// Until now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<ContactId>,
    /// From now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<ContactId>,
}

/// From now on one can write to the contact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConversationStarted {}

/// There is nobody to write to any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConversationEnded {}

/// A message came in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MessageReceived {
    /// The message.
    pub message: MessageContent,
}

/// A user answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReplySubmitted {
    /// The message.
    pub message: MessageContent,
    /// The message it answers (C01).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_reply_to: Option<MessageId>,
    /// Not before this instant: until then it can be taken back.
    pub deliver_after: Timestamp,
    /// What is to become of it.
    pub delivery: Delivery,
    /// The status set together with it (C10).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<StatusId>,
}

/// A user left an internal comment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CommentAdded {
    /// Its id.
    pub comment: CommentId,
    /// The text.
    pub text: Sealed<String>,
    /// The HTML form, already cleaned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub html: Option<Sealed<String>>,
    /// The beginning of the text, at most 200 characters.
    pub preview: Sealed<String>,
    /// Users called by name (M03).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<UserId>,
    /// Files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
}

/// A message of earlier times was taken over; `occurred_at` says when it was sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MessageImported {
    /// The message.
    pub message: MessageContent,
    /// Which way it went.
    pub direction: Direction,
}

/// A differing copy of a known message was kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageCopyKept {
    /// The message that is known.
    pub message: MessageId,
    /// The copy's original bytes.
    pub raw: ObjectRef,
}

/// Mail that could not be read was kept as it came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawMessageKept {
    /// The original bytes.
    pub raw: ObjectRef,
    /// The channel it came in by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<ChannelId>,
}

/// Another ticket has to do with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TicketLinked {
    /// The other ticket.
    pub other: TicketId,
    /// Why.
    pub reason: LinkReason,
}

/// Another ticket has no longer to do with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TicketUnlinked {
    /// The other ticket.
    pub other: TicketId,
}

sealed_fields! {
    TicketCreated { name => "name" }
    TicketRenamed { from => "name.from", to => "name" }
    StatusChanged {}
    PriorityChanged {}
    CategoryChanged {}
    OwnerChanged { note => "note" }
    TagsChanged {}
    ContactAssociated {}
    ContactDissociated {}
    PrimaryContactChanged {}
    ConversationStarted {}
    ConversationEnded {}
    MessageCopyKept {}
    RawMessageKept {}
    TicketLinked {}
    TicketUnlinked {}
}

/// The stable name of a property's value as a sealed field.
#[must_use]
pub fn property_field(property: PropertyId) -> String {
    format!("property.{property}")
}

impl SealedFields for PropertiesSet {
    fn visit_sealed(&mut self, visit: Visit<'_>) {
        for change in &mut self.changes {
            let name = property_field(change.property);
            if let Some(sealed) = change.from.as_mut().and_then(PropertyValue::sealed_mut) {
                visit(&format!("{name}.from"), sealed);
            }
            if let Some(sealed) = change.to.as_mut().and_then(PropertyValue::sealed_mut) {
                visit(&name, sealed);
            }
        }
    }
}

impl SealedFields for MessageReceived {
    fn visit_sealed(&mut self, visit: Visit<'_>) {
        self.message.visit_sealed(visit);
    }
}

impl SealedFields for ReplySubmitted {
    fn visit_sealed(&mut self, visit: Visit<'_>) {
        self.message.visit_sealed(visit);
    }
}

impl SealedFields for MessageImported {
    fn visit_sealed(&mut self, visit: Visit<'_>) {
        self.message.visit_sealed(visit);
    }
}

impl SealedFields for CommentAdded {
    fn visit_sealed(&mut self, visit: Visit<'_>) {
        visit("comment.text", &mut self.text);
        if let Some(html) = &mut self.html {
            visit("comment.html", html);
        }
        visit("comment.preview", &mut self.preview);
        self.attachments.iter_mut().for_each(|file| file.visit_sealed(visit));
    }
}

fn touches(event: &TicketEvent) -> Aspects {
    match event {
        TicketEvent::Created(_) => Aspects::All,
        TicketEvent::Renamed(_) => Aspects::of(&["name"]),
        TicketEvent::StatusChanged(_) => Aspects::of(&["status"]),
        TicketEvent::PriorityChanged(_) => Aspects::of(&["priority"]),
        TicketEvent::CategoryChanged(_) => Aspects::of(&["category"]),
        TicketEvent::OwnerChanged(_) => Aspects::of(&["owner"]),
        TicketEvent::TagsChanged(_) => Aspects::of(&["tags"]),
        TicketEvent::PropertiesSet(set) => {
            set.changes.iter().fold(Aspects::of(&["properties"]), |aspects, change| {
                aspects.and(property_aspect(change.property))
            })
        }
        TicketEvent::ContactAssociated(_)
        | TicketEvent::ContactDissociated(_)
        | TicketEvent::PrimaryContactChanged(_) => Aspects::of(&["contacts"]),
        TicketEvent::ConversationStarted(_) | TicketEvent::ConversationEnded(_) => {
            Aspects::of(&["conversation"])
        }
        TicketEvent::MessageReceived(_)
        | TicketEvent::ReplySubmitted(_)
        | TicketEvent::MessageImported(_)
        | TicketEvent::MessageCopyKept(_)
        | TicketEvent::RawMessageKept(_)
        | TicketEvent::MessageRedacted(_) => Aspects::of(&["messages"]),
        TicketEvent::CommentAdded(_) | TicketEvent::CommentRedacted(_) => {
            Aspects::of(&["comments"])
        }
        TicketEvent::Linked(_) | TicketEvent::Unlinked(_) => Aspects::of(&["links"]),
    }
}

/// The aspect of one property's value.
#[must_use]
pub fn property_aspect(property: PropertyId) -> String {
    format!("property:{property}")
}
