//! Who is found by what, and that a forgotten person is found by nothing, not even by reading the files.

use decider::KeyScope;
use event_store::projection::{CrashPoint, ProjectionType, StepError};
use events::contact::{
    ContactCreated, ContactEmailAdded, ContactEmailRemoved, ContactErased, ContactRenamed,
    EmailEntry, PhoneEntry,
};
use events::user::{Role, UserAdded, UserDeactivated};
use events::{ContactEvent, ErasureId, UserEvent};
use sqlx::Row;
use uuid::Uuid;

use super::database::Database;
use super::log::{ANNA, Log, id, sealed};
use crate::lookup::{Lookup, PersonKind, by_email, forget, page, people, search};

const CARL: Uuid = id(50);

fn carl() -> ContactCreated {
    let scope = KeyScope::person(CARL);
    ContactCreated {
        name: Some(sealed(&scope, "Carl Čapek-Plantedname")),
        emails: vec![EmailEntry { no: 1, address: sealed(&scope, "Carl@Plantedhost.example") }],
        phones: vec![PhoneEntry { no: 2, number: sealed(&scope, "+49 30 1234567") }],
    }
}

fn people_of(log: &mut Log) {
    let scope = KeyScope::person(ANNA.0);
    let added = UserAdded {
        name: sealed(&scope, "Anna Carlson"),
        email: sealed(&scope, "anna@example.com"),
        role: Role::Agent,
    };
    log.add::<ContactEvent>(CARL, carl()).add::<UserEvent>(ANNA, added);
}

#[test]
fn a_contact_shows_its_name_its_addresses_and_which_is_primary() {
    let (mut log, scope) = (Log::new(), KeyScope::person(CARL));
    let email = EmailEntry { no: 3, address: sealed(&scope, "second@example.org") };
    log.add::<ContactEvent>(CARL, carl()).add::<ContactEvent>(CARL, ContactEmailAdded { email });
    let rows = log.fold::<Lookup>();
    let person = rows.people.rows()[0];
    assert_eq!(
        (person.name.as_deref(), person.primary_email),
        (Some("Carl Čapek-Plantedname"), Some(1))
    );
    assert_eq!(person.emails.0.iter().map(|email| email.no).collect::<Vec<_>>(), [1, 3]);
    log.add::<ContactEvent>(CARL, ContactEmailRemoved { no: 1 });
    let rows = log.fold::<Lookup>();
    assert_eq!(rows.people.rows()[0].primary_email, Some(3));
    assert_eq!(
        rows.emails.rows().iter().map(|row| row.address.as_str()).collect::<Vec<_>>(),
        ["second@example.org"]
    );
}

#[test]
fn who_was_erased_is_taken_out_as_a_whole_z06() {
    let mut log = Log::new();
    log.add::<ContactEvent>(CARL, carl())
        .add::<ContactEvent>(CARL, ContactErased { erasure: ErasureId(id(900)), emails: vec![1] });
    let rows = log.fold::<Lookup>();
    assert!(rows.people.rows().is_empty() && rows.emails.rows().is_empty());
    assert!(rows.terms.rows().is_empty());
}

#[test]
fn a_new_name_replaces_the_words_of_the_old_one() {
    let mut log = Log::new();
    let to = Some(sealed(&KeyScope::person(CARL), "Dora"));
    log.add::<ContactEvent>(CARL, carl())
        .add::<ContactEvent>(CARL, ContactRenamed { from: None, to });
    let rows = log.fold::<Lookup>();
    let terms: Vec<_> = rows.terms.rows().iter().map(|row| row.term.clone()).collect();
    assert!(
        terms.contains(&"dora".to_owned()) && !terms.iter().any(|term| term.contains("čapek")),
        "{terms:?}"
    );
}

#[tokio::test]
async fn people_are_found_by_words_of_their_name_address_or_number() {
    let database = Database::new().await;
    let mut log = database.log(&[CARL, ANNA.0]).await;
    people_of(&mut log);
    log.add::<UserEvent>(ANNA, UserDeactivated {});
    database.append(&log.events, &[2]).await;
    database.catch_up().await;
    let (pool, ws) = (&database.pool, database.ws);
    let found = |query: &'static str, kind| async move {
        let people = search(pool, ws, query, kind, 10).await.unwrap();
        people.into_iter().map(|person| person.person).collect::<Vec<_>>()
    };
    assert_eq!(found("carl", None).await, [CARL, ANNA.0], "active ones first");
    assert_eq!(found("CARL", Some(PersonKind::User)).await, [ANNA.0]);
    assert_eq!(found("planted carl", None).await, [CARL]);
    assert_eq!(found("carl@planted", None).await, [CARL]);
    assert_eq!(found("4930123", None).await, [CARL]);
    assert_eq!(found("arl", None).await, Vec::<Uuid>::new());
    assert_eq!(found("%", None).await, Vec::<Uuid>::new());
    assert_eq!(by_email(pool, ws, " CARL@plantedhost.example").await.unwrap()[0].person, CARL);
    let known = people(pool, ws, &[ANNA.0, id(999), CARL]).await.unwrap();
    assert_eq!(known.iter().map(|person| person.person).collect::<Vec<_>>(), [ANNA.0, CARL]);
    database.remove().await;
}

#[test]
fn a_person_stands_in_lists_by_name_and_without_one_by_address() {
    let sorted_by = |log: &Log| log.fold::<Lookup>().people.rows()[0].sort_name.clone();
    let mut log = Log::new();
    log.add::<ContactEvent>(CARL, carl());
    assert_eq!(sorted_by(&log), "carl čapek-plantedname");
    log.add::<ContactEvent>(CARL, ContactRenamed { from: None, to: None });
    assert_eq!(sorted_by(&log), "carl@plantedhost.example");
}

