//! What happened to the tickets of one chunk, and who the people are: invented, not yet sealed.

use decider::{Actor, ActorKind, ErasedEvent, KeyScope, Personal, Sealed, Timestamp};
use events::contact::{ContactCreated, ContactEvent, EmailEntry};
use events::message::{Address, Direction, MessageAuthor, MessageContent};
use events::ticket::{
    CategoryChanged, CommentAdded, ContactAssociated, ConversationStarted, MessageImported,
    MessageReceived, OwnerChanged, PriorityChanged, PropertiesSet, ReplySubmitted, StatusChanged,
    TagsChanged, TicketCreated,
};
use events::value::{
    Delivery, Owner, OwnerChangeReason, Place, Priority, PropertyChange, PropertyValue,
    TicketSource,
};
use events::{CommentId, ContactId, MessageId, TicketEvent, TicketId, UserId};
use uuid::Uuid;

use super::chance::Chance;
use super::stage::{PRODUCTS, Places, Stage};
use super::words::{preview, text, words};
use super::{CHUNK_TICKETS, Plan};

/// One contact becomes known every so many tickets.
const CONTACT_EVERY: u64 = 8;
/// Contacts belong to so many companies, each with a domain of its own.
const COMPANIES: u64 = 5_000;
const TAGS: u64 = 300;
/// 2022-01-01 and 2026-07-01.
const BEGINS: i64 = 1_640_995_200_000_000;
const ENDS: i64 = 1_782_864_000_000_000;
const HOUR: f64 = 3_600_000_000.0;

/// One command: who sent it and what it changed.
pub struct Told {
    pub actor: Actor,
    pub events: Vec<Fact>,
    pub claims: Vec<(&'static str, String, Uuid)>,
    pub numbers: u32,
}

/// One event, still clear.
pub struct Fact {
    pub stream: Uuid,
    pub at: Timestamp,
    pub event: Box<dyn ErasedEvent>,
}

/// The story of one chunk.
pub struct Story<'a> {
    stage: &'a Stage,
    chance: Chance,
    pub told: Vec<Told>,
    /// How many keys seal it.
    pub keys: usize,
}

/// A ticket while it is told.
struct Ticket {
    id: TicketId,
    is_imported: bool,
    is_open: bool,
    contact: u64,
    owner: Option<UserId>,
    place: Place,
    name: String,
    now: i64,
}

impl<'a> Story<'a> {
    /// Tells a chunk. `number` is that of its first ticket.
    pub fn tell(stage: &'a Stage, chunk: u64, number: u64) -> Self {
        let chance = Chance::at(stage.plan.seed, chunk);
        let mut story = Self { stage, chance, told: Vec::new(), keys: 0 };
        let first = chunk * CHUNK_TICKETS;
        let last = (first + CHUNK_TICKETS).min(stage.plan.tickets);
        story.begin(Actor::SYSTEM);
        for contact in (first..last).filter(|index| index.is_multiple_of(CONTACT_EVERY)) {
            story.contact(contact / CONTACT_EVERY);
        }
        for index in first..last {
            story.ticket(index, number + (index - first));
        }
        story
    }

    fn begin(&mut self, actor: Actor) {
        self.told.push(Told { actor, events: Vec::new(), claims: Vec::new(), numbers: 0 });
    }

