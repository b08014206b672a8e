//! Numbers of tickets at any instant, as known at any position (Z10).

use std::collections::BTreeMap;

use serde_json::{Value, json};
use testkit::Helpdesk;

use crate::people::{colleague, faults, text};

/// The numbers of one breakdown, by name or value.
fn by(report: &Value, what: &str) -> BTreeMap<String, i64> {
    let all = report["breakdowns"].as_array().unwrap();
    let found = all.iter().find(|breakdown| breakdown["by"] == what).unwrap();
    let groups = found["groups"].as_array().unwrap().iter();
    let name = |group: &Value| {
        let name = group["name"].as_str().or_else(|| group["value"].as_str());
        name.unwrap_or("none").to_owned()
    };
    groups.map(|group| (name(group), group["tickets"].as_i64().unwrap())).collect()
}

fn numbers<const N: usize>(pairs: [(&str, i64); N]) -> BTreeMap<String, i64> {
    pairs.into_iter().map(|(name, count)| (name.to_owned(), count)).collect()
}

async fn report(desk: &Helpdesk, query: &str) -> Value {
    desk.catch_up().await;
    desk.get(&format!("/api/v1/reports/tickets{query}")).await.ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn tickets_are_counted_by_everything_that_is_asked_for_z10() {
    let desk = Helpdesk::start().await;
    let ben = colleague(&desk, "Ben", "agent").await;
    let mut tickets = Vec::new();
    for number in 0..5 {
        let owner = (number < 2).then(|| json!({ "user_id": ben.id }));
        let priority = if number == 0 { "urgent" } else { "none" };
        let body = json!({ "name": "x", "owner": owner, "priority": priority });
        tickets.push(desk.open_ticket_with(body).await);
    }
    for ticket in &tickets[..2] {
        desk.set_status(ticket, "Closed").await;
    }
    desk.set_status(&tickets[2], "Waiting on contact").await;
    let found = report(&desk, "").await;
    assert_eq!(found["tickets"], 5);
    assert_eq!(
        by(&found, "status"),
        numbers([("Closed", 2), ("Waiting on contact", 1), ("New", 2)])
    );
    assert_eq!(
        by(&found, "status_category"),
        numbers([("closed", 2), ("waiting", 1), ("open", 2)])
    );
    assert_eq!(by(&found, "owner"), numbers([("Ben", 2), ("none", 3)]));
    assert_eq!(by(&found, "priority"), numbers([("urgent", 1), ("none", 4)]));
    assert_eq!(by(&found, "pipeline"), numbers([("Support", 5)]));
    assert_eq!(by(&found, "source"), numbers([("api", 5)]));
    assert_eq!(by(&found, "team"), numbers([("none", 5)]));
    assert_eq!(by(&found, "channel"), numbers([("none", 5)]));
    let two = report(&desk, "?by=owner,status").await;
    let asked: Vec<&Value> =
        two["breakdowns"].as_array().unwrap().iter().map(|breakdown| &breakdown["by"]).collect();
    assert_eq!(asked, [&json!("owner"), &json!("status")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_of_an_earlier_instant_or_position_stays_what_it_was_z10() {
    let desk = Helpdesk::start().await;
    let mut recorded = Vec::new();
    let mut tickets = Vec::new();
    for round in 0..12 {
        if round % 3 == 0 {
            tickets.push(desk.open_ticket("x").await);
        } else {
            let status = ["New", "Closed", "Waiting on us"][round % 3];
            desk.set_status(&tickets[round % tickets.len()], status).await;
        }
        let found = report(&desk, "?by=status,status_category").await;
        recorded.push(found);
    }
    // A status is called what it was called.
    let closed = desk.status_id("Closed").await;
    let pipelines = desk.get("/api/v1/pipelines").await.ok();
    let path =
        format!("/api/v1/pipelines/{}/statuses/{closed}", text(&pipelines["items"][0]["id"]));
    desk.patch(&path, json!({ "name": "Done" })).await.ok();
    desk.catch_up().await;
    for then in recorded {
        let (instant, position) = (text(&then["as_of"]), text(&then["known_at"]));
        for query in [
            format!("?by=status,status_category&as_of={instant}&known_at={position}"),
            format!("?by=status,status_category&as_of=position:{position}"),
        ] {
            let now = report(&desk, &query).await;
            assert_eq!(
                (&now["tickets"], &now["breakdowns"]),
                (&then["tickets"], &then["breakdowns"]),
                "{query}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_counted_is_refused_z10() {
    let desk = Helpdesk::start().await;
    desk.open_ticket("x").await;
    desk.catch_up().await;
    for (query, status, field, code) in [
        ("by=colour", 400, "by", "invalid_parameter"),
        ("by=", 400, "by", "invalid_parameter"),
        ("as_of=version:3", 400, "as_of", "invalid_parameter"),
        ("as_of=yesterday", 400, "as_of", "invalid_parameter"),
        ("known_at=2026-01-01T00:00:00Z", 400, "known_at", "invalid_parameter"),
        ("as_of=position:1&known_at=1", 400, "known_at", "either_or"),
        ("as_of=9999-01-01T00:00:00Z", 422, "as_of", "in_the_future"),
        ("known_at=1000000", 422, "known_at", "in_the_future"),
        ("known_at=2&restated_since=3", 422, "restated_since", "after_known_at"),
    ] {
        let refused = desk.get(&format!("/api/v1/reports/tickets?{query}")).await.status(status);
        assert_eq!(faults(&refused), [(field.to_owned(), code.to_owned())], "{query}");
    }
    let before = report(&desk, "?as_of=2001-01-01T00:00:00Z").await;
    assert_eq!(before["tickets"], 0);
}
