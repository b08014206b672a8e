//! Original messages: what was received comes back byte by byte (H04).

use std::path::Path;

use serde_json::Value;
use testkit::{Program, eventually};

use crate::people::{each, text};

#[tokio::test(flavor = "multi_thread")]
async fn the_original_of_a_message_comes_back_as_it_was_received_h04() {
    let program = Program::fresh();
    let serving = program.serve();
    let add =
        ["user", "add", "--email", "a@desk.example", "--name", "Ada", "--role", "super-admin"];
    program.run(&add).ok();
    let token = program.run(&["token", "create", "--email", "a@desk.example"]).ok();
    let client = serving.client(Some(token.trim()));
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/channels/fixtures/sample.mbox");
    let made = program.run(&["import", "mbox", path.to_str().unwrap(), "--json"]).json();
    let count = usize::try_from(made["tickets_created"].as_u64().unwrap()).unwrap();
    let source =
        String::from_utf8_lossy(&std::fs::read(&path).unwrap()).replace("\n>From ", "\nFrom ");
    let tickets: Vec<Value> = eventually("all tickets are listed", || async {
        let ids = each(&client.get("/api/v1/views/closed/tickets").await.ok(), "id");
        (ids.len() == count).then_some(ids)
    })
    .await;
    let mut seen = 0;
    for ticket in tickets {
        let ticket = format!("/api/v1/tickets/{}", text(&ticket));
        let thread = client.get(&format!("{ticket}/thread")).await.ok();
        for item in thread["items"].as_array().unwrap() {
            assert_eq!(item["has_original"], true);
            let original =
                client.get(&format!("{ticket}/messages/{}/raw", text(&item["id"]))).await;
            assert_eq!(original.header("content-type"), Some("message/rfc822"));
            assert!(original.header("content-disposition").unwrap().starts_with("attachment;"));
            let original = original.text();
            assert!(source.contains(original.trim_end()), "{original}");
            seen += 1;
        }
        let unknown = format!("{ticket}/messages/01900000-0000-7000-8000-000000000001/raw");
        assert_eq!(client.get(&unknown).await.refused(404), "not_found");
    }
    assert!(seen >= count);
}
