//! Erasures: keys go from the database and from the memory of every node, and their table is written anew.

use decider::Timestamp;
use ops::{KEYS_RELATION, Ops, Storage};
use uuid::Uuid;
use vault::Tombstone;

use crate::WS;
use crate::database::Database;

#[tokio::test]
async fn destroyed_keys_are_dropped_by_every_node_that_acknowledges_z06() {
    let database = Database::new().await;
    let (here, there) = (database.vault().await, database.vault().await);
    let ops = Ops::new(database.pool.clone(), here.clone());
    let other = Ops::new(database.pool.clone(), there.clone());
    let key = here.take_key(WS).await.unwrap().id;
    assert!(there.key(WS, key).await.unwrap().is_some());
    let (one, two) = (Uuid::now_v7(), Uuid::now_v7());
    ops.erasures.beat(WS, one).await.unwrap();
    other.erasures.beat(WS, two).await.unwrap();

    let tombstone = Tombstone { erasure: Uuid::now_v7(), at: Timestamp::from_micros(7) };
    let tables = [KEYS_RELATION.to_owned()];
    // The second time stands for a crash after the first.
    for _ in 0..2 {
        let gone = ops.erasures.destroy(WS, tombstone, &[key], &tables).await.unwrap();
        assert_eq!(gone, [key]);
    }
    assert!(here.key(WS, key).await.unwrap().is_none());
    assert!(there.key(WS, key).await.unwrap().is_some(), "it was in memory");
    let standing = async || ops.erasures.standing(WS, tombstone.erasure).await.unwrap().unwrap();
    assert_eq!((standing().await.awaited, standing().await.is_settled()), (2, false));
    assert!(ops.erasures.acknowledge(WS, one).await.unwrap());
    assert!(other.erasures.acknowledge(WS, two).await.unwrap());
    assert!(!other.erasures.acknowledge(WS, two).await.unwrap(), "once is enough");
    assert!(there.key(WS, key).await.unwrap().is_none());
    assert_eq!(there.tombstone_cached(WS, key), Some(tombstone));
    let now = standing().await;
    assert_eq!((now.acknowledged, now.awaited, now.silent, now.is_settled()), (2, 0, 0, true));

    let storage = async || ops.erasures.storage(WS, tombstone.erasure).await.unwrap();
    let relation = KEYS_RELATION.to_owned();
    let before = Storage { relation: relation.clone(), rewritten: false, moved: false };
    assert_eq!(storage().await, [before]);
    here.rewrite_keys().await.unwrap();
    ops.erasures.rewritten(WS, tombstone.erasure, &tables).await.unwrap();
    assert_eq!(storage().await, [Storage { relation, rewritten: true, moved: true }]);
    assert!(here.key(WS, here.take_key(WS).await.unwrap().id).await.unwrap().is_some());
}

#[tokio::test]
async fn a_node_that_is_alone_waits_for_none_that_was_before_it_z06() {
    let database = Database::new().await;
    let ops = database.ops().await;
    let (before, now) = (Uuid::now_v7(), Uuid::now_v7());
    ops.erasures.beat(WS, before).await.unwrap();
    ops.erasures.beat(WS, now).await.unwrap();
    let erasure = Uuid::now_v7();
    let tombstone = Tombstone { erasure, at: Timestamp::from_micros(7) };
    assert!(ops.erasures.standing(WS, erasure).await.unwrap().is_none());
    ops.erasures.destroy(WS, tombstone, &[], &[]).await.unwrap();
    ops.erasures.alone(WS, now).await.unwrap();
    ops.erasures.acknowledge(WS, now).await.unwrap();
    assert!(ops.erasures.standing(WS, erasure).await.unwrap().unwrap().is_settled());
    ops.erasures.leave(WS, now).await.unwrap();
    assert_eq!(database.count("ops.node").await, 0);
    ops.erasures.done(WS, erasure).await.unwrap();
    assert!(!ops.erasures.acknowledge(WS, Uuid::now_v7()).await.unwrap(), "nobody has to any more");
}
