//! Backup and restore with Postgres's own tools: log, keys, key file and objects together, and as of any instant; and everybody
//! who has seen more notices.

use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgConnection};
use testkit::{Client, GivenPostgres, Output, Program, Ticket, eventually};

use crate::exporting::desk::{copy_folder, proven, super_admin};
use crate::people::{conversation, text, upload};

/// Whether this Postgres has the tool; where it has not, the command must say so.
fn has_tool(output: &Output) -> bool {
    let missing = output.stderr.contains("has no pg_basebackup");
    assert!(!missing || output.code == 1);
    !missing
}

/// A data folder restored from a backup, as `cp -a` does it.
fn restored_from(backup: &Path) -> Program {
    let program = Program::fresh();
    copy_folder(backup, program.data());
    let mode = std::fs::metadata(backup).unwrap().permissions();
    std::fs::set_permissions(program.data(), mode).unwrap();
    program
}

async fn ticket_with_file(client: &Client, name: &str) -> Ticket {
    let email = format!("{}@contacts.example", name.to_lowercase());
    let ticket = conversation(client, name, &email).await;
    let file = upload(client, "list.txt", "text/plain", name.as_bytes()).await;
    let reply = json!({ "text": format!("About {name}"), "attachment_ids": [file] });
    client.post(&ticket.at("/replies"), reply).await.ok();
    ticket
}

/// Words and file of a ticket open.
async fn opens(client: &Client, ticket: &Ticket, name: &str) {
    let thread = client.thread(ticket).await;
    assert_eq!(thread[0]["text"], format!("About {name}"));
    let attachment = text(&thread[0]["attachments"][0]["id"]);
    let file = client.get(&ticket.at(&format!("/attachments/{attachment}"))).await;
    assert_eq!(file.text(), name);
}

async fn bookmark(client: &Client) -> String {
    let mut after = String::from("0");
    loop {
        let page = client.get(&format!("/api/v1/events?limit=200&after={after}")).await.ok();
        after = text(&page["bookmark"]);
        if page["next_cursor"].is_null() {
            return after;
        }
    }
}

/// The rows of a log, line by line.
fn rows(program: &Program) -> Vec<String> {
    let head = program.run(&["log", "head", "--json"]).json();
    let copy = program.run(&["export", "--sealed", "--to", &text(&head["position"])]).ok();
    let lines: Vec<String> = copy.lines().map(str::to_owned).collect();
    lines[1..lines.len() - 1].to_vec()
}

async fn said(owner: &mut PgConnection, sql: &str) -> String {
    sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(owner).await.unwrap()
}

/// Has the write-ahead log of the private Postgres kept in a folder. It holds from the next start.
async fn archive_to(program: &Program, archive: &Path) {
    let mut owner = program.owner().await;
    let folder = archive.display();
    let command = format!("test ! -f {folder}/%f && cp %p {folder}/%f");
    for (name, value) in [("archive_mode", "on"), ("archive_command", &*command)] {
        let set = format!("alter system set {name} = '{value}'");
        sqlx::raw_sql(AssertSqlSafe(set)).execute(&mut owner).await.unwrap();
    }
}

/// Waits until everything written so far is in the archive.
async fn archived(program: &Program) {
    let mut owner = program.owner().await;
    let newest = said(&mut owner, "select pg_walfile_name(pg_switch_wal())").await;
    eventually("the write-ahead log is archived", || async {
        let mut owner = program.owner().await;
        let last = "select coalesce(last_archived_wal, '') from pg_stat_archiver";
        (said(&mut owner, last).await >= newest).then_some(())
    })
    .await;
}

