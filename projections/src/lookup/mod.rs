//! People in clear text, for pickers and for finding by address. A declared exception from "views stay sealed": [`forget`]
//! takes a person out and rewrites the storage.

mod fold;
mod forget;
mod queries;
mod terms;

pub use fold::{Lookup, LookupEvent, LookupRows};
pub use forget::{clear_tables, forget, remembered};
pub use queries::{PersonKind, by_email, page, people, search};

use event_store::projection::Json;
use event_store::row;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// An address or number of a person.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Which one.
    pub no: i32,
    /// As it was written.
    pub value: String,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: ***", self.no)
    }
}

row! {
    /// One contact or user. What was forgotten is missing.
    pub struct PersonRow in "lookup_person" {
        key { person: Uuid }
        /// `contact` or `user`.
        kind: String,
        name: Option<String>,
        /// What lists are sorted by: the name, else an address, in lower case.
        sort_name: String,
        emails: Json<Vec<Entry>>,
        phones: Json<Vec<Entry>>,
        /// Number of the address to write to.
        primary_email: Option<i32>,
        /// Whether a user may sign in; always true for a contact.
        active: bool,
    }
}

row! {
    /// One address, normalised.
    pub struct EmailRow in "lookup_email" {
        key { person: Uuid, no: i32 }
        address: String,
    }
}

row! {
    /// One word by which a person is found. A person has a fixed number of places for words, so that an event alone tells which
    /// rows it may touch.
    pub struct TermRow in "lookup_term" {
        key { person: Uuid, slot: i16 }
        term: String,
    }
}
