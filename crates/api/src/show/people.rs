//! Names beside ids: users from the directory, contacts from the view for people or, where that does not know them, from
//! their streams. Each kind is one query, however many there are.

use std::collections::{BTreeSet, HashMap};

use commands::contact::{Contact, LiveContact};
use decider::{Actor, ActorKind, EventMeta, LogPosition, State, Version};
use events::contact::email_field;
use events::{ContactEvent, ContactId, UserId, decode_stored};
use projections::lookup::{self, PersonRow};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::properties::key_of;
use crate::app::App;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::opened::{Erased, Shown, open};

/// A user, as others see them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct UserShown {
    /// The id.
    pub id: Uuid,
    /// The name.
    pub name: Option<Shown<String>>,
}

/// A contact, as lists and sidebars show them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ContactShown {
    /// The id.
    pub id: Uuid,
    /// The name, if known.
    pub name: Option<Shown<String>>,
    /// The address to write to, if there is one.
    pub email: Option<Shown<String>>,
}

/// Who did something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ActorShown {
    /// `user`, `contact`, `channel`, `policy` or `system`.
    pub kind: &'static str,
    /// The id; null for the system.
    pub id: Option<Uuid>,
    /// The name, if known.
    pub name: Option<Shown<String>>,
}

/// Whose names are wanted.
#[derive(Default)]
pub struct Wanted {
    users: BTreeSet<Uuid>,
    contacts: BTreeSet<Uuid>,
}

/// The names that were wanted.
#[derive(Default)]
pub struct People {
    users: HashMap<Uuid, Shown<String>>,
    contacts: HashMap<Uuid, ContactShown>,
    channels: HashMap<Uuid, String>,
}

impl Wanted {
    pub fn user(&mut self, id: impl Into<Uuid>) {
        self.users.insert(id.into());
    }

    pub fn contact(&mut self, id: impl Into<Uuid>) {
        self.contacts.insert(id.into());
    }

    pub fn actor(&mut self, actor: Actor) {
        match actor.kind {
            ActorKind::User => self.user(actor.id),
            ActorKind::Contact => self.contact(actor.id),
            ActorKind::Channel | ActorKind::Policy | ActorKind::System => {}
        }
    }

    /// The names as views know them: for lists.
    pub async fn find(self, app: &App, caller: &Caller) -> Result<People, ApiError> {
        let mut people = self.without_contacts(app, caller).await?;
        let ids = Vec::from_iter(self.contacts);
        let rows = lookup::people(app.views(), caller.ws, &ids).await?;
        people.contacts = rows.into_iter().map(|row| (row.person, listed(row))).collect();
        let missing: Vec<Uuid> =
            ids.into_iter().filter(|id| !people.contacts.contains_key(id)).collect();
        people.contacts.extend(folded(app, caller, &missing).await?);
        Ok(people)
    }

    /// The names as the log knows them: for one ticket, which is always current.
    pub async fn find_current(self, app: &App, caller: &Caller) -> Result<People, ApiError> {
        let mut people = self.without_contacts(app, caller).await?;
        people.contacts = folded(app, caller, &Vec::from_iter(self.contacts)).await?;
        Ok(people)
    }

    async fn without_contacts(&self, app: &App, caller: &Caller) -> Result<People, ApiError> {
        let directory = app.directory(caller.ws).await?;
        let known = self.users.iter().filter_map(|id| Some((*id, directory.user(UserId(*id))?)));
        let known: Vec<_> = known.collect();
        let keys: Vec<Uuid> = known.iter().filter_map(|(_, user)| key_of(&user.name)).collect();
        app.vault().load_keys(caller.ws, &keys).await?;
        let mut people = People::default();
        for (id, user) in known {
            people.users.insert(id, open(app, caller, id, "name", &user.name).await?);
        }
        let channels = directory.channels().map(|(id, channel)| (id.0, channel.name.clone()));
        people.channels = channels.collect();
        Ok(people)
    }
}

impl People {
    pub fn user(&self, id: Uuid) -> UserShown {
        UserShown { id, name: self.users.get(&id).cloned() }
    }

    pub fn contact(&self, id: Uuid) -> ContactShown {
        let known = self.contacts.get(&id).cloned();
        known.unwrap_or(ContactShown { id, name: None, email: None })
    }

