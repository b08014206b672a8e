//! Proving the log from the command line: against heads kept elsewhere, over all workspaces, with exit codes.

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgConnection};
use testkit::{Helpdesk, Program, eventually};

const ADD: [&str; 8] =
    ["user", "add", "--email", "ben@desk.example.org", "--name", "Ben", "--role", "agent"];

#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_was_cut_off_shows_against_a_head_kept_elsewhere() {
    let program = Program::fresh();
    let _serving = program.serve();
    program.run(&ADD).ok();
    let heads = program.data().join("heads");
    let path = heads.to_str().unwrap();
    let (one, all) = (["log", "head", "--signed"], ["log", "head", "--signed", "--all"]);
    let told = [program.run(&one).ok(), program.run(&all).ok()].join("\n");
    std::fs::write(&heads, format!("# kept\n{told}\n")).unwrap();
    let report = program.run(&["log", "verify", "--against", path, "--json"]).json();
    assert_eq!(report["findings"], serde_json::json!([]));
    assert!(report["heads_compared"].as_u64().unwrap() >= 2, "{report}");
    let from_stdin = program.run_with_input(&["log", "verify", "--against", "-"], &told).ok();
    assert!(from_stdin.contains("Compared with heads kept elsewhere"), "{from_stdin}");

    let mut owner = program.owner().await;
    for table in ["event", "command", "claim", "commit"] {
        let newest = "(select max(no) from es.commit)";
        let rows = match table {
            "event" => format!("pos >= (select first_pos from es.commit where no = {newest})"),
            _ => format!("no = {newest}"),
        };
        let statement = AssertSqlSafe(format!("delete from es.{table} where {rows}"));
        sqlx::query(statement).execute(&mut owner).await.unwrap();
    }
    let alone = program.run(&["log", "verify"]);
    assert_eq!(alone.code, 0, "a chain by itself cannot tell: {}", alone.stdout);
    let output = program.run(&["log", "verify", "--against", path]);
    assert_eq!(output.code, 3, "{}", output.stdout);
    assert!(output.stdout.contains("its end was cut off"), "{}", output.stdout);
}

