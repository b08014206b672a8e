//! Random histories that a workspace could have had: each step is taken only where the state allows it.

use decider::KeyScope;
use events::contact::{
    ContactCreated, ContactEmailAdded, ContactEmailMadePrimary, ContactEmailRemoved,
    ContactPhoneAdded, ContactPhoneRemoved, ContactRenamed, EmailEntry, PhoneEntry,
};
use events::draft::{DraftDiscarded, DraftKind, DraftSaved, DraftSent, DraftStarted, SentAs};
use events::message::{Direction, MessageContent, ObjectRef};
use events::pipeline::{
    PipelineArchived, PipelineCreated, PipelineRenamed, StatusAdded, StatusCategory,
    StatusCategoryChanged, StatusDefinition, StatusMoved, StatusRenamed,
};
use events::property::{DataType, PropertyDefined};
use events::ticket::{
    CategoryChanged, CommentAdded, ContactAssociated, ContactDissociated, ConversationStarted,
    MessageCopyKept, MessageImported, MessageReceived, OwnerChanged, PrimaryContactChanged,
    PriorityChanged, PropertiesSet, RawMessageKept, ReplySubmitted, StatusChanged, TagsChanged,
    TicketLinked, TicketRenamed, TicketUnlinked,
};
use events::user::{Role, UserAdded, UserDeactivated, UserReactivated, UserRenamed};
use events::value::{
    Delivery, LinkReason, Owner, OwnerChangeReason, Place, Priority, PropertyChange, PropertyValue,
};
use events::{
    CommentId, ContactEvent, ContactId, DraftEvent, PipelineEvent, PropertyEvent, StatusId,
    TicketId, UserEvent,
};
use proptest::prelude::*;

use super::forgetting::{self, Said};
use super::log::{ANNA, BERT, DAY, Log, created, id, message, sealed};

/// What to do, to whom, and with what.
pub type Step = (u8, u8, u8);

pub fn steps(most: usize) -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec((0..46_u8, 0..3_u8, 0..6_u8), 1..most)
}

const PIPELINE: u128 = 100;
const TAGS: [&str; 4] = ["vip", "\"quoted\"", "back\\slash", "{,}"];

/// Plays steps into a log that begins with a pipeline of three statuses and two users.
pub fn play(log: &mut Log, steps: &[Step]) {
    let mut state = State::default();
    state.begin(log);
    for (what, target, detail) in steps {
        let (target, detail) = (u128::from(*target), u128::from(*detail));
        match what {
            0..=3 => state.new_ticket(log, target),
            4..=15 => state.ticket_facts(log, *what, target, detail),
            16..=25 => state.conversation(log, *what, target, detail),
            26..=35 => state.people(log, *what, target, detail),
            36..=39 => state.drafts(log, *what, target, detail),
            40..=43 => state.pipelines(log, *what, detail),
            44 => state.forget_person(log, target),
            _ => state.forget_words(log, target),
        }
    }
}

#[derive(Default)]
struct State {
    tickets: Vec<TicketId>,
    contacts: Vec<(u128, Vec<u32>, u32)>,
    drafts: Vec<u128>,
    said: Vec<Said>,
    statuses: Vec<u128>,
    next: u128,
}

impl State {
    fn begin(&mut self, log: &mut Log) {
        let status = |number: u128, category| StatusDefinition {
            id: StatusId(id(number)),
            name: format!("Status {number}"),
            category,
            required_properties: Vec::new(),
        };
        self.statuses = vec![101, 102, 103];
        let statuses = vec![
            status(101, StatusCategory::Open),
            status(102, StatusCategory::Waiting),
            status(103, StatusCategory::Closed),
        ];
        log.add::<PipelineEvent>(
            id(PIPELINE),
            PipelineCreated { name: "Support".to_owned(), statuses },
        );
        for (user, name) in [(ANNA, "Anna Ahlers"), (BERT, "Bert O'Neill")] {
            let scope = KeyScope::person(user.0);
            let email = sealed(&scope, &format!("{}@Example.com", &name[..4]));
            log.add::<UserEvent>(
                user,
                UserAdded { name: sealed(&scope, name), email, role: Role::Agent },
            );
        }
        let defined = PropertyDefined {
            key: "size".to_owned(),
            label: "Size".to_owned(),
            description: None,
            data_type: DataType::Text,
            choices: Vec::new(),
            personal: true,
        };
        log.add::<PropertyEvent>(id(150), defined);
        self.next = 1_000;
    }

    fn fresh(&mut self) -> u128 {
        self.next += 1;
        self.next
    }

    fn new_ticket(&mut self, log: &mut Log, target: u128) {
        let ticket = TicketId(id(self.fresh()));
        let status = self.statuses[target as usize % self.statuses.len()];
        let number = self.tickets.len() as u64 + 1;
        log.ticket(ticket, created(number, (PIPELINE, status)));
        self.tickets.push(ticket);
    }