/// What somebody does who restores a folder to an instant.
fn recover_to(restored: &Program, archive: &Path, instant: &str) {
    let cluster = restored.data().join("postgres");
    std::fs::write(cluster.join("recovery.signal"), "").unwrap();
    let mut settings = std::fs::OpenOptions::new();
    let mut settings = settings.append(true).open(cluster.join("postgresql.auto.conf")).unwrap();
    let folder = archive.display();
    writeln!(
        settings,
        "archive_mode = 'off'\nhot_standby = 'off'\nrestore_command = 'cp {folder}/%f %p'\n\
         recovery_target_time = '{instant}'\nrecovery_target_action = 'promote'"
    )
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_a_data_folder_in_which_everything_opens() {
    let program = Program::fresh();
    let serving = program.serve();
    let client = super_admin(&program, &serving);
    let ticket = ticket_with_file(&client, "Printer").await;
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (whole, keyless) = (path("whole"), path("keyless"));
    let output = program.run(&["backup", &whole, "--json"]);
    if !has_tool(&output) {
        assert!(!Path::new(&whole).exists());
        return;
    }
    let told = output.json();
    assert_eq!((&told["verified"], &told["key_file"]), (&json!(true), &json!(true)), "{told}");
    assert!(told["objects"].as_u64() >= Some(1), "{told}");
    assert!(program.run(&["backup", &whole]).failed(1).contains("is there already"));
    let told = program.run(&["backup", &keyless, "--without-key-file"]).ok();
    assert!(told.contains("The key file is not in it"), "{told}");
    let original = rows(&program);
    client.comment(&ticket, "after the backup").await;
    drop(serving);

    let restored = restored_from(Path::new(&whole));
    let heads = format!("{whole}/heads");
    let report = restored.run(&["log", "verify", "--against", &heads, "--json"]).json();
    assert_eq!((&report["findings"], &report["heads_compared"]), (&json!([]), &json!(1)));
    assert_eq!(rows(&restored), original);
    let serving = restored.serve();
    let client = serving.client(Some(&token_of(&restored)));
    opens(&client, &ticket, "Printer").await;
    restored.run(&["projection", "verify", "--all"]).ok();

    let sealed = restored_from(Path::new(&keyless));
    let told = sealed.run(&["log", "verify"]).failed(1);
    assert!(told.contains("is missing, but this database is sealed with one"), "{told}");
}

fn token_of(program: &Program) -> String {
    program.run(&["token", "create", "--email", "ada@desk.example"]).ok()
}

/// An installation that was backed up, went on, and was lost.
struct Lost {
    backup: PathBuf,
    archive: PathBuf,
    objects: PathBuf,
    /// The instant to go back to.
    between: String,
    tickets: [Ticket; 3],
    /// Places in the log that a reader kept: from before that instant, and from after it.
    common: String,
    newest: String,
    /// A signed head from after that instant.
    head: String,
    rows: Vec<String>,
    token: String,
    _folder: tempfile::TempDir,
    _program: Program,
}

impl Lost {
    /// None where this Postgres has no tool for backups.
    async fn happen() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        let [archive, backup] = ["archive", "backup"].map(|name| folder.path().join(name));
        std::fs::create_dir(&archive).unwrap();
        std::fs::set_permissions(&archive, Permissions::from_mode(0o777)).unwrap();
        let program = Program::fresh();
        let serving = program.serve();
        archive_to(&program, &archive).await;
        assert!(serving.terminate().success());
        let serving = program.serve();
        let client = super_admin(&program, &serving);
        let token = token_of(&program);
        let first = ticket_with_file(&client, "First").await;
        if !has_tool(&program.run(&["backup", backup.to_str().unwrap()])) {
            return None;
        }
        let second = ticket_with_file(&client, "Second").await;
        let common = bookmark(&client).await;
        let between = said(&mut program.owner().await, "select clock_timestamp()::text").await;
        let third = ticket_with_file(&client, "Third").await;
        let newest = bookmark(&client).await;
        let head = program.run(&["log", "head", "--signed"]).ok();
        let rows = rows(&program);
        archived(&program).await;
        serving.kill();
        Some(Self {
            backup,
            archive,
            objects: program.data().join("objects"),
            between,
            tickets: [first, second, third],
            common,
            newest,
            head,
            rows,
            token,
            _folder: folder,
            _program: program,
        })
    }

    /// Database and key file from the backup, the write-ahead log up to the instant, and the objects there are.
    fn restore(&self) -> Program {
        let restored = restored_from(&self.backup);
        copy_folder(&self.objects, &restored.data().join("objects"));
        recover_to(&restored, &self.archive, &self.between);
        restored
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_to_an_instant_is_a_whole_beginning_of_the_log_and_whoever_saw_more_notices() {
    let Some(lost) = Lost::happen().await else { return };
    let restored = lost.restore();
    let serving = restored.serve();
    let report = proven(&restored);
    let rows = rows(&restored);
    assert_eq!(rows[..], lost.rows[..rows.len()], "the log is a beginning of the one that was");
    assert!(rows.len() < lost.rows.len());

    let client = serving.client(Some(&lost.token));
    let [first, second, third] = &lost.tickets;
    opens(&client, first, "First").await;
    opens(&client, second, "Second").await;
    assert_eq!(client.get(&third.at("")).await.refused(404), "not_found");
    restored.run(&["projection", "verify", "--all"]).ok();
    let doctor = restored.run(&["doctor"]);
    assert!(!doctor.stdout.contains("set back beneath its views"), "{}", doctor.stdout);

    // Against what was kept elsewhere it shows that something is gone.
    let behind = restored.run_with_input(&["log", "verify", "--against", "-"], &lost.head);
    assert_eq!(behind.code, 3, "{}", behind.stdout);
    assert!(behind.stdout.contains("its end was cut off, or it was rewound"), "{}", behind.stdout);
    // Consumers of the feed, and live connections, are told; those that had seen no more go on.
    let feed = |after: &str| format!("/api/v1/events?after={after}");
    assert_eq!(client.get(&feed(&lost.newest)).await.refused(409), "log_rewound");
    client.get(&feed(&lost.common)).await.ok();
    let told = client.listen(Some(&lost.newest)).await.next().await.unwrap();
    assert_eq!((&*told.event, &told.data["reason"]), ("reset", &json!("ahead")));
    let told = client.listen(Some(&lost.common)).await.next().await.unwrap();
    assert_eq!(told.event, "position");
    // The same holds once the log has grown past them again.
    while number(&bookmark(&client).await) <= number(&lost.newest) {
        client.comment(first, "Life goes on").await;
    }
    assert_eq!(client.get(&feed(&lost.newest)).await.refused(409), "log_rewound");
    let told = client.listen(Some(&lost.newest)).await.next().await.unwrap();
    assert_eq!((&*told.event, &told.data["reason"]), ("reset", &json!("rewound")));
    let head: Value = serde_json::from_str(&lost.head).unwrap();
    assert!(report["head_commit"].as_u64() < head["commit"].as_u64());
    proven(&restored);
}

/// The position in a bookmark.
fn number(bookmark: &str) -> u64 {
    bookmark.split('-').next().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_ones_own_is_backed_up_by_its_own_tools() {
    let postgres = GivenPostgres::get().await;
    let program = Program::fresh()
        .with("DATABASE_URL", &postgres.url())
        .with("DATABASE_OWNER_URL", &postgres.owner_url());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("backup");
    let told = program.run(&["backup", path.to_str().unwrap()]).failed(1);
    assert!(told.contains("docs/guides/backup.md"), "{told}");
    assert!(!path.exists());
}
