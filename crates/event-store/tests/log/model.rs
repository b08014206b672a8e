//! The log against a model in memory: whatever nodes, order, repeats and conflicts, the log must read as if its commands
//! had been decided one after the other.

use std::collections::HashMap;

use decider::{CommandId, LogPosition, StoredEvent};
use futures_util::future::join_all;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use uuid::Uuid;

use crate::bank::Bank;
use crate::bank_model::{Model, random_command};
use crate::database::{Database, Node, code};

async fn all_events(node: &Node) -> Vec<StoredEvent> {
    node.handler.reader().after(node.ws, LogPosition(0), 1_000_000).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_has_the_outcome_of_the_same_commands_one_by_one() {
    for seed in 0..6 {
        let mut random = StdRng::seed_from_u64(seed);
        let ids: Vec<Uuid> = (0..8).map(|_| Uuid::now_v7()).collect();
        let commands: Vec<Bank> = (0..150).map(|_| random_command(&mut random, &ids)).collect();
        let mut model = Model::default();
        let expected: Vec<&str> = commands.iter().map(|command| model.decide(command).0).collect();

        let (singly, batched) = (Database::new().await, Database::new().await);
        let node = singly.node().await;
        let mut answers = Vec::new();
        for command in &commands {
            answers.push(code(node.send(command.clone()).await));
        }
        assert_eq!(answers, expected, "seed {seed}, one by one");

        let node = batched.node().await;
        // They queue together and are decided as a few large batches. Decisions that must fetch something first are made
        // after the others of their batch, so the outcome is that of some order: the one the log gives.
        let sent = commands.into_iter().map(|command| {
            let node = node.clone();
            async move {
                let id = CommandId(Uuid::new_v4());
                let answer = code(node.send_as(id.0, command.clone()).await);
                (id, command, answer)
            }
        });
        compare_with_model(&batched, &node, &join_all(sent).await).await;
        assert_eq!(singly.verify().await.findings, []);
        singly.remove().await;
        batched.remove().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_several_nodes_do_the_log_reads_as_one_command_after_the_other() {
    for seed in 100..104 {
        let database = Database::new().await;
        let nodes = [database.node().await, database.node().await, database.node().await];
        let ids: Vec<Uuid> = (0..10).map(|_| Uuid::now_v7()).collect();
        let callers = (0..9u64).map(|caller| {
            let (node, other) =
                (nodes[caller as usize % 3].clone(), nodes[(caller as usize + 1) % 3].clone());
            let ids = ids.clone();
            tokio::spawn(async move {
                let mut random = StdRng::seed_from_u64(seed * 1000 + caller);
                let mut sent: Vec<(CommandId, Bank, &'static str)> = Vec::new();
                for _ in 0..60 {
                    // Now and then an earlier command is sent again, perhaps through another node.
                    if !sent.is_empty() && random.random_bool(0.1) {
                        let (id, command, before) =
                            sent[random.random_range(0..sent.len())].clone();
                        let node = if random.random_bool(0.5) { &node } else { &other };
                        let again = code(node.send_as(id.0, command).await);
                        assert!(before != "accepted" || again == "accepted");
                        if before != "accepted" && again == "accepted" {
                            sent.iter_mut().find(|(known, _, _)| *known == id).unwrap().2 = again;
                        }
                        continue;
                    }
                    let (id, command) =
                        (CommandId(Uuid::new_v4()), random_command(&mut random, &ids));
                    let answer = code(node.send_as(id.0, command.clone()).await);
                    sent.push((id, command, answer));
                }
                sent
            })
        });
        let sent: Vec<(CommandId, Bank, &'static str)> =
            join_all(callers).await.into_iter().flat_map(Result::unwrap).collect();
        compare_with_model(&database, &nodes[0], &sent).await;
        database.remove().await;
    }
}

/// Every accepted command is in the log once with exactly its events, and deciding the commands in log order by the model
/// accepts each with as many events. Commands without events are checked by the rejections and balances around them.
async fn compare_with_model(
    database: &Database,
    node: &Node,
    sent: &[(CommandId, Bank, &'static str)],
) {
    let events = all_events(node).await;
    let by_id: HashMap<CommandId, &Bank> =
        sent.iter().map(|(id, command, _)| (*id, command)).collect();
    let mut order: Vec<(CommandId, usize)> = Vec::new();
    for (index, event) in events.iter().enumerate() {
        assert_eq!(event.position.0, index as u64 + 1);
        match order.last_mut() {
            Some((last, count)) if *last == event.command => *count += 1,
            _ => order.push((event.command, 1)),
        }
    }
    let written: Vec<CommandId> = order.iter().map(|(id, _)| *id).collect();
    let mut once = written.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), written.len(), "a command's events stand together, once");
    let rows = node
        .handler
        .reader()
        .commands(database.ws, &sent.iter().map(|s| s.0).collect::<Vec<_>>())
        .await
        .unwrap();
    for ((id, command, answer), row) in sent.iter().zip(&rows) {
        assert_eq!(row.is_some(), *answer == "accepted", "{command:?}: {answer}");
        assert_eq!(written.contains(id), row.as_ref().is_some_and(|row| row.events > 0));
    }
    // Names given back leave no event; they are placed by the order of the commits.
    let givers: Vec<(i64, CommandId)> = commit_order(database).await;
    let mut model = Model::default();
    for (_, id) in givers {
        let command = by_id[&id];
        let count = order.iter().find(|(known, _)| *known == id).map_or(0, |(_, count)| *count);
        assert_eq!(model.decide(command), ("accepted", count), "{command:?}");
    }
    let report = database.verify().await;
    assert_eq!(report.findings, []);
    let head = node.handler.reader().head(database.ws).await.unwrap();
    assert_eq!(head.number, model.opened);
}

async fn commit_order(database: &Database) -> Vec<(i64, CommandId)> {
    use sqlx::Row;
    sqlx::query("select no, cmd from es.command where ws = $1 order by no, ord")
        .bind(database.ws.0)
        .fetch_all(&database.pool)
        .await
        .unwrap()
        .iter()
        .map(|row| (row.get(0), CommandId(row.get(1))))
        .collect()
}
