//! The event feed (W05): the log in order, as the caller may see it.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use testkit::{Client, Helpdesk};

use crate::people::{colleague, conversation, each, text};

/// A copy of the log, read in pages of this size from a place on; answers where to go on.
async fn copy(client: &Client, after: &str, limit: usize) -> (Vec<Value>, String) {
    let (mut events, mut after) = (Vec::new(), after.to_owned());
    loop {
        let path = format!("/api/v1/events?after={after}&limit={limit}");
        let page = client.get(&path).await.ok();
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= limit);
        events.extend(items.iter().cloned());
        after = text(&page["bookmark"]);
        assert_eq!(page["position"], position_of(&after));
        match page["next_cursor"].as_str() {
            Some(next) => assert_eq!(next, after),
            None => return (events, after),
        }
    }
}

fn position_of(bookmark: &str) -> &str {
    bookmark.split('-').next().unwrap()
}

fn positions(events: &[Value]) -> Vec<u64> {
    events.iter().map(|event| text(&event["position"]).parse().unwrap()).collect()
}

fn types(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["type"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_rebuilds_its_copy_from_zero_and_goes_on_w05() {
    let desk = Helpdesk::start().await;
    let ticket = conversation(&desk, "Printer on fire", "anna@example.org").await;
    desk.reply(&ticket, "Use water").await;
    desk.comment(&ticket, "Not water!").await;
    let other = desk.open_ticket_with(json!({ "name": "Other", "tags": ["x"] })).await;
    let (whole, end) = copy(&desk, "0", 200).await;
    assert_eq!(position_of(&end), desk.head().await.to_string());
    for limit in [1, 3, 7] {
        assert_eq!(copy(&desk, "0", limit).await, (whole.clone(), end.clone()));
    }
    // Nobody else has written and there are no drafts: nothing is left out.
    let all: Vec<u64> = (1..=desk.head().await.0).collect();
    assert_eq!(positions(&whole), all);
    for ticket in [&ticket, &other] {
        let own = desk.get(&ticket.at("/events?limit=200")).await.ok()["items"].clone();
        let copied = whole.iter().filter(|event| event["stream_id"] == ticket.id);
        assert_eq!(own, json!(copied.collect::<Vec<_>>()));
    }
    let created = whole.iter().find(|event| event["type"] == "TicketCreated").unwrap();
    assert_eq!(
        (&created["data"]["name"], &created["stream_kind"], &created["version"]),
        (&json!("Printer on fire"), &json!("ticket"), &json!(1))
    );
    for field in
        ["at", "occurred_at", "actor", "command_id", "schema_version", "cause", "correlation"]
    {
        assert!(created.get(field).is_some(), "{field}");
    }
    let contact = whole.iter().find(|event| event["type"] == "ContactCreated").unwrap();
    assert!(contact["data"].to_string().contains("anna@example.org"), "{contact}");
    // The versions of each stream are whole.
    let mut versions: BTreeMap<String, u64> = BTreeMap::new();
    for event in &whole {
        let version = versions.entry(text(&event["stream_id"])).or_default();
        *version += 1;
        assert_eq!(event["version"], *version, "{event}");
    }
    assert_eq!(copy(&desk, &end, 50).await, (Vec::new(), end.clone()));
    desk.patch(&ticket.at(""), json!({ "name": "Ashes" })).await.ok();
    let (news, _) = copy(&desk, &end, 50).await;
    assert_eq!(types(&news), ["TicketRenamed"]);
    assert_eq!(news[0]["data"]["to"], "Ashes");
}

#[tokio::test(flavor = "multi_thread")]
async fn drafts_are_nobodys_and_how_one_signs_in_is_only_for_those_who_may_know_w05() {
    let desk = Helpdesk::start().await;
    let (ben, cleo) =
        (colleague(&desk, "Ben", "agent").await, colleague(&desk, "Cleo", "agent").await);
    let ticket = desk.open_ticket("Fire").await;
    for client in [&*desk, &*ben] {
        let draft = json!({ "text": "secret words" });
        client.put(&ticket.at("/drafts/comment"), draft).await.ok();
    }
    ben.post("/api/v1/tokens", json!({ "name": "script" })).await.status(201);
    for (client, sees) in [(&*desk, 2), (&*ben, 2), (&*cleo, 1)] {
        let (events, end) = copy(client, "0", 2).await;
        assert_eq!(position_of(&end), desk.head().await.to_string());
        assert!(events.iter().all(|event| event["stream_kind"] != "draft"));
        assert!(!json!(events).to_string().contains("secret words"));
        let private = |event: &&Value| {
            ["PasswordSet", "TokenCreated"].contains(&event["type"].as_str().unwrap())
                && event["stream_id"] == ben.id
        };
        let own = if sees == 1 { 0 } else { 2 };
        assert_eq!(events.iter().filter(private).count(), own);
        // What everybody may know is there for all of them.
        assert_eq!(types(&events).iter().filter(|name| **name == "UserAdded").count(), 3);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn blind_copies_are_only_for_those_who_may_write_to_contacts_w05() {
    let desk = Helpdesk::start().await;
    let lea = colleague(&desk, "Lea", "light_agent").await;
    let ticket = conversation(&desk, "Fire", "anna@example.org").await;
    let reply = json!({ "text": "Hello", "bcc": ["boss@example.org"] });
    desk.post(&ticket.at("/replies"), reply).await.ok();
    let reply = async |client: &Client| {
        let (events, _) = copy(client, "0", 200).await;
        let found = events.into_iter().find(|event| event["type"] == "ReplySubmitted").unwrap();
        found["data"]["message"]["bcc"].clone()
    };
    assert!(reply(&desk).await.to_string().contains("boss@example.org"));
    assert_eq!(reply(&lea).await, Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_erased_reads_as_erased_and_keeps_its_place_w05() {
    let desk = Helpdesk::start().await;
    let ticket = desk.open_ticket("Printer on fire").await;
    let (before, _) = copy(&desk, "0", 200).await;
    let key: uuid::Uuid = sqlx::query_scalar(
        "select (convert_from(payload, 'UTF8')::jsonb -> 'name' ->> 'k')::uuid
           from es.event where type = 'TicketCreated'",
    )
    .fetch_one(&mut desk.database().owner().await)
    .await
    .unwrap();
    desk.service().vault.destroy_keys(desk.ws(), &[key]).await.unwrap();
    let (after, _) = copy(&desk, "0", 200).await;
    assert_eq!(positions(&after), positions(&before));
    let created = after.iter().find(|event| event["stream_id"] == ticket.id).unwrap();
    assert_eq!(created["data"]["name"]["erased"], true, "{created}");
    assert!(!json!(after).to_string().contains("Printer on fire"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_position_that_is_none_or_lies_beyond_the_log_is_refused_w05() {
    let desk = Helpdesk::start().await;
    let head = desk.head().await.0;
    for wrong in [
        "",
        "x",
        "-1",
        "1.5",
        "99999999999999999999",
        "%00",
        "1&after=2",
        "1-",
        "1-x",
        "1-0000000A",
        "1-000000001",
        "1-0000000a-",
        "0-0000000a",
    ] {
        let answer = desk.get(&format!("/api/v1/events?after={wrong}")).await;
        assert_eq!(answer.refused(400), "invalid_parameter", "{wrong}");
    }
    for beyond in [head + 1, u64::try_from(i64::MAX).unwrap()] {
        let answer = desk.get(&format!("/api/v1/events?after={beyond}")).await;
        assert_eq!(answer.refused(400), "beyond_the_log", "{beyond}");
    }
    let last = desk.get(&format!("/api/v1/events?after={head}")).await.ok();
    assert_eq!((each(&last, "position"), &last["next_cursor"]), (Vec::new(), &Value::Null));
    // Whoever comes with a bare position can be told from then on.
    assert!(text(&last["bookmark"]).starts_with(&format!("{head}-")), "{last}");
}
