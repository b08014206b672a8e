//! Redacting (C17): words or a file go for ever, a mark stays.

use serde_json::{Value, json};
use testkit::Helpdesk;

use super::completed;
use crate::people::{colleague, conversation, text, upload};

const CARD: &str = "4111 1111 1111";

async fn said(desk: &Helpdesk, ticket: &testkit::Ticket) -> Value {
    desk.catch_up().await;
    desk.thread(ticket).await[0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn words_of_a_message_go_for_ever_and_a_mark_says_when_and_by_whom_c17() {
    let desk = Helpdesk::start().await;
    let ticket = conversation(&desk, "x", "maria@example.org").await;
    let before = desk.head().await;
    let written = format!("Your card {CARD} was charged");
    desk.reply(&ticket, &written).await;
    let message = said(&desk, &ticket).await;
    let path = ticket.at(&format!("/messages/{}/redact", text(&message["id"])));
    let redacted = desk.post(&path, json!({ "passages": [CARD] })).await.status(202);
    let certificate = completed(&desk, &text(&redacted["certificate"]["id"])).await;
    assert_eq!(
        (&certificate["subject"]["kind"], &certificate["reason"]),
        (&json!("message"), &json!("misplaced"))
    );
    let after = said(&desk, &ticket).await;
    assert_eq!(after["text"], "Your card [redacted] was charged");
    assert_eq!(after["to"], message["to"]);
    assert_eq!(after["redacted"]["parts"], json!(["text"]));
    assert_eq!(after["redacted"]["by"]["id"], json!(desk.admin_id().0));
    assert!(after["redacted"]["at"].is_string() && message["redacted"].is_null());
    let list = desk.get("/api/v1/views/open/tickets").await.ok();
    assert_eq!(list["items"][0]["preview"], "Your card [redacted] was charged");
    let then = desk.get(&ticket.at(&format!("/thread?as_of={before}"))).await.text();
    let events = desk.get(&ticket.at("/events")).await.text();
    let timeline = desk.get(&ticket.at("/timeline")).await.text();
    for text in [then, events, timeline.clone()] {
        assert!(!text.contains("4111"), "{text}");
    }
    assert!(timeline.contains("Words of a message redacted"), "{timeline}");
    // One can still answer it, and redact more of it.
    let body = json!({ "text": "Sorry", "in_reply_to": message["id"] });
    desk.post(&ticket.at("/replies"), body).await.ok();
    let more = desk.post(&path, json!({ "everything": true })).await.status(202);
    completed(&desk, &text(&more["certificate"]["id"])).await;
    assert_eq!(said(&desk, &ticket).await["text"], "[redacted]");
}

#[tokio::test(flavor = "multi_thread")]
async fn words_of_a_comment_and_a_file_go_for_ever_c17() {
    let desk = Helpdesk::start().await;
    let ticket = desk.open_ticket("x").await;
    let file = upload(&desk, "card.txt", "text/plain", CARD.as_bytes()).await;
    let other = upload(&desk, "fine.txt", "text/plain", b"fine").await;
    let body = json!({ "text": format!("Card {CARD}, see file"), "attachment_ids": [file, other] });
    desk.post(&ticket.at("/comments"), body).await.ok();
    let comment = said(&desk, &ticket).await;
    let files = comment["attachments"].as_array().unwrap();
    let id = |name: &str| text(&files.iter().find(|file| file["name"] == name).unwrap()["id"]);
    let (card, fine) = (id("card.txt"), id("fine.txt"));

    let path = ticket.at(&format!("/comments/{}/redact", text(&comment["id"])));
    let redacted = desk.post(&path, json!({ "passages": [CARD] })).await.status(202);
    completed(&desk, &text(&redacted["certificate"]["id"])).await;
    let path = ticket.at(&format!("/attachments/{card}/redact"));
    let redacted = desk.post(&path, json!({ "reason": "other" })).await.status(202);
    let certificate = completed(&desk, &text(&redacted["certificate"]["id"])).await;
    assert_eq!(certificate["objects"], 1, "{certificate}");
    let after = said(&desk, &ticket).await;
    assert_eq!(after["text"], "Card [redacted], see file");
    assert_eq!(after["redacted"]["parts"], json!(["text", "file"]));
    assert_eq!(after["attachments"].as_array().unwrap().len(), 1);
    assert_eq!(desk.get(&ticket.at(&format!("/attachments/{fine}"))).await.text(), "fine");
    assert_eq!(desk.get(&ticket.at(&format!("/attachments/{card}"))).await.refused(404), "erased");
    assert_eq!(desk.post(&path, json!({})).await.refused(404), "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn redacting_needs_its_right_and_something_to_redact_c17() {
    let desk = Helpdesk::start().await;
    let agent = colleague(&desk, "Ben", "agent").await;
    let ticket = conversation(&desk, "x", "maria@example.org").await;
    desk.reply(&ticket, "hello").await;
    let message = said(&desk, &ticket).await;
    let path = ticket.at(&format!("/messages/{}/redact", text(&message["id"])));
    let refused = agent.post(&path, json!({ "everything": true })).await.status(403);
    assert_eq!(refused["missing_right"], "content.erase");
    let absent = desk.post(&path, json!({ "passages": ["goodbye"] })).await;
    assert_eq!(absent.refused(422), "passage_not_found");
    assert_eq!(desk.post(&path, json!({})).await.refused(422), "required");
    let both = json!({ "passages": ["hello"], "everything": true });
    assert_eq!(desk.post(&path, both).await.refused(422), "not_together");
    let as_comment = ticket.at(&format!("/comments/{}/redact", text(&message["id"])));
    let wrong = desk.post(&as_comment, json!({ "everything": true })).await;
    assert_eq!(wrong.refused(404), "not_found");
    assert_eq!(said(&desk, &ticket).await["text"], "hello");
}
