//! Makes a stored database of a build: a little help desk with something of everything, and what this build answers about it.
//!
//! `cargo run --package tests --example store_database -- path/to/ledgerdesk tests/databases/NAME`
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a tool of the repository that cannot go on has to say so at once"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use testkit::{Client, Program, StoredDatabase, Ticket, eventually};

const MAIL: &str = "ada@desk.example.org";
const PASSWORD: &str = "a password long enough";
const BYTES: &[u8] = b"PC LOAD LETTER\n\x00\xff";

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(binary), Some(folder)) = (arguments.next(), arguments.next()) else {
        panic!("name the program and the folder");
    };
    let program = Program::of(binary.canonicalize().unwrap());
    let serving = program.serve();
    program.run(&["user", "add", "--email", MAIL, "--name", "Ada", "--role", "super-admin"]).ok();
    let token = program.run(&["token", "create", "--email", MAIL]).ok();
    let client = serving.client(Some(&token));
    settings(&client).await;
    desk(&client).await;
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/channels/fixtures");
    for mails in [("mbox", "sample.mbox"), ("eml", "not-a-mail.eml"), ("eml", "winmail.eml")] {
        let path = fixtures.join(mails.1);
        program.run(&["import", mails.0, path.to_str().unwrap()]).ok();
    }
    let answers = answers(&client).await;
    let mut owner = program.owner().await;
    let types: Vec<String> =
        sqlx::query_scalar("select distinct kind || ' ' || type from es.event order by 1")
            .fetch_all(&mut owner)
            .await
            .unwrap();
    std::fs::create_dir_all(&folder).unwrap();
    let told = json!({ "token": token, "types": types, "answers": answers });
    StoredDatabase::write_json(&told, &folder.join("answers.zst"));
    let stored = StoredDatabase::take(&mut owner, program.data()).await;
    stored.write(&folder.join("database.zst"));
    println!("{} kinds of events: {types:?}", types.len());
}

fn id(made: &Value) -> String {
    made["id"].as_str().unwrap_or_else(|| panic!("no id in {made}")).to_owned()
}

async fn made(client: &Client, path: &str, body: Value) -> String {
    id(&client.post(path, body).await.status(201))
}

/// People, channels, pipelines, properties: made, changed, taken away.
async fn settings(client: &Client) {
    people(client).await;
    channels(client).await;
    properties(client).await;
    pipelines(client).await;
    client.patch("/api/v1/workspace", json!({ "assign_on_first_reply": false })).await.ok();
    client.patch("/api/v1/workspace", json!({ "assign_on_first_reply": true })).await.ok();
}

async fn people(client: &Client) {
    let ben = json!({ "name": "Ben", "email": "ben@desk.example.org", "role": "agent" });
    let ben = made(client, "/api/v1/users", ben).await;
    let ben = format!("/api/v1/users/{ben}");
    client.put(&format!("{ben}/password"), json!({ "password": PASSWORD })).await.ok();
    let all = [("name", json!("Benno")), ("role", json!("light_agent")), ("active", json!(false))];
    for (field, value) in all.into_iter().chain([("active", json!(true)), ("role", json!("agent"))])
    {
        client.patch(&ben, json!({ field: value })).await.ok();
    }
    let spare = made(client, "/api/v1/tokens", json!({ "name": "spare" })).await;
    client.delete(&format!("/api/v1/tokens/{spare}")).await.ok();
}

async fn channels(client: &Client) {
    for (name, address) in [("Help", "help@desk.example.org"), ("Old", "old@desk.example.org")] {
        let body = json!({ "name": name, "address": address });
        let channel = format!("/api/v1/channels/{}", made(client, "/api/v1/channels", body).await);
        let address = format!("new-{address}");
        client
            .patch(&channel, json!({ "name": format!("{name} desk"), "address": address }))
            .await
            .ok();
        if name == "Old" {
            client.delete(&channel).await.ok();
        }
    }
}

async fn properties(client: &Client) {
    for property in [
        json!({ "key": "cause", "label": "Cause", "type": "single_choice",
                "choices": [{ "value": "heat", "label": "Heat" }, { "value": "dust", "label": "Dust" }] }),
        json!({ "key": "serial", "label": "Serial", "type": "text", "personal": true }),
        json!({ "key": "gone", "label": "Gone", "type": "number" }),
    ] {
        let key = property["key"].clone();
        let path =
            format!("/api/v1/properties/{}", made(client, "/api/v1/properties", property).await);
        if key == "cause" {
            client.patch(&path, json!({ "label": "Its cause", "description": "Why" })).await.ok();
            let water = json!({ "value": "water", "label": "Water" });
            client.post(&format!("{path}/choices"), water).await.status(201);
            client.delete(&format!("{path}/choices/dust")).await.ok();
        } else if key == "gone" {
            client.delete(&path).await.ok();
        }
    }
}

