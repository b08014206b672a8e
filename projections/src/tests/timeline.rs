//! What the timeline of a ticket shows, told as sentences.

use decider::KeyScope;
use events::ticket::{MessageReceived, StatusChanged, TicketRenamed};
use events::value::Place;
use events::{ContactId, DraftEvent, StatusId, TicketId, draft};
use serde_json::Value;

use super::log::{ANNA, Log, created, id, message, sealed};
use crate::timeline::Timeline;

const TICKET: TicketId = TicketId(id(1));

fn lived() -> Log {
    let mut log = Log::new();
    let place = |status: u128| Place { pipeline: id(100).into(), status: StatusId(id(status)) };
    let scope = KeyScope::ticket(TICKET.0);
    log.ticket(TICKET, created(1042, (100, 101)))
        .ticket(TICKET, StatusChanged { from: place(101), to: place(103), with_reply: None })
        .ticket(TICKET, TicketRenamed { from: None, to: sealed(&scope, "Secret") })
        .ticket(TICKET, MessageReceived { message: message(70, ContactId(id(50)), "It burns") });
    log
}

#[test]
fn every_event_of_a_ticket_is_one_entry_in_the_order_of_the_log() {
    let rows = lived().fold::<Timeline>();
    let entries: Vec<_> = rows
        .entries
        .rows()
        .iter()
        .map(|row| (row.position, row.version, row.kind.clone()))
        .collect();
    let kinds =
        ["TicketCreated", "StatusChanged", "TicketRenamed", "MessageReceived"].map(str::to_owned);
    assert_eq!(entries, (1..).zip(1..).zip(kinds).map(|((a, b), c)| (a, b, c)).collect::<Vec<_>>());
    assert!(rows.entries.rows().iter().all(|row| row.actor == format!("user:{}", ANNA.0)));
}

#[test]
fn an_entry_says_from_what_to_what() {
    let rows = lived().fold::<Timeline>();
    let data: Value = rows.entries.rows()[1].data.read().unwrap();
    assert_eq!(
        (&data["from"]["status"], &data["to"]["status"]),
        (&id(101).to_string().into(), &id(103).to_string().into())
    );
}

#[test]
fn personal_words_stay_sealed_and_bodies_stay_out() {
    let rows = lived().fold::<Timeline>();
    let entries = rows.entries.rows();
    let renamed: Value = entries[2].data.read().unwrap();
    assert!(renamed["to"]["c"].is_string(), "a ciphertext");
    let message: Value = entries[3].data.read().unwrap();
    assert!(message["preview"]["c"].is_string() && message["attachments"] == 0);
    assert_eq!((message.get("text"), message.get("html")), (None, None));
}

#[test]
fn what_somebody_is_writing_is_nobody_elses_business() {
    let mut log = lived();
    let started = draft::DraftStarted { ticket: TICKET, user: ANNA, kind: draft::DraftKind::Reply };
    log.add::<DraftEvent>(id(90), started);
    assert_eq!(log.fold::<Timeline>().entries.rows().len(), 4);
}

#[test]
fn an_entry_says_which_one_it_takes_back_and_by_what_it_came_z11() {
    let mut log = lived();
    let token = id(9);
    log.events[1].context.undoes = Some(decider::LogPosition(1));
    log.events[1].context.token = Some(token);
    let rows = log.fold::<Timeline>();
    let entries = rows.entries.rows();
    assert_eq!((entries[1].undoes, entries[1].token), (Some(1), Some(token)));
    assert_eq!(entries[1].command, log.events[1].command.0);
    assert_eq!((entries[2].undoes, entries[2].token), (None, None));
}
