//! Given-when-then for replies.

use decider::spec::Given;
use decider::{Actor, KeyScope, Sealed};
use events::draft::DraftSent;
use events::message::Direction;
use events::value::Place;
use events::{ChannelEvent, DraftEvent, WorkspaceEvent};
use serde_json::json;

use super::*;
use crate::claims::{CONTACT_EMAIL, DRAFT};
use crate::contact::Contact;
use crate::draft::Draft;
use crate::fixtures::{Office, id, personal};
use crate::ticket::Ticket;
use crate::ticket::fixtures::{
    DRAFT_ID, MARIA, addresses, bare, created, given, given_draft, imported, inputs, maria, message,
};

const REPLY: MessageId = MessageId(id(500));

fn command() -> ReplyToTicket {
    ReplyToTicket {
        ticket_id: Office::TICKET,
        message_id: REPLY,
        mail_message_id: personal("<r500@example.org>"),
        text: personal("Switch it off.\n"),
        html: None,
        in_reply_to: None,
        to: None,
        cc: None,
        bcc: None,
        subject: None,
        from_channel_id: None,
        attachments: Vec::new(),
        status_id: None,
        properties: PropertyInputs::default(),
        draft_id: None,
        undo_seconds: 0,
    }
}

fn with_messages(directions: &[Direction]) -> Given {
    let messages = (101..).zip(directions).map(|(number, direction)| imported(number, *direction));
    given()
        .claim(CONTACT_EMAIL, "maria@example.net", MARIA)
        .events::<Ticket>(Office::TICKET, messages)
}

fn events(given: &Given, command: &ReplyToTicket) -> Vec<TicketEvent> {
    given.when(command).accepted().events_on(Office::TICKET)
}

fn submitted(given: &Given, command: &ReplyToTicket) -> ReplySubmitted {
    let mut events = events(given, command);
    let TicketEvent::ReplySubmitted(reply) = events.remove(0) else { panic!("no reply") };
    reply
}

fn to(reply: &ReplySubmitted) -> Vec<&str> {
    reply.message.to.clear().unwrap().iter().map(|address| address.email.as_str()).collect()
}

fn named(emails: &[&str]) -> Option<Personal<Vec<Address>>> {
    Some(Personal(addresses(emails)))
}

#[test]
fn a_reply_answers_the_newest_message_c01() {
    let given = with_messages(&[Direction::Incoming, Direction::Incoming]);
    let reply = submitted(&given, &command());
    assert_eq!(reply.in_reply_to, Some(MessageId(id(102))));
    assert_eq!(to(&reply), ["maria@example.net"]);
    let message = reply.message;
    assert_eq!(message.channel, Some(Office::EMAIL));
    assert_eq!(message.from.clear().unwrap()[0].email, "support@example.org");
    assert_eq!(message.subject.clear().unwrap(), "Re: It burns");
    assert_eq!(message.message_id.unwrap().clear().unwrap(), "r500@example.org");
    assert_eq!(message.in_reply_to.unwrap().clear().unwrap(), "m102@example.net");
    assert_eq!(
        message.references.unwrap().clear().unwrap(),
        &["m0@example.net", "m102@example.net"]
    );
    assert_eq!(message.author, Some(MessageAuthor::User(Office::AGENT)));
    assert_eq!(message.preview.clear().unwrap(), "Switch it off.");
    assert_eq!((message.cc, message.bcc, message.html), (None, None, None));
}

#[test]
fn a_reply_is_sealed_with_one_key_about_its_recipients() {
    let reply = submitted(&with_messages(&[Direction::Incoming]), &command());
    let scope = KeyScope::content(REPLY.0, vec![MARIA.0]);
    assert!(matches!(&reply.message.text, Sealed::Clear { scope: s, .. } if *s == scope));
    assert!(matches!(&reply.message.to, Sealed::Clear { scope: s, .. } if *s == scope));
}

#[test]
fn a_chosen_message_is_answered_c01() {
    let given = with_messages(&[Direction::Incoming, Direction::Outgoing]);
    let first = ReplyToTicket { in_reply_to: Some(MessageId(id(101))), ..command() };
    assert_eq!(submitted(&given, &first).in_reply_to, Some(MessageId(id(101))));
    let foreign = ReplyToTicket { in_reply_to: Some(MessageId(id(9))), ..command() };
    given.when(&foreign).then_rejected("unknown_message");
}

#[test]
fn answering_our_own_message_goes_to_whom_we_wrote_c01() {
    let given = with_messages(&[Direction::Outgoing]);
    assert_eq!(to(&submitted(&given, &command())), ["maria@example.net"]);
}

#[test]
fn an_answer_goes_where_it_is_wished_c01() {
    let mut wished = message(101, Direction::Incoming);
    let scope = KeyScope::content(id(101), Vec::new());
    wished.reply_to = Some(Personal(addresses(&["lists@example.net"])).seal(&scope));
    let received = events::ticket::MessageReceived { message: wished };
    let given = given().events::<Ticket>(Office::TICKET, [received.into()]);
    assert_eq!(to(&submitted(&given, &command())), ["lists@example.net"]);
}

