//! Lists and counts from memory: the same promises as from the tables, as soon as something is written (V01, V04, V06, X03).

use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Helpdesk, Ticket, eventually};

use crate::people::{colleague, each};

/// What a metric says, all labels together.
async fn metric(desk: &Helpdesk, starts_with: &str) -> f64 {
    let metrics = desk.get("/metrics").await.text();
    let lines = metrics.lines().filter(|line| line.starts_with(starts_with));
    lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum()
}

/// Asks until an index of the tickets is there.
async fn indexed(desk: &Helpdesk) {
    let tickets = format!("ledgerdesk_facets_tickets{{ws=\"{}\"}}", desk.ws().0);
    eventually("an index of the tickets in memory", || async {
        desk.get("/api/v1/views/counts").await.ok();
        (metric(desk, &tickets).await > 0.0).then_some(())
    })
    .await;
}

async fn answers(desk: &Helpdesk, what: &str, from: &str) -> f64 {
    let metrics = desk.get("/metrics").await.text();
    let is_it = |line: &&str| {
        line.starts_with("ledgerdesk_facets_answers_total")
            && line.contains(&format!("what=\"{what}\""))
            && line.contains(&format!("from=\"{from}\""))
    };
    let line = metrics.lines().find(is_it);
    line.and_then(|line| line.rsplit_once(' ')?.1.parse().ok()).unwrap_or(0.0)
}

/// A read that is as new as a write, however long the views take.
async fn as_new_as(
    desk: &Helpdesk,
    position: &str,
    (method, path, body): (Method, &str, Option<Value>),
) -> Value {
    eventually("an answer that is new enough", || async {
        let mut request = desk.request(method.clone(), path);
        if let Some(body) = &body {
            request = request.json(body);
        }
        let answer = desk.send(request.header("log-position", position)).await;
        answer.header("log-stale").is_none().then(|| answer.status(200))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_just_written_is_in_every_list_and_count_from_memory_v06() {
    let desk = Helpdesk::start().await;
    desk.open_ticket("First").await;
    desk.catch_up().await;
    indexed(&desk).await;
    let before = answers(&desk, "query", "memory").await;
    for n in 0..20_u32 {
        let body = json!({ "name": format!("Ticket {n}"), "tags": [format!("t{n}")] });
        let written = desk.post("/api/v1/tickets", body).await;
        let position = written.header("log-position").unwrap().to_owned();
        let counts = (Method::GET, "/api/v1/views/counts", None);
        assert_eq!(as_new_as(&desk, &position, counts).await["open"], n + 2);
        let filter = json!({ "filter": { "tags": [format!("t{n}")] } });
        let query = (Method::POST, "/api/v1/tickets/query", Some(filter));
        let found = as_new_as(&desk, &position, query).await;
        assert_eq!(each(&found, "name"), [format!("Ticket {n}")]);
    }
    assert!(answers(&desk, "query", "memory").await > before, "some came from memory");
    assert!(answers(&desk, "counts", "memory").await > 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_from_memory_knows_contacts_and_goes_on_where_its_page_ended_v04() {
    let desk = Helpdesk::start().await;
    let mut tickets: Vec<Ticket> = Vec::new();
    for n in 0..9 {
        tickets.push(desk.open_ticket(&format!("Ticket {n}")).await);
    }
    let contact = json!({ "contact": { "name": "Anna", "email": "anna@example.org" } });
    for ticket in &tickets[2..7] {
        desk.post(&ticket.at("/contacts"), contact.clone()).await.ok();
    }
    let anna = desk.ticket(&tickets[2]).await["contacts"][0]["id"].clone();
    desk.catch_up().await;
    indexed(&desk).await;
    let before = answers(&desk, "query", "memory").await;
    let (mut names, mut cursor) = (Vec::new(), Value::Null);
    loop {
        let sort = json!({ "by": "number", "direction": "asc" });
        let filter = json!({ "contact_ids": [anna] });
        let body = json!({ "filter": filter, "sort": sort, "limit": 2, "cursor": cursor });
        let page = desk.post("/api/v1/tickets/query", body).await.status(200);
        names.extend(each(&page, "name"));
        cursor = page["next_cursor"].clone();
        if cursor.is_null() {
            break;
        }
    }
    assert_eq!(names, (2..7).map(|n| format!("Ticket {n}")).collect::<Vec<_>>());
    assert!(answers(&desk, "query", "memory").await >= before + 3.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn views_from_memory_follow_owner_and_status_v01() {
    let desk = Helpdesk::start().await;
    let ben = colleague(&desk, "Ben", "agent").await;
    let ticket = desk.open_ticket("Moves").await;
    desk.open_ticket("Stays").await;
    desk.catch_up().await;
    indexed(&desk).await;
    assert_eq!(ben.view("unassigned").await, ["Stays", "Moves"]);
    desk.put(&ticket.at("/owner"), json!({ "user_id": ben.id })).await.ok();
    desk.catch_up().await;
    assert_eq!((ben.view("unassigned").await.len(), ben.view("mine").await.len()), (1, 1));
    desk.set_status(&ticket, "Closed").await;
    desk.catch_up().await;
    assert_eq!((ben.view("mine").await.len(), ben.view("closed").await.len()), (0, 1));
    assert!(answers(&desk, "view", "memory").await > 0.0);
}
