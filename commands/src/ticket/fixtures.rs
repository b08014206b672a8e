//! A ticket to test rules with: `bare` has no conversation, `given` one with Maria.

use std::collections::BTreeMap;

use decider::Personal;
use decider::spec::Given;
use events::draft::{DraftEvent, DraftKind, DraftStarted};
use events::message::{Address, Direction, MessageContent};
use events::ticket::{ContactAssociated, ConversationStarted, MessageImported, TicketCreated};
use events::value::TicketSource;
use events::{ContactEvent, ContactId, DraftId, MessageId, TicketEvent, TicketId};
use serde_json::Value;

use super::parts::sealed;
use super::{PropertyInputs, Ticket};
use crate::claims::{DRAFT, draft_key};
use crate::contact::{Contact, Identity};
use crate::draft::Draft;
use crate::fixtures::{Office, id};

pub const MARIA: ContactId = ContactId(id(70));
pub const DRAFT_ID: DraftId = DraftId(id(80));

pub fn inputs(values: &[(&str, Value)]) -> PropertyInputs {
    let values = values.iter().map(|(key, value)| ((*key).to_owned(), Personal(value.clone())));
    PropertyInputs(values.collect::<BTreeMap<_, _>>())
}

pub fn created(ticket: TicketId) -> TicketEvent {
    TicketCreated {
        number: 1,
        name: sealed(ticket, "Printer"),
        pipeline: Office::SUPPORT,
        status: Office::NEW,
        source: TicketSource::Manual,
        imported: false,
        channel: None,
    }
    .into()
}

pub fn maria() -> ContactEvent {
    let name = Some("Maria".to_owned());
    let emails = vec!["maria@example.net".to_owned()];
    crate::contact::created(MARIA, Identity { name, emails, phones: Vec::new() })
}

pub fn bare() -> Given {
    Office::new()
        .as_agent()
        .events::<Ticket>(Office::TICKET, [created(Office::TICKET)])
        .events::<Contact>(MARIA, [maria()])
}

pub fn given() -> Given {
    bare().events::<Ticket>(
        Office::TICKET,
        [
            TicketEvent::from(ContactAssociated { contact: MARIA, primary: true }),
            ConversationStarted {}.into(),
        ],
    )
}

pub fn given_draft() -> Given {
    let (ticket, user, kind) = (Office::TICKET, Office::AGENT, DraftKind::Reply);
    given()
        .events::<Draft>(DRAFT_ID, [DraftEvent::from(DraftStarted { ticket, user, kind })])
        .claim(DRAFT, &draft_key(ticket, user, kind), DRAFT_ID)
}

pub fn address(email: &str) -> Address {
    Address { name: None, email: email.to_owned() }
}

pub fn addresses(emails: &[&str]) -> Vec<Address> {
    emails.iter().map(|email| address(email)).collect()
}

/// A message of earlier times, between Maria and us.
pub fn message(number: u128, direction: Direction) -> MessageContent {
    let scope = decider::KeyScope::content(id(number), vec![MARIA.0]);
    let text = |text: &str| crate::fixtures::sealed(&scope, text);
    let (from, to) = match direction {
        Direction::Incoming => ("maria@example.net", "support@example.org"),
        Direction::Outgoing => ("support@example.org", "maria@example.net"),
    };
    MessageContent {
        id: MessageId(id(number)),
        author: None,
        channel: Some(Office::EMAIL),
        from: Personal(addresses(&[from])).seal(&scope),
        reply_to: None,
        to: Personal(addresses(&[to])).seal(&scope),
        cc: None,
        bcc: None,
        subject: text("It burns"),
        preview: text("Help"),
        text: text("Help"),
        html: None,
        message_id: Some(text(&format!("m{number}@example.net"))),
        in_reply_to: None,
        references: Some(Personal(vec!["m0@example.net".to_owned()]).seal(&scope)),
        attachments: Vec::new(),
        raw: None,
        automatic: None,
        problems: Vec::new(),
    }
}

pub fn imported(number: u128, direction: Direction) -> TicketEvent {
    MessageImported { message: message(number, direction), direction }.into()
}
