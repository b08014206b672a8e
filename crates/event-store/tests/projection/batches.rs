//! Any split of the log into batches gives the same rows, and a crash anywhere applies everything exactly once.

use event_store::projection::{CrashPoint, MemoryStore, Quarantine, StepError, fold_in_memory};
use proptest::prelude::*;
use uuid::Uuid;

use crate::database::{Database, Raw, raw};
use crate::toy::{Toy, ToyEvent};

type View = Toy<false>;

/// Commits of events on four boxes; only what a box allows in its state.
pub fn histories() -> impl Strategy<Value = Vec<Vec<Raw>>> {
    let steps =
        prop::collection::vec((0..4_u128, 0..5_u8, 0..3_u128, "[a\"\\\\{},\u{e9} ]{0,3}"), 1..40);
    (steps, prop::collection::vec(1..5_usize, 40)).prop_map(|(steps, sizes)| {
        let mut made = [false; 4];
        let events: Vec<Raw> = steps
            .into_iter()
            .map(|(stream, what, by, text)| {
                let (there, by) = (&mut made[stream as usize], Uuid::from_u128(by));
                let event = match (what, *there) {
                    (0, true) => ToyEvent::Thrown,
                    (_, false) => ToyEvent::Made { label: text },
                    (1, true) => ToyEvent::Put { count: 3 },
                    (2, true) => ToyEvent::Unmarked { by },
                    (_, true) => ToyEvent::Marked { by, tags: vec![text, "null".to_owned()] },
                };
                *there = !matches!(event, ToyEvent::Thrown);
                raw(stream, &event)
            })
            .collect();
        let mut rest = &events[..];
        let mut commits = Vec::new();
        for size in sizes {
            let (now, later) = rest.split_at(size.min(rest.len()));
            commits.push(now.to_vec());
            rest = later;
        }
        commits.retain(|commit| !commit.is_empty());
        commits
    })
}

#[test]
fn any_split_into_batches_gives_identical_rows_in_memory_and_in_postgres() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let database = tokio::sync::Mutex::new(runtime.block_on(Database::new()));
    let config = ProptestConfig { cases: 24, ..ProptestConfig::default() };
    proptest!(config, |(commits in histories(), sizes in prop::collection::vec(1..12_usize, 40))| {
        runtime.block_on(async {
            let mut database = database.lock().await;
            database.new_workspace().await;
            let mut events = Vec::new();
            for commit in &commits {
                events.extend(database.commit(commit).await.1);
            }
            let whole = fold_in_memory::<View>(&events).unwrap();
            let mut split = MemoryStore::<View>::default();
            let mut rest = &events[..];
            for size in &sizes {
                let (now, later) = rest.split_at((*size).min(rest.len()));
                split.apply(now, &Quarantine::default()).unwrap();
                rest = later;
            }
            split.apply(rest, &Quarantine::default()).unwrap();
            assert_eq!(split.rows(), &whole);
            let mut projector = database.projector();
            for size in sizes.iter().cycle() {
                projector.set_batch_events(*size);
                if projector.step().await.unwrap().is_none() {
                    break;
                }
            }
            assert_eq!(database.rows::<View>().await, whole);
        });
    });
    runtime.block_on(database.into_inner().remove());
}

