//! Personal content in the log: never in clear, opened for rules, gone once its key is destroyed.

use sqlx::Row;
use uuid::Uuid;

use crate::bank::Bank;
use crate::database::{Database, code};

#[tokio::test(flavor = "multi_thread")]
async fn personal_content_is_sealed_in_the_log_and_opened_for_rules() {
    let database = Database::new().await;
    let node = database.node().await;
    let id = Uuid::now_v7();
    node.send(Bank::open(id, "a")).await.unwrap();
    let check = Bank::CheckOwner { id, owner: "owner of a".to_owned() };
    assert_eq!(code(node.send(check.clone()).await), "accepted");
    assert_eq!(code(database.node().await.send(check).await), "accepted");
    let dump: String =
        sqlx::query("select string_agg(convert_from(payload, 'UTF8'), '') from es.event")
            .fetch_one(&database.pool)
            .await
            .unwrap()
            .get(0);
    assert!(!dump.contains("owner of"));
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_assigned_in_the_same_append_and_content_is_forgotten_with_it() {
    let database = Database::new().await;
    let node = database.node().await;
    let id = Uuid::now_v7();
    node.send(Bank::open(id, "a")).await.unwrap();
    let keys: Vec<Uuid> = sqlx::query(
        "select a.key_id from vault.assignment a join vault.subject s using (ws, key_id)
          where a.scope_id = $1 and s.subject = $1",
    )
    .bind(id)
    .fetch_all(&database.pool)
    .await
    .unwrap()
    .iter()
    .map(|row| row.get(0))
    .collect();
    assert_eq!(keys.len(), 1);
    node.handler.vault().destroy_keys(database.ws, &keys).await.unwrap();
    let check = Bank::CheckOwner { id, owner: "owner of a".to_owned() };
    assert_eq!(code(node.send(check).await), "unknown");
    assert_eq!(database.verify().await.findings, [], "the chain holds without the key");
    database.remove().await;
}
