//! Names beside ids: users from the directory, contacts from the view for people or, where that does not know them, from
//! their streams. Each kind is one query, however many there are.

use std::collections::{BTreeSet, HashMap};

use commands::Directory;
use commands::contact::{Contact, LiveContact};
use decider::{Actor, ActorKind, EventMeta, LogPosition, State, Timestamp, Version};
use events::contact::email_field;
use events::{ContactEvent, ContactId, UserId, decode_stored};
use projections::effect::Effect;
use projections::lookup::{self, PersonRow};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::properties::key_of;
use crate::app::App;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::opened::{Erased, Shown, open};
use crate::travel::{At, Names};

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

    /// The names as they were, or as views know them now: for lists.
    pub async fn find_with(
        self,
        app: &App,
        caller: &Caller,
        names: &Names,
    ) -> Result<People, ApiError> {
        match names.at {
            Some(_) => self.find_current(app, caller, names).await,
            None => self.find(app, caller).await,
        }
    }

    /// The names as views know them: for lists.
    pub async fn find(self, app: &App, caller: &Caller) -> Result<People, ApiError> {
        let directory = app.directory(caller.ws).await?;
        let mut people = self.without_contacts(app, caller, &directory).await?;
        let ids = Vec::from_iter(self.contacts);
        let rows = lookup::people(app.views(), caller.ws, &ids).await?;
        people.contacts = rows.into_iter().map(|row| (row.person, listed(row))).collect();
        let missing: Vec<Uuid> =
            ids.into_iter().filter(|id| !people.contacts.contains_key(id)).collect();
        people.contacts.extend(folded(app, caller, &missing, None).await?);
        Ok(people)
    }

    /// The names as the log knows them: for one ticket, which is always current, and for earlier places.
    pub async fn find_current(
        self,
        app: &App,
        caller: &Caller,
        names: &Names,
    ) -> Result<People, ApiError> {
        let mut people = self.without_contacts(app, caller, &names.directory).await?;
        let ids = Vec::from_iter(self.contacts);
        people.contacts = folded(app, caller, &ids, names.at).await?;
        Ok(people)
    }

    async fn without_contacts(
        &self,
        app: &App,
        caller: &Caller,
        directory: &Directory,
    ) -> Result<People, ApiError> {
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

/// A contact folded from its stream.
pub struct ContactThen {
    pub contact: LiveContact,
    pub version: Version,
    /// Place of its newest event, and when that was recorded.
    pub newest: (LogPosition, Timestamp),
}

/// Contacts folded from their streams, as they are or were: one query for the events and one for the keys.
pub async fn contacts(
    app: &App,
    caller: &Caller,
    ids: &[Uuid],
    at: Option<At>,
) -> Result<HashMap<Uuid, ContactThen>, ApiError> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let wanted: Vec<(Uuid, Version)> = ids.iter().map(|id| (*id, 0)).collect();
    let mut states: HashMap<Uuid, (Contact, Version, (LogPosition, Timestamp))> = HashMap::new();
    let mut effects: HashMap<Uuid, Effect> = HashMap::new();
    for stored in app.reader().streams(caller.ws, &wanted).await? {
        let effect = effects.entry(stored.stream).or_default();
        let is_included = at.is_none_or(|at| at.includes_change(&stored, effect));
        if stored.kind != "contact" || !is_included {
            continue;
        }
        let meta = EventMeta {
            version: stored.version,
            occurred_at: stored.occurred_at,
            actor: stored.actor,
        };
        let event: ContactEvent = decode_stored(&stored).map_err(ApiError::failed)?;
        let (state, version, newest) = states.entry(stored.stream).or_default();
        state.evolve(&event, &meta);
        (*version, *newest) = (stored.version, (stored.position, stored.at));
    }
    let live = states.into_iter().filter_map(|(id, (state, version, newest))| {
        let contact = state.live()?.clone();
        Some((id, ContactThen { contact, version, newest }))
    });
    Ok(live.collect())
}

async fn folded(
    app: &App,
    caller: &Caller,
    ids: &[Uuid],
    at: Option<At>,
) -> Result<HashMap<Uuid, ContactShown>, ApiError> {
    let found = contacts(app, caller, ids, at).await?;
    let sealed = found.values().flat_map(|ContactThen { contact, .. }| {
        contact.name.as_ref().into_iter().chain(contact.primary().map(|email| &email.address))
    });
    let keys: Vec<Uuid> = sealed.filter_map(key_of).collect();
    app.vault().load_keys(caller.ws, &keys).await?;
    let mut shown = HashMap::with_capacity(found.len());
    for (id, ContactThen { contact, .. }) in found {
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
