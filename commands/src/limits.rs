//! How much of anything a command may carry.

/// Name of a ticket (T04).
pub const TICKET_NAME_CHARS_MAX: usize = 255;
/// Name of a contact, user, channel, pipeline, status or workspace; label of a property, choice or token.
pub const LABEL_CHARS_MAX: usize = 255;
/// Description of a property.
pub const DESCRIPTION_BYTES_MAX: usize = 4 * 1024;
/// Category of a ticket.
pub const CATEGORY_CHARS_MAX: usize = 100;
/// Word to a new owner.
pub const NOTE_BYTES_MAX: usize = 16 * 1024;
/// Text or HTML of a message or comment.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;
/// Subject of a message.
pub const SUBJECT_CHARS_MAX: usize = 998;
/// Beginning of a text, for lists.
pub const PREVIEW_CHARS_MAX: usize = 200;
/// One tag.
pub const TAG_CHARS_MAX: usize = 50;
/// Tags of one ticket.
pub const TAGS_MAX: usize = 100;
/// Text of a property.
pub const PROPERTY_TEXT_BYTES_MAX: usize = 64 * 1024;
/// Digits of a number property.
pub const NUMBER_DIGITS_MAX: usize = 40;
/// Characters of a link.
pub const LINK_CHARS_MAX: usize = 2048;
/// Characters of an e-mail address.
pub const EMAIL_CHARS_MAX: usize = 254;
/// Characters of a phone number.
pub const PHONE_CHARS_MAX: usize = 50;
/// E-mail addresses of one contact; phone numbers likewise.
pub const ENTRIES_MAX: usize = 50;
/// Recipients of one message, To, Cc and Bcc together.
pub const RECIPIENTS_MAX: usize = 100;
/// Files of one message or comment.
pub const ATTACHMENTS_MAX: usize = 100;
/// Users called in one comment.
pub const MENTIONS_MAX: usize = 50;
/// Contacts of one ticket.
pub const CONTACTS_MAX: usize = 200;
/// Messages of one importing command.
pub const IMPORT_MESSAGES_MAX: usize = 100;
/// References that a message carries: the oldest and the newest of them.
pub const REFERENCES_MAX: usize = 20;
/// Statuses of one pipeline.
pub const STATUSES_MAX: usize = 100;
/// Choices of one property.
pub const CHOICES_MAX: usize = 1000;
/// Characters of a property's name in the API, and of a choice's stored value.
pub const KEY_CHARS_MAX: usize = 100;
/// Messages whose addresses a ticket's state remembers.
pub const RECENT_MESSAGES_MAX: usize = 50;
/// Passages that one redaction names.
pub const PASSAGES_MAX: usize = 100;
/// One of them.
pub const PASSAGE_BYTES_MAX: usize = 64 * 1024;
/// Shared contents that one erasure names.
pub const ALSO_ERASED_MAX: usize = 1000;