    fn add<E: ErasedEvent + 'static>(&mut self, stream: Uuid, at: i64, event: E) {
        if let Some(told) = self.told.last_mut() {
            let at = Timestamp::from_micros(at);
            told.events.push(Fact { stream, at, event: Box::new(event) });
        }
    }

    fn claim(&mut self, scope: &'static str, key: String, holder: Uuid) {
        if let Some(told) = self.told.last_mut() {
            told.claims.push((scope, key, holder));
        }
    }

    fn contact(&mut self, index: u64) {
        let person = Person::of(&self.stage.plan, index);
        let scope = KeyScope::person(person.id.0);
        self.keys += 1;
        let email =
            EmailEntry { no: 1, address: Personal(person.address.email.clone()).seal(&scope) };
        let name = person.address.name.clone().map(|name| Personal(name).seal(&scope));
        let created = ContactCreated { name, emails: vec![email], phones: Vec::new() };
        let key = commands::claims::email_key(&person.address.email);
        self.add(person.id.0, person.since, ContactEvent::from(created));
        self.claim(commands::claims::CONTACT_EMAIL, key, person.id.0);
    }

    fn ticket(&mut self, index: u64, number: u64) {
        let mut ticket = self.beginning(index);
        let is_imported = ticket.is_imported;
        let id = ticket.id.0;
        self.keys += 1;
        self.begin(Actor::SYSTEM);
        if let Some(told) = self.told.last_mut() {
            told.numbers = 1;
        }
        self.claim(commands::claims::TICKET_NUMBER, number.to_string(), id);
        let created = TicketCreated {
            number,
            name: Personal(ticket.name.clone()).seal(&KeyScope::ticket(id)),
            pipeline: ticket.place.pipeline,
            status: ticket.place.status,
            source: if is_imported { TicketSource::Import } else { TicketSource::Email },
            imported: is_imported,
            channel: Some(self.stage.channel),
        };
        self.add(id, ticket.now, TicketEvent::from(created));
        let contact = Person::of(&self.stage.plan, ticket.contact).id;
        let associated = ContactAssociated { contact, primary: true };
        self.add(id, ticket.now, TicketEvent::from(associated));
        self.add(id, ticket.now, TicketEvent::from(ConversationStarted {}));
        self.qualities(&ticket);
        self.conversation(&mut ticket);
        self.ending(&mut ticket);
    }

    fn beginning(&mut self, index: u64) -> Ticket {
        let (plan, chance) = (&self.stage.plan, &mut self.chance);
        let begins = time_of(plan, index);
        let recent = index * 5 >= plan.tickets * 4;
        let is_open = chance.happens(if recent { 200 } else { 13 });
        let is_imported = !is_open && chance.happens(530);
        let contact = chance.skewed(index / CONTACT_EVERY + 1);
        let without = chance.happens(if is_open { 200 } else { 140 });
        let owner = chance.pick_ranked(&self.stage.agents).copied().filter(|_| !without);
        let nowhere = Place { pipeline: Uuid::nil().into(), status: Uuid::nil().into() };
        let places = chance.pick_ranked(&self.stage.pipelines);
        let list = places.map(|places| if is_imported { &places.closed } else { &places.open });
        let place = list.and_then(|list| list.first()).copied().unwrap_or(nowhere);
        let id = TicketId(chance.id(begins));
        let count = 2 + chance.below(5);
        let name = words(chance, count);
        Ticket { id, is_imported, is_open, contact, owner, place, name, now: begins }
    }

    /// Who is responsible, how urgent it is, tags, properties: what a ticket is made with.
    fn qualities(&mut self, ticket: &Ticket) {
        let (id, now) = (ticket.id.0, ticket.now);
        if let Some(user) = ticket.owner {
            let reason = OwnerChangeReason::Manual;
            let owner = Some(Owner::user(user));
            let changed = OwnerChanged { from: None, to: owner, reason, note: None };
            self.add(id, now, TicketEvent::from(changed));
        }
        if self.chance.happens(150) {
            let all = [Priority::Medium, Priority::Low, Priority::High, Priority::Urgent];
            let to = self.chance.pick_ranked(&all).copied().unwrap_or_default();
            self.add(id, now, TicketEvent::from(PriorityChanged { from: Priority::None, to }));
        }
        if self.chance.happens(100) {
            let to = Some(format!("category {}", self.chance.ranked(12)));
            self.add(id, now, TicketEvent::from(CategoryChanged { from: None, to }));
        }
        if self.chance.happens(120) {
            let mut added = vec![format!("tag {}", self.chance.ranked(TAGS))];
            if self.chance.happens(2) {
                added.push("rare".to_owned());
            }
            self.add(id, now, TicketEvent::from(TagsChanged { added, removed: Vec::new() }));
        }
        if self.chance.happens(100) {
            let set = self.properties(ticket.id);
            self.add(id, now, TicketEvent::from(set));
        }
    }

    fn properties(&mut self, ticket: TicketId) -> PropertiesSet {
        let (known, chance) = (&self.stage.properties, &mut self.chance);
        let product = PropertyValue::SingleChoice(format!("product_{}", chance.ranked(PRODUCTS)));
        let mut values = vec![(known.product, product)];
        if chance.happens(300) {
            values.push((known.amount, PropertyValue::Number(chance.below(5000).to_string())));
        }
        if chance.happens(300) {
            let order = format!("order {}", chance.below(1_000_000));
            let sealed = Personal(order).seal(&KeyScope::ticket(ticket.0));
            values.push((known.order, PropertyValue::Text(sealed)));
        }
        if chance.happens(20) {
            values.push((known.promised, PropertyValue::Date("2026-05-01".to_owned())));
        }
        if chance.happens(5) {
            values.push((known.urgent, PropertyValue::Boolean(true)));
        }
        let change = |(property, to)| PropertyChange { property, from: None, to: Some(to) };
        PropertiesSet { changes: values.into_iter().map(change).collect() }
    }

    /// First a message from outside, then answers, questions and comments.
    fn conversation(&mut self, ticket: &mut Ticket) {
        let count = 1 + (self.chance.after(4.5) as u64).min(60);
        for place in 0..count {
            if place > 0 {
                ticket.now += self.chance.after(9.0 * HOUR) as i64;
            }
            let is_comment = place > 0 && self.chance.happens(250);
            if !ticket.is_imported || is_comment {
                let by_us = is_comment || (place > 0 && self.chance.happens(500));
                self.part(ticket, is_comment, by_us);
            } else {
                let direction =
                    if place % 2 == 0 { Direction::Incoming } else { Direction::Outgoing };
                let message = self.message(ticket, direction);
                let imported = MessageImported { message, direction };
                self.add(ticket.id.0, ticket.now, TicketEvent::from(imported));
            }
        }
    }

    /// One command of its own: a comment, an answer, or a message that came in.
    fn part(&mut self, ticket: &Ticket, is_comment: bool, by_us: bool) {
        let (id, now) = (ticket.id.0, ticket.now);
        let agent = ticket.owner.or_else(|| self.chance.pick(&self.stage.agents).copied());
        let user = agent.map_or(Actor::SYSTEM, |agent| Actor::user(agent.0));
        if is_comment {
            self.begin(user);
            let comment = self.comment(now);
            self.add(id, now, TicketEvent::from(comment));
        } else if by_us {
            self.begin(user);
            let message = self.message(ticket, Direction::Outgoing);
            let reply = ReplySubmitted {
                message,
                in_reply_to: None,
                deliver_after: Timestamp::from_micros(now),
                delivery: Delivery::Held,
                status: None,
            };
            self.add(id, now, TicketEvent::from(reply));
        } else {
            self.begin(Actor { kind: ActorKind::Channel, id: self.stage.channel.0 });
            let message = self.message(ticket, Direction::Incoming);
            self.add(id, now, TicketEvent::from(MessageReceived { message }));
        }
    }

    fn comment(&mut self, now: i64) -> CommentAdded {
        let comment = CommentId(self.chance.id(now));
        self.keys += 1;
        let scope = KeyScope::content(comment.0, Vec::new());
        let text = text(&mut self.chance);
        let mentioned = self.chance.happens(200);
        let mentions = self.chance.pick_ranked(&self.stage.agents).copied();
        CommentAdded {
            comment,
            preview: Personal(preview(&text)).seal(&scope),
            text: Personal(text).seal(&scope),
            html: None,
            mentions: mentions.filter(|_| mentioned).into_iter().collect(),
            attachments: Vec::new(),
        }
    }

    fn message(&mut self, ticket: &Ticket, direction: Direction) -> MessageContent {
        let id = MessageId(self.chance.id(ticket.now));
        self.keys += 1;
        let person = Person::of(&self.stage.plan, ticket.contact);
        let scope = KeyScope::content(id.0, vec![person.id.0]);
        let us = Address { name: None, email: self.stage.channel_address.clone() };
        let (from, to, author) = match direction {
            Direction::Incoming => (person.address, us, Some(MessageAuthor::Contact(person.id))),
            Direction::Outgoing => (us, person.address, ticket.owner.map(MessageAuthor::User)),
        };
        let word = |text: String| -> Sealed<String> { Personal(text).seal(&scope) };
        let text = text(&mut self.chance);
        let is_first_hand = ticket.is_imported || direction == Direction::Incoming;
        MessageContent {
            id,
            author,
            channel: Some(self.stage.channel),
            from: Personal(vec![from]).seal(&scope),
            reply_to: None,
            to: Personal(vec![to]).seal(&scope),
            cc: None,
            bcc: None,
            subject: word(ticket.name.clone()),
            preview: word(preview(&text)),
            text: word(text),
            html: None,
            message_id: is_first_hand.then(|| word(format!("{id}@mail.example"))),
            in_reply_to: None,
            references: None,
            attachments: Vec::new(),
            raw: None,
            automatic: None,
            problems: Vec::new(),
        }
    }

    /// Where it stands today.
    fn ending(&mut self, ticket: &mut Ticket) {
        if ticket.is_imported {
            return;
        }
        let user = ticket.owner.map_or(Actor::SYSTEM, |owner| Actor::user(owner.0));
        let same = |places: &&Places| places.open.first() == Some(&ticket.place);
        let Some(places) = self.stage.pipelines.iter().find(same) else { return };
        let waits = self.chance.happens(400);
        let mut to: Vec<&Place> = Vec::new();
        if waits {
            to.extend(self.chance.pick_ranked(&places.waiting));
        }
        if !ticket.is_open {
            to.extend(self.chance.pick_ranked(&places.closed));
        }
        for to in to {
            self.begin(user);
            let changed = StatusChanged { from: ticket.place, to: *to, with_reply: None };
            ticket.now += self.chance.after(HOUR) as i64;
            ticket.place = *to;
            self.add(ticket.id.0, ticket.now, TicketEvent::from(changed));
        }
    }
}

/// Somebody outside. Everything about them follows from their number.
struct Person {
    id: ContactId,
    since: i64,
    address: Address,
}

impl Person {
    fn of(plan: &Plan, index: u64) -> Self {
        let mut chance = Chance::at(plan.seed ^ 0x636f_6e74_6163_7473, index);
        let since = time_of(plan, index * CONTACT_EVERY);
        let id = ContactId(chance.id(since));
        let company = chance.ranked(COMPANIES);
        let email = format!("person{index}.{}@company{company}.example", plan.name());
        Self { id, since, address: Address { name: Some(format!("Person {index}")), email } }
    }
}

/// When a ticket began.
pub fn time_of(plan: &Plan, index: u64) -> i64 {
    let part = index as f64 / plan.tickets.max(1) as f64;
    BEGINS + ((ENDS - BEGINS) as f64 * part) as i64
}
