//! What happens when an event cannot be folded, another owner went on, or the log is not the same any more.

use event_store::projection::{
    ProjectionType, Projector, Quarantine, StepError, StopReason, fold_in_memory,
};
use uuid::Uuid;

use crate::database::{Database, raw};
use crate::toy::{Toy, ToyEvent};

type View = Toy<false>;

fn made() -> ToyEvent {
    ToyEvent::Made { label: "a".to_owned() }
}

fn put() -> ToyEvent {
    ToyEvent::Put { count: 1 }
}

#[tokio::test]
async fn a_poison_event_quarantines_its_stream_from_there_on_and_no_other() {
    for poison in [ToyEvent::Broken, ToyEvent::Panics, ToyEvent::TooLong, made()] {
        let mut database = Database::new().await;
        database.commit(&[raw(1, &made()), raw(2, &made()), raw(3, &made()), raw(1, &put())]).await;
        database.commit(&[raw(2, &put()), raw(1, &poison), raw(1, &put()), raw(3, &put())]).await;
        let mut projector = database.projector();
        projector.catch_up().await.unwrap();
        database.commit(&[raw(1, &put()), raw(2, &put())]).await;
        projector.catch_up().await.unwrap();
        // A new owner knows what the old one left out.
        database.commit(&[raw(1, &put()), raw(2, &put())]).await;
        let mut next = database.projector();
        next.catch_up().await.unwrap();
        assert_eq!(next.quarantine(), &Quarantine([(Uuid::from_u128(1), 6)].into()));
        let rows = database.rows::<View>().await;
        let counts: Vec<i64> = rows.boxes.rows().iter().map(|row| row.count).collect();
        assert_eq!(counts, [1, 3, 1], "{poison:?}");
        assert_eq!(database.quarantined().await.len(), 1);
        database.remove().await;
    }
}

#[tokio::test]
async fn a_payload_that_cannot_be_read_quarantines_its_stream_without_quoting_it() {
    let mut database = Database::new().await;
    let secret = br#"{"t":"put","count":"a secret"}"#.to_vec();
    database.commit(&[raw(1, &made()), (Uuid::from_u128(1), "Toy", secret), raw(2, &made())]).await;
    database.projector().catch_up().await.unwrap();
    let quarantined = database.quarantined().await;
    assert_eq!((quarantined[0].0, quarantined[0].1), (Uuid::from_u128(1), 2));
    assert!(!quarantined[0].2.contains("secret"), "{}", quarantined[0].2);
    assert_eq!(database.rows::<View>().await.boxes.rows().len(), 2);
    database.remove().await;
}

#[tokio::test]
async fn a_view_that_sums_over_streams_stops_instead() {
    let mut database = Database::new().await;
    database.commit(&[raw(1, &made()), raw(2, &ToyEvent::Broken)]).await;
    let mut projector =
        Projector::new(database.parts(), ProjectionType::of::<Toy<true>>(), database.ws);
    let stopped = projector.catch_up().await.unwrap_err();
    assert!(matches!(stopped, StepError::Stopped(StopReason::Data(_))), "{stopped:?}");
    assert!(database.rows::<Toy<true>>().await.boxes.rows().is_empty());
    database.remove().await;
}

#[tokio::test]
async fn an_event_of_an_unknown_type_stops_the_view_before_it_and_quarantines_nothing() {
    let mut database = Database::new().await;
    database.commit(&[raw(1, &made())]).await;
    database.commit(&[(Uuid::from_u128(2), "FromTheFuture", b"{}".to_vec())]).await;
    let mut projector = database.projector();
    projector.set_batch_events(1);
    let stopped = projector.catch_up().await.unwrap_err();
    assert!(matches!(stopped, StepError::Stopped(StopReason::UnknownType(_))), "{stopped:?}");
    assert_eq!(database.rows::<View>().await.boxes.rows().len(), 1);
    assert!(database.quarantined().await.is_empty());
    database.remove().await;
}

