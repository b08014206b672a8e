//! A ticket folded from its stream, for the operator's eyes.

use std::collections::{BTreeSet, HashMap};

use api::travel::AsOfShown;
use commands::Directory;
use decider::{Actor, ActorKind, LogPosition, Sealed, StoredEvent, Timestamp, Version};
use events::message::{Address, Direction, MessageContent};
use events::ticket::TicketCreated;
use events::value::{Owner, Place};
use events::{ContactId, PipelineId, StatusId, TicketEvent, TicketId};
use serde::Serialize;
use uuid::Uuid;

/// Stands where the key was destroyed.
const ERASED: &str = "(erased)";

/// A ticket.
#[derive(Debug, Serialize)]
pub struct Sheet {
    pub id: TicketId,
    pub number: u64,
    pub name: String,
    pub pipeline: String,
    pub status: String,
    pub priority: String,
    pub category: Option<String>,
    pub owner: Option<String>,
    pub source: String,
    pub imported: bool,
    pub tags: BTreeSet<String>,
    pub contacts: Vec<ContactId>,
    pub version: Version,
    pub position: LogPosition,
    /// The place it shows, if one was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub as_of: Option<AsOfShown>,
    pub thread: Vec<Item>,
    pub timeline: Vec<Entry>,
    #[serde(skip)]
    place: Place,
    #[serde(skip)]
    names: Names,
}

/// The names of users, as far as they can be read.
pub type Names = HashMap<Uuid, String>;

/// Something that was said.
#[derive(Debug, Serialize)]
pub struct Item {
    pub at: Timestamp,
    pub kind: &'static str,
    pub from: String,
    pub subject: Option<String>,
    pub preview: String,
}

/// Something that happened.
#[derive(Debug, Serialize)]
pub struct Entry {
    pub position: LogPosition,
    pub at: Timestamp,
    pub actor: String,
    pub kind: String,
}

impl Sheet {
    /// A ticket of which nothing is known yet.
    pub fn new(id: TicketId, names: Names) -> Self {
        Self {
            id,
            number: 0,
            name: String::new(),
            pipeline: String::new(),
            status: String::new(),
            priority: "none".to_owned(),
            category: None,
            owner: None,
            source: String::new(),
            imported: false,
            tags: BTreeSet::new(),
            contacts: Vec::new(),
            version: 0,
            position: LogPosition(0),
            as_of: None,
            thread: Vec::new(),
            timeline: Vec::new(),
            place: Place { pipeline: PipelineId(Uuid::nil()), status: StatusId(Uuid::nil()) },
            names,
        }
    }

    /// Takes one event in.
    pub fn take_in(&mut self, event: &TicketEvent, stored: &StoredEvent) {
        self.version = stored.version;
        self.position = stored.position;
        self.timeline.push(Entry {
            position: stored.position,
            at: stored.occurred_at,
            actor: self.name_of(stored.actor),
            kind: stored.type_name.clone(),
        });
        match event {
            TicketEvent::Created(created) => self.created(created),
            TicketEvent::Renamed(renamed) => self.name = text(&renamed.to),
            TicketEvent::StatusChanged(changed) => self.place = changed.to,
            TicketEvent::PriorityChanged(changed) => self.priority = word(changed.to),
            TicketEvent::CategoryChanged(changed) => self.category.clone_from(&changed.to),
            TicketEvent::OwnerChanged(changed) => {
                self.owner = changed.to.map(|owner| self.name_of_owner(owner))
            }
            TicketEvent::TagsChanged(changed) => {
                self.tags.retain(|tag| !changed.removed.contains(tag));
                self.tags.extend(changed.added.iter().cloned());
            }
            TicketEvent::ContactAssociated(associated) => self.contacts.push(associated.contact),
            TicketEvent::ContactDissociated(gone) => self.contacts.retain(|id| *id != gone.contact),
            TicketEvent::MessageReceived(received) => {
                self.said("incoming", &received.message, stored)
            }
            TicketEvent::ReplySubmitted(reply) => self.said("outgoing", &reply.message, stored),
            TicketEvent::MessageImported(imported) => {
                let kind = match imported.direction {
                    Direction::Incoming => "incoming",
                    Direction::Outgoing => "outgoing",
                };
                self.said(kind, &imported.message, stored);
            }
            TicketEvent::CommentAdded(comment) => self.thread.push(Item {
                at: stored.occurred_at,
                kind: "comment",
                from: self.name_of(stored.actor),
                subject: None,
                preview: text(&comment.preview),
            }),
            // What is left of it; the first form reads as erased.
            TicketEvent::MessageRedacted(redacted) => {
                self.said("redacted", &redacted.message, stored);
            }
            TicketEvent::CommentRedacted(redacted) => self.thread.push(Item {
                at: stored.occurred_at,
                kind: "redacted",
                from: self.name_of(stored.actor),
                subject: None,
                preview: text(&redacted.comment.preview),
            }),
            TicketEvent::PropertiesSet(_)
            | TicketEvent::PrimaryContactChanged(_)
            | TicketEvent::ConversationStarted(_)
            | TicketEvent::ConversationEnded(_)
            | TicketEvent::MessageCopyKept(_)
            | TicketEvent::RawMessageKept(_)
            | TicketEvent::Linked(_)
            | TicketEvent::Unlinked(_) => {}
        }
    }

    /// Puts the names of pipeline and status in the place of their ids.
    pub fn name_places(&mut self, directory: &Directory) {
        let Place { pipeline, status } = self.place;
        let known = directory.pipeline(pipeline);
        self.pipeline = known.map_or_else(|| pipeline.to_string(), |known| known.name.clone());
        let known = known.and_then(|known| known.status(status));
        self.status = known.map_or_else(|| status.to_string(), |known| known.name.clone());
        self.thread.sort_by_key(|item| item.at);
    }

    fn created(&mut self, created: &TicketCreated) {
        self.number = created.number;
        self.name = text(&created.name);
        self.place = Place { pipeline: created.pipeline, status: created.status };
        self.source = word(created.source);
        self.imported = created.imported;
    }

    fn name_of(&self, actor: Actor) -> String {
        match (actor.kind, self.names.get(&actor.id)) {
            (ActorKind::User, Some(name)) => name.clone(),
            (ActorKind::System, _) => actor.kind.as_str().to_owned(),
            _ => actor.to_string(),
        }
    }

    fn name_of_owner(&self, owner: Owner) -> String {
        let user = owner.user.map(|user| self.name_of(Actor::user(user.0)));
        let team = owner.team.map(|team| format!("team {team}"));
        [user, team].into_iter().flatten().collect::<Vec<_>>().join(", ")
    }

    fn said(&mut self, kind: &'static str, message: &MessageContent, stored: &StoredEvent) {
        let from = match message.from.clear().map(|from| from.first()) {
            Some(Some(address)) => shown(address),
            // Without a channel a reply has no address to come from.
            Some(None) => self.name_of(stored.actor),
            None => ERASED.to_owned(),
        };
        self.thread.push(Item {
            at: stored.occurred_at,
            kind,
            from,
            subject: Some(text(&message.subject)),
            preview: text(&message.preview),
        });
    }
}

fn shown(address: &Address) -> String {
    match &address.name {
        Some(name) => format!("{name} <{}>", address.email),
        None => address.email.clone(),
    }
}

fn text(sealed: &Sealed<String>) -> String {
    sealed.clear().cloned().unwrap_or_else(|| ERASED.to_owned())
}

/// The stored word of a value.
fn word(value: impl Serialize) -> String {
    let word = serde_json::to_value(value).ok();
    word.and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
}
