//! A real history, written by the command handler: two workspaces, several commands in one commit, commands over several streams,
//! commands without effect, names that change hands, facts that happened long ago, changes to the directory.

use decider::{Changes, Command, Halt, Timestamp, WorkspaceId, World};
use futures_util::future::join_all;
use uuid::Uuid;

use crate::bank::{AccountEvent, Bank};
use crate::database::{Database, Node, code};

/// Takes over money that was moved long ago.
#[derive(Debug)]
struct TakeOver {
    id: Uuid,
    occurred_at: i64,
}

impl Command for TakeOver {
    fn name(&self) -> &'static str {
        "TakeOver"
    }

    fn decide(&self, _: &World<'_>) -> Result<Changes, Halt> {
        let mut changes = Changes::none();
        let moved = AccountEvent::Moved { amount: 1 };
        changes.on_at(self.id, Timestamp::from_micros(self.occurred_at), moved);
        changes.on(self.id, AccountEvent::Labelled { label: "imported".to_owned() });
        Ok(changes)
    }
}

/// Writes it; answers the workspaces.
pub async fn write(database: &Database) -> [WorkspaceId; 2] {
    let other = WorkspaceId(Uuid::now_v7());
    sqlx::query("select es.open_workspace($1)")
        .bind(other.0)
        .execute(&database.pool)
        .await
        .unwrap();
    let node = database.node().await;
    let nodes = [node.clone(), Node { ws: other, handler: node.handler.clone() }];
    for node in &nodes {
        fill(node).await;
    }
    [database.ws, other]
}

async fn fill(node: &Node) {
    let ids: Vec<Uuid> = (0..5).map(|_| Uuid::now_v7()).collect();
    let sent = |command: Bank| async move { code(node.send(command).await) };
    let opened = ids.iter().enumerate().map(|(n, id)| sent(Bank::open(*id, &format!("name {n}"))));
    assert!(join_all(opened).await.iter().all(|answer| *answer == "accepted"));
    for round in 0..5_i64 {
        let deposits = ids.iter().map(|id| sent(Bank::Deposit { id: *id, amount: 10 + round }));
        join_all(deposits).await;
        let [one, two, three, ..] = ids[..] else { unreachable!() };
        sent(Bank::Transfer { from: one, to: two, amount: 1 }).await;
        // Nothing changes, and the commit holds a command without events.
        sent(Bank::Label { id: three, label: String::new() }).await;
        sent(Bank::SetLimit { limit: 100 + round }).await;
        let (from, to) = (format!("name {round}"), format!("new name {round}"));
        let id = ids[round as usize];
        sent(Bank::Rename { id, from: from.clone(), to }).await;
        sent(Bank::open(Uuid::now_v7(), &from)).await;
        sent(Bank::GiveBackName { name: from }).await;
        let take_over = TakeOver { id: two, occurred_at: -86_400_000_001 * (round + 1) };
        node.send(take_over).await.unwrap();
        sent(Bank::Collect { from: ids.clone(), to: id, names: vec![format!("more {round}")] })
            .await;
    }
}
