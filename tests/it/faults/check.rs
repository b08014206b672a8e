//! What has to hold after a fault: every acknowledged request is there exactly once and whole, and the views say so.

use std::collections::{HashMap, HashSet};

use reqwest::Method;
use serde_json::Value;
use testkit::{Client, eventually};

use super::act::{Act, Expected};
use super::desk::Desk;
use super::send::Outcome;
use super::writer::{Entry, Writer};

/// Counts of views end here.
const COUNT_MAX: usize = 1_000;

/// Sent again, acknowledged requests answer what they answered first.
pub async fn repeats_answer_the_same(client: &Client, entries: &[Entry]) {
    for entry in entries.iter().filter(|entry| entry.act.answers_alike()) {
        match entry.ask.send(client).await {
            Outcome::Accepted(ack) => assert_eq!(ack, entry.ack, "{:?}", entry.ask),
            other => panic!("{:?} was acknowledged before: {other:?}", entry.ask),
        }
    }
}

/// Every ticket is as the acknowledged requests made it, and so are its thread and its draft.
pub async fn tickets_are_as_acknowledged<'a>(
    client: &Client,
    tickets: impl Iterator<Item = &'a Expected>,
) {
    for expected in tickets {
        let shown = client.get(&format!("/api/v1/tickets/{}", expected.id)).await.ok();
        assert_eq!(shown["name"], expected.name, "{shown}");
        assert_eq!(shown["priority"], expected.priority, "{shown}");
        let tags: Vec<_> = shown["tags"].as_array().unwrap().iter().collect();
        assert!(tags.iter().copied().eq(expected.tag.iter()), "{expected:?}: {shown}");
        assert_eq!(shown["version"], expected.version, "{expected:?}: {shown}");
        assert_eq!(shown["has_conversation"], expected.contact, "{shown}");
        thread_is_as_acknowledged(client, expected).await;
        draft_is_as_acknowledged(client, expected).await;
    }
}

async fn thread_is_as_acknowledged(client: &Client, expected: &Expected) {
    let path = format!("/api/v1/tickets/{}/thread?limit=200", expected.id);
    let items = eventually("the thread reaches the log", || async {
        let request = client.request(Method::GET, &path);
        let page = client.send(request.header("log-position", expected.position)).await;
        page.header("log-stale").is_none().then(|| page.ok())
    })
    .await;
    let items = items["items"].as_array().unwrap();
    let said: Vec<_> = items.iter().map(|item| item["text"].as_str().unwrap()).collect();
    assert_eq!(said, expected.said, "in the thread of {}", expected.id);
}

async fn draft_is_as_acknowledged(client: &Client, expected: &Expected) {
    let answer = client.get(&format!("/api/v1/tickets/{}/drafts/comment", expected.id)).await;
    match &expected.draft {
        Some((id, text)) => {
            let draft = answer.ok();
            assert_eq!(draft["id"].as_str(), Some(id.as_str()), "{draft}");
            assert_eq!(draft["content"]["text"].as_str(), Some(text.as_str()), "{draft}");
        }
        None => drop(answer.status(404)),
    }
}

/// The views count what the acknowledged requests made, and catch up with it by themselves.
pub async fn views_count_the_same(client: &Client, writers: &[Writer]) {
    let tickets = || writers.iter().flat_map(|writer| &writer.tickets);
    let count = |which: &dyn Fn(&Expected) -> bool| {
        tickets().filter(|ticket| which(ticket)).count().min(COUNT_MAX)
    };
    let expected = [
        ("open", count(&|_| true)),
        ("mine", count(&|ticket| ticket.replied)),
        ("unassigned", count(&|ticket| !ticket.replied)),
        ("drafts", count(&|ticket| ticket.draft.is_some())),
        ("closed", 0),
    ];
    eventually(&format!("the views count {expected:?}"), || async {
        let counts = client.get("/api/v1/views/counts").await.ok();
        let is = |(view, count): &(&str, usize)| counts[view].as_u64() == Some(*count as u64);
        expected.iter().all(is).then_some(())
    })
    .await;
}

/// The log holds each acknowledged command once and whole, and no other of its kind.
pub fn log_holds_each_once(desk: &Desk, writers: &[Writer]) {
    let log = desk.log();
    let mut commands: HashMap<&str, Vec<&Value>> = HashMap::new();
    let mut versions: HashMap<&str, u64> = HashMap::new();
    for (index, event) in log.iter().enumerate() {
        let position: u64 = event["position"].as_str().unwrap().parse().unwrap();
        assert_eq!(position, index as u64 + 1, "positions have no holes");
        let version = versions.entry(event["stream"].as_str().unwrap()).or_default();
        *version += 1;
        assert_eq!(event["version"].as_u64(), Some(*version), "{event}");
        commands.entry(event["command"].as_str().unwrap()).or_default().push(event);
    }
    let mut seen = HashSet::new();
    let journal = writers.iter().flat_map(|writer| &writer.journal);
    for entry in journal.filter(|entry| entry.act.ends_at_its_answer()) {
        let last = &log[usize::try_from(entry.ack.position).unwrap() - 1];
        let command = last["command"].as_str().unwrap();
        let types: Vec<_> =
            commands[command].iter().map(|event| event["type"].as_str().unwrap()).collect();
        assert!(seen.insert(command), "two requests, one command: {entry:?}");
        assert!(is_whole(&entry.act, &types), "{entry:?} wrote {types:?}");
        assert_eq!(commands[command].last(), Some(&last), "{entry:?}");
    }
    for (name, count) in counted(writers) {
        let found = log.iter().filter(|event| event["type"] == name).count();
        assert_eq!(found, count, "events of the type {name}");
    }
}

/// Whether all that belongs together was written together.
fn is_whole(act: &Act, types: &[&str]) -> bool {
    let has = |name: &str| types.contains(&name);
    match act {
        Act::Create { priority, .. } => {
            has("TicketCreated") && has("PriorityChanged") == (*priority != "none")
        }
        Act::Rename { .. } => types == ["TicketRenamed"],
        Act::Rank { .. } => types == ["PriorityChanged"],
        Act::Tag { .. } => types == ["TagsChanged"],
        Act::AddContact { .. } => has("ContactCreated") && has("ContactAssociated"),
        Act::Comment { .. } => types == ["CommentAdded"],
        Act::Reply { .. } => has("ReplySubmitted"),
        Act::SendDraft { .. } => has("CommentAdded") && has("DraftSent"),
        Act::SaveDraft { .. } | Act::RankAgain { .. } => true,
    }
}

fn counted(writers: &[Writer]) -> [(&'static str, usize); 7] {
    let entries = || writers.iter().flat_map(|writer| &writer.journal);
    let count = |is: fn(&Act) -> bool| entries().filter(|entry| is(&entry.act)).count();
    let ranks = |act: &Act| match act {
        Act::Create { priority, .. } => *priority != "none",
        act => matches!(act, Act::Rank { .. }),
    };
    let comments = count(|act| matches!(act, Act::Comment { .. } | Act::SendDraft { .. }));
    [
        ("TicketCreated", count(|act| matches!(act, Act::Create { .. }))),
        ("CommentAdded", comments),
        ("ReplySubmitted", count(|act| matches!(act, Act::Reply { .. }))),
        ("ContactCreated", count(|act| matches!(act, Act::AddContact { .. }))),
        ("TicketRenamed", count(|act| matches!(act, Act::Rename { .. }))),
        ("PriorityChanged", count(ranks)),
        ("DraftSent", count(|act| matches!(act, Act::SendDraft { .. }))),
    ]
}
