//! What one command does to the log, and what its repeats do.

use std::sync::Arc;

use decider::LogPosition;
use futures_util::future::join_all;
use uuid::Uuid;

use crate::bank::{Bank, account};
use crate::database::{Database, code};

#[tokio::test(flavor = "multi_thread")]
async fn positions_and_versions_have_no_holes_and_the_chain_verifies() {
    let database = Database::new().await;
    let node = database.node().await;
    let id = Uuid::now_v7();
    node.send(Bank::open(id, "a")).await.unwrap();
    for _ in 0..5 {
        node.send(Bank::Deposit { id, amount: 10 }).await.unwrap();
    }
    let events = node.handler.reader().after(database.ws, LogPosition(0), 100).await.unwrap();
    let places: Vec<_> = events.iter().map(|event| (event.position.0, event.version)).collect();
    assert_eq!(places, [(1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (6, 6)]);
    let report = database.verify().await;
    assert_eq!((report.events, report.findings.len()), (6, 0), "{:?}", report.findings);
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_command_has_one_effect_and_the_same_answer_on_every_node() {
    let database = Database::new().await;
    let (one, two) = (database.node().await, database.node().await);
    let id = Uuid::now_v7();
    one.send(Bank::open(id, "a")).await.unwrap();
    let command = Uuid::new_v4();
    let eight = (0..8).map(|n| {
        let node = if n % 2 == 0 { one.clone() } else { two.clone() };
        async move { node.send_as(command, Bank::Deposit { id, amount: 5 }).await.unwrap() }
    });
    let answers = join_all(eight).await;
    assert!(answers.iter().all(|answer| answer.position == LogPosition(2)));
    assert!(answers.iter().all(|answer| answer.version_of(id) == Some(2)));
    assert_eq!(answers.iter().filter(|answer| !answer.duplicate).count(), 1);
    let third = database.node().await;
    let later = third.send_as(command, Bank::Deposit { id, amount: 5 }).await.unwrap();
    assert!(later.duplicate && later.position == LogPosition(2));
    assert_eq!(database.verify().await.events, 2);
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_is_answered_even_when_the_rule_would_refuse_it_now() {
    let database = Database::new().await;
    let node = database.node().await;
    let id = Uuid::now_v7();
    node.send(Bank::open(id, "a")).await.unwrap();
    node.send(Bank::Deposit { id, amount: 5 }).await.unwrap();
    let command = Uuid::new_v4();
    let first = node.send_as(command, Bank::Withdraw { id, amount: 5 }).await.unwrap();
    let again = node.send_as(command, Bank::Withdraw { id, amount: 5 }).await.unwrap();
    assert!(again.duplicate);
    assert_eq!(again.position, first.position);
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_id_with_another_body_is_refused_and_a_no_op_is_remembered() {
    let database = Database::new().await;
    let node = database.node().await;
    let id = Uuid::now_v7();
    node.send(Bank::open(id, "a")).await.unwrap();
    let command = Uuid::new_v4();
    let nothing = Arc::new(Bank::Deposit { id, amount: 0 });
    let first = node.send_request(command, b"one", None, nothing.clone()).await.unwrap();
    assert!(first.events().is_empty() && first.position == LogPosition(1));
    node.send(Bank::Deposit { id, amount: 1 }).await.unwrap();
    let again = node.send_request(command, b"one", None, nothing.clone()).await.unwrap();
    assert!(again.duplicate && again.position == LogPosition(1));
    assert_eq!(code(node.send_request(command, b"two", None, nothing).await), "key_reused");
    assert_eq!(database.verify().await.findings, []);
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_command_writes_nothing_and_may_succeed_later_under_the_same_id() {
    let database = Database::new().await;
    let node = database.node().await;
    let id = Uuid::now_v7();
    node.send(Bank::open(id, "a")).await.unwrap();
    let command = Uuid::new_v4();
    assert_eq!(code(node.send_as(command, Bank::Withdraw { id, amount: 5 }).await), "overdrawn");
    node.send(Bank::Deposit { id, amount: 5 }).await.unwrap();
    assert_eq!(code(node.send_as(command, Bank::Withdraw { id, amount: 5 }).await), "accepted");
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_defect_in_one_rule_fails_that_command_alone() {
    let database = Database::new().await;
    let node = database.node().await;
    let id = Uuid::now_v7();
    node.send(Bank::open(id, "a")).await.unwrap();
    let (broken, fine) =
        tokio::join!(node.send(Bank::Panic), node.send(Bank::Deposit { id, amount: 1 }));
    assert!(broken.is_err());
    fine.unwrap();
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_expected_version_is_merged_unless_something_it_touches_changed() {
    let database = Database::new().await;
    let node = database.node().await;
    let id = Uuid::now_v7();
    node.send(Bank::open(id, "a")).await.unwrap();
    node.send(Bank::Deposit { id, amount: 1 }).await.unwrap();
    let label = |label: &str| Arc::new(Bank::Label { id, label: label.to_owned() });
    let at = |version| Some((account(id), version));
    let merged = node.send_request(Uuid::new_v4(), b"", at(1), label("x")).await;
    assert_eq!(code(merged), "accepted");
    let refused = node.send_request(Uuid::new_v4(), b"", at(2), label("y")).await.unwrap_err();
    let event_store::handler::HandleError::VersionConflict { version, events } = refused else {
        panic!("{refused:?}")
    };
    assert_eq!((version, events.len()), (3, 1));
    let future = node.send_request(Uuid::new_v4(), b"", at(9), label("z")).await;
    assert_eq!(code(future), "version_conflict");
    database.remove().await;
}