    fn pick(&self, target: u128) -> Option<TicketId> {
        let last = self.tickets.len().checked_sub(1)?;
        self.tickets.get(last - (target as usize).min(last)).copied()
    }

    fn ticket_facts(&mut self, log: &mut Log, what: u8, target: u128, detail: u128) {
        let Some(ticket) = self.pick(target) else { return };
        let scope = KeyScope::ticket(ticket.0);
        let status = StatusId(id(self.statuses[detail as usize % self.statuses.len()]));
        let place = Place { pipeline: id(PIPELINE).into(), status };
        let priorities = [
            Priority::None,
            Priority::Low,
            Priority::Medium,
            Priority::High,
            Priority::Urgent,
            Priority::Low,
        ];
        let user = if detail.is_multiple_of(2) { ANNA } else { BERT };
        match what {
            4 => log
                .ticket(ticket, TicketRenamed { from: None, to: sealed(&scope, "Another\0 name") }),
            5 | 6 => log.ticket(ticket, StatusChanged { from: place, to: place, with_reply: None }),
            7 => log.ticket(
                ticket,
                PriorityChanged { from: Priority::None, to: priorities[detail as usize] },
            ),
            8 => log.ticket(ticket, CategoryChanged { from: None, to: Some(format!("c{detail}")) }),
            9 | 10 => {
                let to = (detail < 4).then_some(Owner::user(user));
                let note = (detail == 1).then(|| sealed(&scope, "please"));
                log.ticket(
                    ticket,
                    OwnerChanged { from: None, to, reason: OwnerChangeReason::Manual, note },
                )
            }
            11 => {
                let tags = |n: u128| vec![TAGS[n as usize % 4].to_owned()];
                log.ticket(ticket, TagsChanged { added: tags(detail), removed: tags(detail + 1) })
            }
            12 => {
                let to = Some(PropertyValue::Text(sealed(&scope, "large")));
                let change = PropertyChange { property: id(150).into(), from: None, to };
                log.ticket(ticket, PropertiesSet { changes: vec![change] })
            }
            13 => log.ticket(ticket, TicketLinked { other: ticket, reason: LinkReason::Manual }),
            14 => log.ticket(ticket, TicketUnlinked { other: ticket }),
            _ => log.ticket(ticket, ConversationStarted {}),
        };
    }

    fn conversation(&mut self, log: &mut Log, what: u8, target: u128, detail: u128) {
        let Some(ticket) = self.pick(target) else { return };
        let (number, contact) = (self.fresh(), ContactId(id(500 + detail)));
        let raw = ObjectRef { key: id(9), hash: format!("{number:064x}"), size_bytes: 10 };
        match what {
            16..=18 => self.said.push(Said::Message(ticket, number)),
            19 | 20 => self.said.push(Said::Comment(ticket, number)),
            _ => {}
        }
        match what {
            16 => log.ticket(ticket, MessageReceived { message: message(number, contact, "Help") }),
            17 => {
                let message =
                    MessageContent { raw: Some(raw), ..message(number, contact, "Long ago") };
                let event = MessageImported { message, direction: Direction::Incoming };
                log.add_at::<events::TicketEvent>(ticket, DAY / (2 + detail as i64), event)
            }
            18 => {
                let message = MessageContent {
                    author: None,
                    ..message(number, contact, "Have you tried …")
                };
                let (deliver_after, delivery) =
                    (decider::Timestamp::from_micros(DAY), Delivery::Held);
                log.ticket(
                    ticket,
                    ReplySubmitted {
                        message,
                        in_reply_to: None,
                        deliver_after,
                        delivery,
                        status: None,
                    },
                )
            }
            19 | 20 => {
                let scope = KeyScope::content(id(number), Vec::new());
                let mentions = if detail < 3 { vec![ANNA, BERT] } else { vec![BERT] };
                let text = sealed(&scope, "Look at this");
                let (html, preview, attachments) = (None, text.clone(), Vec::new());
                log.ticket(
                    ticket,
                    CommentAdded {
                        comment: CommentId(id(number)),
                        text,
                        html,
                        preview,
                        mentions,
                        attachments,
                    },
                )
            }
            21 => log.ticket(ticket, MessageCopyKept { message: id(number).into(), raw }),
            22 => log.ticket(ticket, RawMessageKept { raw, channel: None }),
            23 => log.ticket(ticket, ContactAssociated { contact, primary: detail < 3 }),
            24 => log.ticket(ticket, ContactDissociated { contact }),
            _ => log.ticket(ticket, PrimaryContactChanged { from: None, to: Some(contact) }),
        };
    }

