//! What an event of a ticket says, in English (T20): a sentence, and the values before and after. Pure.

#[cfg(test)]
mod tests;

use commands::Directory;
use decider::Sealed;
use events::message::MessageAuthor;
use events::ticket::{
    CategoryChanged, ContactAssociated, OwnerChanged, PrimaryContactChanged, PropertiesSet,
    RedactedPart, StatusChanged, TagsChanged, TicketCreated, TicketRenamed,
};
use events::value::{
    Delivery, LinkReason, Owner, OwnerChangeReason, Place, PropertyChange, PropertyValue,
    TicketSource,
};
use events::{ContactId, PropertyId, TicketEvent};
use serde_json::{Value, json};
use uuid::Uuid;

use super::facts::{CommentFacts, Fact, MessageFacts, RedactedFacts};
use super::opening::Tombs;
use super::people::{People, spoken, spoken_contact};
use super::ticket::place_in;
use super::words::word;

/// Stands in a sentence where a value was erased.
const ERASED: &str = "(erased)";

/// What an event says.
#[derive(Debug, Default, PartialEq)]
pub struct Told {
    pub summary: String,
    pub from: Option<Value>,
    pub to: Option<Value>,
    /// The message or comment it is about.
    pub item: Option<Uuid>,
}

impl Told {
    fn plain(summary: impl Into<String>) -> Self {
        Self { summary: summary.into(), ..Self::default() }
    }

    fn between(summary: String, from: Option<Value>, to: Option<Value>) -> Self {
        Self { summary, from, to, item: None }
    }
}

/// Tells events, with the names at hand. Sealed values have been opened in place; those still sealed were erased.
pub struct Teller<'a> {
    pub people: &'a People,
    pub directory: &'a Directory,
    pub tombs: &'a Tombs,
}

