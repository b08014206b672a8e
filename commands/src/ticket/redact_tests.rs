//! What redacting takes out, and what it leaves (C17).

use decider::spec::Given;
use events::message::{Direction, ObjectRef};

use super::*;
use crate::fixtures::{Office, id, personal, sealed};
use crate::ticket::Ticket;
use crate::ticket::fixtures::{bare, imported, message};
use decider::Actor;

const ERASURE: ErasureId = ErasureId(id(900));
const FILE: AttachmentId = AttachmentId(id(50));

fn old() -> MessageContent {
    let scope = KeyScope::content(id(5), Vec::new());
    let text = |words: &str| sealed(&scope, words);
    let file = |id| Attachment {
        id,
        object: ObjectRef { key: id.0, hash: "5e".to_owned(), size_bytes: 1 },
        name: text("card.png"),
        media_type: "image/png".to_owned(),
        size_bytes: 1,
        sha256: text("5e"),
        inline_cid: None,
    };
    MessageContent {
        subject: text("Card 4111 refused"),
        text: text("My card is 4111 1111, please help"),
        html: Some(text("<p>My card is <b>4111</b> 1111, please help</p>")),
        preview: text("My card is 4111 1111, please help"),
        attachments: vec![file(FILE), file(AttachmentId(id(51)))],
        raw: Some(ObjectRef { key: id(60), hash: "aa".to_owned(), size_bytes: 9 }),
        ..message(5, Direction::Incoming)
    }
}

fn command(redaction: Redaction) -> RedactContent {
    RedactContent {
        ticket_id: Office::TICKET,
        content: StoredContent::Message(Box::new(old())),
        redaction,
        reason: ErasureReason::Misplaced,
        erasure_id: ERASURE,
        keys: vec![id(1)],
        subjects: Vec::new(),
    }
}

fn passages(words: &[&str]) -> Redaction {
    Redaction::Passages(words.iter().map(|word| personal(word)).collect())
}

fn given() -> Given {
    bare()
        .actor(Actor::user(Office::ADMIN.0))
        .events::<Ticket>(Office::TICKET, [imported(5, Direction::Incoming)])
}

fn redacted(redaction: Redaction) -> MessageRedacted {
    let changes = given().when(&command(redaction)).accepted();
    let kinds: Vec<_> = changes.events.iter().map(|event| event.event.type_name()).collect();
    assert_eq!(kinds, ["MessageRedacted", "ErasureRequested"]);
    match changes.events[0].event.as_any().downcast_ref::<TicketEvent>() {
        Some(TicketEvent::MessageRedacted(redacted)) => redacted.clone(),
        _ => panic!("another event"),
    }
}

#[test]
fn words_are_taken_out_of_text_subject_and_preview_and_the_rest_stays_c17() {
    let MessageRedacted { message, parts, .. } = redacted(passages(&["4111 1111", "4111"]));
    assert_eq!(parts, [RedactedPart::Text, RedactedPart::Subject]);
    assert_eq!(message.text.clear().unwrap(), "My card is [redacted], please help");
    assert_eq!(message.preview.clear().unwrap(), "My card is [redacted], please help");
    assert_eq!(message.subject.clear().unwrap(), "Card [redacted] refused");
    assert!(message.html.is_none(), "its tags part the words: it goes");
    assert!(message.raw.is_none(), "the original holds them");
    assert_eq!(message.attachments.len(), 2);
    assert_eq!(message.from.clear().unwrap()[0].email, "maria@example.net");
}

#[test]
fn the_whole_text_can_go_c17() {
    let MessageRedacted { message, parts, .. } = redacted(Redaction::Everything);
    assert_eq!(parts, [RedactedPart::Text]);
    assert_eq!((message.text.clear().unwrap().as_str(), message.html.is_none()), (MARK, true));
}

#[test]
fn a_file_can_go_and_the_others_stay_c17() {
    let MessageRedacted { message, parts, .. } = redacted(Redaction::File(FILE));
    assert_eq!(parts, [RedactedPart::File(FILE)]);
    assert_eq!(message.attachments.len(), 1);
    assert_eq!(message.text.clear().unwrap(), "My card is 4111 1111, please help");
    let unknown = command(Redaction::File(AttachmentId(id(99))));
    given().when(&unknown).then_rejected("not_found");
}

#[test]
fn what_is_not_there_or_not_named_is_refused_c17() {
    given().when(&command(passages(&["5222"]))).then_rejected("passage_not_found");
    given().when(&command(passages(&[]))).then_rejected("required");
    given().when(&command(passages(&[" "]))).then_rejected("required");
    given().when(&command(passages(&["4"; 101]))).then_rejected("too_many");
    let agent = given().actor(Actor::user(Office::AGENT.0));
    let refused = agent.when(&command(Redaction::Everything)).then_rejected("forbidden");
    assert_eq!(refused.missing_right, Some("content.erase"));
}
