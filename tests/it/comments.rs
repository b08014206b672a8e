//! Comments (M01, M03, M05).

use serde_json::json;
use testkit::Helpdesk;

use crate::people::{colleague, conversation, faults, text, upload};

#[tokio::test(flavor = "multi_thread")]
async fn a_comment_stands_in_the_thread_and_calls_colleagues_by_name_m01_m03() {
    let desk = Helpdesk::start().await;
    let ben = colleague(&desk, "Ben", "agent").await;
    let ticket = desk.open_ticket("Printer on fire").await;
    let body = json!({ "text": "Ben, please", "mentions": [ben.id, ben.id] });
    let added = desk.post(&ticket.at("/comments"), body).await.status(201);
    desk.catch_up().await;
    let item = &desk.thread(&ticket).await[0];
    assert_eq!((&item["id"], &item["kind"]), (&added["comment_id"], &json!("comment")));
    assert_eq!((&item["direction"], &item["to"]), (&json!(null), &json!(null)));
    assert_eq!(item["mentions"], json!([{ "id": ben.id, "name": "Ben" }]));
    assert_eq!(ben.view("mentions").await, ["Printer on fire"]);
    assert!(desk.view("mentions").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_only_look_may_comment_m01() {
    let desk = Helpdesk::start().await;
    let lea = colleague(&desk, "Lea", "light_agent").await;
    let ticket = desk.open_ticket("x").await;
    lea.comment(&ticket, "I know that printer").await;
    desk.catch_up().await;
    assert_eq!(desk.thread(&ticket).await[0]["author"]["name"], "Lea");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_users_with_access_can_be_mentioned_m03() {
    let desk = Helpdesk::start().await;
    let ticket = desk.open_ticket("x").await;
    let body = json!({ "text": "x", "mentions": ["01900000-0000-7000-8000-000000000001"] });
    let refused = desk.post(&ticket.at("/comments"), body).await.status(422);
    assert_eq!(faults(&refused), [("mentions.0".to_owned(), "unknown_user".to_owned())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comment_takes_files_and_refuses_emptiness_m05() {
    let desk = Helpdesk::start().await;
    let ticket = desk.open_ticket("x").await;
    let id = upload(&desk, "log.txt", "text/plain", b"it burns").await;
    let body = json!({ "text": "See log", "attachment_ids": [id] });
    desk.post(&ticket.at("/comments"), body).await.status(201);
    assert_eq!(desk.get(&ticket.at(&format!("/attachments/{id}"))).await.body, b"it burns");
    let empty = desk.post(&ticket.at("/comments"), json!({ "text": " " })).await;
    assert_eq!(empty.refused(422), "empty_body");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comment_is_no_message_to_the_contact_m01() {
    let desk = Helpdesk::start().await;
    let ticket = conversation(&desk, "x", "anna@example.org").await;
    desk.comment(&ticket, "Between us").await;
    desk.reply(&ticket, "Dear Anna").await;
    desk.catch_up().await;
    let thread = desk.thread(&ticket).await;
    assert_eq!((&thread[1]["text"], &thread[1]["answers"]), (&json!("Dear Anna"), &json!(null)));
    assert!(!text(&thread[1]["html"]).contains("Between us"));
    let page = desk.get("/api/v1/views/open/tickets").await.ok();
    assert_eq!(page["items"][0]["preview"], "Dear Anna");
}
