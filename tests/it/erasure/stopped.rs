//! Erasing when something is in the way: no server, a server killed in the middle, a silent server, rows put back by hand.

use serde_json::json;
use sqlx::AssertSqlSafe;
use testkit::{Client, Helpdesk, Program, eventually};

use super::{completed, erase, on_request};
use crate::people::{conversation, text};

const MARIA: &str = "maria@planted.example";

fn administrator(program: &Program) -> String {
    let add =
        ["user", "add", "--email", "a@desk.example", "--name", "Ada", "--role", "super-admin"];
    program.run(&add).ok();
    program.run(&["token", "create", "--email", "a@desk.example"]).ok()
}

async fn maria(desk: &Client) -> String {
    let ticket = conversation(desk, "x", MARIA).await;
    desk.reply(&ticket, "Dear Maria").await;
    text(&desk.ticket(&ticket).await["contacts"][0]["id"])
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_erases_with_and_without_a_server_z06() {
    let program = Program::fresh();
    let serving = program.serve();
    let token = administrator(&program);
    let desk = serving.client(Some(&token));
    let (first, second) = (maria(&desk).await, {
        let ticket = conversation(&desk, "y", "ben@planted.example").await;
        text(&desk.ticket(&ticket).await["contacts"][0]["id"])
    });
    let dry = program.run(&["erase", "contact", &first, "--dry-run", "--json"]).json();
    assert_eq!((&dry["counts"]["persons"], &dry["counts"]["messages"]), (&json!(1), &json!(1)));
    program.run(&["erase", "verify", &first]).failed(1);
    let done = program.run(&["erase", "contact", &first, "--json"]).json();
    assert_eq!((&done["state"], &done["outcome"]["nodes"]), (&json!("completed"), &json!(1)));
    let shown = desk.get(&format!("/api/v1/contacts/{first}")).await.ok();
    assert_eq!(shown["emails"][0]["certificate"], done["id"]);
    assert!(serving.terminate().success());

    let done = program.run(&["erase", "contact", &second, "--json"]).json();
    assert_eq!((&done["state"], &done["outcome"]["nodes"]), (&json!("completed"), &json!(0)));
    let id = text(&done["id"]);
    let verified = program.run(&["erase", "verify", &id]).ok();
    assert!(verified.contains("Nothing is left."), "{verified}");
    assert_eq!(program.run(&["erase", "list", "--json"]).ok().lines().count(), 2);
    let certificate = program.run(&["erase", "show", &second]).ok();
    assert!(certificate.contains("What may linger"), "{certificate}");
    let nobody = "01900000-0000-7000-8000-000000000001";
    program.run(&["erase", "contact", nobody]).failed(1);
    program.run(&["erase", "contact", nobody, "--dry-run"]).failed(1);
    program.run(&["erase", "contact", "maria"]).failed(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_cut_off_by_a_crash_goes_on_at_the_next_start_z06() {
    let program = Program::fresh();
    let token = {
        let serving = program.serve();
        let token = administrator(&program);
        assert!(serving.terminate().success());
        token
    };
    for round in 0..3 {
        let serving = program.serve();
        let desk = serving.client(Some(&token));
        let ticket = conversation(&desk, "x", &format!("maria{round}@planted.example")).await;
        desk.reply(&ticket, "Dear Maria").await;
        let contact = text(&desk.ticket(&ticket).await["contacts"][0]["id"]);
        let path = format!("/api/v1/contacts/{contact}/erase");
        let started = desk.post(&path, on_request()).await.status(202);
        let certificate = text(&started["certificate"]["id"]);
        // Each round is killed at another moment: at once, once keys are gone, once they are confirmed.
        for _ in 0..round {
            let state = desk.get(&format!("/api/v1/erasures/{certificate}")).await.ok();
            assert!(state["state"].is_string());
        }
        serving.kill();
        let serving = program.serve();
        let desk = serving.client(Some(&token));
        let done = completed(&desk, &certificate).await;
        assert_eq!(done["counts"]["messages"], 1, "{done}");
        assert!(serving.terminate().success());
        let verified = program.run(&["erase", "verify", &certificate, "--json"]).json();
        assert_eq!(verified["findings"], json!([]), "{verified}");
    }
}

/// Each lock lets an erasure come to one step and no further.
const STEPS: [(&str, &str, &str); 3] = [
    ("requested", "vault.key", "share"),
    ("destroyed", "lookup_v2.lookup_person", "access share"),
    ("destroyed", "vault.key", "access share"),
];

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_each_step_an_erasure_goes_on_and_loses_nothing_z06() {
    let program = Program::fresh();
    let mut serving = program.serve();
    let token = administrator(&program);
    for (step, (state, table, mode)) in STEPS.into_iter().enumerate() {
        let desk = serving.client(Some(&token));
        let ticket = conversation(&desk, "x", &format!("maria{step}@planted.example")).await;
        desk.reply(&ticket, "Dear Maria").await;
        let other = conversation(&desk, "y", &format!("ben{step}@example.org")).await;
        let contact = text(&desk.ticket(&ticket).await["contacts"][0]["id"]);
        let mut owner = program.owner().await;
        let lock = format!("begin; lock table {table} in {mode} mode");
        sqlx::raw_sql(AssertSqlSafe(lock)).execute(&mut owner).await.unwrap();
        let path = format!("/api/v1/contacts/{contact}/erase");
        let started = desk.post(&path, on_request()).await.status(202);
        let certificate = text(&started["certificate"]["id"]);
        let waits = "select count(*) from pg_locks where not granted and relation = $1::regclass \
                     and mode in ('RowExclusiveLock', 'AccessExclusiveLock')";
        let owner = tokio::sync::Mutex::new(owner);
        eventually("the erasure waits for the table", || async {
            let mut owner = owner.lock().await;
            let asked = sqlx::query_scalar::<_, i64>(waits).bind(table).fetch_one(&mut *owner);
            (asked.await.unwrap() > 0).then_some(())
        })
        .await;
        let shown = desk.get(&format!("/api/v1/erasures/{certificate}")).await.ok();
        assert_eq!(shown["state"], state, "step {step}: {shown}");
        serving.kill();
        serving = program.serve();
        let desk = serving.client(Some(&token));
        let done = completed(&desk, &certificate).await;
        assert_eq!(done["counts"]["messages"], 1, "step {step}: {done}");
        let verified = program.run(&["erase", "verify", &certificate, "--json"]).json();
        assert_eq!(verified["findings"], json!([]), "step {step}: {verified}");
        assert_eq!(desk.ticket(&other).await["name"], "y", "others are not concerned");
    }
    assert_eq!(program.run(&["log", "verify", "--json"]).json()["findings"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_server_holds_an_erasure_up_for_two_minutes_and_no_longer_z06() {
    let desk = Helpdesk::start().await;
    let contact = maria(&desk).await;
    let ws = desk.ws().0;
    let mut owner = desk.database().owner().await;
    let mut run = async |sql: String| {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut owner).await.unwrap();
    };
    // A server that was killed a moment ago.
    run(format!(
        "insert into ops.node (ws, node, lease_until) values \
         ('{ws}', gen_random_uuid(), clock_timestamp() - interval '1 second')"
    ))
    .await;
    let path = format!("/api/v1/contacts/{contact}/erase");
    let started = desk.post(&path, on_request()).await.status(202);
    let id = text(&started["certificate"]["id"]);
    let certificate = format!("/api/v1/erasures/{id}");
    let waiting = eventually("it waits for the silent server alone", || async {
        let found = desk.get(&certificate).await.ok();
        let waits = found["servers"] == json!({ "confirmed": 1, "awaited": 0, "silent": 1 });
        waits.then_some(found)
    })
    .await;
    assert_eq!(waiting["state"], "destroyed");
    assert!(!desk.get(&format!("/api/v1/contacts/{contact}")).await.text().contains("planted"));
    run("update ops.erasure set destroyed_at = destroyed_at - interval '121 seconds'".to_owned())
        .await;
    let done = completed(&desk, &id).await;
    assert_eq!(done["servers"], json!({ "confirmed": 1, "awaited": 0, "silent": 1 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_put_back_by_hand_is_found_z06() {
    let program = Program::fresh();
    let serving = program.serve();
    let token = administrator(&program);
    let desk = serving.client(Some(&token));
    let contact = maria(&desk).await;
    let mut owner = program.owner().await;
    let mut run = async |sql: String| {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut owner).await.unwrap();
    };
    run("create table public.kept as select * from vault.key".to_owned()).await;
    erase(&desk, &contact, on_request()).await;
    program.run(&["erase", "verify", &contact]).ok();
    run("insert into vault.key select * from public.kept on conflict do nothing".to_owned()).await;
    let left = program.run(&["erase", "verify", &contact]);
    assert_eq!(left.code, 3, "{left:?}");
    assert!(
        left.stdout.contains("key_left") && left.stdout.contains("ciphertext_opens"),
        "{left:?}"
    );
    run("delete from vault.key as k using vault.tombstone as t where t.key_id = k.key_id"
        .to_owned())
    .await;
    program.run(&["erase", "verify", &contact]).ok();
    run(format!(
        "insert into lookup_v2.lookup_email select ws, '{contact}', 9, 'maria@planted.example' from es.workspace"
    ))
    .await;
    let left = program.run(&["erase", "verify", &contact, "--json"]);
    assert_eq!(left.code, 3, "{left:?}");
    assert!(left.stdout.contains("clear_text_left"), "{left:?}");
}
