//! What nobody else may read: the words of a draft (D03), and those of a comment outside the house (M01).

use std::path::Path;

use serde_json::{Value, json};
use testkit::{Client, Program, eventually};

use super::operations::Document;
use super::world::World;
use crate::people::{colleague, each, text};

const PLANTED: &str = "Xylophonschrank";

/// A text does not hold the planted word, in whatever case.
#[track_caller]
fn holds_nothing(what: &str, said: &str) {
    assert!(!said.to_lowercase().contains(&PLANTED.to_lowercase()), "{what}: {said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_words_of_a_draft_appear_to_nobody_else_at_no_address_d03() {
    let world = World::new().await;
    let ben = &world.ben;
    let content = json!({ "text": PLANTED, "html": format!("<p>{PLANTED}</p>"),
        "to": [format!("{PLANTED}@example.org")], "properties": { "cause": PLANTED } });
    let mut own = 0;
    for kind in ["reply", "comment"] {
        let path = world.ticket.at(&format!("/drafts/{kind}"));
        let saved = ben.put(&path, content.clone()).await.ok();
        // The addresses that name the draft itself, too.
        for path in [format!("/api/v1/tickets/{}", text(&saved["id"])), format!("{path}?limit=1")] {
            holds_nothing(&path, &world.desk.get(&path).await.text());
        }
    }
    world.desk.catch_up().await;
    let mut others = Vec::new();
    for (name, role) in [
        ("Cleo", "super_admin"),
        ("Dora", "account_admin"),
        ("Emil", "agent"),
        ("Lea", "light_agent"),
    ] {
        others.push(colleague(&world.desk, name, role).await);
    }
    for operation in &world.document.operations {
        let query = operation.template == "/api/v1/tickets/query";
        if !operation.reads() && !query {
            continue;
        }
        let mut paths = vec![world.example(operation).path];
        if operation.takes("query", "q") {
            paths.push(paths[0].replace("anna", PLANTED));
        }
        if operation.takes("query", "order") {
            paths.push(format!("{}?order=newest_first", paths[0]));
        }
        for path in paths {
            for other in others.iter().map(|other| &**other).chain([&*world.desk]) {
                let mut request = other.request(operation.method.clone(), &path);
                if query {
                    request = request.json(&json!({ "limit": 200 }));
                }
                let answer = other.send(request).await;
                holds_nothing(&path, &answer.text());
                holds_nothing(&path, &format!("{:?}", answer.headers));
            }
            own += usize::from(ben.get(&path).await.text().contains(PLANTED));
        }
    }
    assert!(own >= 2, "its owner reads it at {own} addresses");
}

/// Nothing leaves the house but messages: what came in, and what was answered.
#[tokio::test(flavor = "multi_thread")]
async fn the_words_of_a_comment_appear_in_nothing_that_a_contact_may_get_m01() {
    let program = Program::fresh();
    let serving = program.serve();
    program
        .run(&[
            "user",
            "add",
            "--email",
            "a@desk.example",
            "--name",
            "Ada",
            "--role",
            "super-admin",
        ])
        .ok();
    let token = program.run(&["token", "create", "--email", "a@desk.example"]).ok();
    let client = serving.client(Some(token.trim()));
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/channels/fixtures/sample.mbox");
    program.run(&["import", "mbox", path.to_str().unwrap(), "--json"]).json();
    let ids = eventually("a ticket is listed", || async {
        let ids = each(&client.get("/api/v1/views/closed/tickets").await.ok(), "id");
        (!ids.is_empty()).then_some(ids)
    })
    .await;
    let ticket = format!("/api/v1/tickets/{}", text(&ids[0]));
    let said = json!({ "text": PLANTED, "html": format!("<p>{PLANTED}</p>") });
    client.post(&format!("{ticket}/comments"), said).await.status(201);
    let reply = json!({ "text": "We look into it", "to": ["anna@example.org"] });
    let sent = client.post(&format!("{ticket}/replies"), reply.clone()).await.status(201);
    let answered =
        json!({ "text": "Again", "to": ["anna@example.org"], "in_reply_to": sent["message_id"] });
    let last = client.post(&format!("{ticket}/replies"), answered).await.status(201);
    eventually("the last reply is listed", || async {
        let ids = each(&client.get(&format!("{ticket}/thread?limit=200")).await.ok(), "id");
        ids.contains(&last["message_id"]).then_some(())
    })
    .await;
    let thread = client.get(&format!("{ticket}/thread?limit=200")).await.ok();
    let (mut messages, mut originals) = (0, 0);
    for item in thread["items"].as_array().unwrap().iter().filter(|item| item["kind"] == "message")
    {
        holds_nothing("a message", &item.to_string());
        let original = client.get(&format!("{ticket}/messages/{}/raw", text(&item["id"]))).await;
        holds_nothing("an original", &original.text());
        originals += usize::from(original.status.is_success());
        messages += 1;
    }
    assert!(messages > originals && originals > 0, "{thread}");
    let shown = client.get(&ticket).await.ok();
    let contact = text(&shown["contacts"][0]["id"]);
    let row = client.get("/api/v1/views/closed/tickets").await.text();
    for (what, said) in [
        ("the ticket", shown.to_string()),
        ("the contact", client.get(&format!("/api/v1/contacts/{contact}")).await.text()),
        ("the preview in a list", row),
    ] {
        holds_nothing(what, &said);
    }
    a_comment_has_no_original(&client, &ticket, &thread).await;
    // Without credentials there is nothing of a ticket at all.
    let outside = serving.client(None);
    for operation in Document::of(&client).await.operations {
        if operation.reads() && !operation.protected {
            let said = outside.get(&operation.template).await.text();
            holds_nothing(&operation.template, &said);
        }
    }
}

/// A comment has no address where an original could be fetched.
async fn a_comment_has_no_original(client: &Client, ticket: &str, thread: &Value) {
    let items = thread["items"].as_array().unwrap();
    let comment = items.iter().find(|item| item["kind"] == "comment").unwrap();
    let raw = format!("{ticket}/messages/{}/raw", text(&comment["id"]));
    assert_eq!(client.get(&raw).await.refused(404), "not_found");
}
