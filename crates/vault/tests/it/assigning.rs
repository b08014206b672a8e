//! Which key seals what, and the stock the new ones come from.

use std::collections::HashSet;

use decider::{KeyScope, WorkspaceId};
use uuid::Uuid;
use vault::{Assigned, SealingKeys, Vault};

use crate::database::Database;
use crate::{OTHER_WS, WS, new, old};

/// What the append does.
async fn append(database: &Database, ws: WorkspaceId, vault: &Vault, keys: &SealingKeys) {
    for row in keys.assigned() {
        sqlx::query(
            "insert into vault.assignment (ws, key_id, kind, scope_id) values ($1, $2, $3, $4)",
        )
        .bind(ws.0)
        .bind(row.key_id)
        .bind(row.kind)
        .bind(row.scope_id)
        .execute(&database.pool)
        .await
        .unwrap();
    }
    vault.confirm(ws, keys);
}

#[tokio::test]
async fn a_person_keeps_the_key_that_an_append_assigned() {
    let database = Database::new().await;
    let (here, there) = (database.vault().await, database.vault().await);
    let person = KeyScope::person(Uuid::now_v7());
    let scopes = [person.clone()];
    let lost = here.keys_for(WS, &scopes, &new).await.unwrap();
    let first = here.keys_for(WS, &scopes, &old).await.unwrap();
    let (lost_key, first_key) = (lost.get(&person).unwrap(), first.get(&person).unwrap());
    assert!(lost_key.newly_assigned && first_key.newly_assigned);
    assert_ne!(lost_key.id, first_key.id, "no append confirmed the key before");

    append(&database, WS, &here, &first).await;
    for node in [&here, &there] {
        let again = node.keys_for(WS, &scopes, &old).await.unwrap();
        let key = again.get(&person).unwrap();
        assert_eq!((key.id, key.newly_assigned), (first_key.id, false));
        assert!(again.assigned().is_empty());
        let again = node.try_keys_for(WS, &scopes, &old).unwrap();
        assert_eq!(again.get(&person).unwrap().id, first_key.id);
    }
}

#[tokio::test]
async fn a_scope_whose_key_was_destroyed_gets_a_new_one() {
    let database = Database::new().await;
    let vault = database.vault().await;
    let ticket = KeyScope::ticket(Uuid::now_v7());
    let scopes = [ticket.clone()];
    let first = vault.keys_for(WS, &scopes, &new).await.unwrap();
    append(&database, WS, &vault, &first).await;
    let id = first.get(&ticket).unwrap().id;
    vault.destroy_keys(WS, &[id]).await.unwrap();
    assert!(vault.try_keys_for(WS, &scopes, &old).is_none(), "the database must be asked");
    let second = vault.keys_for(WS, &scopes, &old).await.unwrap();
    let key = second.get(&ticket).unwrap();
    assert!(key.newly_assigned && key.id != id);
}

#[tokio::test]
async fn contents_and_drafts_get_a_new_key_each_time_but_one_per_call() {
    let database = Database::new().await;
    let vault = database.vault().await;
    let (one, two) = (Uuid::now_v7(), Uuid::now_v7());
    let content = Uuid::now_v7();
    let scopes = [
        KeyScope::content(content, vec![one]),
        KeyScope::content(content, vec![two, one]),
        KeyScope::draft(content),
        KeyScope::person(one),
    ];
    let first = vault.keys_for(WS, &scopes, &new).await.unwrap();
    append(&database, WS, &vault, &first).await;
    assert_eq!(first.len(), 3);
    let rows = first.assigned();
    let subjects_of = |kind: &str| -> Vec<Uuid> {
        let row: &Assigned = rows.iter().find(|row| row.kind == kind).unwrap();
        row.subjects.clone()
    };
    assert_eq!(subjects_of("content"), [one, two]);
    assert!(subjects_of("draft").is_empty());
    assert_eq!(subjects_of("person"), [one]);
    let second = vault.keys_for(WS, &scopes, &old).await.unwrap();
    for scope in &scopes[..3] {
        assert_ne!(first.get(scope).unwrap().id, second.get(scope).unwrap().id);
    }
    assert_eq!(first.get(&scopes[3]).unwrap().id, second.get(&scopes[3]).unwrap().id);
}

#[tokio::test]
async fn sealing_for_known_scopes_needs_no_database() {
    let database = Database::new().await;
    let vault = database.vault().await;
    let scopes = [KeyScope::person(Uuid::now_v7()), KeyScope::content(Uuid::now_v7(), Vec::new())];
    assert!(vault.try_keys_for(WS, &scopes, &new).is_none(), "the stock is still empty");
    let keys = vault.keys_for(WS, &scopes, &new).await.unwrap();
    vault.confirm(WS, &keys);
    database.pool.close().await;
    for _ in 0..200 {
        assert!(vault.try_keys_for(WS, &scopes, &old).is_some());
    }
    let unknown = [KeyScope::person(Uuid::now_v7())];
    assert!(vault.try_keys_for(WS, &unknown, &old).is_none());
    assert!(vault.try_keys_for(WS, &unknown, &new).is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_key_is_handed_out_twice_and_every_one_is_stored_before() {
    let database = Database::new().await;
    let vault = database.vault().await;
    let takers = (0..32).map(|taker| {
        let vault = vault.clone();
        tokio::spawn(async move {
            let ws = if taker % 4 == 0 { OTHER_WS } else { WS };
            let mut ids = Vec::new();
            for round in 0..40 {
                let scopes: Vec<_> =
                    (0..3).map(|_| KeyScope::content(Uuid::now_v7(), Vec::new())).collect();
                let keys = match vault.try_keys_for(ws, &scopes, &new) {
                    Some(keys) if round % 2 == 0 => keys,
                    _ => vault.keys_for(ws, &scopes, &new).await.unwrap(),
                };
                ids.extend(keys.assigned().into_iter().map(|row| row.key_id));
            }
            ids
        })
    });
    let mut all = Vec::new();
    for taker in takers.collect::<Vec<_>>() {
        all.extend(taker.await.unwrap());
    }
    assert_eq!(all.len(), 32 * 40 * 3);
    assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
    let stored: i64 = sqlx::query_scalar("select count(*) from vault.key where key_id = any($1)")
        .bind(&all)
        .fetch_one(&database.pool)
        .await
        .unwrap();
    assert_eq!(usize::try_from(stored).unwrap(), all.len());
    assert!(database.count("vault.key").await < 20_000, "what is made ahead is bounded");
}

#[tokio::test]
async fn key_material_is_not_printed() {
    let database = Database::new().await;
    let vault = database.vault().await;
    let key = vault.take_key(WS).await.unwrap();
    assert_eq!(format!("{key:?}"), format!("SealingKey({}, newly_assigned: true)", key.id));
    assert_eq!(format!("{vault:?}"), "Vault");
}
