//! What happened to a ticket, as far as undoing asks about it: which event touched what, and which takes back which.

use std::collections::BTreeSet;

use decider::{Actor, CommandId, LogPosition, Version};
use events::{ContactId, TicketEvent};

/// So many of the newest events of a ticket are looked at; what lies further back is not taken back any more.
pub const UNDO_EVENTS_MAX: usize = 1_000;

/// One event of a ticket that lies behind.
#[derive(Clone, Debug, PartialEq)]
pub struct PastEvent {
    /// Its place in the log.
    pub position: LogPosition,
    /// Its place in the ticket.
    pub version: Version,
    /// The command that wrote it.
    pub command: CommandId,
    /// Who did it.
    pub actor: Actor,
    /// The event whose effect it took back.
    pub undoes: Option<LogPosition>,
    /// What it did.
    pub what: Past,
}

/// What an event did, without the words of messages and comments.
#[derive(Clone, Debug, PartialEq)]
pub enum Past {
    /// The ticket came into being.
    Created,
    /// Something of it changed.
    Change(Box<TicketEvent>),
    /// Something was said to or by a contact.
    Message,
    /// A comment, or a copy that was kept.
    Kept,
    /// Words or a file were taken out for ever.
    Redacted,
}

impl Past {
    /// What an event did.
    #[must_use]
    pub fn of(event: TicketEvent) -> Self {
        match event {
            TicketEvent::Created(_) => Self::Created,
            TicketEvent::MessageReceived(_)
            | TicketEvent::ReplySubmitted(_)
            | TicketEvent::MessageImported(_) => Self::Message,
            TicketEvent::CommentAdded(_)
            | TicketEvent::MessageCopyKept(_)
            | TicketEvent::RawMessageKept(_) => Self::Kept,
            TicketEvent::MessageRedacted(_) | TicketEvent::CommentRedacted(_) => Self::Redacted,
            TicketEvent::Renamed(_)
            | TicketEvent::StatusChanged(_)
            | TicketEvent::PriorityChanged(_)
            | TicketEvent::CategoryChanged(_)
            | TicketEvent::OwnerChanged(_)
            | TicketEvent::TagsChanged(_)
            | TicketEvent::PropertiesSet(_)
            | TicketEvent::ContactAssociated(_)
            | TicketEvent::ContactDissociated(_)
            | TicketEvent::PrimaryContactChanged(_)
            | TicketEvent::ConversationStarted(_)
            | TicketEvent::ConversationEnded(_)
            | TicketEvent::Linked(_)
            | TicketEvent::Unlinked(_) => Self::Change(Box::new(event)),
        }
    }

    /// The change, if it is one.
    #[must_use]
    pub fn change(&self) -> Option<&TicketEvent> {
        match self {
            Self::Change(event) => Some(event),
            Self::Created | Self::Message | Self::Kept | Self::Redacted => None,
        }
    }

    /// What it touched, one word for each thing that can change on its own.
    fn touched(&self) -> BTreeSet<String> {
        match self {
            Self::Created | Self::Kept | Self::Redacted => BTreeSet::new(),
            Self::Message => BTreeSet::from(["messages".to_owned()]),
            Self::Change(event) => touched(event),
        }
    }

    /// What must not have been touched since, for it to be taken back.
    fn rests_on(&self) -> BTreeSet<String> {
        let mut words = self.touched();
        if words.contains("contacts") {
            // What was said since may have been said to the contact.
            words.insert("messages".to_owned());
        }
        words
    }
}

fn touched(event: &TicketEvent) -> BTreeSet<String> {
    let one = |word: &str| BTreeSet::from([word.to_owned()]);
    match event {
        TicketEvent::Renamed(_) => one("name"),
        TicketEvent::StatusChanged(_) => one("status"),
        TicketEvent::PriorityChanged(_) => one("priority"),
        TicketEvent::CategoryChanged(_) => one("category"),
        TicketEvent::OwnerChanged(_) => one("owner"),
        TicketEvent::TagsChanged(changed) => {
            changed.added.iter().chain(&changed.removed).map(|tag| format!("tag:{tag}")).collect()
        }
        TicketEvent::PropertiesSet(set) => {
            set.changes.iter().map(|change| format!("property:{}", change.property)).collect()
        }
        TicketEvent::ContactAssociated(_)
        | TicketEvent::ContactDissociated(_)
        | TicketEvent::PrimaryContactChanged(_)
        | TicketEvent::ConversationStarted(_)
        | TicketEvent::ConversationEnded(_) => one("contacts"),
        TicketEvent::Linked(linked) => one(&format!("link:{}", linked.other)),
        TicketEvent::Unlinked(unlinked) => one(&format!("link:{}", unlinked.other)),
        TicketEvent::Created(_)
        | TicketEvent::MessageReceived(_)
        | TicketEvent::ReplySubmitted(_)
        | TicketEvent::MessageImported(_)
        | TicketEvent::CommentAdded(_)
        | TicketEvent::MessageRedacted(_)
        | TicketEvent::CommentRedacted(_)
        | TicketEvent::MessageCopyKept(_)
        | TicketEvent::RawMessageKept(_) => BTreeSet::new(),
    }
}

