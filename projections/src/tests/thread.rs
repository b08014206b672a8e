//! What the thread of a ticket shows, told as sentences.

use decider::{Actor, KeyScope, Timestamp};
use events::message::{Automatic, Direction, MessageAuthor, MessageContent, ObjectRef};
use events::ticket::{
    CommentAdded, MessageCopyKept, MessageImported, MessageReceived, MessageRedacted,
    RawMessageKept, RedactedPart, ReplySubmitted,
};
use events::value::Delivery;
use events::{CommentId, ContactId, ErasureId, MessageId, TicketEvent, TicketId};

use super::log::{ANNA, BERT, Log, created, id, message, plain, sealed};
use crate::thread::{ItemContent, ItemRow, Thread};

const TICKET: TicketId = TicketId(id(1));
const CARL: ContactId = ContactId(id(50));

fn opened() -> Log {
    let mut log = Log::new();
    log.ticket(TICKET, created(1042, (100, 101)));
    log
}

fn only_item(log: &Log) -> ItemRow {
    let rows = log.fold::<Thread>();
    assert_eq!(rows.items.rows().len(), 1);
    rows.items.rows()[0].clone()
}

fn raw() -> ObjectRef {
    ObjectRef { key: id(8), hash: "ab".repeat(32), size_bytes: 3 }
}

#[test]
fn a_message_of_a_contact_shows_as_incoming_with_its_original_and_why_it_is_automatic() {
    let mut log = opened();
    let (automatic, raw) = (Some(Automatic::AutoReply), Some(raw()));
    log.ticket(
        TICKET,
        MessageReceived { message: MessageContent { automatic, raw, ..message(70, CARL, "Away") } },
    );
    let item = only_item(&log);
    assert_eq!((item.kind.as_str(), item.direction.as_deref()), ("message", Some("incoming")));
    assert_eq!(item.author, Some(format!("contact:{}", CARL.0)));
    assert_eq!(
        (item.automatic.as_deref(), item.delivery, item.imported),
        (Some("auto_reply"), None, false)
    );
    assert_eq!(item.raw.unwrap().0.size_bytes, 3);
    let ItemContent::Message(content) = item.content.0 else { panic!("not a message") };
    assert_eq!(plain(&content.text), "Away");
}

#[test]
fn what_is_left_of_a_redacted_message_takes_its_place_with_a_mark_c17() {
    let mut log = opened();
    let original = MessageContent { raw: Some(raw()), ..message(70, CARL, "Card 4111") };
    log.ticket(TICKET, MessageReceived { message: original });
    log.actor = Actor::user(BERT.0);
    for part in [RedactedPart::Text, RedactedPart::Subject, RedactedPart::Text] {
        let (message, parts) = (message(70, CARL, "Card [redacted]"), vec![part]);
        log.ticket(TICKET, MessageRedacted { message, parts, erasure: ErasureId(id(900)) });
    }
    let item = only_item(&log);
    let redacted = item.redacted.unwrap().0;
    assert_eq!(redacted.parts, [RedactedPart::Text, RedactedPart::Subject]);
    assert_eq!(redacted.by, format!("user:{}", BERT.0));
    assert!(item.raw.is_none(), "the original holds it");
    assert_eq!(item.author, Some(format!("contact:{}", CARL.0)));
    let ItemContent::Message(content) = item.content.0 else { panic!("not a message") };
    assert_eq!(plain(&content.text), "Card [redacted]");
}

#[test]
fn a_reply_shows_what_it_answers_who_wrote_it_and_what_becomes_of_it() {
    let mut log = opened();
    log.actor = Actor::user(BERT.0);
    let reply = ReplySubmitted {
        message: MessageContent { author: None, ..message(71, CARL, "Hello") },
        in_reply_to: Some(MessageId(id(70))),
        deliver_after: Timestamp::from_micros(5),
        delivery: Delivery::Held,
        status: None,
    };
    log.ticket(TICKET, reply);
    let item = only_item(&log);
    assert_eq!(
        (item.direction.as_deref(), item.delivery.as_deref()),
        (Some("outgoing"), Some("held"))
    );
    assert_eq!((item.answers, item.deliver_after), (Some(id(70)), Some(5)));
    assert_eq!(item.author, Some(format!("user:{}", BERT.0)));
}

#[test]
fn a_comment_shows_its_author_and_is_neither_incoming_nor_outgoing() {
    let mut log = opened();
    let text = sealed(&KeyScope::content(id(9), Vec::new()), "Between us");
    let (comment, preview) = (CommentId(id(9)), text.clone());
    let added = CommentAdded {
        comment,
        text,
        html: None,
        preview,
        mentions: vec![BERT],
        attachments: Vec::new(),
    };
    log.ticket(TICKET, added);
    let item = only_item(&log);
    assert_eq!((item.kind.as_str(), item.direction), ("comment", None));
    assert_eq!(item.author, Some(format!("user:{}", ANNA.0)));
    let ItemContent::Comment(content) = item.content.0 else { panic!("not a comment") };
    assert_eq!((plain(&content.text).as_str(), content.mentions), ("Between us", vec![BERT.0]));
}

#[test]
fn history_keeps_the_time_it_was_sent_at_and_the_way_it_went() {
    let mut log = opened();
    let author = Some(MessageAuthor::User(ANNA));
    let message = MessageContent { author, ..message(70, CARL, "Long ago") };
    log.add_at::<TicketEvent>(
        TICKET,
        77,
        MessageImported { message, direction: Direction::Outgoing },
    );
    let item = only_item(&log);
    assert_eq!(
        (item.occurred_at, item.imported, item.direction.as_deref()),
        (77, true, Some("outgoing"))
    );
    assert_eq!(item.author, Some(format!("user:{}", ANNA.0)));
}

#[test]
fn copies_and_unreadable_mail_stand_beside_the_messages() {
    let mut log = opened();
    log.ticket(TICKET, MessageCopyKept { message: MessageId(id(70)), raw: raw() })
        .ticket(TICKET, RawMessageKept { raw: raw(), channel: Some(id(40).into()) });
    let rows = log.fold::<Thread>();
    assert!(rows.items.rows().is_empty());
    let copies: Vec<_> = rows.copies.rows().iter().map(|row| (row.message, row.channel)).collect();
    assert_eq!(copies, [(Some(id(70)), None), (None, Some(id(40)))]);
}
