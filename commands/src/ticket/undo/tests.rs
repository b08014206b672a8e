//! What is taken back, what stands in the way, and what stays.

use std::collections::BTreeMap;
use std::sync::Arc;

use decider::spec::Given;
use decider::{Actor, Cipher, CommandId, LogPosition, SealId, Sealed};
use events::contact::ContactErased;
use events::message::Direction;
use events::ticket::{
    CategoryChanged, ContactAssociated, ContactDissociated, ConversationEnded, ConversationStarted,
    MessageRedacted, OwnerChanged, PriorityChanged, PropertiesSet, RedactedPart, StatusChanged,
    TagsChanged, TicketLinked, TicketRenamed, TicketUnlinked,
};
use events::value::{
    LinkReason, Owner, OwnerChangeReason, Place, Priority, PropertyChange, PropertyValue,
};
use events::{ContactEvent, ErasureId, StatusId, TicketEvent, TicketId};

use super::*;
use crate::contact::Contact;
use crate::fixtures::{Office, id};
use crate::ticket::Ticket;
use crate::ticket::fixtures::{MARIA, bare, created, imported, message};
use crate::ticket::parts::sealed;

const OTHER: TicketId = TicketId(id(61));
const AGENT: Actor = Actor::user(Office::AGENT.0);

/// What happened after the creation: by which command, who, what, and what it undid.
struct Told(Vec<PastEvent>);

impl Told {
    fn new() -> Self {
        let told = Self(Vec::new());
        told.by(Actor::SYSTEM, [created(Office::TICKET)])
    }

    fn by(mut self, actor: Actor, events: impl IntoIterator<Item = TicketEvent>) -> Self {
        let command = CommandId(id(self.0.len() as u128 + 1));
        for event in events {
            self = self.push(actor, command, None, event);
        }
        self
    }

    fn then(self, event: impl Into<TicketEvent>) -> Self {
        self.by(AGENT, [event.into()])
    }

    fn undoing(self, position: u64, event: impl Into<TicketEvent>) -> Self {
        let command = CommandId(id(self.0.len() as u128 + 1));
        self.push(AGENT, command, Some(LogPosition(position)), event.into())
    }

    fn push(
        mut self,
        actor: Actor,
        command: CommandId,
        undoes: Option<LogPosition>,
        event: TicketEvent,
    ) -> Self {
        let version = u32::try_from(self.0.len()).unwrap() + 1;
        let position = LogPosition(u64::from(version));
        self.0.push(PastEvent { position, version, command, actor, undoes, what: Past::of(event) });
        self
    }
}

struct Case {
    given: Given,
    told: Told,
}

/// The same events in the stream and in the history.
fn given(events: impl IntoIterator<Item = TicketEvent>) -> Case {
    let mut case = Case { given: bare(), told: Told::new() };
    for event in events {
        case = case.and(event);
    }
    case
}

impl Case {
    fn and(self, event: impl Into<TicketEvent>) -> Self {
        let event = event.into();
        let given = self.given.events::<Ticket>(Office::TICKET, [event.clone()]);
        Self { given, told: self.told.then(event) }
    }

    fn together(self, events: Vec<TicketEvent>) -> Self {
        let given = self.given.events::<Ticket>(Office::TICKET, events.clone());
        Self { given, told: self.told.by(AGENT, events) }
    }

    fn undone(self, position: u64, event: impl Into<TicketEvent>) -> Self {
        let event = event.into();
        let given = self.given.events::<Ticket>(Office::TICKET, [event.clone()]);
        Self { given, told: self.told.undoing(position, event) }
    }

    fn command(&self, position: Option<u64>) -> UndoChange {
        UndoChange {
            ticket_id: Office::TICKET,
            position: position.map(LogPosition),
            history: Arc::new(History::new(self.told.0.clone())),
            mirrors: BTreeMap::new(),
        }
    }

    fn then(
        &self,
        position: Option<u64>,
        expected: impl IntoIterator<Item = TicketEvent>,
    ) -> Vec<u64> {
        let changes = self.given.when(&self.command(position)).then(Office::TICKET, expected);
        changes.events.iter().map(|new| new.undoes.unwrap().0).collect()
    }

