//! Sealing, opening, destroying, and the key file that must fit the database.

use decider::{Cipher, KeyScope, Opened, SealId, Sealed};
use uuid::Uuid;
use vault::{KeyFileError, Vault, VaultError};

use crate::database::Database;
use crate::{OTHER_WS, WS, new};

const STREAM: Uuid = Uuid::from_u128(10);
const SEAL: SealId = SealId(Uuid::from_u128(11));

async fn sealed(vault: &Vault, scope: &KeyScope, json: &str) -> Cipher {
    let keys = vault.keys_for(WS, std::slice::from_ref(scope), &new).await.unwrap();
    let key = keys.get(scope).unwrap();
    vault.seal(WS, key, (STREAM, SEAL), "body", json.as_bytes()).unwrap()
}

fn content() -> KeyScope {
    KeyScope::content(Uuid::now_v7(), Vec::new())
}

#[tokio::test]
async fn what_is_sealed_opens_again_on_every_node() {
    let database = Database::new().await;
    let (here, there) = (database.vault().await, database.vault().await);
    let cipher = sealed(&here, &content(), "\"hello\"").await;
    assert!(!cipher.bytes.windows(5).any(|window| window == b"hello"));
    let open = here.open_cached(WS, STREAM, "body", &cipher).unwrap();
    assert_eq!(open, Some(Opened::Open(b"\"hello\"".to_vec())));
    assert_eq!(there.open_cached(WS, STREAM, "body", &cipher).unwrap(), None, "no key yet");
    let stored = Sealed::<String>::Cipher(cipher);
    let open = there.open_sealed(WS, STREAM, "body", &stored).await.unwrap();
    assert_eq!(open, Opened::Open("hello".to_owned()));
}

#[tokio::test]
async fn a_ciphertext_opens_only_where_it_was_sealed() {
    let database = Database::new().await;
    let vault = database.vault().await;
    let cipher = sealed(&vault, &content(), "\"hello\"").await;
    let fails = |ws, stream, field: &str, cipher: &Cipher| {
        matches!(vault.open_cached(ws, stream, field, cipher), Err(VaultError::Tampered))
    };
    assert!(fails(WS, Uuid::from_u128(12), "body", &cipher));
    assert!(fails(WS, STREAM, "subject", &cipher));
    let moved = Cipher { seal: SealId(Uuid::from_u128(12)), ..cipher.clone() };
    assert!(fails(WS, STREAM, "body", &moved));
    let mut changed = cipher.clone();
    changed.bytes[0] ^= 1;
    assert!(fails(WS, STREAM, "body", &changed));
    let mut cut = cipher.clone();
    cut.nonce.pop();
    assert!(fails(WS, STREAM, "body", &cut));
    // The other workspace has no such key; with the key's row copied there it still cannot be unwrapped.
    sqlx::query("insert into vault.key (ws, key_id, wrapped) select $1, key_id, wrapped from vault.key where key_id = $2")
        .bind(OTHER_WS.0)
        .bind(cipher.key)
        .execute(&database.pool)
        .await
        .unwrap();
    let error = vault.load_keys(OTHER_WS, &[cipher.key]).await.unwrap_err();
    assert!(matches!(error, VaultError::Unwrap { key_id } if key_id == cipher.key));
}

#[tokio::test]
async fn what_a_destroyed_key_sealed_is_forgotten_everywhere() {
    let database = Database::new().await;
    let (here, there) = (database.vault().await, database.vault().await);
    let kept = sealed(&here, &content(), "1").await;
    let gone = sealed(&here, &content(), "2").await;
    there.load_keys(WS, &[kept.key, gone.key]).await.unwrap();

    assert_eq!(here.destroy_keys(WS, &[gone.key, Uuid::now_v7()]).await.unwrap(), 1);
    assert_eq!(here.open_cached(WS, STREAM, "body", &gone).unwrap(), Some(Opened::Forgotten));
    assert!(here.key(WS, gone.key).await.unwrap().is_none());

    there.forget_cached(WS, &[gone.key]);
    let stored = Sealed::<u32>::Cipher(gone);
    let open = there.open_sealed(WS, STREAM, "body", &stored).await.unwrap();
    assert_eq!(open, Opened::Forgotten);

    let stored = Sealed::<u32>::Cipher(kept);
    for node in [here, there, database.vault().await] {
        let open = node.open_sealed(WS, STREAM, "body", &stored).await.unwrap();
        assert_eq!(open, Opened::Open(1));
    }
}

#[tokio::test]
async fn content_of_another_type_is_an_error_that_does_not_quote_it() {
    let database = Database::new().await;
    let vault = database.vault().await;
    let cipher = sealed(&vault, &content(), "\"anna@example.org\"").await;
    let stored = Sealed::<u32>::Cipher(cipher);
    let error = vault.open_sealed(WS, STREAM, "body", &stored).await.unwrap_err();
    assert!(matches!(error, VaultError::Content));
    assert!(!format!("{error} {error:?}").contains("anna"));
}

#[tokio::test]
async fn keys_of_a_page_are_read_with_one_query() {
    let database = Database::new().await;
    let here = database.vault().await;
    let mut ids = Vec::new();
    for _ in 0..50 {
        ids.push(sealed(&here, &content(), "1").await.key);
    }
    let there = database.vault().await;
    there.load_keys(WS, &ids).await.unwrap();
    database.pool.close().await;
    there.load_keys(WS, &ids).await.unwrap();
    let error = there.load_keys(WS, &[Uuid::now_v7()]).await.unwrap_err();
    assert!(error.is_unavailable());
}

#[tokio::test]
async fn a_key_file_that_does_not_belong_to_the_database_is_refused() {
    let database = Database::new().await;
    let own = database.folder.path().join("keys");
    let cipher = sealed(&database.vault().await, &content(), "1").await;
    let missing = database.folder.path().join("missing");
    let error = Vault::open(database.pool.clone(), &missing).await.unwrap_err();
    assert!(matches!(error, VaultError::KeyFile(KeyFileError::Missing { .. })));
    assert!(!missing.exists(), "no new key for a database that has one");

    let other = Database::new().await;
    other.vault().await;
    let foreign = other.folder.path().join("keys");
    let error = Vault::open(database.pool.clone(), &foreign).await.unwrap_err();
    assert!(matches!(error, VaultError::KeyFile(KeyFileError::Wrong { .. })));
    assert!(error.to_string().contains("does not belong to this database"));

    let again = Vault::open(database.pool.clone(), &own).await.unwrap();
    let open = again.open_sealed(WS, STREAM, "body", &Sealed::<u32>::Cipher(cipher)).await.unwrap();
    assert_eq!(open, Opened::Open(1));
}

#[tokio::test]
async fn of_two_nodes_with_different_key_files_only_one_starts() {
    let database = Database::new().await;
    let (one, two) = (database.folder.path().join("one"), database.folder.path().join("two"));
    let (one, two) = tokio::join!(
        Vault::open(database.pool.clone(), &one),
        Vault::open(database.pool.clone(), &two)
    );
    assert_eq!([one.is_ok(), two.is_ok()].into_iter().filter(|ok| *ok).count(), 1);
}

#[tokio::test]
async fn keyed_hashes_are_the_same_on_every_node() {
    let database = Database::new().await;
    let (here, there) = (database.vault().await, database.vault().await);
    assert_eq!(here.mac(WS, "claim", b"x"), there.mac(WS, "claim", b"x"));
    assert_ne!(here.mac(WS, "claim", b"x"), here.mac(OTHER_WS, "claim", b"x"));
}
