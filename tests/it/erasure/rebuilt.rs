//! Forgetting while a view is rebuilt by another process, and rebuilding afterwards.

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use testkit::eventually;
use tokio::task::block_in_place;

use super::{erase, on_request};
use crate::people::{conversation, each, text};
use crate::rebuilding::{Rebuilds, until_state};

const MARIA: &str = "zyxmaria@planted.example";

/// How many rows about a person a build of the people's view holds.
async fn rows(looker: &mut PgConnection, schema: &str, person: &str) -> i64 {
    let sql = format!(
        "select (select count(*) from {schema}.lookup_person where person = '{person}')
              + (select count(*) from {schema}.lookup_email where person = '{person}')
              + (select count(*) from {schema}.lookup_term where person = '{person}')"
    );
    sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(looker).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_erased_while_a_view_is_rebuilt_is_in_no_build_and_rebuilt_is_live_z06() {
    let rebuilds = block_in_place(|| Rebuilds::start("200"));
    let serving = block_in_place(|| rebuilds.program.serve());
    let desk = serving.client(Some(&block_in_place(|| rebuilds.token())));
    let ticket = conversation(&desk, "Maria's printer", MARIA).await;
    desk.reply(&ticket, "Dear Maria").await;
    let maria = text(&desk.ticket(&ticket).await["contacts"][0]["id"]);
    let run = |arguments: &[&str]| block_in_place(|| rebuilds.program.run(arguments));
    let found = async || each(&desk.get("/api/v1/contacts?q=zyxmaria").await.ok(), "id");
    eventually("she is found", || async { (!found().await.is_empty()).then_some(()) }).await;

    // The build has folded the log, and is kept from catching up.
    let mut looker = rebuilds.database().await;
    let ws: uuid::Uuid =
        sqlx::query_scalar("select ws from es.workspace").fetch_one(&mut looker).await.unwrap();
    let lease = format!("select pg_advisory_xact_lock(hashtextextended('{ws}/lookup_v2_b2', 11))");
    let mut holder = rebuilds.database().await;
    let mut held = holder.begin().await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(lease)).execute(&mut *held).await.unwrap();
    let mut child = rebuilds.rebuild("lookup");
    until_state(&mut looker, ("lookup", "catching_up"), &mut child).await;
    assert!(rows(&mut looker, "lookup_v2_b2", &maria).await > 2, "she is in what is built");

    let certificate = erase(&desk, &maria, on_request()).await;
    for schema in ["lookup_v2", "lookup_v2_b2"] {
        assert_eq!(rows(&mut looker, schema, &maria).await, 0, "{schema}");
    }
    held.rollback().await.unwrap();
    assert!(block_in_place(|| child.wait()).unwrap().success());
    run(&["projection", "switch", "lookup"]).ok();
    assert_eq!(rows(&mut looker, "lookup_v2_b2", &maria).await, 0, "readers are led to it");
    eventually("the server reads the new build", || async {
        let listed = desk.get("/api/v1/admin/projections").await.ok();
        let active = |row: &Value| row["name"] == "lookup" && row["build"] == 2;
        let row = listed["items"].as_array().unwrap().iter().find(|row| active(row)).cloned();
        (row?["stage"] == "active").then_some(())
    })
    .await;
    assert!(found().await.is_empty());
    assert!(!desk.get("/api/v1/contacts?limit=200").await.text().contains("planted"));
    assert_eq!(desk.ticket(&ticket).await["name"]["certificate"], certificate["id"]);

    // Every view, built anew from a log whose keys are gone, holds what the present one holds.
    let lines = run(&["projection", "rebuild", "--all", "--switch", "--json"]).ok();
    for line in lines.lines() {
        let rebuilt: Value = serde_json::from_str(line).unwrap();
        assert_eq!((&rebuilt["state"], &rebuilt["differences"]), (&json!("active"), &json!([])));
        assert!(rebuilt["rows_compared"].is_u64(), "{rebuilt}");
    }
    run(&["projection", "verify", "--all"]).ok();
    let verified = run(&["erase", "verify", &maria]).ok();
    assert!(verified.contains("Nothing is left."), "{verified}");
    drop(serving);
}
