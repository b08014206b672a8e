//! What holds for every history of a ticket, whatever was asked of it and in whatever order.

use decider::spec::Given;
use decider::{
    Actor, Changes, Command, CommandId, EventMeta, LogPosition, Personal, State, Timestamp,
};
use events::draft::DraftKind;
use events::value::{Owner, Priority, TicketSource};
use events::{
    CommentId, ContactEvent, ContactId, DraftEvent, DraftId, MessageId, StatusId, TicketEvent,
    TicketId, UserId,
};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::undo::{Past, PastEvent};
use super::*;
use crate::contact::Contact;
use crate::draft::{DiscardDraft, Draft, StartDraft};
use crate::fixtures::{Office, id, personal};
use crate::ticket::fixtures::{MARIA, inputs, maria};

const OTHER: TicketId = TicketId(id(61));
const DRAFTS: [DraftId; 2] = [DraftId(id(80)), DraftId(id(81))];

/// One request; numbers choose among a few ids, so that they meet.
#[derive(Clone, Debug)]
pub enum Step {
    Create(usize),
    Update(String, usize, Vec<String>),
    Status(usize, bool),
    Assign(usize),
    Contact(u128, bool),
    Reply(u128, Option<u128>, Option<usize>, bool),
    Comment(u128, bool),
    Import(u128, u128, bool),
    Link(bool),
    Draft(bool),
}

pub fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..4_usize).prop_map(Step::Create),
        ("[ a-c\u{200b}]{0,4}", 0..5_usize, vec("[ a-c]{0,2}", 0..3))
            .prop_map(|(name, priority, tags)| Step::Update(name, priority, tags)),
        (0..4_usize, any::<bool>()).prop_map(|(status, filled)| Step::Status(status, filled)),
        (0..4_usize).prop_map(Step::Assign),
        (70..73_u128, any::<bool>()).prop_map(|(contact, known)| Step::Contact(contact, known)),
        (
            200..206_u128,
            proptest::option::of(200..206_u128),
            proptest::option::of(0..4_usize),
            any::<bool>()
        )
            .prop_map(|(id, target, status, draft)| Step::Reply(id, target, status, draft)),
        (300..303_u128, any::<bool>()).prop_map(|(id, draft)| Step::Comment(id, draft)),
        (200..206_u128, 200..206_u128, any::<bool>())
            .prop_map(|(id, reference, copy)| Step::Import(id, reference, copy)),
        any::<bool>().prop_map(Step::Link),
        any::<bool>().prop_map(Step::Draft),
    ]
}

fn status(choice: usize) -> StatusId {
    [Office::NEW, Office::WAITING, Office::SOLVED, Office::LEAD][choice % 4]
}

fn filled(yes: bool) -> PropertyInputs {
    let cause = if yes { json!("Fuse") } else { Value::Null };
    inputs(&[("severity", json!("low")), ("root_cause", cause)])
}

impl Step {
    pub fn command(&self) -> Box<dyn Command> {
        let ticket_id = Office::TICKET;
        match self {
            Self::Create(choice) => Box::new(CreateTicket {
                ticket_id,
                name: personal("Printer"),
                pipeline_id: None,
                status_id: Some(status(*choice)),
                source: TicketSource::Manual,
                priority: Priority::None,
                category: None,
                owner: None,
                contact_ids: if *choice == 1 { vec![MARIA] } else { Vec::new() },
                tags: Vec::new(),
                properties: filled(*choice == 2),
            }),
            Self::Update(name, priority, tags) => Box::new(UpdateTicket {
                ticket_id,
                name: Some(personal(name)),
                priority: [Priority::None, Priority::Low, Priority::Urgent].get(*priority).copied(),
                category: Some(tags.first().cloned()),
                tags: Some(tags.clone()),
                properties: PropertyInputs::default(),
            }),
            Self::Status(choice, yes) => {
                let status_id = status(*choice);
                Box::new(ChangeStatus { ticket_id, status_id, properties: filled(*yes) })
            }
            Self::Assign(choice) => {
                let users = [Office::ADMIN, Office::AGENT, Office::GONE];
                let to = users.get(*choice).map(|user: &UserId| Owner::user(*user));
                Box::new(AssignTicket { ticket_id, to, note: None })
            }
            Self::Contact(contact, known) => {
                let contact_id = ContactId(id(*contact));
                let contact = if *known {
                    ContactChoice::Existing(contact_id)
                } else {
                    let email = Some(personal(&format!("c{contact}@example.net")));
                    ContactChoice::New { contact_id, name: None, email, phone: None }
                };
                Box::new(AddContact { ticket_id, contact })
            }
            Self::Reply(..) | Self::Comment(..) | Self::Import(..) => self.writing(),
            Self::Link(true) => Box::new(LinkTickets { ticket_id, other_id: OTHER }),
            Self::Link(false) => Box::new(UnlinkTickets { ticket_id, other_id: OTHER }),
            Self::Draft(true) => {
                let kind = DraftKind::Reply;
                Box::new(StartDraft { draft_id: DRAFTS[0], ticket_id, kind })
            }
            Self::Draft(false) => Box::new(DiscardDraft { draft_id: DRAFTS[0] }),
        }
    }