    fn refused(&self, position: Option<u64>, code: &str) -> (String, Vec<u64>) {
        let rejected = self.given.when(&self.command(position)).then_rejected(code);
        (rejected.detail, rejected.positions.iter().map(|position| position.0).collect())
    }
}

fn status(from: StatusId, to: StatusId) -> TicketEvent {
    let place = |status| Place { pipeline: Office::SUPPORT, status };
    StatusChanged { from: place(from), to: place(to), with_reply: None }.into()
}

fn priority(from: Priority, to: Priority) -> TicketEvent {
    PriorityChanged { from, to }.into()
}

fn owner(from: Option<Owner>, to: Option<Owner>) -> TicketEvent {
    OwnerChanged { from, to, reason: OwnerChangeReason::Manual, note: None }.into()
}

fn tags(added: &[&str], removed: &[&str]) -> TicketEvent {
    let words = |tags: &[&str]| tags.iter().map(|tag| (*tag).to_owned()).collect();
    TagsChanged { added: words(added), removed: words(removed) }.into()
}

fn severity(from: Option<&str>, to: Option<&str>) -> TicketEvent {
    let value = |word: Option<&str>| word.map(|word| PropertyValue::SingleChoice(word.to_owned()));
    let (from, to) = (value(from), value(to));
    PropertiesSet { changes: vec![PropertyChange { property: Office::SEVERITY, from, to }] }.into()
}

fn maria_came() -> Vec<TicketEvent> {
    vec![ContactAssociated { contact: MARIA, primary: true }.into(), ConversationStarted {}.into()]
}

#[test]
fn every_kind_of_change_has_a_way_back_z11() {
    let named = |from: &str, to: &str| {
        let name = |text: &str| sealed(Office::TICKET, text);
        TicketEvent::from(TicketRenamed { from: Some(name(from)), to: name(to) })
    };
    let category = |from: Option<&str>, to: Option<&str>| {
        let word = |word: Option<&str>| word.map(str::to_owned);
        TicketEvent::from(CategoryChanged { from: word(from), to: word(to) })
    };
    let admin = Some(Owner::user(Office::ADMIN));
    for (there, back) in [
        (named("Printer", "Scanner"), named("Scanner", "Printer")),
        (status(Office::NEW, Office::WAITING), status(Office::WAITING, Office::NEW)),
        (priority(Priority::None, Priority::High), priority(Priority::High, Priority::None)),
        (category(None, Some("Billing")), category(Some("Billing"), None)),
        (owner(None, admin), owner(admin, None)),
        (tags(&["a", "b"], &[]), tags(&[], &["a", "b"])),
        (severity(None, Some("low")), severity(Some("low"), None)),
    ] {
        let undoes = given([there.clone()]).then(None, [back.clone()]);
        assert_eq!(undoes, [2]);
        // And undoing the undo brings it back.
        let redone = given([there.clone()]).undone(2, back).then(Some(3), [there]);
        assert_eq!(redone, [3]);
    }
}

#[test]
fn a_contact_goes_with_the_conversation_that_began_with_it_z11() {
    let gone = || {
        [
            TicketEvent::from(ContactDissociated { contact: MARIA }),
            TicketEvent::from(ConversationEnded {}),
        ]
    };
    let case = given([]).together(maria_came());
    for position in [None, Some(2), Some(3)] {
        assert_eq!(case.then(position, gone()), [2, 3]);
    }
    let [went, ended] = gone();
    let command = CommandId(id(99));
    let told = case.told.push(AGENT, command, Some(LogPosition(2)), went.clone());
    let told = told.push(AGENT, command, Some(LogPosition(3)), ended.clone());
    let back = Case { given: case.given.events::<Ticket>(Office::TICKET, [went, ended]), told };
    assert_eq!(back.then(Some(4), maria_came()), [4, 5]);
}

#[test]
fn a_contact_stays_once_something_was_said_z11() {
    let case = given([]).together(maria_came()).and(imported(1, Direction::Incoming));
    let (detail, by) = case.refused(Some(2), "undo_blocked");
    assert!(detail.contains("messages were exchanged"), "{detail}");
    assert_eq!(by, [4]);
}

