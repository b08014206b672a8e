//! After an erasure no file of the data folder holds a word of the person: database, write-ahead log, objects, logs.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;
use sqlx::{AssertSqlSafe, PgConnection};
use testkit::{Client, Program, eventually};

use super::{erase, on_request};
use crate::people::{conversation, text, upload};

/// Words that stand nowhere else. Each is planted in another place.
const NAME: &str = "Zyxplantedname";
const ADDRESS: &str = "zyxplantedaddress";
const PHONE: &str = "+49 30 990817261";
const TITLE: &str = "Zyxplantedtitle";
const SUBJECT: &str = "Zyxplantedsubject";
const BODY: &str = "Zyxplantedbody";
const COMMENT: &str = "Zyxplantedcomment";
const FILE: &str = "Zyxplantedfile";
const FILE_NAME: &str = "zyxplantedfilename";
const DRAFT: &str = "Zyxplanteddraft";
const PROPERTY: &str = "Zyxplantedproperty";
const WORDS: [&str; 11] =
    [NAME, ADDRESS, "990817261", TITLE, SUBJECT, BODY, COMMENT, FILE, FILE_NAME, DRAFT, PROPERTY];

/// The program with an administrator; answers a token.
fn administrator(program: &Program) -> String {
    let add =
        ["user", "add", "--email", "a@desk.example", "--name", "Ada", "--role", "super-admin"];
    program.run(&add).ok();
    program.run(&["token", "create", "--email", "a@desk.example"]).ok()
}

/// Plants every word; answers the contact.
async fn plant(desk: &Client) -> String {
    let property = json!({ "key": "note", "label": "Note", "type": "text" });
    desk.post("/api/v1/properties", property).await.status(201);
    let contact = json!({
        "name": NAME, "emails": [format!("{ADDRESS}@planted.example")], "phones": [PHONE],
    });
    let contact = text(&desk.post("/api/v1/contacts", contact).await.status(201)["id"]);
    let ticket =
        json!({ "name": TITLE, "contact_ids": [contact], "properties": { "note": PROPERTY } });
    let ticket = desk.open_ticket_with(ticket).await;
    let file = upload(desk, &format!("{FILE_NAME}.txt"), "text/plain", FILE.as_bytes()).await;
    let reply = json!({ "text": BODY, "subject": SUBJECT, "attachment_ids": [file] });
    desk.post(&ticket.at("/replies"), reply).await.ok();
    desk.comment(&ticket, COMMENT).await;
    desk.put(&ticket.at("/drafts/reply"), json!({ "text": DRAFT })).await.ok();
    // Somebody else has written as much, so that there is something that stays.
    let other = conversation(desk, "Another", "other@example.org").await;
    desk.reply(&other, "Zyxotherbody").await;
    contact
}

/// Every file below a folder.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => files(&entry.path(), found),
            Ok(kind) if kind.is_file() => found.push(entry.path()),
            // A socket holds nothing; what has gone meanwhile neither.
            Ok(_) | Err(_) => {}
        }
    }
}

/// Which words stand in which files: of the data folder, of the database (which is elsewhere where root starts it), of the
/// program's own log.
fn search(program: &Program, cluster: &Path) -> Vec<String> {
    let (mut all, mut found) = (Vec::new(), Vec::new());
    files(program.data(), &mut all);
    files(cluster.parent().unwrap(), &mut all);
    all.push(program.data().with_extension("log"));
    assert!(all.len() > 100, "the files of the database are among them");
    for path in all {
        let Ok(bytes) = fs::read(&path) else { continue };
        // What is no text becomes a mark; the words are found as they stand.
        let lower = bytes.to_ascii_lowercase();
        let text = String::from_utf8_lossy(&lower);
        for word in WORDS {
            let word = word.to_ascii_lowercase();
            if text.contains(&word) {
                found.push(format!("{word} in {}", path.display()));
            }
        }
    }
    found
}

async fn run(owner: &mut PgConnection, sql: &'static str) {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(owner).await.unwrap();
}

/// Ages the write-ahead log as time would: every segment written so far goes, none is kept for later use.
async fn age_write_ahead_log(cluster: &Path, owner: &mut PgConnection) {
    let folder = cluster.join("pg_wal");
    let segments = || {
        let mut all = Vec::new();
        files(&folder, &mut all);
        all.retain(|path| path.file_name().is_some_and(|name| name.len() == 24));
        all
    };
    run(owner, "alter system set wal_recycle = off").await;
    run(owner, "alter system set min_wal_size = '32MB'").await;
    run(owner, "select pg_reload_conf()").await;
    let before = segments();
    assert!(!before.is_empty());
    for _ in 0..10 {
        run(owner, "select pg_switch_wal()").await;
        run(owner, "select pg_logical_emit_message(false, 'test', 'x')").await;
        run(owner, "checkpoint").await;
        let now = segments();
        if before.iter().all(|old| !now.contains(old)) {
            return;
        }
    }
    panic!("old segments stay: {before:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_byte_of_an_erased_person_is_left_in_the_data_folder_z06() {
    let program = Program::fresh();
    let serving = program.serve();
    let token = administrator(&program);
    let desk = serving.client(Some(&token));
    let contact = plant(&desk).await;
    let mut owner = program.owner().await;
    let cluster: String =
        sqlx::query_scalar("show data_directory").fetch_one(&mut owner).await.unwrap();
    let cluster = PathBuf::from(cluster);
    eventually("the person is found by name", || async {
        let found = desk.get("/api/v1/contacts?q=zyxplantedname").await.ok();
        (!found["items"].as_array().unwrap().is_empty()).then_some(())
    })
    .await;
    // Statistics must not remember what the tables forget.
    run(&mut owner, "analyze").await;
    run(&mut owner, "checkpoint").await;
    let planted = search(&program, &cluster);
    assert!(planted.iter().any(|line| line.contains(&NAME.to_ascii_lowercase())), "{planted:?}");

    let certificate = erase(&desk, &contact, on_request()).await;
    assert_eq!(certificate["kept_total"], 0, "{certificate}");
    age_write_ahead_log(&cluster, &mut owner).await;
    assert_eq!(search(&program, &cluster), Vec::<String>::new());

    let verified = program.run(&["erase", "verify", &contact, "--json"]).json();
    assert_eq!(verified["findings"], json!([]), "{verified}");
    assert_eq!(verified["keys"], certificate["keys"]);
    assert!(verified["ciphertexts"].as_u64() >= Some(10), "{verified}");
    assert_eq!(program.run(&["log", "verify", "--json"]).json()["findings"], json!([]));
    let page = desk.get("/api/v1/contacts?q=other").await.ok();
    assert_eq!(page["items"].as_array().unwrap().len(), 1, "others are still found");
}
