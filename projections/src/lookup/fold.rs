//! The fold of people. Sealed fields come opened, except those that were forgotten.

use decider::{DecodeError, Sealed, SealedSlot, StoredEvent};
use event_store::projection::{ApplyError, Json, Keys, Projection, Stored};
use event_store::row_set;
use events::contact::{EmailEntry, EntryNo};
use events::{ContactEvent, UserEvent, decode_stored};
use uuid::Uuid;

use super::terms::{TERMS_MAX, address, normalised, terms_of};
use super::{EmailRow, Entry, PersonRow, TermRow};
use crate::kinds::passed_over;

/// A user has one address; it has no number in the events.
const USER_EMAIL: i32 = 0;

row_set! {
    /// The tables of people.
    pub struct LookupRows { people: PersonRow, emails: EmailRow, terms: TermRow }
}

/// People in clear text.
pub struct Lookup;

/// What it is made of.
#[derive(Debug)]
pub enum LookupEvent {
    /// Of a contact.
    Contact(ContactEvent),
    /// Of a user.
    User(UserEvent),
}

impl Projection for Lookup {
    const NAME: &'static str = "lookup";
    const VERSION: u32 = 2;
    const SCHEMA: &'static str = include_str!("schema.sql");
    const OPENS: bool = true;
    type Event = LookupEvent;
    type Rows = LookupRows;

    fn decode(stored: &StoredEvent) -> Result<Option<LookupEvent>, DecodeError> {
        match stored.kind.as_str() {
            "contact" => decode_stored(stored).map(|event| Some(LookupEvent::Contact(event))),
            "user" => decode_stored(stored).map(|event| Some(LookupEvent::User(event))),
            _ => passed_over(stored),
        }
    }

    fn visit_sealed(event: &mut LookupEvent, visit: &mut dyn FnMut(&str, &mut dyn SealedSlot)) {
        use decider::Event;
        match event {
            LookupEvent::Contact(contact) => contact.visit_sealed(visit),
            LookupEvent::User(user) => user.visit_sealed(visit),
        }
    }

    fn keys(event: &Stored<'_, LookupEvent>, keys: &mut Keys<'_>) {
        let person = event.stream;
        keys.row::<PersonRow>(person);
        (0..TERMS_MAX).for_each(|slot| keys.row::<TermRow>((person, slot)));
        for no in emails_of(event.data) {
            keys.row::<EmailRow>((person, no));
        }
    }

    fn apply(event: &Stored<'_, LookupEvent>, rows: &mut LookupRows) -> Result<(), ApplyError> {
        let kind = match event.data {
            LookupEvent::Contact(_) => "contact",
            LookupEvent::User(_) => "user",
        };
        if let LookupEvent::Contact(ContactEvent::Erased(erased)) = event.data {
            return take_out(event.stream, &erased.emails, rows);
        }
        // A person may have been taken out meanwhile; what is said of them later begins a new row.
        let person = rows.people.get(&event.stream)?.cloned();
        let mut person = person.unwrap_or_else(|| unknown(event.stream, kind));
        match event.data {
            LookupEvent::Contact(contact) => change_contact(contact, &mut person, rows)?,
            LookupEvent::User(user) => change_user(user, &mut person, rows)?,
        }
        person.sort_name = sort_name(&person);
        write_terms(&person, rows)?;
        rows.people.put(person)
    }
}

fn unknown(person: Uuid, kind: &str) -> PersonRow {
    PersonRow {
        person,
        kind: kind.to_owned(),
        name: None,
        sort_name: String::new(),
        emails: Json(Vec::new()),
        phones: Json(Vec::new()),
        primary_email: None,
        active: true,
    }
}

fn change_contact(
    event: &ContactEvent,
    person: &mut PersonRow,
    rows: &mut LookupRows,
) -> Result<(), ApplyError> {
    match event {
        ContactEvent::Created(created) => {
            person.name = created.name.as_ref().and_then(clear);
            created.emails.iter().try_for_each(|email| add_email(email, person, rows))?;
            created.phones.iter().for_each(|phone| add_phone(phone.no, &phone.number, person));
        }
        ContactEvent::Renamed(renamed) => person.name = renamed.to.as_ref().and_then(clear),
        ContactEvent::EmailAdded(added) => add_email(&added.email, person, rows)?,
        ContactEvent::EmailRemoved(removed) => {
            let no = number(removed.no);
            person.emails.0.retain(|email| email.no != no);
            rows.emails.remove(&(person.person, no))?;
            if person.primary_email == Some(no) {
                person.primary_email = person.emails.0.iter().map(|email| email.no).min();
            }
        }
        ContactEvent::EmailMadePrimary(made) => person.primary_email = Some(number(made.to)),
        ContactEvent::PhoneAdded(added) => add_phone(added.phone.no, &added.phone.number, person),
        ContactEvent::PhoneRemoved(removed) => {
            person.phones.0.retain(|phone| phone.no != number(removed.no));
        }
        // Taken out as a whole.
        ContactEvent::Erased(_) => {}
    }
    Ok(())
}