#[test]
fn a_link_is_taken_back_on_both_sides_z11() {
    let linked = |other| TicketEvent::from(TicketLinked { other, reason: LinkReason::Manual });
    let case = given([linked(OTHER)]);
    let given = case.given.events::<Ticket>(OTHER, [created(OTHER), linked(Office::TICKET)]);
    let case = Case { given, told: case.told };
    let mut command = case.command(None);
    command.mirrors.insert(LogPosition(2), LogPosition(7));
    let changes = case.given.when(&command).accepted();
    let unlinked = |other| TicketEvent::from(TicketUnlinked { other });
    assert_eq!(changes.events_on::<TicketEvent>(Office::TICKET), [unlinked(OTHER)]);
    assert_eq!(changes.events_on::<TicketEvent>(OTHER), [unlinked(Office::TICKET)]);
    let undoes: Vec<_> = changes.events.iter().map(|new| new.undoes.unwrap().0).collect();
    assert_eq!(undoes, [2, 7]);
}

#[test]
fn an_action_of_several_events_is_taken_back_as_one_z11() {
    let case =
        given([]).together(vec![severity(None, Some("low")), status(Office::NEW, Office::WAITING)]);
    let back = [severity(Some("low"), None), status(Office::WAITING, Office::NEW)];
    assert_eq!(case.then(None, back), [2, 3]);
    // Named by its position it is one event.
    assert_eq!(case.then(Some(3), [status(Office::WAITING, Office::NEW)]), [3]);
}

#[test]
fn the_last_action_is_ones_own_and_can_be_taken_back_as_a_whole_z11() {
    let mut case = given([priority(Priority::None, Priority::High)]);
    case.told = case.told.by(Actor::user(Office::ADMIN.0), [tags(&["a"], &[])]);
    case.given = case.given.events::<Ticket>(Office::TICKET, [tags(&["a"], &[])]);
    let case =
        case.together(vec![imported(1, Direction::Outgoing), status(Office::NEW, Office::WAITING)]);
    assert_eq!(case.then(None, [priority(Priority::High, Priority::None)]), [2]);
    let case = case.undone(2, priority(Priority::High, Priority::None));
    case.refused(None, "nothing_to_undo");
}

#[test]
fn what_later_events_touched_stays_and_they_are_named_z11() {
    let case = given([
        status(Office::NEW, Office::WAITING),
        tags(&["a"], &[]),
        status(Office::WAITING, Office::NEW),
        tags(&["b"], &[]),
    ]);
    let (detail, by) = case.refused(Some(2), "undo_blocked");
    assert_eq!((by, detail.ends_with("at 4")), (vec![4], true), "{detail}");
    // Another tag is another thing.
    assert_eq!(case.then(Some(3), [tags(&[], &["a"])]), [3]);
    // Once the later one is taken back, the way is free.
    let case = case.undone(4, status(Office::NEW, Office::WAITING));
    assert_eq!(case.then(Some(2), [status(Office::WAITING, Office::NEW)]), [2]);
}

#[test]
fn an_undo_cannot_be_repeated_but_the_undo_can_be_undone_z11() {
    let (there, back) =
        (status(Office::NEW, Office::WAITING), status(Office::WAITING, Office::NEW));
    let case = given([there.clone()]).undone(2, back.clone());
    assert_eq!(case.refused(Some(2), "already_undone").1, [3]);
    case.refused(None, "nothing_to_undo");
    let case = case.undone(3, there.clone());
    assert_eq!(case.refused(Some(3), "already_undone").1, [4]);
    // It is in force again, and can be taken back again.
    assert_eq!(case.then(Some(2), [back.clone()]), [2]);
    assert_eq!(case.then(None, [back]), [2]);
}

#[test]
fn what_was_made_or_said_cannot_be_taken_back_z11() {
    let case = given([imported(1, Direction::Incoming)]);
    case.refused(Some(1), "not_reversible");
    case.refused(Some(2), "not_reversible");
    assert_eq!(case.refused(Some(9), "unknown_position").1, [0; 0]);
    case.refused(None, "nothing_to_undo");
    let moved = StatusChanged {
        from: Place { pipeline: Office::SALES, status: Office::LEAD },
        to: Place { pipeline: Office::SUPPORT, status: Office::NEW },
        with_reply: None,
    };
    given([moved.into()]).refused(Some(2), "not_reversible");
}

