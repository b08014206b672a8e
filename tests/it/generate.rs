//! Invented history is a real log: it verifies, every view folds it, and a run that was cut off is completed.

use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;
use sqlx::{Connection, PgConnection, Row};
use testkit::{OwnPostgres, Program, eventually};

const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(2);

#[tokio::test(flavor = "multi_thread")]
async fn invented_history_that_was_cut_off_is_completed_by_the_same_command() {
    let postgres = tokio::task::block_in_place(OwnPostgres::start);
    let url = postgres.url("ledgerdesk");
    let program = Program::fresh().with("DATABASE_URL", &url);
    tokio::task::block_in_place(|| program.run(&["import", "mbox", "/dev/null"]).ok());
    let mut looker = PgConnection::connect(&url).await.unwrap();
    let plan = ["generate", "--tickets", "1500", "--agents", "4", "--json"];
    cut_off_after(&program, &plan, &mut looker, 1).await;
    let run = |plan: &[&str]| tokio::task::block_in_place(|| program.run(plan));
    let report = run(&plan).json();
    let before = report["tickets_before"].as_u64().unwrap();
    assert!(before > 0 && before < 1500 && before.is_multiple_of(200), "{report}");
    assert_eq!(run(&plan).json()["events"], 0);
    let refused = run(&["generate", "--tickets", "1501"]).failed(1);
    assert!(refused.contains("the workspace has 1500 tickets"), "{refused}");
    run(&["log", "verify"]).ok();
    let numbers = "select count(*), count(distinct payload->>'number'), max((payload->>'number')::bigint) \
                   from es.event_json where type = 'TicketCreated'";
    let row = sqlx::query(numbers).fetch_one(&mut looker).await.unwrap();
    let numbers: [i64; 3] = [row.get(0), row.get(1), row.get(2)];
    assert_eq!(numbers, [1500; 3]);
}

/// Begins a command and kills it when it has written a chunk.
async fn cut_off_after(program: &Program, plan: &[&str], looker: &mut PgConnection, tickets: i64) {
    let mut child =
        program.command(plan).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let deadline = Instant::now() + PATIENCE;
    let head = "select coalesce(max(last_number), 0) from es.commit";
    while sqlx::query_scalar::<_, i64>(head).fetch_one(&mut *looker).await.unwrap() < tickets {
        assert!(child.try_wait().unwrap().is_none(), "it was done before it could be killed");
        assert!(Instant::now() < deadline, "nothing is written");
        tokio::time::sleep(PAUSE).await;
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_view_folds_invented_history_and_lists_show_it() {
    let postgres = tokio::task::block_in_place(OwnPostgres::start);
    let program = Program::fresh().with("DATABASE_URL", &postgres.url("ledgerdesk"));
    let run = |arguments: &[&str]| tokio::task::block_in_place(|| program.run(arguments));
    let report = run(&["generate", "--tickets", "400", "--agents", "10", "--json"]).json();
    let events = report["events"].as_u64().unwrap();
    assert!((3600..4400).contains(&events), "about ten events per ticket: {report}");
    run(&[
        "user",
        "add",
        "--name",
        "Ada",
        "--email",
        "ada@desk.example.org",
        "--role",
        "super-admin",
    ])
    .ok();
    let token = run(&["token", "create", "--email", "ada@desk.example.org"]).ok();
    let token = token.lines().last().unwrap().to_owned();
    let serving = tokio::task::block_in_place(|| program.serve());
    let client = serving.client(Some(&token));
    eventually("every view reaches the end of the log", async || {
        let listed = run(&["projection", "list", "--json"]).json();
        let items = listed["items"].as_array().unwrap().clone();
        let done = |view: &Value| view["lag"] == 0 && view["quarantined"] == 0;
        items.iter().all(done).then_some(())
    })
    .await;
    let counts = client.get("/api/v1/views/counts").await.ok();
    assert!(counts["closed"].as_u64() > Some(300) && counts["open"].as_u64() > Some(0), "{counts}");
    let page = client.get("/api/v1/views/closed/tickets?limit=50").await.ok();
    let items = page["items"].as_array().unwrap();
    assert_eq!(items.len(), 50);
    for item in items {
        assert!(item["name"].as_str().is_some_and(|name| !name.is_empty()), "{item}");
        let thread =
            client.get(&format!("/api/v1/tickets/{}/thread", text(&item["id"]))).await.ok();
        let first = &thread["items"][0];
        assert!(first["text"].as_str().is_some_and(|text| !text.is_empty()), "{first}");
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}
