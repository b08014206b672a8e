//! Natural keys: their scopes, and how a key is spelled.

use events::draft::DraftKind;
use events::{ChannelId, TicketId, UserId};

pub use crate::address::normalised as email_key;

/// An e-mail address of a contact → the contact (K01). Key: [`email_key`].
pub const CONTACT_EMAIL: &str = "contact.email";
/// The address a user signs in with → the user. Key: [`email_key`].
pub const USER_EMAIL: &str = "user.email";
/// A property's name in the API → the property.
pub const PROPERTY_KEY: &str = "property.key";
/// The address of a channel → the channel. Key: [`email_key`].
pub const CHANNEL_ADDRESS: &str = "channel.address";
/// A ticket's number → the ticket.
pub const TICKET_NUMBER: &str = "ticket.number";
/// What somebody is writing on a ticket → the draft. Key: [`draft_key`].
pub const DRAFT: &str = "draft";
/// A Message-ID that was seen, itself or in a reference → the ticket (H05). Key: [`mail_key`].
pub const MAIL_ID: &str = "mail.id";
/// A Message-ID of a message we have → the message. Key: [`mail_key`].
pub const MAIL_MESSAGE: &str = "mail.message";
/// The keyed hash of original bytes we have → the message they belong to. Key: [`mail_key`].
pub const MAIL_RAW: &str = "mail.raw";

/// The key of what a user writes on a ticket.
#[must_use]
pub fn draft_key(ticket: TicketId, user: UserId, kind: DraftKind) -> String {
    format!("{ticket}:{user}:{}", kind.as_str())
}

/// The key of a Message-ID or raw hash: channels do not see each other's mail, nor that of an import without channel.
#[must_use]
pub fn mail_key(channel: Option<ChannelId>, id: &str) -> String {
    let id = bare_message_id(id);
    channel.map_or_else(|| format!("import:{id}"), |channel| format!("{channel}:{id}"))
}

/// A Message-ID without angle brackets and spaces around it.
#[must_use]
pub fn bare_message_id(id: &str) -> &str {
    id.trim().trim_start_matches('<').trim_end_matches('>').trim()
}
