//! The rows of the views beside the tickets folded from the log: they have to say the same.

use std::collections::HashMap;

use serde_json::Value;
use testkit::{Client, eventually};

use super::act::Act;
use super::writer::Writer;

/// What a row of a list and a ticket have in common.
const SHARED: [&str; 12] = [
    "number",
    "name",
    "pipeline",
    "status",
    "priority",
    "category",
    "source",
    "owner",
    "tags",
    "has_conversation",
    "created_at",
    "version",
];

/// Every row of the list of open tickets is as the ticket folded from its stream, once the view has caught up.
pub async fn are_as_folded(client: &Client) {
    eventually("the view reaches the log", || async {
        let views = client.get("/api/v1/admin/projections").await.ok();
        let behind = |view: &Value| view["lag_events"] != 0 || view["state"] != "following";
        let head = client.get("/api/v1/admin/log/head").await.ok();
        let views = views["items"].as_array().unwrap();
        let reached = |view: &&Value| !behind(view) && view["checkpoint"] == head["position"];
        (views.iter().filter(reached).count() == views.len()).then_some(())
    })
    .await;
    for row in all(client).await {
        let ticket = format!("/api/v1/tickets/{}", row["id"].as_str().unwrap());
        let folded = client.get(&ticket).await.ok();
        for field in SHARED {
            assert_eq!(row[field], folded[field], "{field}: {row}\nfolded: {folded}");
        }
        assert_eq!(row["contact_count"], folded["contacts"].as_array().unwrap().len(), "{row}");
    }
}

/// Every row of the list of open tickets.
pub async fn all(client: &Client) -> Vec<Value> {
    let (mut rows, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = client.get(&format!("/api/v1/views/open/tickets?limit=200{cursor}")).await.ok();
        rows.extend(page["items"].as_array().unwrap().iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return rows,
        }
    }
}

/// A request that nobody asked about again had one effect or none.
pub async fn hold_what_was_given_up_once_or_not(client: &Client, writers: &[Writer]) {
    let mut names: HashMap<String, usize> = HashMap::new();
    for row in all(client).await {
        *names.entry(row["name"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    for given_up in writers.iter().flat_map(|writer| &writer.given_up) {
        let times = match (&given_up.act, &given_up.ticket) {
            (Act::Create { name, .. }, _) => names.get(name).copied().unwrap_or(0),
            (
                Act::Comment { text } | Act::Reply { text } | Act::SendDraft { text },
                Some(ticket),
            ) => {
                let path = format!("/api/v1/tickets/{ticket}/thread?limit=200");
                let thread = client.get(&path).await.ok();
                let items = thread["items"].as_array().unwrap();
                items.iter().filter(|item| item["text"] == text.as_str()).count()
            }
            _ => continue,
        };
        assert!(times <= 1, "{given_up:?} is there {times} times");
    }
}
