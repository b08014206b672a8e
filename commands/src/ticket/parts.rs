//! Checks that several commands of a ticket share: name, tags, category, owner, contacts.

use decider::{Changes, KeyScope, Personal, Sealed};
use events::ticket::{ContactAssociated, ConversationStarted};
use events::value::Owner;
use events::{ContactId, TicketEvent, TicketId};

use super::LiveTicket;
use crate::directory::Directory;
use crate::limits::{CATEGORY_CHARS_MAX, TAG_CHARS_MAX, TAGS_MAX};
use crate::refusal::Checks;
use crate::text;

/// A text sealed with the ticket's key.
pub fn sealed(ticket: TicketId, text: impl Into<String>) -> Sealed<String> {
    Personal(text.into()).seal(&KeyScope::ticket(ticket.0))
}

/// Tags, trimmed, each once, in their order.
pub fn checked_tags(tags: &[String], checks: &mut Checks) -> Vec<String> {
    if tags.len() > TAGS_MAX {
        checks.fault("tags", "too_many", "there are too many tags");
    }
    let mut sound: Vec<String> = Vec::new();
    for (index, tag) in tags.iter().take(TAGS_MAX).enumerate() {
        let tag = checks.take(&format!("tags.{index}"), text::line(tag, TAG_CHARS_MAX));
        if !sound.contains(&tag) {
            sound.push(tag);
        }
    }
    sound
}

/// A category; none when it is empty.
pub fn checked_category(category: Option<&str>, checks: &mut Checks) -> Option<String> {
    let category = text::optional_line(category.unwrap_or(""), CATEGORY_CHARS_MAX);
    checks.take("category", category)
}

/// An owner that can act; none when neither user nor team is named.
pub fn checked_owner(
    owner: Option<Owner>,
    directory: &Directory,
    checks: &mut Checks,
) -> Option<Owner> {
    let owner = owner.filter(|owner| owner.user.is_some() || owner.team.is_some())?;
    if let Some(user) = owner.user {
        match directory.user(user) {
            None => checks.fault("user_id", "unknown_user", "there is no such user"),
            Some(user) if !user.active => {
                checks.fault("user_id", "inactive_user", "this user has no access");
            }
            Some(_) => {}
        }
    }
    if owner.team.is_some() {
        checks.fault("team_id", "unknown_team", "there is no such team");
    }
    Some(owner)
}

/// Lets a contact take part; the first one starts the conversation (T07).
pub fn associate(ticket: TicketId, live: &LiveTicket, contact: ContactId, changes: &mut Changes) {
    if !live.contacts.contains(&contact) {
        let primary = live.primary_contact.is_none();
        changes.on(ticket, TicketEvent::from(ContactAssociated { contact, primary }));
    }
    if !live.has_conversation {
        changes.on(ticket, TicketEvent::from(ConversationStarted {}));
    }
}
