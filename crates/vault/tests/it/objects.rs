//! Sealed objects in a folder.

use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use decider::Opened;
use vault::{OBJECT_BYTES_MAX, ObjectRef, SealedObjects, VaultError};

use crate::database::Database;
use crate::{OTHER_WS, WS};

async fn objects(database: &Database) -> (vault::Vault, SealedObjects, PathBuf) {
    let vault = database.vault().await;
    let folder = database.folder.path().join("objects");
    let objects = SealedObjects::local(vault.clone(), &folder).unwrap();
    (vault, objects, folder)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

#[tokio::test]
async fn an_object_comes_back_as_it_was_put_and_cannot_be_read_in_the_folder() {
    let database = Database::new().await;
    let (vault, objects, folder) = objects(&database).await;
    let mut noise = vec![0; 100_000];
    rand::fill(&mut noise[..]);
    let text = b"the same sentence again. ".repeat(4_000);
    for clear in [Vec::new(), b"x".to_vec(), noise, text.clone()] {
        let key = vault.take_key(WS).await.unwrap();
        let object = objects.put(WS, &key, Bytes::from(clear.clone())).await.unwrap();
        assert_eq!(object.size, clear.len() as u64);
        assert_eq!(objects.get(WS, &object).await.unwrap(), Opened::Open(Bytes::from(clear)));
    }
    let all: Vec<Vec<u8>> = files(&folder).iter().map(|path| fs::read(path).unwrap()).collect();
    assert_eq!(all.len(), 4);
    assert!(all.iter().any(|stored| stored.len() < text.len() / 10), "what can be is compressed");
    let plain = |stored: &Vec<u8>| stored.windows(8).any(|window| window == b"sentence");
    assert!(!all.iter().any(plain));
}

#[tokio::test]
async fn a_changed_cut_or_exchanged_object_is_noticed() {
    let database = Database::new().await;
    let (vault, objects, folder) = objects(&database).await;
    let key = vault.take_key(WS).await.unwrap();
    let object = objects.put(WS, &key, Bytes::from_static(b"hello")).await.unwrap();
    let path = files(&folder).pop().unwrap();
    let stored = fs::read(&path).unwrap();
    for at in 0..stored.len() {
        let mut changed = stored.clone();
        changed[at] ^= 1;
        fs::write(&path, changed).unwrap();
        assert!(matches!(objects.get(WS, &object).await, Err(VaultError::Tampered)));
    }
    fs::write(&path, &stored[..stored.len() - 1]).unwrap();
    assert!(matches!(objects.get(WS, &object).await, Err(VaultError::Tampered)));
    fs::write(&path, vec![0; 10_000]).unwrap();
    assert!(matches!(objects.get(WS, &object).await, Err(VaultError::Tampered)));
    fs::write(&path, &stored).unwrap();
    assert!(objects.get(WS, &object).await.is_ok());
    let wrong_key = ObjectRef { key: vault.take_key(WS).await.unwrap().id, ..object.clone() };
    assert!(matches!(objects.get(WS, &wrong_key).await, Err(VaultError::Tampered)));
    let wrong_size = ObjectRef { size: 4, ..object.clone() };
    assert!(matches!(objects.get(WS, &wrong_size).await, Err(VaultError::Tampered)));
    let outside = ObjectRef { hash: "../../keys".into(), ..object };
    assert!(matches!(objects.get(WS, &outside).await, Err(VaultError::Tampered)));
}

#[tokio::test]
async fn an_object_whose_key_was_destroyed_is_forgotten() {
    let database = Database::new().await;
    let (vault, objects, _) = objects(&database).await;
    let key = vault.take_key(WS).await.unwrap();
    let object = objects.put(WS, &key, Bytes::from_static(b"hello")).await.unwrap();
    assert_eq!(objects.get(OTHER_WS, &object).await.unwrap(), Opened::Forgotten);
    vault.destroy_keys(WS, &[key.id]).await.unwrap();
    assert_eq!(objects.get(WS, &object).await.unwrap(), Opened::Forgotten);
}

#[tokio::test(flavor = "multi_thread")]
async fn equal_puts_at_once_are_one_object() {
    let database = Database::new().await;
    let (vault, objects, folder) = objects(&database).await;
    let key = vault.take_key(WS).await.unwrap();
    let puts: Vec<_> = (0..16)
        .map(|_| {
            let (objects, key) = (objects.clone(), key.clone());
            tokio::spawn(async move {
                let object = objects.put(WS, &key, Bytes::from(vec![7; 50_000])).await.unwrap();
                assert!(matches!(objects.get(WS, &object).await, Ok(Opened::Open(_))));
                object
            })
        })
        .collect();
    let mut refs = Vec::new();
    for put in puts {
        refs.push(put.await.unwrap());
    }
    assert!(refs.iter().all(|object| *object == refs[0]));
    assert_eq!(files(&folder).len(), 1, "nothing half-written is left");
}

#[tokio::test]
async fn a_deleted_object_is_missing_and_deleting_it_again_is_no_error() {
    let database = Database::new().await;
    let (vault, objects, folder) = objects(&database).await;
    let key = vault.take_key(WS).await.unwrap();
    let object = objects.put(WS, &key, Bytes::from_static(b"hello")).await.unwrap();
    objects.delete(WS, &object).await.unwrap();
    objects.delete(WS, &object).await.unwrap();
    assert!(files(&folder).is_empty());
    let error = objects.get(WS, &object).await.unwrap_err();
    assert!(matches!(error, VaultError::ObjectMissing { .. }) && !error.is_unavailable());
}

#[tokio::test]
async fn an_object_that_is_too_large_is_refused() {
    let database = Database::new().await;
    let (vault, objects, folder) = objects(&database).await;
    let key = vault.take_key(WS).await.unwrap();
    let huge = Bytes::from(vec![0; usize::try_from(OBJECT_BYTES_MAX).unwrap() + 1]);
    let error = objects.put(WS, &key, huge).await.unwrap_err();
    assert!(matches!(error, VaultError::TooLarge { .. }));
    assert!(files(&folder).is_empty());
}