    fn writing(&self) -> Box<dyn Command> {
        let ticket_id = Office::TICKET;
        match self {
            Self::Reply(number, target, status_id, draft) => Box::new(ReplyToTicket {
                ticket_id,
                message_id: MessageId(id(*number)),
                mail_message_id: personal(&format!("m{number}@example.org")),
                text: personal("Switch it off"),
                html: None,
                in_reply_to: target.map(|number| MessageId(id(number))),
                to: None,
                cc: None,
                bcc: None,
                subject: None,
                from_channel_id: None,
                attachments: Vec::new(),
                status_id: status_id.map(status),
                properties: PropertyInputs::default(),
                draft_id: draft.then_some(DRAFTS[0]),
                undo_seconds: 0,
            }),
            Self::Import(number, reference, copy) => Box::new(ImportMessages {
                ticket_id,
                channel_id: Some(Office::EMAIL),
                status: ImportedStatus::Closed,
                messages: vec![imported(*number, *reference, *copy)],
                unreadable: Vec::new(),
                links: vec![OTHER],
            }),
            Self::Comment(number, draft) => Box::new(AddComment {
                ticket_id,
                comment_id: CommentId(id(*number)),
                text: personal("Hm"),
                html: None,
                mentions: vec![Office::ADMIN],
                attachments: Vec::new(),
                draft_id: draft.then_some(DRAFTS[1]),
            }),
            Self::Create(_)
            | Self::Update(..)
            | Self::Status(..)
            | Self::Assign(_)
            | Self::Contact(..)
            | Self::Link(_)
            | Self::Draft(_) => self.command(),
        }
    }
}

fn imported(number: u128, reference: u128, copy: bool) -> ImportedMessage {
    let from = vec![fixtures::address("maria@example.net")];
    ImportedMessage {
        id: MessageId(id(number)),
        new_contact_id: ContactId(id(7000 + number)),
        direction: events::message::Direction::Incoming,
        sent_at: Timestamp::from_micros(i64::try_from(number).unwrap()),
        from: Personal(from),
        reply_to: Personal(Vec::new()),
        to: Personal(Vec::new()),
        cc: Personal(Vec::new()),
        bcc: Personal(Vec::new()),
        subject: personal("It burns"),
        text: personal("Help"),
        html: None,
        mail_message_id: Some(personal(&format!("m{number}@example.org"))),
        in_reply_to: None,
        references: Personal(vec![format!("m{reference}@example.org")]),
        attachments: Vec::new(),
        raw: None,
        raw_mac: format!("{number}-{copy}"),
        automatic: None,
        problems: Vec::new(),
    }
}

/// A world in which commands come true.
pub struct History {
    given: Given,
    pub ticket: Ticket,
    events: Vec<TicketEvent>,
    /// The same as undoing sees them; positions count the ticket's events alone.
    pub past: Vec<PastEvent>,
    asked: u128,
}

impl History {
    pub fn new() -> Self {
        let given = Office::new()
            .as_agent()
            .events::<Contact>(MARIA, [maria()])
            .claim(crate::claims::CONTACT_EMAIL, "maria@example.net", MARIA)
            .events::<Ticket>(OTHER, [fixtures::created(OTHER)]);
        Self { given, ticket: Ticket::Unknown, events: Vec::new(), past: Vec::new(), asked: 0 }
    }

    /// Gives how many events it made; none when it was refused.
    pub fn ask(self, command: &dyn Command) -> (Self, Option<usize>) {
        let (history, asked) = self.try_ask(command);
        (history, asked.ok())
    }

    /// The same, or with what code it was refused.
    pub fn try_ask(mut self, command: &dyn Command) -> (Self, Result<usize, &'static str>) {
        let changes = match self.given.when(command).result() {
            Ok(changes) => changes,
            Err(rejected) => return (self, Err(rejected.code)),
        };
        let count = changes.events.len();
        self.remember(&changes);
        for event in changes.events_on::<TicketEvent>(Office::TICKET) {
            let version = u32::try_from(self.events.len()).unwrap() + 1;
            let occurred_at = Timestamp::from_micros(i64::from(version));
            self.ticket.evolve(&event, &EventMeta { version, occurred_at, actor: Actor::SYSTEM });
            self.events.push(event);
        }
        let contacts: Vec<_> = (70..80).chain(7000..7300).map(id).collect();
        let mut given = self
            .given
            .events::<Ticket>(Office::TICKET, changes.events_on::<TicketEvent>(Office::TICKET))
            .events::<Ticket>(OTHER, changes.events_on::<TicketEvent>(OTHER))
            .claims(&changes.claims);
        for draft in DRAFTS {
            given = given.events::<Draft>(draft, changes.events_on::<DraftEvent>(draft));
        }
        for contact in contacts {
            let events = changes.events_on::<ContactEvent>(contact);
            if !events.is_empty() {
                given = given.events::<Contact>(contact, events);
            }
        }
        self.given = given;
        (self, Ok(count))
    }

