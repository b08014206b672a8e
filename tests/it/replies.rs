//! Replies (C01, C04, C07, C09, C10, C12).

use reqwest::Method;
use serde_json::{Value, json};
use testkit::Helpdesk;

use crate::people::{colleague, conversation, each, faults, property, require, text, upload};

#[tokio::test(flavor = "multi_thread")]
async fn nobody_can_be_answered_where_there_is_no_conversation_t07() {
    let desk = Helpdesk::start().await;
    let ticket = desk.open_ticket("x").await;
    let refused = desk.post(&ticket.at("/replies"), json!({ "text": "Hi" })).await.refused(422);
    assert_eq!(refused, "no_conversation");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_goes_to_the_contact_and_is_held_while_nothing_can_be_sent_c01() {
    let desk = Helpdesk::start().await;
    let body = json!({ "name": "Help", "address": "help@desk.example" });
    desk.post("/api/v1/channels", body).await.status(201);
    let ticket = conversation(&desk, "Printer on fire", "anna@example.org").await;
    let replied = desk.reply(&ticket, "Use water").await;
    desk.catch_up().await;
    let thread = desk.thread(&ticket).await;
    assert_eq!(thread.len(), 1);
    let item = &thread[0];
    assert_eq!((&item["id"], &item["kind"]), (&replied["message_id"], &json!("message")));
    assert_eq!((&item["direction"], &item["text"]), (&json!("out"), &json!("Use water")));
    assert_eq!(item["to"], json!([{ "name": null, "email": "anna@example.org" }]));
    assert_eq!(item["from"], json!([{ "name": "Help", "email": "help@desk.example" }]));
    assert_eq!(item["subject"], "Re: Printer on fire");
    assert_eq!(item["delivery"]["state"], "held");
    assert_eq!(item["channel"]["name"], "Help");
    let mail_id = format!("{}@desk.example", text(&replied["message_id"]));
    assert_eq!(item["message_id"], json!(mail_id));
    assert_eq!(item["author"]["id"], json!(desk.admin_id().to_string()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_answers_the_newest_message_or_the_one_that_is_named_c01() {
    let desk = Helpdesk::start().await;
    let ticket = conversation(&desk, "x", "anna@example.org").await;
    let first = desk.reply(&ticket, "One").await["message_id"].clone();
    let second = desk.reply(&ticket, "Two").await["message_id"].clone();
    desk.reply(&ticket, "Three").await;
    let body = json!({ "text": "Four", "in_reply_to": first });
    desk.post(&ticket.at("/replies"), body).await.status(201);
    desk.catch_up().await;
    let answers: Vec<Value> =
        desk.thread(&ticket).await.iter().map(|item| item["answers"].clone()).collect();
    assert_eq!(answers, [Value::Null, first.clone(), second, first]);
    let other = conversation(&desk, "y", "ben@example.org").await;
    let foreign = desk.reply(&other, "x").await["message_id"].clone();
    let body = json!({ "text": "Five", "in_reply_to": foreign });
    assert_eq!(desk.post(&ticket.at("/replies"), body).await.refused(422), "unknown_message");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_reply_assigns_an_unassigned_ticket_unless_switched_off_c09() {
    let desk = Helpdesk::start().await;
    let ben = colleague(&desk, "Ben", "agent").await;
    let one = conversation(&desk, "One", "anna@example.org").await;
    ben.reply(&one, "Hi").await;
    assert_eq!(desk.ticket(&one).await["owner"]["user"]["name"], "Ben");
    desk.patch("/api/v1/workspace", json!({ "assign_on_first_reply": false })).await.ok();
    let two = conversation(&desk, "Two", "anna@example.org").await;
    ben.reply(&two, "Hi").await;
    assert_eq!(desk.ticket(&two).await["owner"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn sending_and_setting_the_status_is_one_action_c10() {
    let desk = Helpdesk::start().await;
    let ticket = conversation(&desk, "x", "anna@example.org").await;
    let closed = desk.status_id("Closed").await;
    let body = json!({ "text": "Done", "status_id": closed });
    let replied = desk.post(&ticket.at("/replies"), body).await.status(201);
    let shown = desk.ticket(&ticket).await;
    assert_eq!(
        (&shown["status"]["name"], &shown["version"]),
        (&json!("Closed"), &replied["version"])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_whose_status_asks_for_more_is_not_sent_at_all_c10_t10() {
    let desk = Helpdesk::start().await;
    property(&desk, json!({ "key": "cause", "label": "Cause", "type": "text" })).await;
    require(&desk, "Closed", &["cause"]).await;
    let ticket = conversation(&desk, "x", "anna@example.org").await;
    let before = desk.ticket(&ticket).await;
    let closed = desk.status_id("Closed").await;
    let body = json!({ "text": "Done", "status_id": closed });
    let refused = desk.post(&ticket.at("/replies"), body).await.status(422);
    assert_eq!(faults(&refused), [("properties.cause".to_owned(), "required".to_owned())]);
    assert_eq!(desk.ticket(&ticket).await, before);
    let body = json!({ "text": "Done", "status_id": closed, "properties": { "cause": "a match" } });
    desk.post(&ticket.at("/replies"), body).await.status(201);
    assert_eq!(desk.ticket(&ticket).await["properties"]["cause"], "a match");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_double_click_sends_once_c09_w02() {
    let desk = Helpdesk::start().await;
    let ticket = conversation(&desk, "x", "anna@example.org").await;
    let (path, key) = (ticket.at("/replies"), [("idempotency-key", "send-1")]);
    let send = || desk.write_with(Method::POST, &path, json!({ "text": "Hi" }), &key);
    let (one, two) = tokio::join!(send(), send());
    assert_eq!(one.status(201), two.status(201));
    desk.catch_up().await;
    assert_eq!(desk.thread(&ticket).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_is_cleaned_and_has_a_text_form_c07() {
    let desk = Helpdesk::start().await;
    let ticket = conversation(&desk, "x", "anna@example.org").await;
    let html = "<p onclick=\"steal()\">Hello <b>Anna</b></p><script>steal()</script>";
    desk.post(&ticket.at("/replies"), json!({ "html": html })).await.status(201);
    desk.post(&ticket.at("/comments"), json!({ "html": html })).await.status(201);
    desk.catch_up().await;
    for item in desk.thread(&ticket).await {
        let html = text(&item["html"]);
        assert!(html.contains("<b>Anna</b>") && !html.contains("steal"), "{html}");
        assert_eq!(item["text"], "Hello Anna");
    }
    for nothing in [json!({}), json!({ "html": "<p> </p>" }), json!({ "text": " \n" })] {
        let refused = desk.post(&ticket.at("/replies"), nothing.clone()).await.refused(422);
        assert_eq!(refused, "empty_body", "{nothing}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attached_file_comes_back_byte_by_byte_and_is_never_run_c12() {
    let desk = Helpdesk::start().await;
    let ticket = conversation(&desk, "x", "anna@example.org").await;
    let bytes = b"<script>steal()</script>\x00\xff";
    let name = "Fire \u{1f525} \"report\".html";
    let id = upload(&desk, name, "text/html", bytes).await;
    let body = json!({ "text": "See file", "attachment_ids": [id] });
    let replied = desk.post(&ticket.at("/replies"), body).await.status(201);
    let path = ticket.at(&format!("/attachments/{id}"));
    for query in [String::new(), format!("?item={}", text(&replied["message_id"]))] {
        let file = desk.get(&format!("{path}{query}")).await;
        assert_eq!(file.header("content-type"), Some("application/octet-stream"));
        assert_eq!(file.header("x-content-type-options"), Some("nosniff"));
        assert!(file.header("content-security-policy").unwrap().contains("sandbox"));
        let disposition = file.header("content-disposition").unwrap();
        assert!(disposition.starts_with("attachment;"), "{disposition}");
        assert!(disposition.contains("filename*=UTF-8''Fire%20%F0%9F%94%A5"), "{disposition}");
        assert_eq!(file.body, bytes);
    }
    desk.catch_up().await;
    let shown = &desk.thread(&ticket).await[0]["attachments"][0];
    assert_eq!((&shown["id"], &shown["size"]), (&json!(id), &json!(bytes.len())));
    assert_eq!((&shown["name"], &shown["type"]), (&json!(name), &json!("text/html")));
    let other = desk.open_ticket("y").await;
    let elsewhere = desk.get(&other.at(&format!("/attachments/{id}"))).await;
    assert_eq!(elsewhere.refused(404), "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_ones_own_uploads_can_be_attached_c12() {
    let desk = Helpdesk::start().await;
    let ben = colleague(&desk, "Ben", "agent").await;
    let ticket = conversation(&desk, "x", "anna@example.org").await;
    let id = upload(&desk, "a.txt", "text/plain", b"secret").await;
    for below in ["/replies", "/comments"] {
        let body = json!({ "text": "x", "attachment_ids": [id] });
        let refused = ben.post(&ticket.at(below), body).await.status(422);
        assert_eq!(
            faults(&refused)[0],
            ("attachment_ids.0".to_owned(), "unknown_upload".to_owned())
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn recipients_can_be_named_and_bcc_is_shown_to_those_who_may_write_only_c04() {
    let desk = Helpdesk::start().await;
    let lea = colleague(&desk, "Lea", "light_agent").await;
    let ticket = conversation(&desk, "x", "anna@example.org").await;
    let body = json!({
        "text": "x", "to": ["Ben <ben@example.org>"],
        "cc": [{ "name": "Cleo", "email": "cleo@example.org" }], "bcc": ["dora@example.org"],
    });
    desk.post(&ticket.at("/replies"), body).await.status(201);
    desk.catch_up().await;
    let item = desk.thread(&ticket).await[0].clone();
    assert_eq!(item["to"], json!([{ "name": "Ben", "email": "ben@example.org" }]));
    assert_eq!(item["cc"], json!([{ "name": "Cleo", "email": "cleo@example.org" }]));
    assert_eq!(item["bcc"], json!([{ "name": null, "email": "dora@example.org" }]));
    for below in ["/thread", "/timeline", "/events"] {
        let seen = lea.get(&ticket.at(below)).await.text();
        assert!(!seen.contains("dora@example.org"), "{below}: {seen}");
    }
    let wrong = json!({ "text": "x", "to": ["nobody"] });
    let refused = desk.post(&ticket.at("/replies"), wrong).await.status(422);
    assert_eq!(faults(&refused), [("to.0".to_owned(), "invalid_email".to_owned())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thread_is_read_in_pages_and_as_it_was_z04() {
    let desk = Helpdesk::start().await;
    let ticket = conversation(&desk, "x", "anna@example.org").await;
    for word in ["One", "Two", "Three", "Four", "Five"] {
        desk.reply(&ticket, word).await;
    }
    desk.catch_up().await;
    let (mut words, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = desk.get(&ticket.at(&format!("/thread?limit=2{cursor}"))).await.ok();
        words.extend(each(&page, "text"));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(words, ["One", "Two", "Three", "Four", "Five"]);
    let second = text(&desk.thread(&ticket).await[1]["position"]);
    let then = desk.get(&ticket.at(&format!("/thread?as_of={second}"))).await.ok();
    assert_eq!(each(&then, "text"), ["One", "Two"]);
}
