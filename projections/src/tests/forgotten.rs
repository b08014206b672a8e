//! Forgetting while a view is built beside itself: whoever was forgotten stands in no build, neither in rows nor in files, whatever
//! the builder had in memory. Rebuilt is live, erased or not.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Sender, channel};

use decider::{KeyScope, StoredEvent};
use event_store::log::LogReader;
use event_store::projection::rebuild::{Progress, RebuildError, Rebuilt, Workshop};
use event_store::projection::{ProjectionType, read_rows_of};
use events::ContactEvent;
use events::contact::{ContactCreated, ContactEmailAdded, EmailEntry};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::database::Database;
use super::forgetting;
use super::log::{Log, id, sealed};
use super::lookup::planted_bytes;
use crate::lookup::{Lookup, LookupRows, clear_tables, forget, remembered};

/// So many persons, each of whom is forgotten at another moment of a build.
const PERSONS: u128 = 40;
const FIRST: u128 = 1_000;

fn view() -> ProjectionType {
    ProjectionType::of::<Lookup>()
}

/// A rebuild by another process, which stands still at the n-th time it tells how far it is, until it is let go.
struct Rebuilding {
    rebuild: JoinHandle<Result<Rebuilt, RebuildError>>,
    stands: watch::Receiver<bool>,
    go_on: Sender<()>,
}

async fn rebuilding(database: &Database, stand_at: u32) -> Rebuilding {
    let reader = LogReader::new(database.pool.clone());
    let vault = Some(database.another_vault().await);
    // The first batch makes all persons; the second one adds an address to each, with the keys of the first.
    let workshop =
        Workshop::new(reader, database.pool.clone(), vault).in_batches_of(PERSONS as usize);
    let (standing, stands) = watch::channel(false);
    let (go_on, waiting) = channel::<()>();
    let (told, waiting) = (AtomicU32::new(0), Mutex::new(waiting));
    let rebuild = tokio::spawn(async move {
        let tell = move |_: Progress| {
            if told.fetch_add(1, Ordering::Relaxed) == stand_at {
                standing.send_replace(true);
                // Until the other end is dropped.
                let _ = tokio::task::block_in_place(|| waiting.lock().unwrap().recv());
            }
        };
        workshop.rebuild(view(), &tell).await
    });
    Rebuilding { rebuild, stands, go_on }
}

fn name_of(person: u128) -> String {
    format!("Planted{person}x")
}

fn everybody(log: &mut Log) {
    let persons = FIRST..FIRST + PERSONS;
    for person in persons.clone() {
        let scope = KeyScope::person(id(person));
        let address = sealed(&scope, &format!("first@{}.example", name_of(person)));
        let created = ContactCreated {
            name: Some(sealed(&scope, &name_of(person))),
            emails: vec![EmailEntry { no: 1, address }],
            phones: Vec::new(),
        };
        log.add::<ContactEvent>(id(person), created);
    }
    for person in persons {
        let scope = KeyScope::person(id(person));
        let address = sealed(&scope, &format!("second@{}.example", name_of(person)));
        let email = EmailEntry { no: 2, address };
        log.add::<ContactEvent>(id(person), ContactEmailAdded { email });
    }
}

fn key_of(event: &StoredEvent) -> Uuid {
    let payload: serde_json::Value = serde_json::from_slice(&event.payload).unwrap();
    serde_json::from_value(payload["name"]["k"].clone()).unwrap()
}

async fn rows(database: &Database, build: u32) -> LookupRows {
    let mut connection = database.pool.acquire().await.unwrap();
    read_rows_of::<Lookup>(&mut connection, database.ws, &view().at_build(build)).await.unwrap()
}

async fn live(database: &Database) {
    database.projector(view()).catch_up().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_forgotten_at_any_moment_of_a_rebuild_stands_in_no_build_z06() {
    let database = Database::new().await;
    let persons: Vec<Uuid> = (FIRST..FIRST + PERSONS).map(id).collect();
    let mut log = database.log(&persons).await;
    everybody(&mut log);
    let mut known = database.append(&log.events, &[1]).await;
    live(&database).await;
    let reader = LogReader::new(database.pool.clone());
    let shop = Workshop::new(reader, database.pool.clone(), Some(database.vault.clone()));
    let mut gone: Vec<String> = Vec::new();
    for moment in 0.. {
        let person = FIRST + u128::from(moment);
        let mut rebuilding = rebuilding(&database, moment).await;
        if rebuilding.stands.wait_for(|stands| *stands).await.is_err() {
            // It told less often than that: every moment was one of the others.
            let rebuilt = rebuilding.rebuild.await.unwrap().unwrap();
            assert_eq!(rebuilt.differences, []);
            break;
        }
        assert!(person + 1 < FIRST + PERSONS, "a rebuild has fewer moments");
        forgetting::person(&mut log, (person, vec![1, 2]), 2 * person);
        known.extend(database.append(&log.events[known.len()..], &[1]).await);
        let key = key_of(&known[moment as usize]);
        database.vault.destroy_keys(database.ws, &[key]).await.unwrap();
        // The live view may be ahead of this or behind.
        if moment % 2 == 0 {
            live(&database).await;
        }
        let rewritten = forget(&database.pool, database.ws, id(person)).await.unwrap();
        assert_eq!(rewritten.len(), 6, "both builds: {rewritten:?}");
        assert_eq!(remembered(&database.pool, database.ws, id(person)).await.unwrap(), 0);
        gone.push(name_of(person));
        drop(rebuilding.go_on);
        let rebuilt = rebuilding.rebuild.await.unwrap().unwrap();
        assert_eq!(rebuilt.differences, [], "forgotten at moment {moment}");
        assert!(rebuilt.rows_compared > Some(0), "{rebuilt:?}");
        live(&database).await;
        let (present, built) = (rows(&database, 1).await, rows(&database, rebuilt.build).await);
        assert_eq!(present, built);
        assert_eq!(present.people.rows().len() + gone.len(), PERSONS as usize);
        for schema in ["lookup_v2".to_owned(), view().at_build(rebuilt.build).schema_name()] {
            let left = planted_bytes(&database, &schema, &gone).await;
            assert_eq!(left, Vec::<String>::new(), "forgotten at moment {moment}");
        }
        shop.abort(view()).await.unwrap();
        let left = clear_tables(&database.pool).await.unwrap();
        assert_eq!(left.len(), 3, "a build that was given up holds nothing: {left:?}");
    }
    assert!(gone.len() > 8, "a rebuild has more moments: {}", gone.len());
    database.remove().await;
}