async fn pipelines(client: &Client) {
    let body = json!({ "name": "Repairs", "statuses": [{ "name": "New", "category": "open" }] });
    let path = format!("/api/v1/pipelines/{}", made(client, "/api/v1/pipelines", body).await);
    client.patch(&path, json!({ "name": "All repairs" })).await.ok();
    let parked = json!({ "name": "Parked", "category": "waiting", "index": 0 });
    let parked = client.post(&format!("{path}/statuses"), parked).await.status(201);
    let parked = parked["status_id"].as_str().map_or_else(|| id(&parked), str::to_owned);
    for change in [
        json!({ "name": "Later" }),
        json!({ "category": "closed" }),
        json!({ "required_properties": ["cause"] }),
        json!({ "index": 1 }),
    ] {
        client.patch(&format!("{path}/statuses/{parked}"), change).await.ok();
    }
    let pipelines = client.get("/api/v1/pipelines").await.ok();
    let default = pipelines["items"].as_array().unwrap().iter().find(|one| one["default"] == true);
    let default = id(default.unwrap());
    client.put(&format!("{path}/default"), json!({})).await.ok();
    client.put(&format!("/api/v1/pipelines/{default}/default"), json!({})).await.ok();
    client.delete(&path).await.ok();
}

async fn upload(client: &Client) -> String {
    let part = reqwest::multipart::Part::bytes(BYTES).file_name("log.txt");
    let form = reqwest::multipart::Form::new().part("file", part.mime_str("text/plain").unwrap());
    let request = client.request(reqwest::Method::POST, "/api/v1/uploads").multipart(form);
    id(&client.send(request).await.status(201))
}

/// Contacts, tickets, messages, drafts.
async fn desk(client: &Client) {
    let cleo = json!({ "name": "Cleo", "emails": ["cleo@example.org"], "phones": ["+49 30 1"] });
    let cleo = format!("/api/v1/contacts/{}", made(client, "/api/v1/contacts", cleo).await);
    let change =
        json!({ "name": "Cleo B", "emails": ["b@example.org", "cleo@example.org"], "phones": [] });
    client.patch(&cleo, change).await.ok();
    client.patch(&cleo, json!({ "emails": ["b@example.org"], "phones": ["+49 30 2"] })).await.ok();
    let ticket = client
        .open_ticket_with(
            json!({ "name": "Printer on fire", "priority": "high", "category": "Hardware",
            "tags": ["fire"], "properties": { "cause": "heat", "serial": "Zürich 17" } }),
        )
        .await;
    client.add_contact(&ticket, "anna@example.org").await;
    client.add_contact(&ticket, "b@example.org").await;
    client
        .patch(
            &ticket.at(""),
            json!({ "name": "Printer still on fire", "priority": "urgent", "category": "Fire",
            "tags": ["fire", "urgent"], "properties": { "serial": null, "cause": "water" } }),
        )
        .await
        .ok();
    let me = id(&client.get("/api/v1/me").await.ok());
    client.put(&ticket.at("/owner"), json!({ "user_id": me, "note": "Mine" })).await.ok();
    client.put(&ticket.at("/owner"), json!({})).await.ok();
    let file = upload(client).await;
    let comment =
        json!({ "html": "<p>See <b>log</b></p>", "text": "See log", "attachment_ids": [file] });
    client.post(&ticket.at("/comments"), comment).await.status(201);
    client.reply(&ticket, "We are looking into it — grüße").await;
    client.set_status(&ticket, "Waiting on us").await;
    let draft = ticket.at("/drafts/comment");
    client.put(&draft, json!({ "text": "Never sent" })).await.ok();
    client.delete(&draft).await.ok();
    let draft = client.put(&ticket.at("/drafts/reply"), json!({ "text": "Dear Anna" })).await.ok();
    let sent = json!({ "text": "Dear Anna, it is out.", "draft_id": draft["id"] });
    client.post(&ticket.at("/replies"), sent).await.ok();
    client.put(&ticket.at("/drafts/reply"), json!({ "text": "One more thing" })).await.ok();
    client.open_ticket("Nobody answers").await;
}

/// What is asked about it, with the answers.
async fn answers(client: &Client) -> BTreeMap<String, Value> {
    let paths = [
        "me",
        "workspace",
        "users",
        "pipelines",
        "properties",
        "channels",
        "contacts",
        "drafts",
        "views",
        "views/counts",
    ];
    let mut asked: Vec<String> = paths.iter().map(|path| format!("/api/v1/{path}")).collect();
    let views = client.get("/api/v1/views").await.ok();
    for view in views["items"].as_array().unwrap() {
        asked.push(format!("/api/v1/views/{}/tickets", view["id"].as_str().unwrap()));
    }
    for event in client.get("/api/v1/events?limit=200").await.ok()["items"].as_array().unwrap() {
        if event["type"] == "TicketCreated" {
            let ticket = Ticket { id: event["stream_id"].as_str().unwrap().to_owned(), number: 0 };
            for below in ["", "/thread", "/timeline", "/events", "/drafts/reply"] {
                asked.push(ticket.at(below));
            }
            for item in client.thread(&ticket).await {
                for file in item["attachments"].as_array().unwrap() {
                    asked.push(ticket.at(&format!("/attachments/{}", id(file))));
                }
            }
        }
    }
    asked.push("/api/v1/events?limit=200".to_owned());
    let mut answers = BTreeMap::new();
    for path in asked {
        let answer = eventually(&format!("{path} is not stale"), || async {
            let answer = client.get(&path).await;
            answer.header("log-stale").is_none().then_some(answer)
        })
        .await;
        let told = if answer.json.is_null() { json!(answer.body) } else { answer.json };
        answers.insert(path, json!({ "status": answer.status.as_u16(), "body": told }));
    }
    answers
}
