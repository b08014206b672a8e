//! Outlines: every event once and in order, whoever wrote it; and a log that became another one is noticed.

use decider::LogPosition;
use event_store::log::{LogError, Outline, Outlines, RecentCommits, Stretch};
use uuid::Uuid;

use crate::bank::Bank;
use crate::database::{Database, Node};

const WITH_PAYLOAD: &[&str] = &["AccountLabelled"];

async fn account(node: &Node, name: &str) -> Uuid {
    let id = Uuid::now_v7();
    node.send(Bank::open(id, name)).await.unwrap();
    id
}

async fn rest(outlines: &mut Outlines) -> Vec<Outline> {
    let mut all = Vec::new();
    loop {
        let next = outlines.next().await.unwrap();
        if next.is_empty() {
            return all;
        }
        all.extend(next);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn outlines_are_the_log_whoever_wrote_it() {
    let database = Database::new().await;
    let recent = RecentCommits::default();
    let pool = database.pool.clone();
    let here = database.node_with(pool.clone(), pool, recent.clone()).await;
    let there = database.node().await;
    let begin = account(&here, "before").await;
    let reader = here.handler.reader().clone();
    let parts = (reader.clone(), recent.clone());
    let mut outlines = Outlines::from_head(parts, database.ws, WITH_PAYLOAD).await.unwrap();
    let start = outlines.position();
    assert_eq!(rest(&mut outlines).await, []);
    let mut told = Vec::new();
    for round in 0..12_u32 {
        let node = if round % 3 == 0 { &there } else { &here };
        let id = account(node, &format!("a{round}")).await;
        node.send(Bank::Label { id, label: "x".to_owned() }).await.unwrap();
        // A command that changes nothing is a commit without events.
        node.send(Bank::Label { id, label: "x".to_owned() }).await.unwrap();
        node.send(Bank::Deposit { id: begin, amount: 1 }).await.unwrap();
        if round % 4 == 3 {
            told.extend(rest(&mut outlines).await);
        }
    }
    let stored = reader.after(database.ws, start, 1_000).await.unwrap();
    assert_eq!(told.len(), stored.len());
    let read = reader.outline(database.ws, start, 1_000, WITH_PAYLOAD).await.unwrap();
    assert_eq!(told, read);
    for (outline, event) in told.iter().zip(&stored) {
        assert_eq!(
            (outline.position, outline.stream, &outline.kind, &outline.type_name),
            (event.position, event.stream, &event.kind, &event.type_name)
        );
        assert_eq!(
            (outline.command, outline.actor, outline.schema_version, outline.payload_bytes),
            (event.command, event.actor, event.schema_version, event.payload.len() as u64)
        );
        assert_eq!(outline.at, event.at);
        let asked = event.type_name == "AccountLabelled";
        assert_eq!(outline.payload.as_ref(), asked.then_some(&event.payload));
    }
    for outline in told.iter().step_by(5) {
        let mark = reader.mark_at(database.ws, outline.position).await.unwrap();
        assert_eq!(mark, outline.bookmark().mark);
        assert!(mark.is_some());
    }
    for nothing in [0, 99_999, u64::MAX].map(LogPosition) {
        assert_eq!(reader.mark_at(database.ws, nothing).await.unwrap(), None);
    }
    let some = [stored[5].position, stored[2].position, LogPosition(99_999)];
    let found = reader.at_positions(database.ws, &some).await.unwrap();
    assert_eq!(found, [stored[2].clone(), stored[5].clone()]);
    let newest =
        reader.newest_of_type(database.ws, &[begin, Uuid::nil()], "MoneyMoved").await.unwrap();
    let last = stored.iter().rfind(|event| event.stream == begin).unwrap();
    assert_eq!(newest.iter().collect::<Vec<_>>(), [last]);
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_events_of_a_stream_are_so_many_and_so_large_and_have_no_gap() {
    let database = Database::new().await;
    let node = database.node().await;
    let id = account(&node, "a").await;
    for n in 0..6_usize {
        node.send(Bank::Deposit { id, amount: 1 }).await.unwrap();
        node.send(Bank::Label { id, label: "x".repeat(100 * (n + 1)) }).await.unwrap();
    }
    let (reader, ws) = (node.handler.reader().clone(), database.ws);
    let all = reader.stream(ws, id, 0).await.unwrap();
    let to = all.last().unwrap().version;
    let read = async |to, limit, bytes| {
        let stretch = Stretch { ws, stream: id, after: 0, to };
        reader.newest_of_stream(stretch, WITH_PAYLOAD, (limit, bytes)).await.unwrap()
    };
    let found = read(to, 1_000, u32::MAX).await;
    for (found, stored) in found.iter().zip(&all) {
        let asked = stored.type_name == "AccountLabelled";
        let payload = if asked { stored.payload.clone() } else { Vec::new() };
        assert_eq!(*found, decider::StoredEvent { payload, ..stored.clone() });
    }
    assert_eq!(found.len(), all.len());
    let versions = |events: &[decider::StoredEvent]| {
        events.iter().map(|event| event.version).collect::<Vec<_>>()
    };
    assert_eq!(versions(&read(to - 2, 3, u32::MAX).await), [to - 4, to - 3, to - 2]);
    // The newest one is there however large it is; of the payloads that are not asked for none counts.
    assert_eq!(versions(&read(to, 1_000, 0).await), [to]);
    let two = all.iter().rev().filter(|event| event.type_name == "AccountLabelled").take(2);
    let two: usize = two.map(|event| event.payload.len()).sum();
    let two = u32::try_from(two).unwrap();
    assert_eq!(versions(&read(to, 1_000, two).await), (to - 4..=to).collect::<Vec<_>>());
    assert_eq!(versions(&read(to, 1_000, two - 1).await), (to - 2..=to).collect::<Vec<_>>());
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_became_another_one_is_noticed_and_what_was_remembered_of_it_is_forgotten() {
    let database = Database::new().await;
    let recent = RecentCommits::default();
    let pool = database.pool.clone();
    let node = database.node_with(pool.clone(), pool.clone(), recent.clone()).await;
    account(&node, "kept").await;
    let parts = (node.handler.reader().clone(), recent.clone());
    let kept = Outlines::from_head(parts.clone(), database.ws, &[]).await.unwrap().position();
    account(&node, "lost").await;
    let mut outlines = Outlines::from_head(parts.clone(), database.ws, &[]).await.unwrap();
    for statement in
        ["delete from es.event where pos > $1", "delete from es.commit where last_pos > $1"]
    {
        let kept = i64::try_from(kept.0).unwrap();
        sqlx::query(statement).bind(kept).execute(&pool).await.unwrap();
    }
    assert!(matches!(outlines.next().await, Err(LogError::Rewound { .. })));
    recent.forget(database.ws);
    let mut outlines = Outlines::from_head(parts, database.ws, &[]).await.unwrap();
    assert_eq!(outlines.position(), kept);
    assert_eq!(outlines.next().await.unwrap(), []);
    database.remove().await;
}
