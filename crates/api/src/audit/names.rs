//! Names in the audit log: of users, opened once for a page, and of settings.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use commands::Directory;
use decider::{Opened, Sealed};
use events::value::Place;
use events::{AnyEvent, ChannelId, PipelineId, PropertyId, StatusId, UserId};
use serde_json::{Value, json};

use super::{AuditBook, Found, user_of};
use crate::error::ApiError;
use crate::opened::{Erased, Shown};
use crate::show::opening::{Tombs, open_all_in};
use crate::show::people::spoken;

/// Stands for a user who is not known.
const SOMEBODY: &str = "somebody";

/// The names that a page needs.
pub struct Names {
    users: BTreeMap<UserId, Shown<String>>,
    directory: Arc<Directory>,
    tombs: Tombs,
}

impl Names {
    /// Opens what is sealed in events and the names of the users in them.
    pub async fn find(
        book: &AuditBook,
        found: &[Found],
        events: &mut [AnyEvent],
    ) -> Result<Self, ApiError> {
        let (mut wanted, mut tombs) = (BTreeSet::new(), Tombs::default());
        let mut of_log = found.iter();
        for entry in found {
            match entry {
                Found::Event(row) => {
                    wanted.extend(user_of(&row.actor));
                    wanted.insert(UserId(row.target));
                }
                Found::Refused(row) => wanted.extend(user_of(&row.actor)),
                Found::Failed(row) => {
                    wanted.insert(UserId(row.user));
                }
            }
        }
        for event in events.iter_mut() {
            let row = of_log.by_ref().find_map(|entry| match entry {
                Found::Event(row) => Some(row),
                Found::Refused(_) | Found::Failed(_) => None,
            });
            let Some(row) = row else { break };
            let event = std::slice::from_mut(event);
            tombs.extend(open_all_in(&book.vault, book.ws, row.stream, event).await?);
        }
        let known = wanted.iter().filter_map(|id| Some((*id, &book.directory.user(*id)?.name)));
        let known: Vec<(UserId, &Sealed<String>)> = known.collect();
        let keys: Vec<_> = known.iter().filter_map(|(_, name)| Some(name.cipher()?.key)).collect();
        book.vault.load_keys(book.ws, &keys).await?;
        let mut users = BTreeMap::new();
        for (id, name) in known {
            let shown = match book.vault.open_sealed(book.ws, id.0, "name", name).await? {
                Opened::Open(name) => Shown::Open(name),
                Opened::Forgotten => Shown::Erased(Erased::of(&book.vault, book.ws, name)),
            };
            users.insert(id, shown);
        }
        Ok(Self { users, directory: Arc::clone(&book.directory), tombs })
    }

    pub fn user(&self, id: UserId) -> Option<&Shown<String>> {
        self.users.get(&id)
    }

    /// A user in a sentence.
    pub fn spoken(&self, id: UserId) -> &str {
        self.user(id).map_or(SOMEBODY, |name| spoken(Some(name)))
    }

    /// A value that was opened in place, or the note that it was erased.
    pub fn text(&self, sealed: &Sealed<String>) -> Value {
        json!(self.tombs.shown(sealed))
    }

    pub fn pipeline(&self, id: PipelineId) -> String {
        let known = self.directory.pipeline(id);
        known.map_or_else(|| id.to_string(), |pipeline| pipeline.name.clone())
    }

    pub fn status(&self, pipeline: PipelineId, status: StatusId) -> String {
        let place = Place { pipeline, status };
        let known = self.directory.pipeline(place.pipeline);
        let known = known.and_then(|pipeline| pipeline.status(place.status));
        known.map_or_else(|| status.to_string(), |status| status.name.clone())
    }

    pub fn property(&self, id: PropertyId) -> String {
        let known = self.directory.property(id);
        known.map_or_else(|| id.to_string(), |property| property.label.clone())
    }

    pub fn channel(&self, id: ChannelId) -> String {
        let known = self.directory.channel(id);
        known.map_or_else(|| "a channel".to_owned(), |channel| channel.name.clone())
    }

    #[cfg(test)]
    pub fn for_tests(users: &[(UserId, &str)], directory: Directory) -> Self {
        let shown = |name: &str| Shown::Open(name.to_owned());
        let users = users.iter().map(|(id, name)| (*id, shown(name))).collect();
        Self { users, directory: Arc::new(directory), tombs: Tombs::default() }
    }
}
