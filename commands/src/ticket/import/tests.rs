//! Given-when-then for importing mail.

use decider::spec::Given;
use decider::{Actor, Sealed};
use events::message::MessageAuthor;
use events::ticket::{
    ContactAssociated, ConversationStarted, MessageCopyKept, MessageImported, RawMessageKept,
    TicketLinked,
};
use events::value::LinkReason;
use events::{StatusId, TicketEvent};

use super::*;
use crate::claims::{CONTACT_EMAIL, MAIL_ID, MAIL_MESSAGE, MAIL_RAW, USER_EMAIL, mail_key};
use crate::fixtures::{Office, id, personal};
use crate::ticket::Ticket;
use crate::ticket::fixtures::{MARIA, addresses, created, maria};

const NEW: TicketId = TicketId(id(600));

fn raw(number: u128) -> ObjectRef {
    ObjectRef { key: id(number), hash: format!("{number:x}"), size_bytes: 9 }
}

/// Message `number`, answering those before it; it came from Maria.
fn message(number: u128, references: &[&str]) -> ImportedMessage {
    ImportedMessage {
        id: MessageId(id(number)),
        new_contact_id: ContactId(id(7000 + number)),
        direction: Direction::Incoming,
        sent_at: Timestamp::from_micros(i64::try_from(number).unwrap()),
        from: Personal(addresses(&["maria@example.net"])),
        reply_to: Personal(Vec::new()),
        to: Personal(addresses(&["support@example.org"])),
        cc: Personal(Vec::new()),
        bcc: Personal(Vec::new()),
        subject: personal("It\r\n burns\0"),
        text: personal("Help\0!"),
        html: None,
        mail_message_id: Some(personal(&format!("<m{number}@example.net>"))),
        in_reply_to: None,
        references: Personal(references.iter().map(|id| (*id).to_owned()).collect()),
        attachments: Vec::new(),
        raw: Some(raw(number)),
        raw_mac: format!("mac{number}"),
        automatic: None,
        problems: Vec::new(),
    }
}

fn import(messages: Vec<ImportedMessage>) -> ImportMessages {
    ImportMessages {
        ticket_id: NEW,
        channel_id: None,
        status: ImportedStatus::Closed,
        messages,
        unreadable: Vec::new(),
        links: Vec::new(),
    }
}

fn key(id: &str) -> String {
    mail_key(None, id)
}

/// The world after a command.
fn after(given: Given, changes: &Changes) -> Given {
    let mut given = given.events::<Ticket>(NEW, changes.events_on::<TicketEvent>(NEW));
    for claim in &changes.claims {
        given = given.claim(claim.scope, &claim.key, claim.holder.unwrap());
    }
    given
}

fn imported(changes: &Changes, ticket: TicketId) -> Vec<MessageImported> {
    let events = changes.events_on::<TicketEvent>(ticket).into_iter();
    let only = events.filter_map(|event| {
        if let TicketEvent::MessageImported(imported) = event { Some(imported) } else { None }
    });
    only.collect()
}

#[test]
fn a_thread_becomes_one_closed_ticket_with_its_own_dates_and_sender_h03() {
    let command = import(vec![message(1, &[]), message(2, &["m1@example.net"])]);
    let changes = Office::new().given().next_number(7).when(&command).accepted();
    let events = changes.events_on::<TicketEvent>(NEW);
    let contact = ContactId(id(7001));
    let TicketEvent::Created(created) = &events[0] else { panic!("{events:?}") };
    assert_eq!((created.number, created.imported, created.status), (7, true, Office::SOLVED));
    assert_eq!(created.name.clear().unwrap(), "It   burns");
    assert_eq!(
        events[1..3],
        [
            TicketEvent::from(ContactAssociated { contact, primary: true }),
            ConversationStarted {}.into(),
        ]
    );
    assert_eq!(events.len(), 5);
    let times: Vec<_> =
        changes.events.iter().map(|new| new.occurred_at.unwrap().as_micros()).collect();
    assert_eq!(times, [1, 1, 1, 1, 1, 2]);
    assert_eq!(changes.events_on::<ContactEvent>(contact).len(), 1);
    assert_eq!(changes.numbers, 1);
}

#[test]
fn a_message_is_about_its_contacts_and_kept_without_what_no_text_may_hold() {
    let changes = Office::new().given().when(&import(vec![message(1, &[])])).accepted();
    let message = imported(&changes, NEW).remove(0).message;
    let Sealed::Clear { value, scope } = &message.text else { panic!() };
    assert_eq!((value.as_str(), &scope.subjects), ("Help!", &vec![id(7001)]));
    assert_eq!(message.author, Some(MessageAuthor::Contact(ContactId(id(7001)))));
    assert_eq!(message.message_id.unwrap().clear().unwrap(), "m1@example.net");
    assert_eq!(message.raw, Some(raw(1)));
}