#[tokio::test]
async fn an_owner_that_was_overtaken_changes_nothing() {
    let mut database = Database::new().await;
    let mut events = database.commit(&[raw(1, &made())]).await.1;
    let (mut zombie, mut owner) = (database.projector(), database.projector());
    zombie.catch_up().await.unwrap();
    events.extend(database.commit(&[raw(1, &put())]).await.1);
    owner.catch_up().await.unwrap();
    assert!(matches!(zombie.step().await, Err(StepError::Fenced)));
    assert_eq!(database.rows::<View>().await, fold_in_memory::<View>(&events).unwrap());
    // It reads its checkpoint again, and goes on from there.
    events.extend(database.commit(&[raw(1, &put())]).await.1);
    zombie.catch_up().await.unwrap();
    assert_eq!(database.rows::<View>().await, fold_in_memory::<View>(&events).unwrap());
    database.remove().await;
}

#[tokio::test]
async fn an_owner_that_was_overtaken_by_far_changes_nothing_either() {
    let mut database = Database::new().await;
    let mut events = database.commit(&[raw(1, &made())]).await.1;
    let (mut zombie, mut owner) = (database.projector(), database.projector());
    zombie.catch_up().await.unwrap();
    // Old checkpoints are pruned: the one that would have met the zombie's is gone.
    for _ in 0..250 {
        events.extend(database.commit(&[raw(1, &put())]).await.1);
        owner.step().await.unwrap();
        owner.set_batch_events(1);
    }
    assert!(owner.checkpoint().unwrap().seq > 200);
    assert!(matches!(zombie.step().await, Err(StepError::Fenced)));
    assert_eq!(database.rows::<View>().await, fold_in_memory::<View>(&events).unwrap());
    zombie.catch_up().await.unwrap();
    assert_eq!(database.rows::<View>().await, fold_in_memory::<View>(&events).unwrap());
    database.remove().await;
}

/// The rows and their checkpoint do not wait for the disk: a crash of the database takes the newest back.
#[tokio::test]
async fn an_owner_whose_checkpoint_was_lost_in_a_crash_does_not_go_on_from_it() {
    let mut database = Database::new().await;
    let mut events = database.commit(&[raw(1, &made()), raw(1, &put())]).await.1;
    let mut projector = database.projector();
    projector.catch_up().await.unwrap();
    events.extend(database.commit(&[raw(2, &made()), raw(2, &put())]).await.1);
    projector.catch_up().await.unwrap();
    database.run("delete from proj.checkpoint where seq = 2").await;
    database
        .run("delete from toy_v3.toy_box where id = '00000000-0000-0000-0000-000000000002'")
        .await;
    events.extend(database.commit(&[raw(1, &put())]).await.1);
    assert!(matches!(projector.step().await, Err(StepError::Fenced)));
    projector.catch_up().await.unwrap();
    assert_eq!(database.rows::<View>().await, fold_in_memory::<View>(&events).unwrap());
    database.remove().await;
}

#[tokio::test]
async fn a_rewound_log_stops_the_view() {
    for sql in [
        "delete from es.commit where no = 2",
        "update es.commit set hash = sha256('another') where no = 2",
    ] {
        let mut database = Database::new().await;
        database.commit(&[raw(1, &made())]).await;
        database.commit(&[raw(2, &made())]).await;
        let mut projector = database.projector();
        projector.catch_up().await.unwrap();
        database.run(sql).await;
        let stopped = projector.step().await.unwrap_err();
        assert!(
            matches!(stopped, StepError::Stopped(StopReason::Rewound { commit: 2 })),
            "{stopped:?}"
        );
        database.remove().await;
    }
}

#[tokio::test]
async fn events_that_are_missing_from_their_commit_stop_the_view() {
    let mut database = Database::new().await;
    database.commit(&[raw(1, &made()), raw(2, &made())]).await;
    database.run("delete from es.event where pos = 1").await;
    let stopped = database.projector().catch_up().await.unwrap_err();
    assert!(matches!(stopped, StepError::Stopped(StopReason::Log(_))), "{stopped:?}");
    database.remove().await;
}

#[tokio::test]
async fn tables_of_another_form_stop_the_view() {
    let mut database = Database::new().await;
    database.commit(&[raw(1, &made())]).await;
    database.run("alter table toy_v3.toy_box drop column small").await;
    let stopped = database.projector().catch_up().await.unwrap_err();
    assert!(matches!(stopped, StepError::Stopped(StopReason::Tables(_))), "{stopped:?}");
    database.remove().await;
}
