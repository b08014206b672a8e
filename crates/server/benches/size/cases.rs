//! What is looked at all day, by different callers.

use serde_json::{Value, json};

use crate::desk::Desk;
use crate::http::{Ask, Client};
use crate::then;

/// Who asks: the agent with the most tickets, one with few, somebody who only reads.
const CALLERS: [(&str, u64); 3] =
    [("busiest agent", 0), ("agent with few", 150), ("light agent", 1)];
const VIEWS: [&str; 6] = ["unassigned", "mine", "mentions", "open", "drafts", "closed"];

/// One thing that is asked for, with as many requests as are measured; each of them a little different where that is usual.
pub struct Case {
    pub what: String,
    pub asks: Vec<Ask>,
}

/// All of them.
pub struct Cases {
    pub all: Vec<Case>,
}

impl Cases {
    pub async fn of(desk: &Desk, big: Option<&str>) -> Self {
        let mut all = Vec::new();
        let count = usize::try_from(crate::number("REQUESTS", 200).max(1)).unwrap();
        let mut busiest = String::new();
        for (name, agent) in CALLERS {
            let token = desk.token(agent);
            lists(&mut all, name, &token, count);
            if agent == 0 {
                busiest = token;
            }
        }
        tickets(&mut all, desk, &busiest, count).await;
        if let Some(big) = big {
            of_one(&mut all, "a ticket of many events", &busiest, &vec![big.to_owned(); count]);
        }
        all.extend(then::cases(desk, &busiest, big, count).await);
        Self { all }
    }
}

fn lists(all: &mut Vec<Case>, name: &str, token: &str, count: usize) {
    for view in VIEWS {
        let path = format!("/api/v1/views/{view}/tickets?limit=50");
        let what = format!("{name}: first page of {view}");
        all.push(Case { what, asks: vec![Ask::get(path, token); count] });
    }
    let what = format!("{name}: counts of all views");
    all.push(Case { what, asks: vec![Ask::get("/api/v1/views/counts", token); count] });
    for (what, body) in queries() {
        let mut ask = Ask::get("/api/v1/tickets/query", token);
        (ask.method, ask.body) = ("POST", body.to_string());
        all.push(Case { what: format!("{name}: query, {what}"), asks: vec![ask; count] });
    }
}

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

/// Tickets spread over all years, each asked once: hardly any of it is in memory.
async fn tickets(all: &mut Vec<Case>, desk: &Desk, token: &str, count: usize) {
    let spread = |index: u64| 1 + index.wrapping_mul(2_654_435_761) % desk.tickets;
    let numbers = (0..count as u64).map(spread);
    let by_number = numbers.map(|number| Ask::get(format!("/api/v1/tickets/{number}"), token));
    all.push(Case { what: "a ticket by number".to_owned(), asks: by_number.collect() });
    let mut client = Client::connect(&desk.address).await.unwrap();
    let mut ids = Vec::new();
    for index in 0..count as u64 {
        // Others than those that are asked for by number.
        let path = format!("/api/v1/tickets/{}", spread(index + 1_000_003));
        let ticket = client.send(&Ask::get(path, token)).await.unwrap().json().unwrap();
        ids.push(ticket["id"].as_str().unwrap().to_owned());
    }
    of_one(all, "a ticket", token, &ids);
    let people = |index| format!("/api/v1/lookup?q=person%20{}", spread(index) / 8);
    let asks = (0..count as u64).map(|index| Ask::get(people(index), token));
    all.push(Case { what: "people picker".to_owned(), asks: asks.collect() });
    let asks = vec![Ask::get("/api/v1/contacts?limit=50", token); count];
    all.push(Case { what: "first page of contacts".to_owned(), asks });
}

/// What is asked of one ticket by its id.
fn of_one(all: &mut Vec<Case>, name: &str, token: &str, ids: &[String]) {
    for (what, rest) in [
        ("by id", ""),
        ("its thread", "/thread"),
        ("its timeline, newest first", "/timeline?order=newest_first"),
        ("its events", "/events"),
    ] {
        let ask = |id: &String| Ask::get(format!("/api/v1/tickets/{id}{rest}"), token);
        all.push(Case { what: format!("{name}: {what}"), asks: ids.iter().map(ask).collect() });
    }
}
