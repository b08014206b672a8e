//! A replica made from a sealed copy: the same positions, hashes and views, and it works with the same key file.

use std::collections::BTreeMap;

use serde_json::json;
use sqlx::{AssertSqlSafe, PgConnection};
use testkit::{Program, eventually};

use super::desk::{ATTACHED, Original, proven, token};
use crate::people::text;

/// Every row of every view, by table.
async fn views(program: &Program) -> BTreeMap<String, Vec<String>> {
    let mut owner = program.owner().await;
    let tables: Vec<(String, String, String)> = sqlx::query_as(
        "select b.name, t.schemaname::text, t.tablename::text
           from proj.build b join pg_tables t on t.schemaname = b.schema_name where b.state = 'active'",
    )
    .fetch_all(&mut owner)
    .await
    .unwrap();
    let mut found = BTreeMap::new();
    for (view, schema, table) in tables {
        let rows = format!("select t::text from \"{schema}\".\"{table}\" t order by 1");
        let rows = sqlx::query_scalar(AssertSqlSafe(rows)).fetch_all(&mut owner).await.unwrap();
        found.insert(format!("{view}.{table}"), rows);
    }
    found
}

/// Waits until every view has folded the whole log.
async fn views_at_the_end(program: &Program) {
    eventually("the views have folded the log", || async {
        let listed = program.run(&["projection", "list", "--json"]).json();
        let items = listed["items"].as_array().unwrap();
        let active = items.iter().filter(|item| item["state"] == "active");
        let mut behind = active.filter(|item| item["lag"] != 0);
        behind.next().is_none().then_some(())
    })
    .await;
}

async fn rows_of_the_log(owner: &mut PgConnection) -> Vec<String> {
    let mut found = Vec::new();
    for table in ["workspace", "commit", "event", "command", "claim"] {
        let rows = format!("select t::text from es.{table} t order by 1");
        let rows: Vec<String> =
            sqlx::query_scalar(AssertSqlSafe(rows)).fetch_all(&mut *owner).await.unwrap();
        found.extend(rows);
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_has_equal_positions_hashes_and_views_and_opens_what_is_sealed_w05_w06() {
    let original = Original::start().await;
    let copy = original.copy("copy.ndjson");
    let replica = original.empty_replica();
    let told = replica.run(&["import", "ndjson", &copy, "--json"]).json();
    assert_eq!((&told["commits_there"], &told["keys"]["destroyed"]), (&json!(0), &json!(0)));
    assert!(told["keys"]["keys"].as_u64().unwrap() >= 4, "{told}");
    let (here, there) = (proven(&original.program), proven(&replica));
    assert_eq!(here, there, "events, commits, commands, claims, head and hash");
    assert_eq!(there["head"], told["position"]);

    let serving = replica.serve();
    views_at_the_end(&original.program).await;
    views_at_the_end(&replica).await;
    let (here, there) = (views(&original.program).await, views(&replica).await);
    assert!(here.len() >= 10 && here.values().any(|rows| !rows.is_empty()), "{here:?}");
    assert_eq!(here, there, "every row of every view");
    replica.run(&["projection", "verify", "--all"]).ok();
    let rows = rows_of_the_log(&mut original.program.owner().await).await;
    assert_eq!(rows_of_the_log(&mut replica.owner().await).await, rows);

    let client = serving.client(Some(&token(&replica)));
    let ticket = &original.ticket;
    assert_eq!(client.ticket(ticket).await["name"], "Maria's printer");
    let thread = client.thread(ticket).await;
    assert_eq!(thread[0]["text"], "Dear Maria");
    let attachment = text(&thread[0]["attachments"][0]["id"]);
    let file = client.get(&ticket.at(&format!("/attachments/{attachment}"))).await;
    assert_eq!(file.text().as_bytes(), ATTACHED);
    client.comment(ticket, "The replica goes on by itself").await;
    proven(&replica);
    // From here on it is another log: the original's next copy is refused, and nothing of it is lost.
    original.client.comment(ticket, "And so does the original").await;
    drop(serving);
    let (newer, before) = (original.copy("newer.ndjson"), proven(&replica));
    let refused = replica.run(&["import", "ndjson", &newer]).failed(1);
    assert!(refused.contains("other history from position"), "{refused}");
    assert_eq!(proven(&replica), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_holds_no_word_in_clear_and_no_draft_and_without_keys_says_what_is_missing() {
    let original = Original::start().await;
    let sealed = original.program.run(&["export", "--sealed"]);
    assert!(sealed.stderr.contains("without keys"), "{}", sealed.stderr);
    let copy = sealed.ok();
    for word in ["Maria", "planted", "parts.txt", "nobody has sent"] {
        assert!(!copy.contains(word), "{word} is in the copy");
    }
    let replica = original.empty_replica();
    let told = replica.run_with_input(&["import", "ndjson", "-"], &format!("{copy}\n")).ok();
    assert!(told.contains("No keys are in the copy"), "{told}");
    assert_eq!(proven(&replica), proven(&original.program));
    // The keys come later, with what was written meanwhile: that the log was exported.
    let again = replica.run(&["import", "ndjson", &original.copy("with-keys.ndjson")]).ok();
    assert!(again.contains("1 events in 1 commits taken in"), "{again}");
    let shown = replica.run(&["ticket", "show", "1", "--json"]).json();
    assert_eq!(shown["name"], "Maria's printer");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_goes_on_in_parts_and_the_original_and_its_copies_are_the_same_file() {
    let original = Original::start().await;
    let first = original.copy("first.ndjson");
    let position = original.client.comment(&original.ticket, "later").await["position"].clone();
    let (from, second) = (text(&position), original.path("second.ndjson"));
    let part =
        ["export", "--sealed", "--with-keys", "--from", &from, "--to", &from, "--out", &second];
    original.program.run(&part).ok();
    let replica = original.empty_replica();
    let gap = replica.run(&["import", "ndjson", &second]).failed(1);
    assert!(gap.contains("Take in the part before it first"), "{gap}");
    replica.run(&["import", "ndjson", &first]).ok();
    let told = replica.run(&["import", "ndjson", &second, "--json"]).json();
    assert_eq!((&told["commits"], &told["position"]), (&json!(1), &position));
    let rows = |path: &str| {
        let text = std::fs::read_to_string(path).unwrap();
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        // The first line tells when the copy was made, and the last one sums that up.
        lines[1..lines.len() - 1].to_vec()
    };
    let [whole, of_replica] =
        [(&original.program, "whole"), (&replica, "of-replica")].map(|(program, name)| {
            let path = original.path(name);
            let copy = ["export", "--sealed", "--with-keys", "--to", &from, "--out", &path];
            program.run(&copy).ok();
            path
        });
    assert_eq!(rows(&whole), rows(&of_replica));
}