#[tokio::test]
async fn people_of_one_kind_are_listed_by_name_page_after_page() {
    let database = Database::new().await;
    let ids: Vec<Uuid> = (50..57).map(id).collect();
    let mut log = database.log(&[&ids[..], &[ANNA.0]].concat()).await;
    people_of(&mut log);
    // One name twice, one contact without any name or address.
    let names = [Some("Ödön"), Some("bert"), Some("Bert"), None, Some("Zoe"), Some("anna")];
    for (contact, name) in ids[1..].iter().zip(names) {
        let name = name.map(|name| sealed(&KeyScope::person(*contact), name));
        let created = ContactCreated { name, emails: Vec::new(), phones: Vec::new() };
        log.add::<ContactEvent>(*contact, created);
    }
    database.append(&log.events, &[3]).await;
    database.catch_up().await;
    let (pool, ws) = (&database.pool, database.ws);
    let listed = |kind, limit: usize| async move {
        let (mut listed, mut after) = (Vec::new(), None::<(String, Uuid)>);
        loop {
            let place = after.as_ref().map(|(name, person)| (name.as_str(), *person));
            let mut rows =
                page(pool, ws, kind, place, u32::try_from(limit).unwrap()).await.unwrap();
            let more = rows.len() > limit;
            rows.truncate(limit);
            after = rows.last().map(|row| (row.sort_name.clone(), row.person));
            listed.extend(rows.into_iter().map(|row| row.person));
            if !more {
                return listed;
            }
        }
    };
    let whole = listed(PersonKind::Contact, 200).await;
    assert_eq!(whole.len(), ids.len());
    let place = |who: Uuid| whole.iter().position(|person| *person == who).unwrap();
    assert_eq!((place(ids[4]), place(ids[6]), place(ids[2]), place(ids[3])), (0, 1, 2, 3));
    for limit in 1..=8 {
        assert_eq!(listed(PersonKind::Contact, limit).await, whole, "{limit} a page");
    }
    assert_eq!(listed(PersonKind::User, 1).await, [ANNA.0]);
    database.remove().await;
}

#[tokio::test]
async fn a_forgotten_person_is_found_neither_by_a_query_nor_in_the_files() {
    let database = Database::new().await;
    let mut log = database.log(&[CARL, ANNA.0]).await;
    people_of(&mut log);
    let events = database.append(&log.events, &[1]).await;
    let mut projector = database.projector(ProjectionType::of::<Lookup>());
    projector.catch_up().await.unwrap();
    // A batch about the person is on its way while they are forgotten.
    let to = Some(sealed(&KeyScope::person(CARL), "Carl Plantedlater"));
    log.add::<ContactEvent>(CARL, ContactRenamed { from: None, to });
    database.append(&log.events[2..], &[1]).await;
    let key = serde_json::from_slice::<serde_json::Value>(&events[0].payload).unwrap()["name"]["k"]
        .clone();
    let key: Uuid = serde_json::from_value(key).unwrap();
    database.vault.destroy_keys(database.ws, &[key]).await.unwrap();
    // Somebody holds an old snapshot: a backup, a report.
    let mut reader = database.pool.begin().await.unwrap();
    sqlx::raw_sql("set transaction isolation level repeatable read; select 1")
        .execute(&mut *reader)
        .await
        .unwrap();
    forget(&database.pool, database.ws, CARL).await.unwrap();
    assert!(matches!(projector.step_until(&CrashPoint::never()).await, Err(StepError::Fenced)));
    projector.catch_up().await.unwrap();
    let rows = database.rows::<Lookup>().await;
    let carl = rows.people.rows().into_iter().find(|person| person.person == CARL).unwrap();
    assert_eq!((carl.name.as_deref(), carl.emails.0.len()), (None, 0));
    assert_eq!(search(&database.pool, database.ws, "carl", None, 10).await.unwrap().len(), 1);
    let planted = ["planted".to_owned()];
    assert_eq!(planted_bytes(&database, "lookup_v2", &planted).await, Vec::<String>::new());
    drop(reader);
    database.remove().await;
}

/// The files of tables and indexes of a build in which one of these words stands.
pub async fn planted_bytes(database: &Database, schema: &str, words: &[String]) -> Vec<String> {
    sqlx::query("checkpoint").execute(&database.pool).await.unwrap();
    let files = sqlx::query(
        "select c.relname::text, pg_relation_filepath(c.oid) from pg_class as c \
         where c.relnamespace = $1::regnamespace and pg_relation_filepath(c.oid) is not null",
    )
    .bind(schema)
    .fetch_all(&database.pool)
    .await
    .unwrap();
    assert!(files.len() > 5, "{schema} has tables and indexes");
    let mut found = Vec::new();
    for file in files {
        let (name, path): (String, String) = (file.get(0), file.get(1));
        let bytes: Vec<u8> = sqlx::query_scalar("select pg_read_binary_file($1)")
            .bind(path)
            .fetch_one(&database.pool)
            .await
            .unwrap();
        // What is no text becomes a mark; the words are found as they stand.
        let text = String::from_utf8_lossy(&bytes.to_ascii_lowercase()).into_owned();
        let standing = words.iter().filter(|word| text.contains(&word.to_ascii_lowercase()));
        found.extend(standing.map(|word| format!("{word} in {schema}.{name}")));
    }
    found
}
