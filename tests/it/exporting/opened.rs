//! The opened export tells what the event feed tells, and what was asked for alone.

use serde_json::{Value, json};

use super::desk::Original;
use crate::erasure::{erase, on_request};
use crate::people::text;

fn lines(output: &str) -> Vec<Value> {
    output.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Everything the event feed tells.
async fn feed(original: &Original) -> Vec<Value> {
    let (mut events, mut after) = (Vec::new(), String::from("0"));
    loop {
        let path = format!("/api/v1/events?limit=200&after={after}");
        let page = original.client.get(&path).await.ok();
        events.extend(page["items"].as_array().unwrap().iter().cloned());
        match page["next_cursor"].as_str() {
            Some(cursor) => after = cursor.to_owned(),
            None => return events,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_the_event_feed_as_a_file_and_what_was_erased_reads_as_erased_w05() {
    let original = Original::start().await;
    let before = original.program.run(&["export"]).ok();
    assert!(before.contains("Dear Maria") && before.contains("maria@planted.example"));
    assert!(!before.contains("nobody has sent") && !before.contains("DraftStarted"), "{before}");
    assert_eq!(lines(&before), feed(&original).await);
    let certificate = erase(&original.client, &original.contact, on_request()).await;
    let after = original.program.run(&["export"]).ok();
    assert!(!after.contains("Dear Maria") && !after.contains("planted"), "{after}");
    let events = lines(&after);
    assert_eq!(events, feed(&original).await);
    let created = events.iter().find(|event| event["type"] == "TicketCreated").unwrap();
    assert_eq!(created["data"]["name"]["certificate"], certificate["id"], "{created}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_holds_what_was_asked_for_alone() {
    let original = Original::start().await;
    original.client.open_ticket("Another one").await;
    let all = lines(&original.program.run(&["export"]).ok());
    let run =
        |arguments: &[&str]| lines(&original.program.run(&[&["export"], arguments].concat()).ok());
    let created: Vec<Value> =
        all.iter().filter(|event| event["type"] == "TicketCreated").cloned().collect();
    assert_eq!(created.len(), 2);
    assert_eq!(run(&["--type", "TicketCreated"]), created);
    let users: Vec<Value> =
        all.iter().filter(|event| event["type"] == "UserAdded").cloned().collect();
    assert_eq!(run(&["--type", "TicketCreated,UserAdded"]).len(), created.len() + users.len());
    let of_ticket: Vec<Value> = all
        .iter()
        .filter(|event| event["stream_id"] == json!(original.ticket.id))
        .cloned()
        .collect();
    assert_eq!(run(&["--ticket", "1"]), of_ticket);
    // Each export is recorded: what came later is left out.
    let last = text(&all[all.len() - 1]["position"]);
    let middle = &all[all.len() / 2];
    let (position, at) = (text(&middle["position"]), text(&middle["at"]));
    let number = |event: &Value| text(&event["position"]).parse::<u64>().unwrap();
    let from: Vec<Value> =
        all.iter().filter(|event| number(event) >= number(middle)).cloned().collect();
    assert_eq!(run(&["--from", &position, "--to", &last]), from);
    let one = run(&["--from", &position, "--to", &position]);
    assert_eq!(one, std::slice::from_ref(middle));
    // Instants of equal length compare as their texts do.
    let (since, until) = (run(&["--since", &at, "--to", &last]), run(&["--before", &at]));
    assert_eq!(since.len() + until.len(), all.len());
    assert!(since.contains(middle) && !until.contains(middle));
    let path = original.path("tickets.ndjson");
    let told = original.program.run(&["export", "--ticket", "2", "--out", &path, "--json"]).json();
    assert_eq!(told["events"], json!(lines(&std::fs::read_to_string(&path).unwrap()).len()));
    assert!(run(&["--ticket", "1", "--type", "UserAdded"]).is_empty());
    original.program.run(&["export", "--ticket", "77"]).failed(1);
    original.program.run(&["export", "--since", "yesterday"]).failed(2);
}