#[tokio::test]
async fn a_crash_before_any_statement_applies_every_event_exactly_once() {
    let mut database = Database::new().await;
    let by = Uuid::from_u128(9);
    let made = |n| raw(n, &ToyEvent::Made { label: "a".to_owned() });
    let mut events = database.commit(&[made(1), made(2), made(3)]).await.1;
    let marked = ToyEvent::Marked { by, tags: vec!["x".to_owned()] };
    events.extend(database.commit(&[raw(1, &marked), raw(2, &marked)]).await.1);
    database.projector().catch_up().await.unwrap();
    // Everything at once: a stream is left out, rows are written and deleted in both tables.
    let last = [
        raw(1, &ToyEvent::Put { count: 5 }),
        raw(1, &ToyEvent::Unmarked { by }),
        raw(2, &ToyEvent::Thrown),
        raw(2, &marked),
    ];
    events.extend(database.commit(&last).await.1);
    database.commit(&[raw(3, &ToyEvent::Broken)]).await;
    let expected = fold_in_memory::<View>(&events).unwrap();
    let before = database.rows::<View>().await;
    let mut crashes = 0;
    let mut projector = database.projector();
    loop {
        match projector.step_until(&CrashPoint::at(crashes)).await {
            Err(StepError::Transient(_)) => crashes += 1,
            Ok(_) => break,
            Err(other) => panic!("{other}"),
        }
        let rows = database.rows::<View>().await;
        assert!(rows == before || rows == expected, "a half-written batch after crash {crashes}");
        if rows == before {
            projector = database.projector();
        }
    }
    // Checkpoint, quarantine, two upserts, two deletes, commit, and right after it.
    assert_eq!(crashes, 8);
    assert_eq!(database.rows::<View>().await, expected);
    assert_eq!(database.quarantined().await.len(), 1);
    assert_eq!(projector.checkpoint().unwrap().seq, 2);
    database.remove().await;
}

#[tokio::test]
async fn a_row_that_did_not_change_is_not_written() {
    let mut database = Database::new().await;
    database.commit(&[raw(1, &ToyEvent::Made { label: "a".to_owned() })]).await;
    database.projector().catch_up().await.unwrap();
    let place = "select xmin::text from toy_v3.toy_box";
    let before: String = sqlx::query_scalar(place).fetch_one(&database.pool).await.unwrap();
    let by = Uuid::from_u128(9);
    database
        .commit(&[
            raw(1, &ToyEvent::Marked { by, tags: Vec::new() }),
            raw(1, &ToyEvent::Unmarked { by }),
        ])
        .await;
    database.projector().catch_up().await.unwrap();
    let after: String = sqlx::query_scalar(place).fetch_one(&database.pool).await.unwrap();
    assert_eq!(before, after);
    assert!(database.rows::<View>().await.marks.rows().is_empty());
    database.remove().await;
}

#[tokio::test]
async fn text_that_postgres_cannot_hold_does_not_stop_the_view() {
    let mut database = Database::new().await;
    let label = "a\0b".to_owned();
    database.commit(&[raw(1, &ToyEvent::Made { label: label.clone() })]).await;
    database.commit(&[raw(1, &ToyEvent::Marked { by: Uuid::nil(), tags: vec![label] })]).await;
    database.projector().catch_up().await.unwrap();
    let rows = database.rows::<View>().await;
    assert_eq!(
        (rows.boxes.rows()[0].label.as_str(), rows.marks.rows()[0].tags[0].as_str()),
        ("ab", "ab")
    );
    database.remove().await;
}

#[tokio::test]
async fn an_edited_row_is_found_by_folding_again() {
    let mut database = Database::new().await;
    let events = database.commit(&[raw(1, &ToyEvent::Made { label: "a".to_owned() })]).await.1;
    database.projector().catch_up().await.unwrap();
    database.run("update toy_v3.toy_box set count = 7").await;
    assert_ne!(database.rows::<View>().await, fold_in_memory::<View>(&events).unwrap());
    database.remove().await;
}

#[tokio::test]
async fn old_checkpoints_are_pruned_and_the_newest_stay() {
    let mut database = Database::new().await;
    let mut projector = database.projector();
    for n in 0..210 {
        database.commit_here(&[raw(n, &ToyEvent::Made { label: String::new() })]).await;
        projector.step().await.unwrap();
    }
    let (count, last): (i64, i64) =
        sqlx::query_as("select count(*), max(seq) from proj.checkpoint")
            .fetch_one(&database.pool)
            .await
            .unwrap();
    assert_eq!((count, last), (110, 210));
    database.remove().await;
}
