//! Taking back what happened to a ticket (Z11).

use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Client, Helpdesk, Ticket};

use crate::erasure::{completed, erase, on_request};
use crate::people::{colleague, conversation, each, property, require, text};

async fn undo(client: &Client, ticket: &Ticket, body: Value) -> Value {
    client.post(&ticket.at("/undo"), body).await.ok()
}

/// What a ticket is, without what every event moves on.
async fn still(desk: &Client, ticket: &Ticket) -> Value {
    let mut shown = desk.ticket(ticket).await;
    for moved in ["version", "position", "last_activity_at"] {
        shown.as_object_mut().unwrap().remove(moved);
    }
    shown
}

async fn lines(desk: &Helpdesk, client: &Client, ticket: &Ticket) -> Vec<Value> {
    desk.catch_up().await;
    client.get(&ticket.at("/timeline")).await.ok()["items"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_one_did_is_taken_back_one_after_the_other_and_brought_back_z11() {
    let desk = Helpdesk::start().await;
    let ben = colleague(&desk, "Ben", "agent").await;
    property(&desk, json!({ "key": "cause", "label": "Cause", "type": "text" })).await;
    let ticket = desk.open_ticket("Printer").await;
    let other = desk.open_ticket("Scanner").await;
    let mut states = vec![still(&desk, &ticket).await];
    let waiting = desk.status_id("Waiting on us").await;
    let status = json!({ "status_id": waiting, "properties": { "cause": "a match" } });
    for (method, path, body) in [
        (Method::PATCH, "", json!({ "name": "Fire", "priority": "high", "tags": ["hot"] })),
        (Method::PUT, "/status", status),
        (Method::PUT, "/owner", json!({ "user_id": ben.id, "note": "Yours" })),
        (Method::PATCH, "", json!({ "category": "Hardware", "properties": { "cause": "heat" } })),
        (Method::POST, "/contacts", json!({ "contact": { "email": "anna@example.org" } })),
    ] {
        ben.send(ben.request(method, &ticket.at(path)).json(&body)).await.ok();
        states.push(still(&desk, &ticket).await);
    }
    let mut written = Vec::new();
    while let Some(before) = states.pop() {
        assert_eq!(still(&desk, &ticket).await, before);
        if states.is_empty() {
            break;
        }
        written.push(undo(&ben, &ticket, json!({})).await);
    }
    let refused = ben.post(&ticket.at("/undo"), json!({})).await.refused(422);
    assert_eq!(refused, "nothing_to_undo");
    // Nobody else has done anything there.
    assert_eq!(desk.post(&other.at("/undo"), json!({})).await.refused(422), "nothing_to_undo");
    let first = written.last().unwrap();
    assert_eq!(first["undone"].as_array().unwrap().len(), 3, "name, priority and tags");
    // The undo of the undo: each of its events, the last first.
    let position: u64 = text(&first["position"]).parse().unwrap();
    for position in (position - 2..=position).rev() {
        undo(&ben, &ticket, json!({ "position": position.to_string() })).await;
    }
    let shown = desk.ticket(&ticket).await;
    assert_eq!((&shown["name"], &shown["priority"]), (&json!("Fire"), &json!("high")));
    assert_eq!(shown["tags"], json!(["hot"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_timeline_says_what_was_taken_back_and_what_can_be_z11() {
    let desk = Helpdesk::start().await;
    let light = colleague(&desk, "Lea", "light_agent").await;
    let ticket = desk.open_ticket("Printer").await;
    let tagged = desk.patch(&ticket.at(""), json!({ "tags": ["hot"] })).await.ok();
    desk.set_status(&ticket, "Waiting on us").await;
    desk.set_status(&ticket, "Closed").await;
    desk.comment(&ticket, "Hm").await;
    let undoable =
        |lines: &[Value]| lines.iter().map(|line| line["undoable"] == true).collect::<Vec<_>>();
    let told = lines(&desk, &desk, &ticket).await;
    assert_eq!(undoable(&told), [false, true, false, true, false], "{told:#?}");
    let position = text(&tagged["position"]);
    let undone = undo(&desk, &ticket, json!({ "position": position })).await;
    assert_eq!(undone["undone"], json!([position]));
    let told = lines(&desk, &desk, &ticket).await;
    assert_eq!(undoable(&told), [false, false, false, true, false, true]);
    assert_eq!(told[1]["undone_by"], undone["position"]);
    assert_eq!(told[5]["undoes"], json!(position));
    assert_eq!(told[5]["summary"], format!("Undid {position}: Tags removed hot"));
    assert_eq!((&told[5]["from"], &told[5]["to"]), (&json!(["hot"]), &Value::Null));
    let seen_by_light = lines(&desk, &light, &ticket).await;
    assert!(undoable(&seen_by_light).iter().all(|may| !may), "only who may change tickets");
    let events = desk.get(&ticket.at("/events")).await.ok();
    assert_eq!(events["items"][5]["undoes"], json!(position), "{events:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_later_events_touched_is_refused_with_their_positions_z11() {
    let desk = Helpdesk::start().await;
    let ticket = desk.open_ticket("Printer").await;
    let first = text(&desk.set_status(&ticket, "Waiting on us").await["position"]);
    let second = text(&desk.set_status(&ticket, "Closed").await["position"]);
    let body = json!({ "position": first });
    let problem = desk.post(&ticket.at("/undo"), body.clone()).await.status(422);
    assert_eq!(
        (&problem["code"], &problem["blocked_by"]),
        (&json!("undo_blocked"), &json!([second]))
    );
    assert!(problem["detail"].as_str().unwrap().ends_with(&format!("at {second}")), "{problem}");
    undo(&desk, &ticket, json!({ "position": second })).await;
    let undone = text(&undo(&desk, &ticket, body.clone()).await["position"]);
    let problem = desk.post(&ticket.at("/undo"), body).await.status(422);
    assert_eq!(
        (&problem["code"], &problem["blocked_by"]),
        (&json!("already_undone"), &json!([undone]))
    );
    let created = desk.get(&ticket.at("/events")).await.ok()["items"][0]["position"].clone();
    let refused = desk.post(&ticket.at("/undo"), json!({ "position": created })).await.refused(422);
    assert_eq!(refused, "not_reversible");
    let refused = desk.post(&ticket.at("/undo"), json!({ "position": "99999" })).await.refused(422);
    assert_eq!(refused, "unknown_position");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rules_and_rights_of_the_way_there_hold_on_the_way_back_z11_t10() {
    let desk = Helpdesk::start().await;
    property(&desk, json!({ "key": "cause", "label": "Cause", "type": "text" })).await;
    let ticket = desk.open_ticket("Printer").await;
    let closed = desk.status_id("Closed").await;
    desk.set_status(&ticket, "Closed").await;
    let reopened = text(&desk.set_status(&ticket, "New").await["position"]);
    require(&desk, "Closed", &["cause"]).await;
    let body = json!({ "position": reopened });
    let problem = desk.post(&ticket.at("/undo"), body.clone()).await.status(422);
    assert_eq!(problem["code"], "required_properties_missing");
    assert_eq!(problem["errors"][0]["field"], "properties.cause");
    let light = colleague(&desk, "Lea", "light_agent").await;
    let forbidden = light.post(&ticket.at("/undo"), body.clone()).await.status(403);
    assert_eq!(forbidden["missing_right"], "tickets.edit");
    desk.patch(&ticket.at(""), json!({ "properties": { "cause": "heat" } })).await.ok();
    undo(&desk, &ticket, body).await;
    assert_eq!(desk.ticket(&ticket).await["status"]["id"], json!(closed));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undo_is_repeated_with_its_key_and_minds_the_version_z11_w02_w03() {
    let desk = Helpdesk::start().await;
    let ticket = desk.open_ticket("Printer").await;
    desk.patch(&ticket.at(""), json!({ "tags": ["hot"] })).await.ok();
    let path = ticket.at("/undo");
    let key = [("idempotency-key", "undo-1")];
    let first = desk.write_with(Method::POST, &path, json!({}), &key).await.ok();
    let again = desk.write_with(Method::POST, &path, json!({}), &key).await.ok();
    assert_eq!(first, again);
    assert_eq!(desk.ticket(&ticket).await["version"], 3);
    let version =
        desk.patch(&ticket.at(""), json!({ "tags": ["a"] })).await.ok()["version"].clone();
    let tagged = text(&desk.get(&ticket.at("/events")).await.ok()["items"][3]["position"]);
    desk.patch(&ticket.at(""), json!({ "priority": "low" })).await.ok();
    let seen = format!("\"{version}\"");
    let stale = [("if-match", seen.as_str())];
    // Without a position anything may be the last action.
    let conflict = desk.write_with(Method::POST, &path, json!({}), &stale).await.refused(409);
    assert_eq!(conflict, "version_conflict");
    // What happened since touched something else.
    let body = json!({ "position": tagged });
    desk.write_with(Method::POST, &path, body, &stale).await.ok();
    assert_eq!(desk.ticket(&ticket).await["tags"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_take_back_the_same_at_once_one_does_z11() {
    let desk = Helpdesk::start().await;
    let ticket = desk.open_ticket("Printer").await;
    let position = text(&desk.set_status(&ticket, "Closed").await["position"]);
    let answers = (0..8).map(|_| {
        let (client, path) = (desk.with_token(Some(desk.admin_token())), ticket.at("/undo"));
        let body = json!({ "position": position });
        tokio::spawn(async move { client.post(&path, body).await })
    });
    let mut done = 0;
    for answer in answers.collect::<Vec<_>>() {
        let answer = answer.await.unwrap();
        if answer.status.is_success() {
            done += 1;
        } else {
            assert_eq!(answer.refused(422), "already_undone");
        }
    }
    assert_eq!(done, 1);
    assert_eq!(each(&desk.get(&ticket.at("/events")).await.ok(), "type").len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_redacted_or_erased_stays_and_the_reason_is_told_z11_z06_c17() {
    let desk = Helpdesk::start().await;
    let ticket = conversation(&desk, "Maria's printer", "maria@example.org").await;
    let maria = text(&desk.ticket(&ticket).await["contacts"][0]["id"]);
    desk.comment(&ticket, "Card 4111").await;
    desk.catch_up().await;
    let comment = text(&desk.thread(&ticket).await[0]["id"]);
    let path = ticket.at(&format!("/comments/{comment}/redact"));
    let redacted = desk.post(&path, json!({ "passages": ["4111"] })).await.status(202);
    completed(&desk, &text(&redacted["certificate"]["id"])).await;
    desk.patch(&ticket.at(""), json!({ "name": "Printer" })).await.ok();
    let told = lines(&desk, &desk, &ticket).await;
    let line = |told: &[Value], kind: &str| {
        told.iter().find(|line| line["kind"] == kind).cloned().unwrap()
    };
    let (redaction, renamed) = (line(&told, "CommentRedacted"), line(&told, "TicketRenamed"));
    assert_eq!((&redaction["undoable"], &renamed["undoable"]), (&json!(false), &json!(true)));
    let body = json!({ "position": redaction["position"] });
    let problem = desk.post(&ticket.at("/undo"), body).await.status(422);
    assert_eq!(problem["code"], "not_reversible");
    assert!(text(&problem["detail"]).contains("redacted"), "{problem}");

    // Somebody who left a ticket, and is erased afterwards.
    let other = desk.open_ticket("Scanner").await;
    desk.post(&other.at("/contacts"), json!({ "contact_id": maria })).await.ok();
    undo(&desk, &other, json!({})).await;
    let certificate = erase(&desk, &maria, on_request()).await;
    let told = lines(&desk, &desk, &ticket).await;
    let renamed = line(&told, "TicketRenamed");
    assert_eq!(renamed["undoable"], false, "{renamed}");
    assert_eq!(renamed["from"]["certificate"], certificate["id"], "{renamed}");
    let body = json!({ "position": renamed["position"] });
    let problem = desk.post(&ticket.at("/undo"), body).await.status(422);
    assert_eq!(problem["code"], "not_reversible");
    assert!(text(&problem["detail"]).contains("erased"), "{problem}");
    let gone = lines(&desk, &desk, &other).await;
    let gone = line(&gone, "ContactDissociated");
    let body = json!({ "position": gone["position"] });
    assert!(gone["undoes"].is_string(), "{gone}");
    assert_eq!(desk.post(&other.at("/undo"), body).await.refused(409), "contact_erased");
}
