//! History in: an mbox file becomes tickets with its own dates and senders, once.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use testkit::{Client, Program, Ticket, eventually};

/// Twelve mails of four conversations, two of them twice under one Message-ID.
fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/channels/fixtures/sample.mbox")
}

fn import(program: &Program, more: &[&str]) -> Value {
    let path = sample();
    let arguments = ["import", "mbox", path.to_str().unwrap(), "--json"];
    program.run(&[&arguments[..], more].concat()).json()
}

async fn signed_in(program: &Program, serving: &testkit::Serving) -> Client {
    program
        .run(&[
            "user",
            "add",
            "--email",
            "ada@desk.example.org",
            "--name",
            "Ada",
            "--role",
            "super-admin",
        ])
        .ok();
    let token = program.run(&["token", "create", "--email", "ada@desk.example.org"]).ok();
    serving.client(Some(&token))
}

async fn tickets(client: &Client, view: &str, count: usize) -> Vec<Value> {
    eventually(&format!("{count} tickets in the view {view}"), || async move {
        let page = client.get(&format!("/api/v1/views/{view}/tickets")).await.ok();
        let items = page["items"].as_array().unwrap().clone();
        (items.len() == count).then_some(items)
    })
    .await
}

fn named<'a>(tickets: &'a [Value], name: &str) -> &'a Value {
    let found =
        tickets.iter().find(|ticket| ticket["name"].as_str().is_some_and(|it| it.contains(name)));
    found.unwrap_or_else(|| panic!("no {name} among {tickets:?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn imported_history_shows_in_views_threads_and_timelines_h03() {
    let program = Program::fresh();
    let serving = program.serve();
    let client = signed_in(&program, &serving).await;
    let report = import(&program, &[]);
    let made = usize::try_from(report["tickets_created"].as_u64().unwrap()).unwrap();
    assert!(made >= 4, "{report}");
    let closed = tickets(&client, "closed", made).await;
    let printer = named(&closed, "printer");
    let ticket = Ticket {
        id: printer["id"].as_str().unwrap().to_owned(),
        number: printer["number"].as_u64().unwrap(),
    };
    let thread = client.thread(&ticket).await;
    let sent: Vec<_> = thread.iter().map(|item| item["created_at"].as_str().unwrap()).collect();
    assert!(sent[0].starts_with("2026-03-02T09:02:00"), "with its own dates: {sent:?}");
    assert!(sent.is_sorted());
    let said = thread[0]["text"].as_str().unwrap();
    assert!(said.contains("PC LOAD LETTER"), "{said}");
    assert!(thread[0]["from"].to_string().contains("anna@example.org"));
    assert!(!client.timeline(&ticket).await.is_empty());
    let shown = program.run(&["ticket", "show", &ticket.number.to_string(), "--json"]).json();
    assert_eq!(shown["thread"].as_array().unwrap().len(), thread.len());
    assert_eq!(shown["imported"], json!(true));
}

#[tokio::test(flavor = "multi_thread")]
async fn importing_twice_changes_nothing_h03() {
    let program = Program::fresh();
    let serving = program.serve();
    import(&program, &[]);
    let head = || program.run(&["log", "verify", "--json"]).json()["head"].clone();
    let before = head();
    let again = import(&program, &[]);
    assert_eq!(
        (again["tickets_created"].as_u64(), again["failed"].as_u64()),
        (Some(0), Some(0)),
        "{again}"
    );
    assert_eq!(head(), before);
    assert_eq!(again["already_there"], again["messages"]);
    drop(serving);
}

#[tokio::test(flavor = "multi_thread")]
async fn imported_tickets_are_open_when_that_is_said() {
    let program = Program::fresh();
    let serving = program.serve();
    let client = signed_in(&program, &serving).await;
    let report = import(&program, &["--status", "open"]);
    let made = usize::try_from(report["tickets_created"].as_u64().unwrap()).unwrap();
    tickets(&client, "open", made).await;
    assert_eq!(client.view("closed").await, Vec::<String>::new());
}

#[test]
fn an_import_without_a_server_is_there_when_one_starts() {
    let program = Program::fresh();
    let report = import(&program, &[]);
    assert_eq!(report["failed"], json!(0), "{report}");
    let _serving = program.serve();
    let shown = program.run(&["ticket", "show", "1", "--json"]).json();
    assert_eq!(shown["number"], json!(1));
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let program = Program::fresh();
    let error = program.run(&["import", "mbox", "/nowhere.mbox"]).failed(1);
    assert!(error.contains("/nowhere.mbox"), "{error}");
    program.run(&["import", "mbox"]).failed(2);
}