/// What somebody does who may do everything in the database, and knows how the hashes are made.
async fn write_anew(owner: &mut PgConnection, position: i64) {
    let forge = include_str!("../../crates/event-store/tests/log/tamper/forge.sql");
    sqlx::raw_sql(forge).execute(&mut *owner).await.unwrap();
    for statement in [
        "update es.event set actor = 'system:forger' where pos = {}",
        "update es.event e set leaf = pg_temp.leaf(e) where pos = {}",
        "do $$ declare n bigint; begin
           for n in select no from es.commit where last_pos >= {} order by no loop
             update es.commit c set hash = pg_temp.hash(c) where no = n;
           end loop; end $$",
        "delete from ops.signed_head",
    ] {
        let statement = AssertSqlSafe(statement.replace("{}", &position.to_string()));
        sqlx::raw_sql(statement).execute(&mut *owner).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_written_anew_with_all_its_hashes_is_found_against_a_signed_head_and_not_without() {
    let program = Program::fresh();
    let _serving = program.serve();
    program.run(&ADD).ok();
    let heads = program.data().join("heads");
    let path = heads.to_str().unwrap();
    std::fs::write(&heads, program.run(&["log", "head", "--signed"]).ok()).unwrap();
    let kept = serde_json::from_str::<Value>(&std::fs::read_to_string(&heads).unwrap()).unwrap();
    let mut owner = program.owner().await;
    write_anew(&mut owner, 3).await;
    let alone = program.run(&["log", "verify"]);
    assert_eq!(alone.code, 0, "a chain by itself cannot tell: {}", alone.stdout);
    let output = program.run(&["log", "verify", "--against", path]);
    assert_eq!(output.code, 3, "{}", output.stdout);
    let place = format!("commit {}: a head kept elsewhere has another hash", kept["commit"]);
    assert!(output.stdout.contains(&place), "{}", output.stdout);
    // What is signed from now on tells of the log as it is now, and no more.
    let new = program.run(&["log", "head", "--signed"]).ok();
    program.run_with_input(&["log", "verify", "--against", "-"], &new).ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_with_a_wrong_signature_of_another_key_or_workspace_is_refused() {
    let (program, stranger) = (Program::fresh(), Program::fresh());
    let (_serving, _other) = (program.serve(), stranger.serve());
    let [own, foreign] = [&program, &stranger].map(|program| {
        let told = program.run(&["log", "head", "--signed"]).ok();
        serde_json::from_str::<Value>(&told).unwrap()
    });
    let refused = |head: &Value, more: &[&str], why: &str| {
        let arguments = [&["log", "verify", "--against", "-"], more].concat();
        let input = format!("# kept elsewhere\n\n{head}\n");
        let told = program.run_with_input(&arguments, &input).failed(2);
        assert!(told.contains("line 3 of - is refused, and nothing was verified"), "{told}");
        assert!(told.contains(why), "{told}");
    };
    let with = |field: &str, value: &Value| {
        let mut changed = own.clone();
        changed[field] = value.clone();
        changed
    };
    let not_signed = "it is not what was signed";
    refused(&with("commit", &77.into()), &[], not_signed);
    refused(&with("hash", &"00".repeat(32).into()), &[], not_signed);
    refused(&with("signature", &foreign["signature"]), &[], not_signed);
    refused(&foreign, &[], "another key than this log's");
    refused(&with("public_key", &foreign["public_key"]), &[], "another key than this log's");
    let workspace = own["workspace"].as_str().unwrap();
    refused(&foreign, &["--workspace", workspace], "is of another workspace");
    refused(&"12:00".into(), &[], "this is no signed head");
    // Whoever keeps the key elsewhere as well need not believe the key file.
    let key = program.run(&["log", "key", "--json"]).json();
    assert_eq!(key["public_key"], own["public_key"]);
    let key = ["log", "verify", "--against", "-", "--key", key["public_key"].as_str().unwrap()];
    program.run_with_input(&key, &own.to_string()).ok();
    refused(&own, &["--key", foreign["public_key"].as_str().unwrap()], "another key");
    program.run_with_input(&["log", "verify", "--against", "-", "--key", "12"], "").failed(2);
    program.run(&["log", "verify", "--key", key[5]]).failed(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_are_signed_while_something_is_written_and_can_be_fetched_over_http() {
    let desk = Helpdesk::start().await;
    desk.open_ticket("Printer on fire").await;
    let first = eventually("a head is signed", || async {
        let heads = desk.get("/api/v1/admin/log/heads").await.ok();
        heads["items"].as_array().unwrap().last().cloned()
    })
    .await;
    let keys = desk.get("/api/v1/admin/log/key").await.ok();
    assert_eq!(keys["keys"].as_array().unwrap().len(), 1);
    assert_eq!(keys["keys"][0]["public_key"], first["public_key"]);
    let newest = desk.get("/api/v1/admin/log/head").await.ok();
    assert!(newest["commit"].as_u64() >= first["commit"].as_u64(), "{newest}");
    assert_eq!(newest["public_key"], first["public_key"]);
    let heads = json!({ "heads": [first, newest] });
    desk.post("/api/v1/admin/log/verify", heads).await.status(202);
    let done = eventually("the verification is done", || async {
        let verified = desk.get("/api/v1/admin/log/verify").await.ok();
        (verified["state"] == "done").then_some(verified)
    })
    .await;
    assert_eq!((&done["intact"], &done["heads_compared"]), (&json!(true), &json!(2)));
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_a_workspace_that_is_not_there_any_more_are_a_difference() {
    let program = Program::fresh();
    let _serving = program.serve();
    let before = program.run(&["log", "verify", "--json"]).json();
    let mut owner = program.owner().await;
    let other = "01a20000-0000-7000-8000-000000000001";
    let open = AssertSqlSafe(format!("select es.open_workspace('{other}')"));
    sqlx::query(open).execute(&mut owner).await.unwrap();
    let lines = program.run(&["log", "verify", "--json"]).ok();
    assert_eq!(lines.lines().count(), 2, "{lines}");
    let only = program.run(&["log", "verify", "--workspace", other, "--json"]).json();
    assert_eq!((&only["workspace"], &only["events"]), (&other.into(), &0.into()));
    let workspace = before["workspace"].as_str().unwrap();
    let delete = AssertSqlSafe(format!("delete from es.workspace where ws = '{workspace}'"));
    sqlx::query(delete).execute(&mut owner).await.unwrap();
    let output = program.run(&["log", "verify"]);
    assert_eq!(output.code, 3, "{}", output.stdout);
    assert!(output.stdout.contains(workspace), "{}", output.stdout);
    assert!(output.stdout.contains("own row is missing"), "{}", output.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_this_version_cannot_read_is_named_with_its_first_position() {
    let program = Program::fresh();
    let _serving = program.serve();
    program.run(&ADD).ok();
    let clean = program.run(&["log", "decode-check", "--json"]).json();
    let events = clean["events"].as_u64().unwrap();
    let told = program.run(&["log", "decode-check"]).ok();
    assert!(told.ends_with(&format!("{events} events can be read, all of them.")), "{told}");
    assert!(told.contains("user UserAdded v1"), "{told}");
    let mut owner = program.owner().await;
    for change in [
        "update es.event set type = 'Burnt', kind = 'ticket', schema_v = 7 where pos in (2, 3)",
        "update es.event set meta = 'nonsense' where pos = 1",
        "update es.event set payload = '{}' where type = 'UserAdded'",
    ] {
        sqlx::query(change).execute(&mut owner).await.unwrap();
    }
    let output = program.run(&["log", "decode-check", "--json"]);
    assert_eq!(output.code, 3, "{}", output.stdout);
    let report: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(report["events"], events, "nothing is hidden by what cannot be read");
    let unreadable = report["unreadable"].as_array().unwrap();
    let named: Vec<_> = unreadable
        .iter()
        .map(|found| (&found["kind"], &found["type"], &found["schema_version"], &found["events"]))
        .collect();
    assert_eq!(named[0], (&json!(""), &json!(""), &json!(0), &json!(1)), "{report}");
    assert_eq!(named[1], (&json!("ticket"), &json!("Burnt"), &json!(7), &json!(2)), "{report}");
    assert_eq!(named[2], (&json!("user"), &json!("UserAdded"), &json!(1), &json!(1)), "{report}");
    let first = |index: usize| unreadable[index]["first_position"].as_str().unwrap();
    assert_eq!((first(0), first(1)), ("1", "2"), "{report}");
    assert!(unreadable[1]["why"].as_str().unwrap().contains("version 7"), "{report}");
    assert!(unreadable[2]["why"].as_str().unwrap().contains("missing field"), "{report}");
    let told = program.run(&["log", "decode-check"]).stdout;
    assert!(told.contains("a damaged envelope cannot be read, first at position 1"), "{told}");
}