/// The newest events of a ticket, in order.
#[derive(Clone, Debug, Default)]
pub struct History {
    events: Vec<PastEvent>,
    touched: Vec<BTreeSet<String>>,
}

/// What stands between an event and its being taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing.
    Undoable,
    /// It was taken back by this event.
    Undone(LogPosition),
    /// These events touched the same since, or rest on it.
    Blocked(Vec<LogPosition>),
    /// There is no way back from an event of its kind.
    NotReversible,
    /// It is none of the newest events of the ticket.
    Unknown,
}

impl History {
    /// The newest events of a ticket, oldest first.
    #[must_use]
    pub fn new(events: Vec<PastEvent>) -> Self {
        let touched = events.iter().map(|event| event.what.touched()).collect();
        Self { events, touched }
    }

    /// How many events the ticket had when this was read.
    #[must_use]
    pub fn version(&self) -> Version {
        self.events.last().map_or(0, |event| event.version)
    }

    /// Whether older events exist than are here.
    #[must_use]
    pub fn reaches_back_to(&self, position: LogPosition) -> bool {
        let Some(first) = self.events.first() else { return false };
        first.version == 1 || first.position <= position
    }

    /// The event at a position.
    #[must_use]
    pub fn at(&self, position: LogPosition) -> Option<&PastEvent> {
        self.index(position).map(|index| &self.events[index])
    }

    /// What stands between the event at a position and its being taken back.
    #[must_use]
    pub fn standing(&self, position: LogPosition) -> Standing {
        let Some(index) = self.index(position) else { return Standing::Unknown };
        if !self.is_reversible(&self.events[index]) {
            return Standing::NotReversible;
        }
        self.standing_beside(index, &self.unit(index))
    }

    /// The events to take back together for the one at a position.
    #[must_use]
    pub fn aim_at(&self, position: LogPosition) -> Option<Vec<&PastEvent>> {
        let unit = self.unit(self.index(position)?);
        Some(unit.into_iter().map(|index| &self.events[index]).collect())
    }

    /// The last action of somebody that can be taken back as a whole, and was not: its events.
    #[must_use]
    pub fn last_action_of(&self, actor: Actor) -> Option<Vec<&PastEvent>> {
        let mut end = self.events.len();
        while end > 0 {
            let command = self.events[end - 1].command;
            let mine = self.events[..end].iter().rposition(|event| event.command != command);
            let start = mine.map_or(0, |before| before + 1);
            let action: Vec<usize> = (start..end).collect();
            end = start;
            let events = action.iter().map(|index| &self.events[*index]);
            let whole = events.clone().all(|event| {
                event.actor == actor && event.undoes.is_none() && self.is_reversible(event)
            });
            // The first events of a ticket may lie before what is known.
            if !whole || (start == 0 && self.events[0].version > 1) {
                continue;
            }
            let is_undone = |index: &usize| {
                matches!(self.standing_beside(*index, &action), Standing::Undone(_))
            };
            let left: Vec<usize> = action.iter().copied().filter(|i| !is_undone(i)).collect();
            if !left.is_empty() {
                return Some(left.into_iter().map(|index| &self.events[index]).collect());
            }
        }
        None
    }

    /// What stands in the way of taking these events back together.
    #[must_use]
    pub fn standing_of(&self, aim: &[&PastEvent]) -> Standing {
        let indexes: Vec<usize> =
            aim.iter().filter_map(|event| self.index(event.position)).collect();
        if indexes.iter().any(|index| !self.is_reversible(&self.events[*index])) {
            return Standing::NotReversible;
        }
        let mut blockers = BTreeSet::new();
        for index in &indexes {
            match self.standing_beside(*index, &indexes) {
                Standing::Undoable => {}
                Standing::Blocked(by) => blockers.extend(by),
                other @ (Standing::Undone(_) | Standing::NotReversible | Standing::Unknown) => {
                    return other;
                }
            }
        }
        if blockers.is_empty() {
            Standing::Undoable
        } else {
            Standing::Blocked(blockers.into_iter().collect())
        }
    }