#[test]
fn what_was_redacted_or_erased_has_no_way_back_and_the_refusal_says_so_z11_z06_c17() {
    let (erasure, message) = (ErasureId(id(900)), message(1, Direction::Incoming));
    let redacted = MessageRedacted { message, parts: vec![RedactedPart::Text], erasure };
    let case = given([imported(1, Direction::Incoming), redacted.into()]);
    let (detail, _) = case.refused(Some(3), "not_reversible");
    assert!(detail.contains("redacted"), "{detail}");
    // A name whose key is gone.
    let (seal, key) = (SealId(id(1)), id(2));
    let from = Sealed::Cipher(Cipher { seal, key, nonce: Vec::new(), bytes: Vec::new() });
    let to = sealed(Office::TICKET, "Scanner");
    let case = given([TicketRenamed { from: Some(from), to }.into()]);
    let (detail, _) = case.refused(Some(2), "not_reversible");
    assert!(detail.contains("erased"), "{detail}");
    // A person who was forgotten does not come back.
    let case = given(maria_came()).and(ContactDissociated { contact: MARIA });
    let erased = ContactEvent::from(ContactErased { erasure, emails: vec![1] });
    let given = case.given.events::<Contact>(MARIA, [erased]);
    Case { given, told: case.told }.refused(Some(4), "contact_erased");
}

#[test]
fn only_so_far_back_is_looked_z11() {
    let case = given([status(Office::NEW, Office::WAITING), tags(&["a"], &[])]);
    let newest = case.told.0[1..].to_vec();
    let command = |position| UndoChange {
        position: Some(LogPosition(position)),
        history: Arc::new(History::new(newest.clone())),
        ..case.command(None)
    };
    let rejected = case.given.when(&command(1)).then_rejected("not_reversible");
    assert_eq!(rejected.detail, "too much has happened to the ticket since");
    case.given.when(&command(2)).then(Office::TICKET, [status(Office::WAITING, Office::NEW)]);
}

#[test]
fn the_rules_of_the_way_there_hold_on_the_way_back_z11_t10() {
    // Back into a status whose property was emptied since.
    let case = given([
        severity(None, Some("low")),
        status(Office::SOLVED, Office::NEW),
        severity(Some("low"), None),
    ]);
    let (_, by) = case.refused(Some(3), "required_properties_missing");
    assert!(by.is_empty());
    // A property that the present status asks for is not emptied.
    let case = given([severity(None, Some("low")), status(Office::NEW, Office::SOLVED)]);
    case.refused(Some(2), "required_properties_missing");
    // Nobody is made responsible who has no access any more.
    let gone = Some(Owner::user(Office::GONE));
    given([owner(gone, None)]).refused(None, "inactive_user");
}

#[test]
fn who_may_not_change_a_ticket_takes_nothing_back_z11() {
    let case = given([status(Office::NEW, Office::WAITING)]);
    let command = case.command(Some(2));
    let light = case.given.actor(Actor::user(Office::LIGHT.0));
    let rejected = light.when(&command).then_rejected("forbidden");
    assert_eq!(rejected.missing_right, Some("tickets.edit"));
    let unknown = UndoChange { ticket_id: TicketId(id(9)), ..command };
    light.when(&unknown).then_rejected("not_found");
}

#[test]
fn a_history_that_is_not_the_newest_decides_nothing_z11() {
    let mut case = given([status(Office::NEW, Office::WAITING)]);
    case.given = case.given.events::<Ticket>(Office::TICKET, [tags(&["a"], &[])]);
    case.refused(Some(2), "undo_outdated");
}

#[test]
fn an_undo_touches_what_the_event_touched_w03() {
    let case = given([status(Office::NEW, Office::WAITING)]);
    let touches = case.command(Some(2)).touches();
    assert!(touches.meets(&Aspects::of(&["status"])));
    assert!(!touches.meets(&Aspects::of(&["owner"])));
    assert_eq!(case.command(None).touches(), Aspects::All);
}
