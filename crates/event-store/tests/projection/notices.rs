//! Notices that are lost, doubled, late or forged change when a view is folded, never what it holds or how it stands.

use std::time::Duration;

use decider::LogPosition;
use event_store::projection::{Freshness, ProjectionState, ProjectionType, fold_in_memory};
use uuid::Uuid;

use crate::database::{Database, raw};
use crate::following::{LONG, start, start_with, state};
use crate::toy::{NewerToy, Toy, ToyEvent};

type View = Toy<false>;

fn made() -> ToyEvent {
    ToyEvent::Made { label: "a".to_owned() }
}

fn put() -> ToyEvent {
    ToyEvent::Put { count: 1 }
}

#[tokio::test(flavor = "multi_thread")]
async fn doubled_late_and_forged_notices_change_nothing_but_the_wait() {
    let mut database = Database::new().await;
    let (engine, _stop) = start(&database);
    let mut events = database.commit(&[raw(1, &made())]).await.1;
    let ws = database.ws;
    let told = database.recent.clone();
    let mut position = 1_u64;
    for round in 0..4_u64 {
        for _ in 0..3 {
            // Of what was long folded, of what is there, of what never was.
            told.heard_of(ws, LogPosition(position.saturating_sub(1)));
            told.heard_of(ws, LogPosition(position));
            told.heard_of(ws, LogPosition(i64::MAX as u64));
            told.heard_of(ws, LogPosition(u64::MAX));
        }
        // Written elsewhere, and nobody tells.
        events.extend(database.commit(&[raw(1, &put())]).await.1);
        position += 1;
        let waiting = engine.checkpoints().wait(ws, "toy", LogPosition(position), LONG);
        assert_eq!(waiting.await, Freshness::Reached, "round {round}");
        // A position that never was is not waited for without end, and not believed.
        let soon = Duration::from_millis(5);
        let never = engine.checkpoints().wait(ws, "toy", LogPosition(u64::MAX), soon).await;
        assert_eq!(never, Freshness::Stale);
    }
    state(&engine, "toy", ProjectionState::Following).await;
    crate::following::until("the view is not behind", || {
        let statuses = engine.status();
        let view = statuses.iter().find(|status| status.name == "toy").unwrap();
        (view.lag_events, view.head, view.checkpoint)
            == (0, LogPosition(position), LogPosition(position))
    })
    .await;
    assert_eq!(database.rows::<View>().await, fold_in_memory::<View>(&events).unwrap());
    engine.stop().await;
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_that_meets_an_unknown_event_stops_here_and_goes_on_where_it_is_known() {
    let mut database = Database::new().await;
    database.commit(&[raw(1, &made())]).await;
    let (older, _stop) = start(&database);
    state(&older, "toy", ProjectionState::Following).await;
    let newer_type = ProjectionType::of::<NewerToy>();
    let (newer, _stop_newer) = start_with(&database, vec![newer_type]);
    state(&newer, "toy", ProjectionState::Standby).await;
    database.commit(&[(Uuid::from_u128(1), "FromTheFuture", b"{}".to_vec())]).await;
    state(&older, "toy", ProjectionState::Stopped).await;
    let statuses = older.status();
    let stopped = statuses.iter().find(|status| status.name == "toy").unwrap();
    let reason = stopped.reason.as_deref().unwrap();
    assert!(reason.contains("FromTheFuture"), "{reason}");
    assert_eq!((stopped.checkpoint, stopped.quarantined), (LogPosition(1), 0));
    // It left the view to whoever knows more.
    database.commit(&[raw(1, &put())]).await;
    let waiting = newer.checkpoints().wait(database.ws, "toy", LogPosition(3), LONG);
    assert_eq!(waiting.await, Freshness::Reached);
    state(&newer, "toy", ProjectionState::Following).await;
    assert_eq!(database.rows::<View>().await.boxes.rows()[0].count, 1);
    assert!(database.quarantined().await.is_empty());
    newer.stop().await;
    older.stop().await;
    database.remove().await;
}