#[test]
fn the_first_message_goes_to_the_primary_contact_t07() {
    let reply = submitted(&given(), &command());
    assert_eq!(to(&reply), ["maria@example.net"]);
    assert_eq!(reply.message.to.clear().unwrap()[0].name.as_deref(), Some("Maria"));
    assert_eq!(reply.message.subject.clear().unwrap(), "Re: Printer");
    assert_eq!((reply.in_reply_to, reply.message.in_reply_to), (None, None));
}

#[test]
fn a_message_too_old_to_be_remembered_is_answered_to_the_primary_contact_c01() {
    let given = with_messages(&[Direction::Incoming; 60]);
    let old = ReplyToTicket { in_reply_to: Some(MessageId(id(101))), ..command() };
    let reply = submitted(&given, &old);
    assert_eq!(reply.in_reply_to, Some(MessageId(id(101))));
    assert_eq!(to(&reply), ["maria@example.net"]);
}

#[test]
fn named_recipients_count_c04() {
    let command = ReplyToTicket {
        to: named(&["otto@example.net", "OTTO@example.net"]),
        cc: named(&["cc@example.net"]),
        bcc: named(&["bcc@example.net"]),
        ..command()
    };
    let reply = submitted(&with_messages(&[Direction::Incoming]), &command);
    assert_eq!(to(&reply), ["otto@example.net"]);
    assert_eq!(reply.message.cc.unwrap().clear().unwrap()[0].email, "cc@example.net");
    assert_eq!(reply.message.bcc.unwrap().clear().unwrap()[0].email, "bcc@example.net");
}