    fn remember(&mut self, changes: &Changes) {
        self.asked += 1;
        let own = changes.events.iter().filter(|new| new.stream == Office::TICKET.0);
        for new in own {
            let event = new.event.as_any().downcast_ref::<TicketEvent>().unwrap().clone();
            let version = u32::try_from(self.past.len()).unwrap() + 1;
            self.past.push(PastEvent {
                position: LogPosition(u64::from(version)),
                version,
                command: CommandId(id(self.asked)),
                actor: Actor::user(Office::AGENT.0),
                undoes: new.undoes,
                what: Past::of(event),
            });
        }
    }
}

pub fn assert_sound(history: &History) {
    let Some(live) = history.ticket.live() else {
        assert!(history.events.is_empty(), "events without a ticket");
        return;
    };
    assert_eq!(live.version as usize, history.events.len());
    let directory = Office::new().directory();
    let pipeline = directory.pipeline(live.place.pipeline).unwrap();
    assert!(pipeline.status(live.place.status).is_some(), "the status is one of the pipeline");
    assert_eq!(live.primary_contact.is_some(), !live.contacts.is_empty());
    assert!(live.primary_contact.is_none_or(|primary| live.contacts.contains(&primary)));
    assert!(live.contacts.is_empty() || live.has_conversation, "a contact starts a conversation");
    assert!(live.tags.iter().all(|tag| !tag.trim().is_empty()));
    assert!(!live.links.contains(&Office::TICKET));
    assert!(live.owner.is_none_or(|owner| owner.user != Some(Office::GONE)));
    let is_message = |event: &&TicketEvent| {
        matches!(event, TicketEvent::ReplySubmitted(_) | TicketEvent::MessageImported(_))
    };
    assert_eq!(live.messages.len(), history.events.iter().filter(is_message).count());
    assert_eq!(live.messages.newest().is_some(), !live.messages.is_empty());
    assert!(live.messages.newest().is_none_or(|newest| live.messages.contains(newest.id)));
    let creations = history.events.iter().filter(|e| matches!(e, TicketEvent::Created(_)));
    assert_eq!(creations.count(), 1);
}

/// Requests for a state of affairs: once it is so, asking again changes nothing.
fn is_for_a_state(step: &Step) -> bool {
    match step {
        Step::Update(..) | Step::Status(..) | Step::Assign(_) | Step::Contact(_, true) => true,
        Step::Import(..) | Step::Link(_) | Step::Draft(_) => true,
        Step::Create(_) | Step::Contact(_, false) | Step::Reply(..) | Step::Comment(..) => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_ticket_stays_sound_whatever_is_asked(steps in vec(steps(), 1..40)) {
        let mut history = History::new();
        for step in &steps {
            let command = step.command();
            let accepted;
            (history, accepted) = history.ask(command.as_ref());
            assert_sound(&history);
            if accepted.is_some() && is_for_a_state(step) {
                let again;
                (history, again) = history.ask(command.as_ref());
                prop_assert_eq!(again, Some(0), "{:?} twice", step);
            }
        }
    }

    #[test]
    fn folding_never_fails_not_even_events_in_an_impossible_order(
        steps in vec(steps(), 1..30),
        order in vec(any::<prop::sample::Index>(), 0..60),
    ) {
        let history = steps.iter().fold(History::new(), |history, step| {
            history.ask(step.command().as_ref()).0
        });
        let mut ticket = Ticket::default();
        for index in order.iter().filter(|_| !history.events.is_empty()) {
            let event = index.get(&history.events);
            let meta = EventMeta {
                version: 1,
                occurred_at: Timestamp::from_micros(index.index(1000) as i64),
                actor: Actor::SYSTEM,
            };
            ticket.evolve(event, &meta);
        }
        prop_assert!(State::size_bytes(&ticket) < 1024 * 1024);
    }
}

#[test]
fn every_kind_of_stream_is_known_once() {
    let mut kinds: Vec<_> = crate::stream_types().iter().map(|stream| stream.kind).collect();
    let known: Vec<_> = events::AnyEvent::KINDS.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds.len(), known.len());
    kinds.retain(|kind| !known.contains(kind));
    assert!(kinds.is_empty());
    let directory = crate::stream_types().into_iter().filter(|stream| stream.directory);
    assert_eq!(directory.count(), 5);
}
