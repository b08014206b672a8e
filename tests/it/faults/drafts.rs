//! A draft that was sent leaves no words behind, even when the server is killed between the message and the deletion.

use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};
use testkit::{OwnPostgres, eventually};

use super::desk::Desk;
use super::send::{Ask, Outcome};

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_between_sending_a_draft_and_deleting_its_words_leaves_no_ghost() {
    let postgres = tokio::task::block_in_place(OwnPostgres::start);
    let url = postgres.url("ledgerdesk");
    let mut desk = Desk::on(&url).await;
    let client = desk.client();
    let ticket = client.open_ticket("Printer on fire").await;
    let draft = client.put(&ticket.at("/drafts/comment"), json!({ "text": "words" })).await.ok();
    let body = json!({ "text": "words", "draft_id": draft["id"] });
    let ask = Ask::post("send".to_owned(), ticket.at("/comments"), body);

    // Whoever reads the words for a moment keeps them from being deleted; that is the moment of the kill.
    let mut holder = PgConnection::connect(&url).await.unwrap();
    let mut hold = holder.begin().await.unwrap();
    execute(&mut hold, "select 1 from ops.draft_body for update").await;
    let sending = tokio::spawn({
        let (client, ask) = (client.clone(), ask.clone());
        async move { ask.send(&client).await }
    });
    let mut looker = PgConnection::connect(&url).await.unwrap();
    wait_until_count(&mut looker, "es.event where type = 'DraftSent'", 1).await;
    desk.kill();
    assert!(matches!(sending.await.unwrap(), Outcome::Broken(_)), "the words were still held");
    hold.rollback().await.unwrap();
    assert_eq!(count(&mut looker, "ops.draft_body").await, 1, "the words are still there");

    desk.serve();
    let client = desk.client();
    client.get(&ticket.at("/drafts/comment")).await.status(404);
    wait_until_count(&mut looker, "ops.draft_body", 0).await;
    let ack = ask.settle(&client).await;
    assert_eq!(ask.settle(&client).await, ack);
    assert_eq!(count(&mut looker, "es.event where type = 'CommentAdded'").await, 1);
    eventually("no draft is listed", || async {
        let counts = client.get("/api/v1/views/counts").await.ok();
        (counts["drafts"] == 0).then_some(())
    })
    .await;
    let listed = client.get("/api/v1/drafts").await.ok();
    assert_eq!(listed["items"], json!([]));
    desk.verify();
}

async fn wait_until_count(connection: &mut PgConnection, of: &str, wanted: i64) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while count(connection, of).await != wanted {
        assert!(std::time::Instant::now() < deadline, "{of}: not {wanted}");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

async fn count(connection: &mut PgConnection, of: &str) -> i64 {
    let statement = AssertSqlSafe(format!("select count(*) from {of}"));
    sqlx::query(statement).fetch_one(connection).await.unwrap().get(0)
}

async fn execute(connection: &mut PgConnection, statement: &'static str) {
    sqlx::query(statement).execute(connection).await.unwrap();
}
