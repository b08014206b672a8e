//! Drafts (D01–D04): saved field by field, one's own alone, and gone when they are done.

use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Client, Helpdesk, Ticket};

use crate::people::{colleague, conversation, each, text};

const SECRET: &str = "unsent words that nobody else may read";

async fn save(client: &Client, ticket: &Ticket, kind: &str, body: Value) -> Value {
    client.put(&ticket.at(&format!("/drafts/{kind}")), body).await.ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_comes_back_as_it_was_left_and_each_save_keeps_what_it_does_not_name_d01() {
    let desk = Helpdesk::start().await;
    let ticket = conversation(&desk, "x", "anna@example.org").await;
    assert_eq!(desk.get(&ticket.at("/drafts/reply")).await.refused(404), "not_found");
    let first =
        save(&desk, &ticket, "reply", json!({ "html": "<p>A</p>", "to": ["ben@example.org"] }))
            .await;
    let second = save(&desk, &ticket, "reply", json!({ "text": "A", "to": null })).await;
    assert_eq!(first["id"], second["id"]);
    let back = desk.get(&ticket.at("/drafts/reply")).await.ok();
    assert_eq!(back["content"], json!({ "html": "<p>A</p>", "text": "A" }));
    assert_eq!((&back["id"], &back["kind"]), (&first["id"], &json!("reply")));
    let typo = desk.put(&ticket.at("/drafts/reply"), json!({ "htlm": "x" })).await;
    assert_eq!(typo.refused(400), "unknown_field");
    assert_eq!(desk.get(&ticket.at("/drafts/poem")).await.refused(404), "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_and_a_comment_are_two_drafts_d01() {
    let desk = Helpdesk::start().await;
    let ticket = conversation(&desk, "x", "anna@example.org").await;
    save(&desk, &ticket, "reply", json!({ "text": "To Anna" })).await;
    save(&desk, &ticket, "comment", json!({ "text": "To us" })).await;
    let text_of = async |kind: &str| {
        desk.get(&ticket.at(&format!("/drafts/{kind}"))).await.ok()["content"]["text"].clone()
    };
    assert_eq!(
        (text_of("reply").await, text_of("comment").await),
        (json!("To Anna"), json!("To us"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn quick_saves_are_noted_in_the_log_once_d01() {
    let desk = Helpdesk::start().await;
    let ticket = conversation(&desk, "x", "anna@example.org").await;
    let first = save(&desk, &ticket, "reply", json!({ "text": "A" })).await;
    let head = desk.head().await;
    for word in ["B", "C", "D"] {
        let saved = save(&desk, &ticket, "reply", json!({ "text": word })).await;
        assert_eq!(saved["version"], first["version"]);
    }
    assert_eq!(desk.head().await, head);
    assert_eq!(desk.get(&ticket.at("/drafts/reply")).await.ok()["content"]["text"], "D");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_sees_a_draft_anywhere_d03() {
    let desk = Helpdesk::start().await;
    let ben = colleague(&desk, "Ben", "agent").await;
    let mut others = vec![colleague(&desk, "Ada2", "super_admin").await];
    for (name, role) in [("Cleo", "account_admin"), ("Dora", "agent"), ("Lea", "light_agent")] {
        others.push(colleague(&desk, name, role).await);
    }
    let ticket = conversation(&desk, "x", "anna@example.org").await;
    let draft = save(&ben, &ticket, "reply", json!({ "text": SECRET })).await;
    save(&ben, &ticket, "comment", json!({ "text": SECRET })).await;
    desk.catch_up().await;
    for other in &others {
        assert_eq!(other.get(&ticket.at("/drafts/reply")).await.refused(404), "not_found");
        let paths = [
            ticket.at(""),
            ticket.at("/thread"),
            ticket.at("/timeline"),
            ticket.at("/events"),
            "/api/v1/drafts".to_owned(),
            "/api/v1/views/open/tickets".to_owned(),
            "/api/v1/views/drafts/tickets".to_owned(),
            "/api/v1/views/counts".to_owned(),
            format!("/api/v1/tickets/{}", text(&draft["id"])),
        ];
        for path in paths {
            let seen = other.get(&path).await.text();
            assert!(!seen.contains(SECRET), "{path}");
            let marker = seen.contains("\"drafts\":[\"") || seen.contains("\"drafts\":1");
            assert!(!marker, "{path}: {seen}");
        }
    }
    assert_eq!(ben.get("/api/v1/drafts").await.ok()["items"].as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_drafts_view_counts_and_lists_ones_own_newest_first_d02() {
    let desk = Helpdesk::start().await;
    let one = conversation(&desk, "One", "anna@example.org").await;
    let two = conversation(&desk, "Two", "anna@example.org").await;
    save(&desk, &one, "reply", json!({ "text": "A" })).await;
    save(&desk, &two, "comment", json!({ "text": "B" })).await;
    desk.catch_up().await;
    assert_eq!(desk.view("drafts").await, ["Two", "One"]);
    assert_eq!(desk.get("/api/v1/views/counts").await.ok()["drafts"], 2);
    let list = desk.get("/api/v1/drafts").await.ok();
    assert_eq!(each(&list, "kind"), ["comment", "reply"]);
    assert_eq!(each(&list, "content"), [json!({ "text": "B" }), json!({ "text": "A" })]);
    assert_eq!(list["items"][1]["ticket"]["name"], "One");
    let rows = desk.get("/api/v1/views/open/tickets").await.ok();
    assert_eq!(each(&rows, "drafts"), [json!(["comment"]), json!(["reply"])]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sent_draft_is_gone_and_a_late_save_brings_no_ghost_d04() {
    let desk = Helpdesk::start().await;
    let ticket = conversation(&desk, "x", "anna@example.org").await;
    for (kind, below) in [("reply", "/replies"), ("comment", "/comments")] {
        let draft = text(&save(&desk, &ticket, kind, json!({ "text": "Hi" })).await["id"]);
        let body = json!({ "text": "Hi", "draft_id": draft });
        desk.post(&ticket.at(below), body.clone()).await.status(201);
        assert_eq!(
            desk.get(&ticket.at(&format!("/drafts/{kind}"))).await.refused(404),
            "not_found"
        );
        let late = ticket.at(&format!("/drafts/{kind}?draft_id={draft}"));
        let late = desk.put(&late, json!({ "text": "Hi!" })).await;
        assert_eq!(late.refused(409), "draft_closed");
        assert_eq!(desk.post(&ticket.at(below), body).await.refused(409), "draft_closed");
    }
    desk.catch_up().await;
    assert!(desk.view("drafts").await.is_empty());
    let next = save(&desk, &ticket, "reply", json!({ "text": "Next" })).await;
    assert_eq!(next["content"], json!({ "text": "Next" }));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_can_send_the_draft_of_another_d03() {
    let desk = Helpdesk::start().await;
    let ben = colleague(&desk, "Ben", "agent").await;
    let ticket = conversation(&desk, "x", "anna@example.org").await;
    let draft = save(&desk, &ticket, "reply", json!({ "text": "Hi" })).await["id"].clone();
    let body = json!({ "text": "Hi", "draft_id": draft });
    assert_eq!(ben.post(&ticket.at("/replies"), body).await.refused(404), "not_found");
    assert_eq!(desk.get(&ticket.at("/drafts/reply")).await.ok()["content"]["text"], "Hi");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_discarded_draft_is_gone_and_the_repeat_answers_the_same_d04_w02() {
    let desk = Helpdesk::start().await;
    let ticket = conversation(&desk, "x", "anna@example.org").await;
    save(&desk, &ticket, "reply", json!({ "text": SECRET })).await;
    let path = ticket.at("/drafts/reply");
    let discard =
        || desk.write_with(Method::DELETE, &path, json!({}), &[("idempotency-key", "d1")]);
    let first = discard().await.ok();
    assert_eq!(discard().await.ok(), first);
    assert_eq!(desk.get(&path).await.refused(404), "not_found");
    assert_eq!(desk.delete(&path).await.refused(404), "not_found");
    desk.catch_up().await;
    assert!(!desk.get("/api/v1/drafts").await.text().contains(SECRET));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_repeat_of_a_discard_leaves_the_draft_begun_since_alone_d04_w02() {
    let desk = Helpdesk::start().await;
    let ticket = conversation(&desk, "x", "anna@example.org").await;
    save(&desk, &ticket, "reply", json!({ "text": "Old words" })).await;
    let path = ticket.at("/drafts/reply");
    let discard =
        || desk.write_with(Method::DELETE, &path, json!({}), &[("idempotency-key", "d1")]);
    let first = discard().await.ok();
    let begun = save(&desk, &ticket, "reply", json!({ "text": "New words" })).await;
    assert_ne!(begun["id"], first["id"]);
    assert_eq!(discard().await.ok(), first);
    assert_eq!(desk.get(&path).await.ok()["content"]["text"], "New words");
    let saved = save(&desk, &ticket, "reply", json!({ "text": "Newer words" })).await;
    assert_eq!(saved["id"], begun["id"]);
    // Whoever names the draft needs no key, and a key stands for one draft.
    let named = |id: &Value| format!("{path}?draft_id={}", id.as_str().unwrap());
    let other = named(&begun["id"]);
    let reused = desk.write_with(Method::DELETE, &other, json!({}), &[("idempotency-key", "d1")]);
    assert_eq!(reused.await.refused(409), "idempotency_key_reused");
    desk.delete(&named(&json!("somebody"))).await.refused(400);
    assert_eq!(desk.get(&path).await.ok()["content"]["text"], "Newer words");
    assert_eq!(desk.delete(&named(&first["id"])).await.refused(409), "draft_closed");
    assert_eq!(desk.delete(&named(&begun["id"])).await.ok()["id"], begun["id"]);
    assert_eq!(desk.delete(&named(&begun["id"])).await.refused(409), "draft_closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_to_a_ticket_leaves_its_drafts_alone_d04() {
    let desk = Helpdesk::start().await;
    let ticket = conversation(&desk, "x", "anna@example.org").await;
    save(&desk, &ticket, "reply", json!({ "text": "Hi" })).await;
    desk.set_status(&ticket, "Closed").await;
    desk.put(&ticket.at("/owner"), json!({ "user_id": desk.admin_id().to_string() })).await.ok();
    desk.reply(&ticket, "Another text").await;
    assert_eq!(desk.get(&ticket.at("/drafts/reply")).await.ok()["content"]["text"], "Hi");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tabs_that_begin_at_once_write_one_draft_d04() {
    let desk = Helpdesk::start().await;
    let ticket = conversation(&desk, "x", "anna@example.org").await;
    let (one, two) = tokio::join!(
        save(&desk, &ticket, "reply", json!({ "text": "A" })),
        save(&desk, &ticket, "reply", json!({ "html": "<p>B</p>" })),
    );
    assert_eq!(one["id"], two["id"]);
    let content = &desk.get(&ticket.at("/drafts/reply")).await.ok()["content"];
    assert_eq!(content, &json!({ "text": "A", "html": "<p>B</p>" }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_repeat_of_a_save_brings_no_old_words_back_w02() {
    let desk = Helpdesk::start().await;
    let ticket = conversation(&desk, "x", "anna@example.org").await;
    let path = ticket.at("/drafts/reply");
    let save = async |key: &str, text: &str| {
        let headers = [("idempotency-key", key)];
        desk.write_with(Method::PUT, &path, json!({ "text": text }), &headers).await
    };
    let first = save("s1", "old words").await.ok();
    save("s2", "new words").await.ok();
    let late = save("s1", "old words").await.ok();
    assert_eq!((&late["id"], &late["content"]["text"]), (&first["id"], &json!("new words")));
    assert_eq!(save("s1", "other words").await.refused(409), "idempotency_key_reused");
    desk.delete(&path).await.ok();
    assert_eq!(save("s2", "new words").await.refused(409), "draft_closed");
    assert_eq!(desk.get(&path).await.refused(404), "not_found");
}
