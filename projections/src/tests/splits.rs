//! Any split of the log into batches gives identical rows, in memory and in Postgres, for every view.

use decider::StoredEvent;
use event_store::projection::{
    CrashPoint, MemoryStore, Projection, ProjectionType, Quarantine, StepError,
};
use proptest::prelude::*;
use tokio::runtime::Runtime;
use tokio::sync::Mutex;

use super::cases::on_postgres;
use super::database::Database;
use super::history::{play, steps};
use super::log::{Log, open_plain};
use crate::audit::Audit;
use crate::drafts::Drafts;
use crate::inbox::Inbox;
use crate::lookup::Lookup;
use crate::tally::Tally;
use crate::thread::Thread;
use crate::timeline::Timeline;
use crate::traces::Traces;

fn split_in_memory<P: Projection>(events: &[StoredEvent], sizes: &[usize]) -> P::Rows {
    let mut store = MemoryStore::<P>::default();
    let (mut rest, mut sizes) = (events, sizes.iter().cycle());
    while !rest.is_empty() {
        let (now, later) = rest.split_at((*sizes.next().unwrap()).clamp(1, rest.len()));
        store.apply_opened(now, &Quarantine::default(), &mut open_plain::<P>).unwrap();
        rest = later;
    }
    store.into_rows()
}

fn memory_holds<P: Projection>(log: &Log, sizes: &[usize]) {
    assert_eq!(split_in_memory::<P>(&log.events, sizes), log.fold::<P>(), "{}", P::NAME);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn any_split_gives_identical_rows_in_memory(
        steps in steps(80),
        sizes in prop::collection::vec(1..20_usize, 1..12),
    ) {
        let mut log = Log::new();
        play(&mut log, &steps);
        memory_holds::<Inbox>(&log, &sizes);
        memory_holds::<Thread>(&log, &sizes);
        memory_holds::<Timeline>(&log, &sizes);
        memory_holds::<Drafts>(&log, &sizes);
        memory_holds::<Lookup>(&log, &sizes);
        memory_holds::<Tally>(&log, &sizes);
        memory_holds::<Audit>(&log, &sizes);
        memory_holds::<Traces>(&log, &sizes);
    }
}

/// The rows of a view as a fold in memory makes them, opened with the real keys.
pub async fn in_memory<P: Projection>(database: &Database, events: &[StoredEvent]) -> P::Rows {
    let mut keys = Vec::new();
    for event in events.iter().filter(|_| P::OPENS) {
        if let Some(mut data) = P::decode(event).unwrap() {
            let mut see = |_: &str, slot: &mut dyn decider::SealedSlot| {
                keys.extend(slot.cipher().map(|cipher| cipher.key));
            };
            P::visit_sealed(&mut data, &mut see);
        }
    }
    database.vault.load_keys(database.ws, &keys).await.unwrap();
    let mut store = MemoryStore::<P>::default();
    let open = |event: &StoredEvent, field: &str, slot: &mut dyn decider::SealedSlot| {
        if let Some(cipher) = slot.cipher().cloned().filter(|_| P::OPENS) {
            let opened = database
                .vault
                .open_cached(event.ws, event.stream, field, &cipher)
                .unwrap()
                .unwrap();
            let clear = opened.into_option().unwrap();
            slot.set_clear(&clear, decider::KeyScope::person(uuid::Uuid::nil())).unwrap();
        }
    };
    store.apply_opened(events, &Quarantine::default(), &mut { open }).unwrap();
    store.into_rows()
}

/// Folds a view batch by batch, with a crash somewhere in each, and compares.
async fn postgres_holds<P: Projection>(
    database: &Database,
    events: &[StoredEvent],
    sizes: &[usize],
) {
    let mut projector = database.projector(ProjectionType::of::<P>());
    for (round, size) in sizes.iter().cycle().enumerate() {
        projector.set_batch_events(*size);
        match projector.step_until(&CrashPoint::at(round as u32 % 11)).await {
            Ok(None) => break,
            Ok(Some(_)) | Err(StepError::Transient(_)) => {}
            Err(other) => panic!("{}: {other:?}", P::NAME),
        }
    }
    assert!(projector.quarantine().0.is_empty(), "{}", P::NAME);
    let expected = in_memory::<P>(database, events).await;
    assert_eq!(database.rows::<P>().await, expected, "{}", P::NAME);
}

#[test]
fn any_split_and_any_crash_gives_identical_rows_in_postgres() {
    let runtime = Runtime::new().unwrap();
    let database = Mutex::new(runtime.block_on(Database::new()));
    let told = (
        steps(60),
        prop::collection::vec(1..6_usize, 1..8),
        prop::collection::vec(1..30_usize, 1..8),
    );
    let checked = on_postgres(12, file!()).run(&told, |(steps, commits, sizes)| {
        runtime.block_on(async {
            let mut database = database.lock().await;
            database.new_workspace().await;
            let mut log = database.log(&[]).await;
            play(&mut log, &steps);
            let events = database.append(&log.events, &commits).await;
            postgres_holds::<Inbox>(&database, &events, &sizes).await;
            postgres_holds::<Thread>(&database, &events, &sizes).await;
            postgres_holds::<Timeline>(&database, &events, &sizes).await;
            postgres_holds::<Drafts>(&database, &events, &sizes).await;
            postgres_holds::<Lookup>(&database, &events, &sizes).await;
            postgres_holds::<Tally>(&database, &events, &sizes).await;
            postgres_holds::<Audit>(&database, &events, &sizes).await;
            postgres_holds::<Traces>(&database, &events, &sizes).await;
        });
        Ok(())
    });
    checked.unwrap();
    runtime.block_on(database.into_inner().remove());
}