    pub fn actor(&self, actor: Actor) -> ActorShown {
        let name = match actor.kind {
            ActorKind::User => self.users.get(&actor.id).cloned(),
            ActorKind::Contact => self
                .contacts
                .get(&actor.id)
                .and_then(|contact| contact.name.clone().or_else(|| contact.email.clone())),
            ActorKind::Channel => self.channels.get(&actor.id).cloned().map(Shown::Open),
            ActorKind::Policy => Some(Shown::Open("Automation".to_owned())),
            ActorKind::System => Some(Shown::Open("Ledgerdesk".to_owned())),
        };
        let id = (actor.kind != ActorKind::System).then_some(actor.id);
        ActorShown { kind: actor.kind.as_str(), id, name }
    }

    #[cfg(test)]
    pub fn for_tests(users: &[(Uuid, &str)], contacts: &[(Uuid, &str)]) -> Self {
        let shown = |name: &str| Shown::Open(name.to_owned());
        let contact = |(id, name): &(Uuid, &str)| {
            (*id, ContactShown { id: *id, name: Some(shown(name)), email: None })
        };
        Self {
            users: users.iter().map(|(id, name)| (*id, shown(name))).collect(),
            contacts: contacts.iter().map(contact).collect(),
            channels: HashMap::new(),
        }
    }
}

fn listed(row: PersonRow) -> ContactShown {
    let email = row.emails.0.iter().find(|email| Some(email.no) == row.primary_email);
    ContactShown {
        id: row.person,
        name: row.name.map(Shown::Open),
        email: email.map(|email| Shown::Open(email.value.clone())),
    }
}

/// Contacts folded from their streams: one query for the events and one for the keys.
pub async fn contacts(
    app: &App,
    caller: &Caller,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, (LiveContact, Version)>, ApiError> {
    contacts_until(app, caller, ids, None).await
}

/// The same as they were at a place in the log.
pub async fn contacts_until(
    app: &App,
    caller: &Caller,
    ids: &[Uuid],
    until: Option<LogPosition>,
) -> Result<HashMap<Uuid, (LiveContact, Version)>, ApiError> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let wanted: Vec<(Uuid, Version)> = ids.iter().map(|id| (*id, 0)).collect();
    let mut states: HashMap<Uuid, (Contact, Version)> = HashMap::new();
    for stored in app.reader().streams(caller.ws, &wanted).await? {
        if stored.kind != "contact" || until.is_some_and(|until| stored.position > until) {
            continue;
        }
        let meta = EventMeta {
            version: stored.version,
            occurred_at: stored.occurred_at,
            actor: stored.actor,
        };
        let event: ContactEvent = decode_stored(&stored).map_err(ApiError::failed)?;
        let (state, version) = states.entry(stored.stream).or_default();
        state.evolve(&event, &meta);
        *version = stored.version;
    }
    let live = states.into_iter();
    Ok(live
        .filter_map(|(id, (state, version))| Some((id, (state.live()?.clone(), version))))
        .collect())
}

async fn folded(
    app: &App,
    caller: &Caller,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, ContactShown>, ApiError> {
    let found = contacts(app, caller, ids).await?;
    let sealed = found.values().flat_map(|(contact, _)| {
        contact.name.as_ref().into_iter().chain(contact.primary().map(|email| &email.address))
    });
    let keys: Vec<Uuid> = sealed.filter_map(key_of).collect();
    app.vault().load_keys(caller.ws, &keys).await?;
    let mut shown = HashMap::with_capacity(found.len());
    for (id, (contact, _)) in found {
        let name = match &contact.name {
            Some(name) => Some(open(app, caller, id, "name", name).await?),
            None => None,
        };
        let email = match contact.primary() {
            Some(email) => {
                Some(open(app, caller, id, &email_field(email.no), &email.address).await?)
            }
            None => None,
        };
        shown.insert(id, ContactShown { id, name, email });
    }
    Ok(shown)
}

/// What stands for a person in a sentence.
pub fn spoken(name: Option<&Shown<String>>) -> &str {
    match name {
        Some(Shown::Open(name)) => name,
        Some(Shown::Erased(Erased { .. })) => "somebody whose data were erased",
        None => "somebody",
    }
}

/// A contact in a sentence: by name, else by address.
pub fn spoken_contact(people: &People, id: ContactId) -> String {
    let contact = people.contact(id.0);
    spoken(contact.name.as_ref().or(contact.email.as_ref())).to_owned()
}