impl Teller<'_> {
    pub fn tell(&self, fact: &Fact) -> Told {
        match fact {
            Fact::Message(message) => self.message(message),
            Fact::Comment(comment) => self.comment(comment),
            Fact::Event(event) => self.event(event),
            Fact::Redacted(redacted) => Self::redacted(redacted),
            Fact::CopyKept => Told::plain("A differing copy of a message was kept"),
            Fact::RawKept => Told::plain("A mail that could not be read was kept as it came"),
        }
    }

    fn event(&self, event: &TicketEvent) -> Told {
        match event {
            TicketEvent::Created(created) => self.created(created),
            TicketEvent::Renamed(renamed) => self.renamed(renamed),
            TicketEvent::StatusChanged(changed) => self.status(changed),
            TicketEvent::PriorityChanged(changed) => {
                let (from, to) = (word(&changed.from), word(&changed.to));
                let summary = format!("Priority changed from {from} to {to}");
                Told::between(summary, Some(from.into()), Some(to.into()))
            }
            TicketEvent::CategoryChanged(changed) => Self::category(changed),
            TicketEvent::OwnerChanged(changed) => self.owner(changed),
            TicketEvent::TagsChanged(changed) => Self::tags(changed),
            TicketEvent::PropertiesSet(set) => self.properties(set),
            TicketEvent::ContactAssociated(associated) => self.associated(associated),
            TicketEvent::ContactDissociated(gone) => {
                let name = spoken_contact(self.people, gone.contact);
                let from = self.contact(gone.contact);
                Told::between(format!("{name} removed as a contact"), from, None)
            }
            TicketEvent::PrimaryContactChanged(changed) => self.primary_contact(changed),
            TicketEvent::ConversationStarted(_) => Told::plain("Conversation started"),
            TicketEvent::ConversationEnded(_) => Told::plain("Conversation ended"),
            TicketEvent::Linked(linked) => {
                let why = match linked.reason {
                    LinkReason::Manual => "",
                    LinkReason::BridgedByImport => ": imported mail refers to messages of both",
                    LinkReason::AnsweredByStranger => {
                        ": somebody who takes no part in one answered in the other"
                    }
                };
                let to = Some(json!({ "id": linked.other }));
                Told::between(format!("Linked to another ticket{why}"), None, to)
            }
            TicketEvent::Unlinked(unlinked) => {
                let from = Some(json!({ "id": unlinked.other }));
                Told::between("Link to another ticket removed".to_owned(), from, None)
            }
            // Told from the facts that the timeline keeps of them.
            TicketEvent::MessageReceived(_)
            | TicketEvent::ReplySubmitted(_)
            | TicketEvent::MessageImported(_)
            | TicketEvent::CommentAdded(_)
            | TicketEvent::MessageRedacted(_)
            | TicketEvent::CommentRedacted(_)
            | TicketEvent::MessageCopyKept(_)
            | TicketEvent::RawMessageKept(_) => Told::default(),
        }
    }

    fn created(&self, created: &TicketCreated) -> Told {
        let place = Place { pipeline: created.pipeline, status: created.status };
        let (pipeline, status) = place_in(self.directory, place);
        let how = match created.source {
            TicketSource::Manual => "by hand",
            TicketSource::Api => "through the API",
            TicketSource::Import => "from imported history",
            TicketSource::Email => "from an e-mail",
            TicketSource::Form => "from a form",
            TicketSource::Chat => "from a chat",
            TicketSource::Call => "from a call",
        };
        let number = created.number;
        let summary =
            format!("Ticket #{number} created {how} in {}, status {}", pipeline.name, status.name);
        let to = json!({ "name": self.text_value(&created.name), "pipeline": pipeline, "status": status });
        Told::between(summary, None, Some(to))
    }

    fn renamed(&self, renamed: &TicketRenamed) -> Told {
        let to = quoted(&renamed.to);
        let summary = match &renamed.from {
            Some(from) => format!("Renamed from {} to {to}", quoted(from)),
            None => format!("Renamed to {to}"),
        };
        let from = renamed.from.as_ref().map(|from| self.text_value(from));
        Told::between(summary, from, Some(self.text_value(&renamed.to)))
    }

    fn status(&self, changed: &StatusChanged) -> Told {
        let (old_pipeline, old) = place_in(self.directory, changed.from);
        let (pipeline, status) = place_in(self.directory, changed.to);
        let with_reply = if changed.with_reply.is_some() { " together with a reply" } else { "" };
        let summary = if old_pipeline.id == pipeline.id {
            format!("Status changed from {} to {}{with_reply}", old.name, status.name)
        } else {
            let (from, to) = (old_pipeline.name.as_str(), pipeline.name.as_str());
            format!("Moved from {from}, {} to {to}, {}{with_reply}", old.name, status.name)
        };
        let from = json!({ "pipeline": old_pipeline, "status": old });
        let to = json!({ "pipeline": pipeline, "status": status });
        let item = changed.with_reply.map(Uuid::from);
        Told { summary, from: Some(from), to: Some(to), item }
    }

    fn category(changed: &CategoryChanged) -> Told {
        let summary = match (&changed.from, &changed.to) {
            (None, Some(to)) => format!("Category set to {to}"),
            (Some(from), None) => format!("Category {from} removed"),
            (Some(from), Some(to)) => format!("Category changed from {from} to {to}"),
            (None, None) => "Category removed".to_owned(),
        };
        let value = |word: &Option<String>| word.clone().map(Value::from);
        Told::between(summary, value(&changed.from), value(&changed.to))
    }

    fn owner(&self, changed: &OwnerChanged) -> Told {
        let was = changed.from.map(|from| self.owner_name(from));
        let summary = match (changed.to, was) {
            (None, None) => "Unassigned".to_owned(),
            (None, Some(was)) => format!("Unassigned; {was} was responsible"),
            (Some(to), was) => {
                let to = self.owner_name(to);
                let why = match changed.reason {
                    OwnerChangeReason::Manual => "",
                    OwnerChangeReason::FirstReply => " by the first reply",
                };
                match was {
                    Some(was) => format!("Assigned to {to}{why}; {was} was responsible"),
                    None => format!("Assigned to {to}{why}"),
                }
            }
        };
        let mut to = changed.to.map(|owner| self.owner_value(owner));
        if let (Some(note), Some(to)) = (&changed.note, &mut to) {
            to["note"] = self.text_value(note);
        }
        Told::between(summary, changed.from.map(|owner| self.owner_value(owner)), to)
    }

    fn owner_name(&self, owner: Owner) -> String {
        match owner.user {
            Some(user) => spoken(self.people.user(user.0).name.as_ref()).to_owned(),
            None => "a team".to_owned(),
        }
    }

    fn owner_value(&self, owner: Owner) -> Value {
        let user = owner.user.map(|user| self.people.user(user.0));
        json!({ "user": user, "team": owner.team.map(|id| json!({ "id": id })) })
    }

    fn tags(changed: &TagsChanged) -> Told {
        let part = |what: &str, tags: &[String]| {
            (!tags.is_empty()).then(|| format!("{what} {}", tags.join(", ")))
        };
        let parts = [part("added", &changed.added), part("removed", &changed.removed)];
        let summary =
            format!("Tags {}", parts.into_iter().flatten().collect::<Vec<_>>().join("; "));
        let some = |tags: &[String]| (!tags.is_empty()).then(|| json!(tags));
        Told::between(summary, some(&changed.removed), some(&changed.added))
    }

    fn properties(&self, set: &PropertiesSet) -> Told {
        let sentences: Vec<String> =
            set.changes.iter().map(|change| self.property(change)).collect();
        let side = |pick: fn(&PropertyChange) -> Option<&PropertyValue>| {
            let values = set.changes.iter().map(|change| {
                let value = pick(change).map_or(Value::Null, |value| self.value(value));
                (self.property_key(change.property), value)
            });
            Some(Value::Object(values.collect()))
        };
        let (from, to) = (side(|change| change.from.as_ref()), side(|change| change.to.as_ref()));
        Told::between(sentences.join("; "), from, to)
    }

    fn property(&self, change: &PropertyChange) -> String {
        let known = self.directory.property(change.property);
        let label = known.map_or("A property", |property| property.label.as_str());
        match (&change.from, &change.to) {
            (None, Some(to)) => format!("{label} set to {}", value_word(to)),
            (Some(from), Some(to)) => {
                format!("{label} changed from {} to {}", value_word(from), value_word(to))
            }
            (Some(from), None) => format!("{label} emptied, was {}", value_word(from)),
            (None, None) => format!("{label} emptied"),
        }
    }

    fn property_key(&self, id: PropertyId) -> String {
        self.directory.property(id).map_or_else(|| id.to_string(), |property| property.key.clone())
    }

    fn associated(&self, associated: &ContactAssociated) -> Told {
        let name = spoken_contact(self.people, associated.contact);
        let role = if associated.primary { "the primary contact" } else { "a contact" };
        let to = self.contact(associated.contact);
        Told::between(format!("{name} added as {role}"), None, to)
    }

    fn primary_contact(&self, changed: &PrimaryContactChanged) -> Told {
        let name = |id: Option<ContactId>| {
            id.map_or_else(|| "nobody".to_owned(), |id| spoken_contact(self.people, id))
        };
        let summary =
            format!("Primary contact changed from {} to {}", name(changed.from), name(changed.to));
        let value = |id: Option<ContactId>| id.and_then(|id| self.contact(id));
        Told::between(summary, value(changed.from), value(changed.to))
    }

    fn contact(&self, id: ContactId) -> Option<Value> {
        Some(json!(self.people.contact(id.0)))
    }

    fn message(&self, message: &MessageFacts) -> Told {
        let subject = quoted(&message.subject);
        let author = match message.author {
            Some(MessageAuthor::User(user)) => {
                Some(spoken(self.people.user(user.0).name.as_ref()).to_owned())
            }
            Some(MessageAuthor::Contact(contact)) => Some(spoken_contact(self.people, contact)),
            None => None,
        };
        let by = author.map(|author| format!(" from {author}")).unwrap_or_default();
        let summary = match (message.imported, message.delivery) {
            (true, _) => format!("Message{by} taken over from history: {subject}"),
            (false, Some(Delivery::Held)) => format!("Reply written, held: {subject}"),
            (false, Some(Delivery::Queued)) => format!("Reply sent: {subject}"),
            (false, None) => format!("Message{by} received: {subject}"),
        };
        let to = json!({
            "subject": self.text_value(&message.subject),
            "preview": self.text_value(&message.preview),
        });
        Told { summary, from: None, to: Some(to), item: Some(message.id) }
    }

    fn redacted(redacted: &RedactedFacts) -> Told {
        let of = if redacted.of_comment { "a comment" } else { "a message" };
        let is_file = |part: &RedactedPart| matches!(part, RedactedPart::File(_));
        let what = if redacted.parts.iter().all(is_file) { "A file" } else { "Words" };
        Told { item: Some(redacted.id), ..Told::plain(format!("{what} of {of} redacted")) }
    }

    fn comment(&self, comment: &CommentFacts) -> Told {
        let mentions = comment.mentions.iter().map(|user| self.people.user(user.0));
        let names: Vec<String> =
            mentions.map(|user| spoken(user.name.as_ref()).to_owned()).collect();
        let summary = match names.as_slice() {
            [] => "Comment added".to_owned(),
            names => format!("Comment added, mentioning {}", names.join(", ")),
        };
        let to = json!({ "preview": self.text_value(&comment.preview) });
        Told { summary, from: None, to: Some(to), item: Some(comment.id) }
    }

    fn text_value(&self, text: &Sealed<String>) -> Value {
        json!(self.tombs.shown(text))
    }

    fn value(&self, value: &PropertyValue) -> Value {
        match value {
            PropertyValue::Text(sealed) | PropertyValue::Link(sealed) => self.text_value(sealed),
            PropertyValue::TextClear(text)
            | PropertyValue::LinkClear(text)
            | PropertyValue::Number(text)
            | PropertyValue::Date(text)
            | PropertyValue::SingleChoice(text) => text.clone().into(),
            PropertyValue::Boolean(yes) => (*yes).into(),
            PropertyValue::MultiChoice(choices) => choices.clone().into(),
        }
    }
}

fn quoted(text: &Sealed<String>) -> String {
    text.clear().map_or_else(|| ERASED.to_owned(), |text| format!("“{text}”"))
}

fn value_word(value: &PropertyValue) -> String {
    match value {
        PropertyValue::Text(sealed) => quoted(sealed),
        PropertyValue::Link(sealed) => sealed.clear().cloned().unwrap_or_else(|| ERASED.to_owned()),
        PropertyValue::TextClear(text) => format!("“{text}”"),
        PropertyValue::LinkClear(text)
        | PropertyValue::Number(text)
        | PropertyValue::Date(text)
        | PropertyValue::SingleChoice(text) => text.clone(),
        PropertyValue::Boolean(yes) => if *yes { "yes" } else { "no" }.to_owned(),
        PropertyValue::MultiChoice(choices) => choices.join(", "),
    }
}
