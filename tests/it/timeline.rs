//! What happened to a ticket: sentences (T20) and the stored events (Z01).

use serde_json::{Value, json};
use testkit::Helpdesk;

use crate::people::{colleague, conversation, each, property};

#[tokio::test(flavor = "multi_thread")]
async fn every_event_is_a_line_with_who_what_and_the_values_before_and_after_t20() {
    let desk = Helpdesk::start().await;
    let ben = colleague(&desk, "Ben", "agent").await;
    let body = json!({ "key": "cause", "label": "Cause", "type": "text" });
    property(&desk, body).await;
    let ticket = ben.open_ticket("Printer").await;
    let contact = json!({ "contact": { "name": "Anna", "email": "anna@example.org" } });
    ben.post(&ticket.at("/contacts"), contact).await.ok();
    ben.patch(&ticket.at(""), json!({ "name": "Fire", "priority": "high", "tags": ["hot"] }))
        .await
        .ok();
    ben.patch(&ticket.at(""), json!({ "properties": { "cause": "a match" } })).await.ok();
    ben.put(&ticket.at("/owner"), json!({ "user_id": ben.id })).await.ok();
    ben.set_status(&ticket, "Closed").await;
    let comment = json!({ "text": "x", "mentions": [desk.admin_id().to_string()] });
    ben.post(&ticket.at("/comments"), comment).await.status(201);
    ben.reply(&ticket, "Use water").await;
    desk.catch_up().await;
    let page = desk.get(&ticket.at("/timeline")).await.ok();
    let admin = desk
        .ticket(
            &desk
                .open_ticket_with(json!({
                    "name": "x", "owner": { "user_id": desk.admin_id().to_string() },
                }))
                .await,
        )
        .await["owner"]["user"]["name"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        json!(each(&page, "summary")),
        json!([
            "Ticket #1 created by hand in Support, status New",
            "Anna added as the primary contact",
            "Conversation started",
            "Renamed from “Printer” to “Fire”",
            "Priority changed from none to high",
            "Tags added hot",
            "Cause set to “a match”",
            "Assigned to Ben",
            "Status changed from New to Closed",
            format!("Comment added, mentioning {admin}"),
            "Reply written, held: “Re: Fire”",
        ])
    );
    for line in page["items"].as_array().unwrap() {
        assert_eq!(line["actor"]["name"], "Ben");
        assert!(line["position"].is_string() && line["at"].is_string() && line["kind"].is_string());
    }
    let status = &page["items"][8];
    assert_eq!(
        (&status["from"]["status"]["name"], &status["to"]["status"]["name"]),
        (&json!("New"), &json!("Closed"))
    );
    assert_eq!(page["items"][6]["to"], json!({ "cause": "a match" }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timeline_can_begin_at_either_end_t20() {
    let desk = Helpdesk::start().await;
    let ticket = desk.open_ticket("x").await;
    for priority in ["low", "medium", "high"] {
        desk.patch(&ticket.at(""), json!({ "priority": priority })).await.ok();
    }
    desk.catch_up().await;
    let read = async |order: &str| {
        let (mut positions, mut cursor) = (Vec::new(), String::new());
        loop {
            let path = ticket.at(&format!("/timeline?limit=3&order={order}{cursor}"));
            let page = desk.get(&path).await.ok();
            positions.extend(each(&page, "version"));
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return positions,
            }
        }
    };
    assert_eq!(read("oldest_first").await, [1, 2, 3, 4]);
    assert_eq!(read("newest_first").await, [4, 3, 2, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stored_events_can_be_read_with_their_contents_z01() {
    let desk = Helpdesk::start().await;
    let ticket = conversation(&desk, "Printer", "anna@example.org").await;
    desk.patch(&ticket.at(""), json!({ "name": "Fire" })).await.ok();
    desk.reply(&ticket, "Use water").await;
    let page = desk.get(&ticket.at("/events")).await.ok();
    let kinds = each(&page, "type");
    assert_eq!(
        json!(kinds),
        json!([
            "TicketCreated",
            "ContactAssociated",
            "ConversationStarted",
            "TicketRenamed",
            "ReplySubmitted",
            "OwnerChanged",
        ])
    );
    let data = each(&page, "data");
    assert_eq!(data[0]["name"], "Printer");
    assert_eq!((&data[3]["from"], &data[3]["to"]), (&json!("Printer"), &json!("Fire")));
    assert_eq!(data[4]["message"]["text"], "Use water");
    assert_eq!(data[4]["message"]["to"][0]["email"], "anna@example.org");
    let versions: Vec<Value> = (1..=6).map(|version| json!(version)).collect();
    assert_eq!(each(&page, "version"), versions);
}