#[test]
fn a_reply_goes_to_somebody_and_not_to_everybody() {
    let nobody = ReplyToTicket { to: named(&[]), ..command() };
    given().when(&nobody).then_rejected("no_recipients");
    let wrong = ReplyToTicket { cc: named(&["otto"]), ..command() };
    given().when(&wrong).then_rejected("invalid_email");
    let many: Vec<String> = (0..100).map(|n| format!("a{n}@example.net")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let full = ReplyToTicket { to: named(&many), cc: named(&["b@example.net"]), ..command() };
    given().when(&full).then_rejected("too_many");
    let nameless = Office::new()
        .as_agent()
        .events::<Ticket>(
            Office::TICKET,
            [created(Office::TICKET), events::ticket::ConversationStarted {}.into()],
        )
        .events::<Contact>(MARIA, [maria()]);
    nameless.when(&command()).then_rejected("no_recipients");
}

#[test]
fn without_a_conversation_there_is_nobody_to_write_to_t07() {
    bare().when(&command()).then_rejected("no_conversation");
}

#[test]
fn a_reply_says_something() {
    let html = |html: &str| ReplyToTicket {
        text: personal(" \n"),
        html: Some(personal(html)),
        ..command()
    };
    given().when(&html("<p>&nbsp;</p>")).then_rejected("empty_body");
    given().when(&ReplyToTicket { html: None, ..html("") }).then_rejected("empty_body");
    let reply = submitted(&given(), &html("<p>Switch <b>it</b> off</p>"));
    assert_eq!(reply.message.preview.clear().unwrap(), "Switch it off");
    assert!(reply.message.html.is_some());
    let nul = ReplyToTicket { text: personal("a\0"), ..command() };
    given().when(&nul).then_rejected("invalid_text");
    let long = ReplyToTicket { text: personal(&"x".repeat(1024 * 1024 + 1)), ..command() };
    given().when(&long).then_rejected("too_long");
}

#[test]
fn the_first_reply_assigns_an_unassigned_ticket_to_its_sender_c09() {
    let expected = OwnerChanged {
        from: None,
        to: Some(Owner::user(Office::AGENT)),
        reason: OwnerChangeReason::FirstReply,
        note: None,
    };
    assert_eq!(events(&given(), &command())[1..], [TicketEvent::from(expected.clone())]);
    let owned = given().events::<Ticket>(Office::TICKET, [expected.into()]);
    assert_eq!(events(&owned, &command()).len(), 1);
}

#[test]
fn assigning_on_first_reply_can_be_switched_off_c09() {
    let off = events::workspace::AssignOnFirstReplyChanged { from: true, to: false };
    let given = Office::new()
        .with(Office::WORKSPACE, WorkspaceEvent::from(off))
        .as_agent()
        .events::<Contact>(MARIA, [maria()])
        .events::<Ticket>(
            Office::TICKET,
            [
                created(Office::TICKET),
                events::ticket::ContactAssociated { contact: MARIA, primary: true }.into(),
                events::ticket::ConversationStarted {}.into(),
            ],
        );
    assert_eq!(events(&given, &command()).len(), 1);
}

#[test]
fn status_and_properties_are_set_together_with_the_reply_c10() {
    let bare_status = ReplyToTicket { status_id: Some(Office::SOLVED), ..command() };
    let rejected = given().when(&bare_status).then_rejected("required_properties_missing");
    assert_eq!(rejected.fields.len(), 2);
    let properties = inputs(&[("severity", json!("low")), ("root_cause", json!("Fuse"))]);
    let solved = ReplyToTicket { properties, ..bare_status };
    let events = events(&given(), &solved);
    assert!(matches!(events[2], TicketEvent::PropertiesSet(_)));
    let place = |status| Place { pipeline: Office::SUPPORT, status };
    let changed = StatusChanged {
        from: place(Office::NEW),
        to: place(Office::SOLVED),
        with_reply: Some(REPLY),
    };
    assert_eq!(events[3..], [TicketEvent::from(changed)]);
    let foreign = ReplyToTicket { status_id: Some(Office::LEAD), ..command() };
    given().when(&foreign).then_rejected("status_not_in_pipeline");
}

#[test]
fn a_sent_draft_is_closed_and_its_place_given_back_d04() {
    let command = ReplyToTicket { draft_id: Some(DRAFT_ID), ..command() };
    let changes = given_draft().when(&command).accepted();
    let sent = DraftEvent::from(DraftSent { sent_as: SentAs::Message(REPLY) });
    assert_eq!(changes.events_on::<DraftEvent>(DRAFT_ID), std::slice::from_ref(&sent));
    let released = changes.claims.iter().find(|claim| claim.scope == DRAFT).unwrap();
    assert_eq!(released.holder, None);
    let again = given_draft().events::<Draft>(DRAFT_ID, [sent]);
    again.when(&command).then_rejected("draft_closed");
    let somebody = given_draft().actor(Actor::user(Office::ADMIN.0));
    somebody.when(&command).then_rejected("not_found");
    given().when(&command).then_rejected("not_found");
}

#[test]
fn a_reply_waits_for_its_undo_time_and_is_held() {
    let command = ReplyToTicket { undo_seconds: 10, ..command() };
    let reply = submitted(&given(), &command);
    let now = submitted(&given(), &self::command()).deliver_after;
    assert_eq!(reply.deliver_after, now.plus_seconds(10));
    assert_eq!((reply.delivery, reply.status), (Delivery::Held, None));
}

#[test]
fn the_message_id_is_taken_so_that_answers_find_the_ticket_h05() {
    let changes = given().when(&command()).accepted();
    let key = mail_key(Some(Office::EMAIL), "r500@example.org");
    let claims: Vec<_> = changes.claims.iter().map(|c| (c.scope, c.holder)).collect();
    assert_eq!(claims, [(MAIL_ID, Some(Office::TICKET.0)), (MAIL_MESSAGE, Some(REPLY.0))]);
    assert!(changes.claims.iter().all(|claim| claim.key == key));
    given().claim(MAIL_ID, &key, id(9)).when(&command()).then_rejected("already_exists");
    let wrong = ReplyToTicket { mail_message_id: personal("a b"), ..command() };
    given().when(&wrong).then_rejected("invalid_value");
}

#[test]
fn the_channel_is_one_that_sends() {
    let chosen = ReplyToTicket { from_channel_id: Some(ChannelId(id(9))), ..command() };
    given().when(&chosen).then_rejected("unknown_channel");
    let removed = events::channel::ChannelRemoved {};
    let office = Office::new().with(Office::EMAIL, ChannelEvent::from(removed));
    let given = office.as_agent().events::<Contact>(MARIA, [maria()]).events::<Ticket>(
        Office::TICKET,
        [created(Office::TICKET), events::ticket::ConversationStarted {}.into()],
    );
    let reply = submitted(&given, &ReplyToTicket { to: named(&["a@example.net"]), ..command() });
    assert_eq!((reply.message.channel, to(&reply)), (None, vec!["a@example.net"]));
}

#[test]
fn an_own_subject_stays_on_one_line() {
    let command = ReplyToTicket { subject: Some(personal("Your\r\nBcc: printer")), ..command() };
    let reply = submitted(&given(), &command);
    assert_eq!(reply.message.subject.clear().unwrap(), "Your Bcc: printer");
    assert_eq!(answer_to("RE: It burns"), "RE: It burns");
}

#[test]
fn long_threads_keep_their_beginning_and_their_end() {
    let references: Vec<_> = (0..50).map(|n| n.to_string()).collect();
    let bounded = bounded(references);
    assert_eq!(bounded.len(), REFERENCES_MAX);
    assert_eq!((bounded[0].as_str(), bounded[1].as_str(), bounded[19].as_str()), ("0", "31", "49"));
}

#[test]
fn a_known_ticket_is_answered_once_by_who_may() {
    let unknown = ReplyToTicket { ticket_id: TicketId(id(9)), ..command() };
    given().when(&unknown).then_rejected("not_found");
    let light = given().actor(Actor::user(Office::LIGHT.0));
    let rejected = light.when(&command()).then_rejected("forbidden");
    assert_eq!(rejected.missing_right, Some("tickets.communicate"));
    let again = ReplyToTicket { message_id: MessageId(id(101)), ..command() };
    with_messages(&[Direction::Incoming]).when(&again).then_rejected("already_exists");
}