fn take_out(person: Uuid, emails: &[EntryNo], rows: &mut LookupRows) -> Result<(), ApplyError> {
    rows.people.remove(&person)?;
    emails.iter().try_for_each(|no| rows.emails.remove(&(person, number(*no))))?;
    (0..TERMS_MAX).try_for_each(|slot| rows.terms.remove(&(person, slot)))
}

fn change_user(
    event: &UserEvent,
    person: &mut PersonRow,
    rows: &mut LookupRows,
) -> Result<(), ApplyError> {
    match event {
        UserEvent::Added(added) => {
            person.name = clear(&added.name);
            write_email(USER_EMAIL, &added.email, person, rows)?;
        }
        UserEvent::Renamed(renamed) => person.name = clear(&renamed.to),
        UserEvent::Deactivated(_) => person.active = false,
        UserEvent::Reactivated(_) => person.active = true,
        UserEvent::RoleChanged(_)
        | UserEvent::PasswordSet(_)
        | UserEvent::TokenCreated(_)
        | UserEvent::TokenRevoked(_) => {}
    }
    Ok(())
}

fn add_email(
    email: &EmailEntry,
    person: &mut PersonRow,
    rows: &mut LookupRows,
) -> Result<(), ApplyError> {
    write_email(number(email.no), &email.address, person, rows)
}

fn write_email(
    no: i32,
    sealed: &Sealed<String>,
    person: &mut PersonRow,
    rows: &mut LookupRows,
) -> Result<(), ApplyError> {
    person.primary_email = person.primary_email.or(Some(no));
    let Some(value) = clear(sealed) else { return Ok(()) };
    rows.emails.put(EmailRow { person: person.person, no, address: address(&value) })?;
    person.emails.0.push(Entry { no, value });
    Ok(())
}

fn add_phone(no: u32, sealed: &Sealed<String>, person: &mut PersonRow) {
    if let Some(value) = clear(sealed) {
        person.phones.0.push(Entry { no: number(no), value });
    }
}

fn write_terms(person: &PersonRow, rows: &mut LookupRows) -> Result<(), ApplyError> {
    let mut terms = terms_of(person).into_iter();
    for slot in 0..TERMS_MAX {
        match terms.next() {
            Some(term) => rows.terms.put(TermRow { person: person.person, slot, term })?,
            None => rows.terms.remove(&(person.person, slot))?,
        }
    }
    Ok(())
}

fn sort_name(person: &PersonRow) -> String {
    let address = || person.emails.0.first().map(|email| email.value.as_str());
    // An index entry has a limit.
    person
        .name
        .as_deref()
        .or_else(address)
        .map(normalised)
        .unwrap_or_default()
        .chars()
        .take(200)
        .collect()
}

/// The addresses whose rows an event touches.
fn emails_of(event: &LookupEvent) -> Vec<i32> {
    match event {
        LookupEvent::Contact(ContactEvent::Created(created)) => {
            created.emails.iter().map(|email| number(email.no)).collect()
        }
        LookupEvent::Contact(ContactEvent::EmailAdded(added)) => vec![number(added.email.no)],
        LookupEvent::Contact(ContactEvent::EmailRemoved(removed)) => vec![number(removed.no)],
        LookupEvent::Contact(ContactEvent::Erased(erased)) => {
            erased.emails.iter().map(|no| number(*no)).collect()
        }
        LookupEvent::User(UserEvent::Added(_)) => vec![USER_EMAIL],
        LookupEvent::Contact(
            ContactEvent::Renamed(_)
            | ContactEvent::EmailMadePrimary(_)
            | ContactEvent::PhoneAdded(_)
            | ContactEvent::PhoneRemoved(_),
        )
        | LookupEvent::User(
            UserEvent::Renamed(_)
            | UserEvent::RoleChanged(_)
            | UserEvent::Deactivated(_)
            | UserEvent::Reactivated(_)
            | UserEvent::PasswordSet(_)
            | UserEvent::TokenCreated(_)
            | UserEvent::TokenRevoked(_),
        ) => Vec::new(),
    }
}

fn clear(sealed: &Sealed<String>) -> Option<String> {
    sealed.clear().map(|text| text.replace('\0', ""))
}

fn number(no: u32) -> i32 {
    i32::try_from(no).unwrap_or(i32::MAX)
}
