//! Every view, built anew in bulk, holds the rows that the live one holds; and no row is touched by two streams, on which that
//! rests.

use std::collections::HashMap;

use decider::StoredEvent;
use event_store::log::LogReader;
use event_store::projection::rebuild::{Progress, Workshop};
use event_store::projection::{
    MemoryStore, Projection, ProjectionType, Quarantine, RowSet, read_rows_of,
};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use uuid::Uuid;

use super::database::Database;
use super::history::{play, steps};
use super::log::{Log, open_plain};
use super::splits::in_memory;
use crate::audit::Audit;
use crate::drafts::Drafts;
use crate::inbox::Inbox;
use crate::lookup::Lookup;
use crate::registry;
use crate::thread::Thread;
use crate::timeline::Timeline;
use crate::traces::Traces;

fn quiet(_: Progress) {}

fn workshop(database: &Database) -> Workshop {
    let reader = LogReader::new(database.pool.clone());
    let vault = Some(database.vault.clone());
    Workshop::new(reader, database.pool.clone(), vault).in_batches_of(40)
}

async fn holds<P: Projection>(database: &Database, events: &[StoredEvent], build: u32) {
    let build = ProjectionType::of::<P>().at_build(build);
    let mut connection = database.pool.acquire().await.unwrap();
    let rows = read_rows_of::<P>(&mut connection, database.ws, &build).await.unwrap();
    assert_eq!(rows, in_memory::<P>(database, events).await, "{}", P::NAME);
}

/// One long history, the same in every run.
fn history(length: usize) -> Vec<(u8, u8, u8)> {
    let mut runner = TestRunner::deterministic();
    let mut all = Vec::new();
    while all.len() < length {
        all.extend(steps(80).new_tree(&mut runner).unwrap().current());
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn every_view_rebuilt_holds_the_rows_of_the_live_one() {
    let database = Database::new().await;
    let mut log = database.log(&[]).await;
    play(&mut log, &history(400));
    let events = database.append(&log.events, &[3, 1, 7, 2]).await;
    database.catch_up().await;
    let workshop = workshop(&database);
    for projection in registry() {
        let rebuilt = workshop.rebuild(projection, &quiet).await.unwrap();
        assert_eq!(rebuilt.differences, [], "{}", projection.name);
        assert!(rebuilt.rows_compared.is_some(), "{}", projection.name);
    }
    holds::<Inbox>(&database, &events, 2).await;
    holds::<Thread>(&database, &events, 2).await;
    holds::<Timeline>(&database, &events, 2).await;
    holds::<Drafts>(&database, &events, 2).await;
    holds::<Lookup>(&database, &events, 2).await;
    holds::<Audit>(&database, &events, 2).await;
    holds::<Traces>(&database, &events, 2).await;
    for projection in registry() {
        let verified = workshop.verify(projection, &quiet).await.unwrap();
        assert_eq!(verified.differences, [], "{}", projection.name);
    }
    assert_eq!(unlike_indexes(&database).await, Vec::<String>::new());
    assert_eq!(unlike_options(&database).await, Vec::<String>::new());
    database.remove().await;
}

/// Tables of one build that have other options than those of the other one.
async fn unlike_options(database: &Database) -> Vec<String> {
    sqlx::query_scalar(
        "select c.relname::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
           left join pg_class t on t.oid = c.reltoastrelid
          where n.nspname ~ '_v[0-9]+(_b2)?$' and c.relkind = 'r'
          group by regexp_replace(n.nspname, '_b2$', ''), c.relname, c.reloptions, t.reloptions having count(*) <> 2",
    )
    .fetch_all(&database.pool)
    .await
    .unwrap()
}

/// Indexes of one build that the other one does not have.
async fn unlike_indexes(database: &Database) -> Vec<String> {
    sqlx::query_scalar(
        "select indexname::text from pg_indexes where schemaname ~ '_v[0-9]+(_b2)?$'
          group by regexp_replace(schemaname, '_b2$', ''), indexname, regexp_replace(indexdef, '_b2\\.', '.')
          having count(*) <> 2",
    )
    .fetch_all(&database.pool)
    .await
    .unwrap()
}

/// The rows that each stream, folded alone, gives.
fn alone<P: Projection>(log: &Log, owners: &mut HashMap<(usize, Vec<String>), Uuid>) {
    if P::ACROSS_STREAMS {
        return;
    }
    let mut streams: Vec<Uuid> = log.events.iter().map(|event| event.stream).collect();
    streams.sort_unstable();
    streams.dedup();
    for stream in streams {
        let events: Vec<_> =
            log.events.iter().filter(|event| event.stream == stream).cloned().collect();
        let mut store = MemoryStore::<P>::default();
        store.apply_opened(&events, &Quarantine::default(), &mut open_plain::<P>).unwrap();
        let none = P::Rows::default();
        for (index, table) in store.rows().tables().into_iter().enumerate() {
            for key in table.differences(none.tables()[index]) {
                let owner = *owners.entry((index, key.clone())).or_insert(stream);
                assert_eq!(owner, stream, "{}: {key:?} is a row of two streams", P::NAME);
            }
        }
    }
}

#[test]
fn no_row_is_made_by_two_streams_unless_the_view_says_so() {
    let mut log = Log::new();
    play(&mut log, &history(2_000));
    alone::<Inbox>(&log, &mut HashMap::new());
    alone::<Thread>(&log, &mut HashMap::new());
    alone::<Timeline>(&log, &mut HashMap::new());
    alone::<Drafts>(&log, &mut HashMap::new());
    alone::<Audit>(&log, &mut HashMap::new());
    alone::<Traces>(&log, &mut HashMap::new());
    let mut people = HashMap::new();
    alone::<Lookup>(&log, &mut people);
    assert!(people.len() > 5, "the history has people");
}