    /// Whether something was said at one of these positions.
    #[must_use]
    pub fn has_message(&self, positions: &[LogPosition]) -> bool {
        positions.iter().any(|at| self.at(*at).is_some_and(|event| event.what == Past::Message))
    }

    fn index(&self, position: LogPosition) -> Option<usize> {
        self.events.binary_search_by_key(&position, |event| event.position).ok()
    }

    /// Whether there is a way back from an event of its kind.
    fn is_reversible(&self, event: &PastEvent) -> bool {
        let Some(change) = event.what.change() else { return false };
        match change {
            TicketEvent::StatusChanged(changed) => changed.from.pipeline == changed.to.pipeline,
            TicketEvent::Renamed(renamed) => renamed.from.is_some(),
            // Taken back with the contact with whom it came.
            TicketEvent::ConversationStarted(_) | TicketEvent::ConversationEnded(_) => {
                self.index(event.position).is_some_and(|index| self.unit(index).len() > 1)
            }
            TicketEvent::PriorityChanged(_)
            | TicketEvent::CategoryChanged(_)
            | TicketEvent::OwnerChanged(_)
            | TicketEvent::TagsChanged(_)
            | TicketEvent::PropertiesSet(_)
            | TicketEvent::ContactAssociated(_)
            | TicketEvent::ContactDissociated(_)
            | TicketEvent::Linked(_)
            | TicketEvent::Unlinked(_) => true,
            TicketEvent::PrimaryContactChanged(_)
            | TicketEvent::Created(_)
            | TicketEvent::MessageReceived(_)
            | TicketEvent::ReplySubmitted(_)
            | TicketEvent::MessageImported(_)
            | TicketEvent::CommentAdded(_)
            | TicketEvent::MessageRedacted(_)
            | TicketEvent::CommentRedacted(_)
            | TicketEvent::MessageCopyKept(_)
            | TicketEvent::RawMessageKept(_) => false,
        }
    }

    /// An event with those that only make sense together with it: a contact, and the conversation that began or ended with it.
    fn unit(&self, index: usize) -> Vec<usize> {
        let event = &self.events[index];
        let conversation = |event: &PastEvent| {
            matches!(
                event.what.change(),
                Some(TicketEvent::ConversationStarted(_) | TicketEvent::ConversationEnded(_))
            )
        };
        let beside = |other: usize| {
            self.events.get(other).filter(|other| other.command == event.command).is_some()
        };
        if conversation(event) {
            let before = index.checked_sub(1).filter(|before| beside(*before));
            let contact = before.filter(|before| contact_of(&self.events[*before]).is_some());
            return contact.into_iter().chain([index]).collect();
        }
        let after = Some(index + 1).filter(|_| contact_of(event).is_some());
        let after = after.filter(|after| beside(*after) && conversation(&self.events[*after]));
        [index].into_iter().chain(after).collect()
    }

    /// What stands in the way of one event, if those beside it are taken back with it.
    fn standing_beside(&self, index: usize, beside: &[usize]) -> Standing {
        let event = &self.events[index];
        let later = self.in_force_since(index);
        let undone = later.iter().find(|later| self.events[**later].undoes == Some(event.position));
        if let Some(by) = undone {
            return Standing::Undone(self.events[*by].position);
        }
        let rests_on = event.what.rests_on();
        let blocks = |later: &&usize| {
            !beside.contains(later) && !self.touched[**later].is_disjoint(&rests_on)
        };
        let blockers: Vec<_> =
            later.iter().filter(blocks).map(|index| self.events[*index].position).collect();
        if blockers.is_empty() { Standing::Undoable } else { Standing::Blocked(blockers) }
    }

    /// Later events whose effect is still there: what was taken back since is left out, with what took it back.
    fn in_force_since(&self, index: usize) -> Vec<usize> {
        let mut in_force: Vec<usize> = Vec::new();
        for later in index + 1..self.events.len() {
            let undone = self.events[later].undoes.and_then(|undoes| {
                in_force.iter().position(|known| self.events[*known].position == undoes)
            });
            match undone {
                Some(place) => {
                    in_force.remove(place);
                }
                None => in_force.push(later),
            }
        }
        in_force
    }
}

/// The contact that came or went.
fn contact_of(event: &PastEvent) -> Option<ContactId> {
    match event.what.change() {
        Some(TicketEvent::ContactAssociated(associated)) => Some(associated.contact),
        Some(TicketEvent::ContactDissociated(dissociated)) => Some(dissociated.contact),
        Some(_) | None => None,
    }
}