#[test]
fn an_open_import_starts_in_the_first_open_status_h03() {
    let open = ImportMessages { status: ImportedStatus::Open, ..import(vec![message(1, &[])]) };
    let status = |command: &ImportMessages| -> StatusId {
        let changes = Office::new().given().when(command).accepted();
        let events = changes.events_on::<TicketEvent>(NEW);
        let TicketEvent::Created(created) = &events[0] else { panic!("{events:?}") };
        created.status
    };
    assert_eq!(status(&open), Office::NEW);
}

#[test]
fn ids_and_references_lead_to_the_ticket_from_now_on_h05() {
    let command = import(vec![message(1, &["unseen@example.net"])]);
    let changes = Office::new().given().when(&command).accepted();
    let holder = |scope, id: &str| {
        let claim = changes.claims.iter().find(|c| c.scope == scope && c.key == key(id));
        claim.and_then(|claim| claim.holder)
    };
    assert_eq!(holder(MAIL_ID, "m1@example.net"), Some(NEW.0));
    assert_eq!(holder(MAIL_ID, "unseen@example.net"), Some(NEW.0));
    assert_eq!(holder(MAIL_MESSAGE, "m1@example.net"), Some(id(1)));
    assert_eq!(holder(MAIL_MESSAGE, "unseen@example.net"), None);
    assert_eq!(holder(MAIL_RAW, "mac1"), Some(id(1)));
}

#[test]
fn the_same_again_changes_nothing_h03() {
    let command = import(vec![message(1, &[]), message(2, &["m1@example.net"])]);
    let given = || Office::new().given();
    let changes = given().when(&command).accepted();
    after(given(), &changes).when(&command).then_nothing();
    let half = import(vec![message(1, &[])]);
    let changes = given().when(&half).accepted();
    let rest = after(given(), &changes).when(&command).accepted();
    assert_eq!(rest.events_on::<TicketEvent>(NEW).len(), 1);
    given().when(&import(Vec::new())).then_nothing();
}

#[test]
fn a_differing_copy_keeps_its_bytes_once() {
    let copy =
        ImportedMessage { raw_mac: "other".to_owned(), raw: Some(raw(9)), ..message(1, &[]) };
    let command = import(vec![message(1, &[]), copy.clone(), copy.clone()]);
    let changes = Office::new().given().when(&command).accepted();
    let kept = TicketEvent::from(MessageCopyKept { message: MessageId(id(1)), raw: raw(9) });
    assert_eq!(changes.events_on::<TicketEvent>(NEW)[4..], std::slice::from_ref(&kept)[..]);

    let first = Office::new().given().when(&import(vec![message(1, &[])])).accepted();
    let given = after(Office::new().given(), &first);
    let second = import(vec![copy.clone()]);
    let changes = given.when(&second).then(NEW, [kept]);
    after(given, &changes).when(&second).then_nothing();
    let bytes_gone = ImportedMessage { raw: None, ..copy };
    let given = after(Office::new().given(), &first);
    given.when(&import(vec![bytes_gone])).then_nothing();
}

#[test]
fn messages_join_the_ticket_that_knows_their_ancestor_h05() {
    let given = Office::new()
        .given()
        .events::<Ticket>(Office::TICKET, [created(Office::TICKET)])
        .claim(MAIL_ID, &key("old@example.net"), Office::TICKET);
    let changes = given.when(&import(vec![message(1, &["old@example.net"])])).accepted();
    assert!(changes.events_on::<TicketEvent>(NEW).is_empty());
    assert_eq!(imported(&changes, Office::TICKET).len(), 1);
    assert_eq!(changes.numbers, 0);
}

#[test]
fn a_named_ticket_that_exists_is_joined() {
    let given = Office::new().given().events::<Ticket>(Office::TICKET, [created(Office::TICKET)]);
    let named = ImportMessages { ticket_id: Office::TICKET, ..import(vec![message(1, &[])]) };
    let changes = given.when(&named).accepted();
    assert_eq!(imported(&changes, Office::TICKET).len(), 1);
}