    fn people(&mut self, log: &mut Log, what: u8, target: u128, detail: u128) {
        if what < 29 || self.contacts.is_empty() {
            let number = self.fresh();
            let scope = KeyScope::person(id(number));
            let address = sealed(&scope, &format!("Carl{number}@example.org"));
            let name = (detail > 0).then(|| sealed(&scope, &format!("Carl Čapek {detail}")));
            let (emails, phones) = (vec![EmailEntry { no: 1, address }], Vec::new());
            log.add::<ContactEvent>(id(number), ContactCreated { name, emails, phones });
            self.contacts.push((number, vec![1], 1));
            return;
        }
        let which = target as usize % self.contacts.len();
        let (contact, entries, last) = &mut self.contacts[which];
        let (stream, scope) = (id(*contact), KeyScope::person(id(*contact)));
        match what {
            29 => log.add::<ContactEvent>(
                stream,
                ContactRenamed { from: None, to: Some(sealed(&scope, "Dora")) },
            ),
            30 | 31 => {
                *last += 1;
                entries.push(*last);
                let address = sealed(&scope, &format!("d{last}@example.net"));
                log.add::<ContactEvent>(
                    stream,
                    ContactEmailAdded { email: EmailEntry { no: *last, address } },
                )
            }
            32 => {
                let Some(no) = entries.pop() else { return };
                if detail < 3 {
                    log.add::<ContactEvent>(stream, ContactEmailRemoved { no })
                } else {
                    entries.push(no);
                    log.add::<ContactEvent>(stream, ContactEmailMadePrimary { from: None, to: no })
                }
            }
            33 => {
                *last += 1;
                let number = sealed(&scope, &format!("+49 30 {last}{detail}"));
                log.add::<ContactEvent>(
                    stream,
                    ContactPhoneAdded { phone: PhoneEntry { no: *last, number } },
                );
                log.add::<ContactEvent>(
                    stream,
                    ContactPhoneRemoved { no: *last - u32::from(detail > 2) },
                )
            }
            34 => log
                .add::<UserEvent>(BERT, UserDeactivated {})
                .add::<UserEvent>(BERT, UserReactivated {}),
            _ => {
                let to = sealed(&KeyScope::person(ANNA.0), &format!("Anna{detail} Ahlers"));
                log.add::<UserEvent>(ANNA, UserRenamed { from: None, to })
            }
        };
    }

    fn forget_person(&mut self, log: &mut Log, target: u128) {
        if self.contacts.is_empty() {
            return;
        }
        let which = target as usize % self.contacts.len();
        let (contact, emails, _) = self.contacts.swap_remove(which);
        forgetting::person(log, (contact, emails), self.fresh());
    }

    fn forget_words(&mut self, log: &mut Log, target: u128) {
        if let Some(said) = self.said.iter().rev().nth(target as usize).copied() {
            forgetting::words(log, said, self.fresh());
        }
    }

    fn drafts(&mut self, log: &mut Log, what: u8, target: u128, detail: u128) {
        let Some(ticket) = self.pick(target) else { return };
        if what == 36 || self.drafts.is_empty() {
            let draft = self.fresh();
            let kind = if detail < 3 { DraftKind::Reply } else { DraftKind::Comment };
            log.add::<DraftEvent>(id(draft), DraftStarted { ticket, user: ANNA, kind });
            self.drafts.push(draft);
            return;
        }
        let draft = self.drafts[target as usize % self.drafts.len()];
        match (what, detail) {
            (37, _) => {
                log.add::<DraftEvent>(id(draft), DraftSaved { content_mac: "00".to_owned() })
            }
            (_, 0..3) => {
                self.drafts.retain(|open| *open != draft);
                log.add::<DraftEvent>(
                    id(draft),
                    DraftSent { sent_as: SentAs::Message(id(draft).into()) },
                )
            }
            _ => {
                self.drafts.retain(|open| *open != draft);
                log.add::<DraftEvent>(id(draft), DraftDiscarded {})
            }
        };
    }

    fn pipelines(&mut self, log: &mut Log, what: u8, detail: u128) {
        let (pipeline, number) = (id(PIPELINE), self.fresh());
        let status = StatusId(id(self.statuses[detail as usize % self.statuses.len()]));
        match (what, detail) {
            (40, _) => {
                let (name, category) = (format!("New {number}"), StatusCategory::Open);
                let status = StatusDefinition {
                    id: id(number).into(),
                    name,
                    category,
                    required_properties: Vec::new(),
                };
                self.statuses.push(number);
                log.add::<PipelineEvent>(pipeline, StatusAdded { status, index: detail as u32 })
            }
            (41, _) => log
                .add::<PipelineEvent>(pipeline, StatusMoved { status, from: 0, to: detail as u32 }),
            (42, _) => {
                let (from, to) = (StatusCategory::Open, StatusCategory::Closed);
                log.add::<PipelineEvent>(pipeline, StatusCategoryChanged { status, from, to })
            }
            (_, 0) => log.add::<PipelineEvent>(pipeline, PipelineArchived {}),
            (_, 1) => log.add::<PipelineEvent>(
                pipeline,
                PipelineRenamed { from: String::new(), to: "Help".to_owned() },
            ),
            _ => log.add::<PipelineEvent>(
                pipeline,
                StatusRenamed { status, from: String::new(), to: "Other".to_owned() },
            ),
        };
    }
}
