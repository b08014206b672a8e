//! An import that is killed and run again ends as one that was never disturbed.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sqlx::{Connection, PgConnection, Row};
use testkit::{Client, OwnPostgres, Program, eventually};

use super::chance::Chance;

const CONVERSATIONS: usize = 40;
const MESSAGES_EACH: usize = 3;
/// How often it is killed, each time after it has written at least one event and at most so many.
const KILLS: usize = 4;
const EVENTS_MAX: usize = 40;
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(2);

/// Conversations of several mails each, in the order they came.
pub fn mbox(conversations: usize) -> String {
    let mut text = String::new();
    for number in 0..MESSAGES_EACH {
        for conversation in 0..conversations {
            write_mail(&mut text, conversation, number);
        }
    }
    text
}

fn write_mail(text: &mut String, conversation: usize, number: usize) {
    let (minute, id) = (conversation % 60, format!("c{conversation}.m{number}@mail.example.org"));
    let re = if number == 0 { "" } else { "Re: " };
    let refers = match number.checked_sub(1) {
        None => String::new(),
        Some(before) => {
            let before = format!("<c{conversation}.m{before}@mail.example.org>");
            format!("In-Reply-To: {before}\nReferences: {before}\n")
        }
    };
    let written = writeln!(
        text,
        "From writer@mail.example.org Mon Mar  2 09:00:00 2026\n\
         From: Writer {conversation} <writer{conversation}@mail.example.org>\n\
         To: help@desk.example.org\nSubject: {re}Conversation {conversation}\n\
         Date: Mon, {} Mar 2026 09:{minute:02}:00 +0000\nMessage-ID: <{id}>\n{refers}\
         Content-Type: text/plain; charset=utf-8\n\nMail {number} of conversation {conversation}.\n",
        2 + 7 * number,
    );
    written.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_killed_and_run_again_ends_as_one_clean_run_h03() {
    let mut chance = Chance::seeded(20_267);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("history.mbox");
    std::fs::write(&file, mbox(CONVERSATIONS)).unwrap();
    let clean = Program::fresh();
    tokio::task::block_in_place(|| import(&clean, &file));
    let postgres = tokio::task::block_in_place(OwnPostgres::start);
    let url = postgres.url("ledgerdesk");
    let disturbed = Program::fresh().with("DATABASE_URL", &url);
    tokio::task::block_in_place(|| disturbed.run(&["import", "mbox", "/dev/null"]).ok());
    let mut looker = PgConnection::connect(&url).await.unwrap();
    for _ in 0..KILLS {
        let goal = events(&mut looker).await + 1 + chance.below(EVENTS_MAX) as i64;
        is_cut_off(&disturbed, &file, (&mut looker, goal)).await;
    }
    tokio::task::block_in_place(|| import(&disturbed, &file));
    let again = tokio::task::block_in_place(|| import(&disturbed, &file));
    assert_eq!(again["tickets_created"], 0, "{again}");
    let (clean, disturbed) = (content(&clean).await, content(&disturbed).await);
    assert_eq!(clean.len(), CONVERSATIONS);
    assert_eq!(clean, disturbed);
}

fn import(program: &Program, file: &Path) -> Value {
    let report = program.run(&["import", "mbox", file.to_str().unwrap(), "--json"]).json();
    assert_eq!(report["failed"], 0, "{report}");
    report
}

/// Begins an import and kills it when the log holds so many events.
async fn is_cut_off(program: &Program, file: &Path, (looker, goal): (&mut PgConnection, i64)) {
    let mut command = program.command(&["import", "mbox", file.to_str().unwrap()]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let deadline = Instant::now() + PATIENCE;
    while events(looker).await < goal {
        assert!(child.try_wait().unwrap().is_none(), "it was done before it could be killed");
        assert!(Instant::now() < deadline, "the import does not get on");
        tokio::time::sleep(PAUSE).await;
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

async fn events(looker: &mut PgConnection) -> i64 {
    sqlx::query("select count(*) from es.event").fetch_one(looker).await.unwrap().get(0)
}

/// Every ticket by its name, with what was said in it; and a log that is whole.
async fn content(program: &Program) -> Vec<(String, Vec<Value>)> {
    let serving = tokio::task::block_in_place(|| program.serve());
    let add = ["user", "add", "--email", "a@b.example", "--name", "A", "--role", "super-admin"];
    let token = tokio::task::block_in_place(|| {
        program.run(&add).ok();
        program.run(&["token", "create", "--email", "a@b.example"]).ok()
    });
    let client = serving.client(Some(&token));
    eventually("all tickets are in the view", || async {
        let counts = client.get("/api/v1/views/counts").await.ok();
        (counts["closed"] == json!(CONVERSATIONS)).then_some(())
    })
    .await;
    let page = client.get("/api/v1/views/closed/tickets?limit=200").await.ok();
    let mut tickets = Vec::new();
    for row in page["items"].as_array().unwrap() {
        let name = row["name"].as_str().unwrap().to_owned();
        tickets.push((name, said(&client, row["id"].as_str().unwrap()).await));
    }
    tickets.sort_by(|one, two| one.0.cmp(&two.0));
    let verified = tokio::task::block_in_place(|| program.run(&["log", "verify", "--json"])).json();
    assert_eq!(verified["findings"], json!([]));
    tickets
}

async fn said(client: &Client, ticket: &str) -> Vec<Value> {
    let path = format!("/api/v1/tickets/{ticket}/thread?limit=200");
    let items = eventually("the whole thread", || async {
        let page = client.get(&path).await.ok();
        let items = page["items"].as_array().unwrap().clone();
        (items.len() >= MESSAGES_EACH).then_some(items)
    })
    .await;
    let facts = ["kind", "direction", "subject", "text", "message_id", "created_at"];
    let fact = |item: &Value| facts.map(|name| item[name].clone()).into_iter().collect();
    items.iter().map(fact).collect()
}
