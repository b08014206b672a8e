//! Several nodes on one log: what one changes, the others notice.

use futures_util::future::join_all;
use uuid::Uuid;

use crate::bank::Bank;
use crate::database::{Database, Node, code};

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_that_write_to_one_stream_lose_nothing_and_overdraw_nothing() {
    let database = Database::new().await;
    let nodes = [database.node().await, database.node().await, database.node().await];
    let id = Uuid::now_v7();
    nodes[0].send(Bank::open(id, "a")).await.unwrap();
    nodes[0].send(Bank::Deposit { id, amount: 30 }).await.unwrap();
    let withdrawals = (0..60).map(|n| {
        let node = nodes[n % 3].clone();
        async move { code(node.send(Bank::Withdraw { id, amount: 1 }).await) }
    });
    let mut answers = join_all(withdrawals).await;
    answers.sort_unstable();
    let accepted = answers.iter().filter(|answer| **answer == "accepted").count();
    let contended = answers.iter().filter(|answer| **answer == "contended").count();
    assert!(accepted <= 30 && accepted + contended >= 30, "{answers:?}");
    let report = database.verify().await;
    assert_eq!((report.events, report.findings.len()), (2 + accepted as u64, 0));
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejection_is_proven_against_what_other_nodes_wrote() {
    let database = Database::new().await;
    let (one, two) = (database.node().await, database.node().await);
    let id = Uuid::now_v7();
    one.send(Bank::open(id, "a")).await.unwrap();
    assert_eq!(code(two.send(Bank::Withdraw { id, amount: 1 }).await), "overdrawn");
    one.send(Bank::Deposit { id, amount: 1 }).await.unwrap();
    // Node two still remembers an empty account.
    assert_eq!(code(two.send(Bank::Withdraw { id, amount: 1 }).await), "accepted");
    // Node one remembers a full one.
    assert_eq!(code(one.send(Bank::Withdraw { id, amount: 1 }).await), "overdrawn");
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_still_on_its_way_to_the_log_is_not_refused_elsewhere_meanwhile() {
    let database = Database::new().await;
    let (one, two) = (database.node().await, database.node().await);
    let (id, command) = (Uuid::now_v7(), Uuid::new_v4());
    one.send(Bank::open(id, "a")).await.unwrap();
    let lock = database.hold().await;
    let spawn = |node: &Node, command: Uuid, bank: Bank| {
        let node = node.clone();
        tokio::spawn(async move { node.send_as(command, bank).await })
    };
    let deposit = spawn(&one, Uuid::new_v4(), Bank::Deposit { id, amount: 5 });
    database.until_waiting(1).await;
    let given_up = spawn(&one, command, Bank::Withdraw { id, amount: 5 });
    database.until_waiting(2).await;
    // Its client has heard nothing and asks another node, which sees an empty account.
    let again = spawn(&two, command, Bank::Withdraw { id, amount: 5 });
    database.until_waiting(3).await;
    drop(lock);
    deposit.await.unwrap().unwrap();
    let first = given_up.await.unwrap().unwrap();
    let again = again.await.unwrap().unwrap();
    assert!(again.duplicate);
    assert_eq!(again.position, first.position);
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_no_op_decided_on_stale_state_is_decided_again() {
    let database = Database::new().await;
    let (one, two) = (database.node().await, database.node().await);
    let id = Uuid::now_v7();
    one.send(Bank::open(id, "a")).await.unwrap();
    let label = |text: &str| Bank::Label { id, label: text.to_owned() };
    two.send(label("x")).await.unwrap();
    one.send(label("y")).await.unwrap();
    let answer = two.send(label("x")).await.unwrap();
    assert_eq!(answer.events().len(), 1, "the label is no longer x");
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_directory_of_one_node_binds_the_decisions_of_the_other() {
    let database = Database::new().await;
    let (one, two) = (database.node().await, database.node().await);
    let id = Uuid::now_v7();
    one.send(Bank::open(id, "a")).await.unwrap();
    two.send(Bank::Deposit { id, amount: 100 }).await.unwrap();
    one.send(Bank::SetLimit { limit: 10 }).await.unwrap();
    assert_eq!(code(two.send(Bank::Deposit { id, amount: 100 }).await), "over_limit");
    one.send(Bank::SetLimit { limit: 1000 }).await.unwrap();
    assert_eq!(code(two.send(Bank::Deposit { id, amount: 100 }).await), "accepted");
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_natural_key_has_one_holder_and_can_be_taken_again_after_it_was_given_back() {
    let database = Database::new().await;
    let (one, two) = (database.node().await, database.node().await);
    let opens = (0..20).map(|n| {
        let node = if n % 2 == 0 { one.clone() } else { two.clone() };
        async move { code(node.send(Bank::open(Uuid::now_v7(), "same name")).await) }
    });
    let answers = join_all(opens).await;
    assert_eq!(answers.iter().filter(|answer| **answer == "accepted").count(), 1, "{answers:?}");
    two.send(Bank::GiveBackName { name: "same name".to_owned() }).await.unwrap();
    assert_eq!(code(one.send(Bank::open(Uuid::now_v7(), "same name")).await), "accepted");
    assert_eq!(code(two.send(Bank::open(Uuid::now_v7(), "same name")).await), "name_taken");
    assert_eq!(database.verify().await.findings, []);
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_are_unique_and_without_holes_over_two_nodes() {
    let database = Database::new().await;
    let (one, two) = (database.node().await, database.node().await);
    let opens = (0..40).map(|n| {
        let node = if n % 2 == 0 { one.clone() } else { two.clone() };
        async move {
            let answer = node.send(Bank::open(Uuid::now_v7(), &format!("n{n}"))).await.unwrap();
            let payload: serde_json::Value =
                serde_json::from_slice(&answer.events()[0].payload).unwrap();
            payload["number"].as_u64().unwrap()
        }
    });
    let mut numbers = join_all(opens).await;
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=40).collect::<Vec<_>>());
    database.remove().await;
}
