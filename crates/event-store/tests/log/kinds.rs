//! One id, asked for as two kinds of stream.

use uuid::Uuid;

use crate::bank::Bank;
use crate::database::{Database, code};

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_an_id_as_the_wrong_kind_does_not_spoil_it_for_others() {
    let database = Database::new().await;
    let id = Uuid::now_v7();
    database.node().await.send(Bank::open(id, "a")).await.unwrap();
    let cold = database.node().await;
    assert_eq!(code(cold.send(Bank::PeekRules { id }).await), "unknown");
    assert_eq!(code(cold.send(Bank::Deposit { id, amount: 5 }).await), "accepted");
    assert_eq!(code(cold.send(Bank::PeekRules { id }).await), "unknown");
    assert_eq!(code(cold.send(Bank::Withdraw { id, amount: 5 }).await), "accepted");
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_asked_for_as_two_kinds_at_once_is_folded_once() {
    let database = Database::new().await;
    let (id, other) = (Uuid::now_v7(), Uuid::now_v7());
    let node = database.node().await;
    node.send(Bank::open(id, "a")).await.unwrap();
    node.send(Bank::open(other, "b")).await.unwrap();
    node.send(Bank::Deposit { id, amount: 5 }).await.unwrap();
    let cold = database.node().await;
    cold.send(Bank::PeekRules { id: other }).await.unwrap_err();
    let lock = database.hold().await;
    let (peeked, moved) = tokio::join!(cold.send(Bank::PeekRules { id }), async {
        let sending = cold.send(Bank::Withdraw { id, amount: 6 });
        drop(lock);
        sending.await
    });
    assert_eq!((code(peeked), code(moved)), ("unknown", "overdrawn"));
    assert_eq!(code(cold.send(Bank::Withdraw { id, amount: 5 }).await), "accepted");
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_to_a_stream_of_another_kind() {
    let database = Database::new().await;
    let id = Uuid::now_v7();
    let node = database.node().await;
    node.send(Bank::open(id, "a")).await.unwrap();
    for node in [&node, &database.node().await] {
        assert_eq!(code(node.send(Bank::MakeRules { id }).await), "id_taken");
    }
    let fresh = Uuid::now_v7();
    let (opened, made) =
        tokio::join!(node.send(Bank::open(fresh, "b")), node.send(Bank::MakeRules { id: fresh }));
    let mut codes = [code(opened), code(made)];
    codes.sort_unstable();
    assert_eq!(codes, ["accepted", "id_taken"]);
    let cold = database.node().await;
    assert_eq!(code(cold.send(Bank::Deposit { id, amount: 1 }).await), "accepted");
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_is_no_longer_free_is_refused_by_the_rule() {
    let database = Database::new().await;
    let id = Uuid::now_v7();
    database.node().await.send(Bank::open(id, "a")).await.unwrap();
    // This node takes the id for free until the append says otherwise.
    assert_eq!(code(database.node().await.send(Bank::open(id, "b")).await), "exists");
    database.remove().await;
}