#[test]
fn messages_that_belong_to_two_tickets_link_them_h05() {
    let other = TicketId(id(61));
    let given = Office::new()
        .given()
        .events::<Ticket>(Office::TICKET, [created(Office::TICKET)])
        .events::<Ticket>(other, [created(other)])
        .claim(MAIL_ID, &key("a@example.net"), Office::TICKET)
        .claim(MAIL_ID, &key("b@example.net"), other);
    let bridge = import(vec![message(1, &["b@example.net", "a@example.net"])]);
    let changes = given.when(&bridge).accepted();
    let linked =
        |other| TicketEvent::from(TicketLinked { other, reason: LinkReason::BridgedByImport });
    assert_eq!(changes.events_on::<TicketEvent>(Office::TICKET).last(), Some(&linked(other)));
    assert_eq!(changes.events_on::<TicketEvent>(other), [linked(Office::TICKET)]);
    let named = ImportMessages { links: vec![other], ..import(vec![message(1, &[])]) };
    assert_eq!(given.when(&named).accepted().events_on::<TicketEvent>(other), [linked(NEW)]);
}

#[test]
fn senders_are_found_by_their_address_or_created_once_k01() {
    let given = Office::new().given().events::<crate::contact::Contact>(MARIA, [maria()]).claim(
        CONTACT_EMAIL,
        "maria@example.net",
        MARIA,
    );
    let changes = given.when(&import(vec![message(1, &[])])).accepted();
    let joined = ContactAssociated { contact: MARIA, primary: true };
    assert_eq!(changes.events_on::<TicketEvent>(NEW)[1], joined.into());

    let otto = |number| ImportedMessage {
        from: Personal(addresses(&[" Otto@example.net"])),
        ..message(number, &["m1@example.net"])
    };
    let changes = given.when(&import(vec![message(1, &[]), otto(2), otto(3)])).accepted();
    assert_eq!(changes.events_on::<ContactEvent>(id(7002)).len(), 1);
    assert!(changes.events_on::<ContactEvent>(id(7003)).is_empty());
    let authors: Vec<_> =
        imported(&changes, NEW).into_iter().map(|imported| imported.message.author).collect();
    let otto = Some(MessageAuthor::Contact(ContactId(id(7002))));
    assert_eq!(authors, [Some(MessageAuthor::Contact(MARIA)), otto, otto]);
}

#[test]
fn what_we_sent_is_by_our_user_and_to_the_contact() {
    let sent = ImportedMessage {
        direction: Direction::Outgoing,
        from: Personal(addresses(&["anna@example.org"])),
        to: Personal(addresses(&["support@example.org", "maria@example.net"])),
        ..message(1, &[])
    };
    let given = Office::new().given().claim(USER_EMAIL, "anna@example.org", Office::AGENT);
    let changes = given.when(&import(vec![sent])).accepted();
    let author = imported(&changes, NEW).remove(0).message.author;
    assert_eq!(author, Some(MessageAuthor::User(Office::AGENT)));
    assert_eq!(changes.events_on::<ContactEvent>(id(7001)).len(), 1);
}

#[test]
fn a_sender_without_a_sound_address_is_nobody() {
    let nobody = ImportedMessage { from: Personal(addresses(&["undisclosed"])), ..message(1, &[]) };
    let changes = Office::new().given().when(&import(vec![nobody])).accepted();
    assert_eq!(imported(&changes, NEW).remove(0).message.author, None);
    assert_eq!(changes.events_on::<TicketEvent>(NEW).len(), 3);
}

#[test]
fn a_mail_that_cannot_be_read_is_kept_as_it_came() {
    let at = Timestamp::from_micros(5);
    let mail = UnreadableMail { raw: raw(1), raw_mac: "mac1".to_owned(), at };
    let command = ImportMessages { unreadable: vec![mail], ..import(Vec::new()) };
    let changes = Office::new().given().when(&command).accepted();
    let kept = RawMessageKept { raw: raw(1), channel: None };
    assert_eq!(changes.events_on::<TicketEvent>(NEW)[1..], [kept.into()]);
    after(Office::new().given(), &changes).when(&command).then_nothing();
}

#[test]
fn a_ticket_made_of_mail_names_the_channel_it_came_in_by_z10() {
    let channel = Some(ChannelId(id(70)));
    let command = ImportMessages { channel_id: channel, ..import(vec![message(1, &[])]) };
    let changes = Office::new().given().when(&command).accepted();
    let events = changes.events_on::<TicketEvent>(NEW);
    let Some(TicketEvent::Created(created)) = events.first() else { panic!("{events:?}") };
    assert_eq!(created.channel, channel);
}

#[test]
fn an_import_is_bounded_and_for_who_may() {
    let many = import((1..=101).map(|number| message(number, &[])).collect());
    Office::new().given().when(&many).then_rejected("too_many");
    let one = import(vec![message(1, &[])]);
    Office::new().as_light_agent().when(&one).then_rejected("forbidden");
    let contact = Actor { kind: decider::ActorKind::Contact, id: id(1) };
    Office::new().given().actor(contact).when(&one).then_rejected("no_access");
    Given::directory(crate::Directory::default()).when(&one).then_rejected("unknown_pipeline");
}
