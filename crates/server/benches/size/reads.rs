//! What is looked at all day, over HTTP, by different callers.

use std::time::Instant;

use serde_json::{Value, json};

use crate::desk::{CALLERS, Desk};
use crate::http::Client;
use crate::table::Table;

const VIEWS: [&str; 6] = ["unassigned", "mine", "mentions", "open", "drafts", "closed"];

/// What is asked of `tickets/query`, and what for.
fn queries() -> Vec<(&'static str, Value)> {
    vec![
        ("open, newest activity", json!({"filter": {"status_categories": ["open"]}})),
        ("common tag", json!({"filter": {"tags": ["tag 0"]}})),
        ("rare tag", json!({"filter": {"tags": ["rare"]}})),
        ("no such tag", json!({"filter": {"tags": ["no such tag"]}})),
        ("mine and urgent", json!({"filter": {"owner_ids": ["me"], "priorities": ["urgent"]}})),
        (
            "open, by priority",
            json!({"filter": {"status_categories": ["open"]}, "sort": {"by": "priority"}}),
        ),
        (
            "rare category, oldest first",
            json!({"filter": {"categories": ["category 11"]}, "sort": {"by": "created", "direction": "asc"}}),
        ),
        (
            "open and rare category",
            json!({"filter": {"status_categories": ["open"], "categories": ["category 11"]}}),
        ),
        (
            "mine, closed, by number",
            json!({"filter": {"owner_ids": ["me"], "status_categories": ["closed"]}, "sort": {"by": "number"}}),
        ),
        (
            "unassigned, oldest first",
            json!({"filter": {"assigned": false}, "sort": {"by": "activity", "direction": "asc"}}),
        ),
    ]
}

pub async fn measure(desk: &Desk, table: &mut Table) {
    for (name, agent) in CALLERS {
        let mut client = desk.client(agent).await;
        for view in VIEWS {
            let path = |_| ("GET", format!("/api/v1/views/{view}/tickets?limit=50"), None);
            timed(&mut client, table, &format!("{name}: first page of {view}"), path).await;
        }
        let counts = |_| ("GET", "/api/v1/views/counts".to_owned(), None);
        timed(&mut client, table, &format!("{name}: counts of all views"), counts).await;
        for (what, body) in queries() {
            let query = |_| ("POST", "/api/v1/tickets/query".to_owned(), Some(body.to_string()));
            timed(&mut client, table, &format!("{name}: query, {what}"), query).await;
        }
    }
    let mut client = desk.client(0).await;
    // Spread over all years, each asked once: hardly any of it is in memory.
    let spread = |index: u64| 1 + index.wrapping_mul(2_654_435_761) % desk.tickets;
    let by_number = |index| ("GET", format!("/api/v1/tickets/{}", spread(index)), None);
    timed(&mut client, table, "a ticket by number", by_number).await;
    let ids = ids(&mut client, desk, spread).await;
    for (what, rest) in
        [("a ticket by id", ""), ("its thread", "/thread"), ("its timeline", "/timeline")]
    {
        let path = |index: u64| {
            let id = &ids[index as usize % ids.len()];
            ("GET", format!("/api/v1/tickets/{id}{rest}"), None)
        };
        timed(&mut client, table, what, path).await;
    }
    let people =
        |index: u64| ("GET", format!("/api/v1/lookup?q=person%20{}", spread(index) / 8), None);
    timed(&mut client, table, "people picker", people).await;
    let contacts = |_| ("GET", "/api/v1/contacts?limit=50".to_owned(), None);
    timed(&mut client, table, "first page of contacts", contacts).await;
}

async fn ids(client: &mut Client, desk: &Desk, spread: impl Fn(u64) -> u64) -> Vec<String> {
    let mut ids = Vec::new();
    for index in 0..requests().min(desk.tickets) {
        // Others than those that were just asked for.
        let path = format!("/api/v1/tickets/{}", spread(index + 1_000_003));
        let (status, body) = client.send("GET", &path, None).await;
        assert_eq!(status, 200, "{path}");
        let ticket: Value = serde_json::from_slice(&body).unwrap();
        ids.push(ticket["id"].as_str().unwrap().to_owned());
    }
    ids
}

async fn timed(
    client: &mut Client,
    table: &mut Table,
    what: &str,
    request: impl Fn(u64) -> (&'static str, String, Option<String>),
) {
    let mut took = Vec::new();
    for index in 0..requests() {
        let (method, path, body) = request(index);
        let sent = Instant::now();
        let (status, answer) = client.send(method, &path, body.as_deref()).await;
        took.push(sent.elapsed().as_secs_f64() * 1000.0);
        assert_eq!(status, 200, "{path}: {}", String::from_utf8_lossy(&answer));
    }
    took.sort_by(f64::total_cmp);
    table.add(what, "p50 ms", took[took.len() / 2]);
    table.add(what, "p95 ms", took[took.len() * 95 / 100]);
}

fn requests() -> u64 {
    std::env::var("REQUESTS").ok().and_then(|text| text.parse().ok()).unwrap_or(200)
}
