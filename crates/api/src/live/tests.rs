//! Who is told what, for any history.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use access::{Reach, Scope, TicketSight};
use decider::{Actor, CommandId, Event, LogPosition, Timestamp};
use event_store::log::{Bookmark, Outline};
use events::ticket::OwnerChanged;
use events::user::Role;
use events::value::{Owner, OwnerChangeReason};
use events::{TicketEvent, TicketId, UserId};
use projections::inbox::Visible;
use proptest::prelude::*;
use uuid::Uuid;

use super::note::{Note, told};
use super::ring::Ring;
use super::subject::Viewer;

const ANNA: UserId = UserId(Uuid::from_u128(1));
const BEN: UserId = UserId(Uuid::from_u128(2));

type Owners = BTreeMap<TicketId, Option<UserId>>;

/// One event of a history.
#[derive(Clone, Debug)]
enum Act {
    Open(u8),
    Comment(u8),
    Assign(u8, Option<UserId>),
    Draft(UserId),
    Contact,
    Password(UserId),
}

fn acts() -> impl Strategy<Value = Vec<(bool, Act)>> {
    let user = prop_oneof![Just(ANNA), Just(BEN)];
    let act = prop_oneof![
        2 => (0..5u8).prop_map(Act::Open),
        3 => (0..5u8).prop_map(Act::Comment),
        4 => (0..5u8, proptest::option::of(user.clone())).prop_map(|(t, to)| Act::Assign(t, to)),
        1 => user.clone().prop_map(Act::Draft),
        1 => Just(Act::Contact),
        1 => user.prop_map(Act::Password),
    ];
    // Whether it belongs to the command of the one before.
    proptest::collection::vec((any::<bool>(), act), 1..60)
}

fn ticket(n: u8) -> TicketId {
    TicketId(Uuid::from_u128(100 + u128::from(n)))
}

fn outline(position: u64, command: u64, kind: &str, stream: Uuid, type_name: &str) -> Outline {
    Outline {
        position: LogPosition(position),
        at: Timestamp::from_micros(0),
        command: CommandId(Uuid::from_u128(u128::from(command))),
        stream,
        kind: kind.to_owned(),
        type_name: type_name.to_owned(),
        schema_version: 1,
        actor: Actor::SYSTEM,
        payload_bytes: 0,
        payload: None,
    }
}

/// A log, and who owned which ticket after each position; before the first at 0.
fn history(acts: &[(bool, Act)]) -> (Vec<Outline>, Vec<Owners>) {
    let (mut log, mut owners) = (Vec::new(), vec![Owners::new()]);
    let mut command = 0;
    for (joined, act) in acts {
        let mut now = owners.last().cloned().unwrap_or_default();
        let position = log.len() as u64 + 1;
        command += u64::from(!joined);
        let at = |kind, stream, name| outline(position, command, kind, stream, name);
        let event = match act {
            Act::Open(n) if !now.contains_key(&ticket(*n)) => {
                now.insert(ticket(*n), None);
                at("ticket", ticket(*n).0, "TicketCreated")
            }
            Act::Comment(n) if now.contains_key(&ticket(*n)) => {
                at("ticket", ticket(*n).0, "CommentAdded")
            }
            Act::Assign(n, to) if now.get(&ticket(*n)).is_some_and(|from| from != to) => {
                let from = now.insert(ticket(*n), *to).flatten();
                let changed = TicketEvent::OwnerChanged(OwnerChanged {
                    from: from.map(Owner::user),
                    to: to.map(Owner::user),
                    reason: OwnerChangeReason::Manual,
                    note: None,
                });
                let payload = changed.encode().unwrap();
                Outline { payload: Some(payload), ..at("ticket", ticket(*n).0, "OwnerChanged") }
            }
            Act::Draft(user) => {
                let draft = at("draft", Uuid::from_u128(7), "DraftSaved");
                Outline { actor: Actor::user(user.0), ..draft }
            }
            Act::Password(user) => at("user", user.0, "PasswordSet"),
            Act::Open(_) | Act::Comment(_) | Act::Assign(..) | Act::Contact => {
                at("contact", Uuid::from_u128(9), "ContactRenamed")
            }
        };
        log.push(event);
        owners.push(now);
    }
    (log, owners)
}

/// What a list shows of these tickets.
fn listed(viewer: &Viewer, owners: &Owners) -> BTreeSet<TicketId> {
    let visible = Visible::of(&viewer.scope, Actor::user(viewer.user.0));
    let shown = owners.iter().filter(|(_, owner)| match visible {
        Visible::Nothing => false,
        Visible::OwnedBy(user) => **owner == Some(user),
        Visible::Everything => true,
    });
    shown.map(|(ticket, _)| *ticket).collect()
}

fn viewers() -> Vec<Viewer> {
    let scope = Scope::of(Role::Agent, ANNA);
    let reaches = [Reach::Everything, Reach::Owned, Reach::Nothing];
    let viewer = |reach| Viewer { user: ANNA, scope: scope.within(reach) };
    reaches.into_iter().map(viewer).collect()
}

fn told_to(viewer: &Viewer, log: &[Outline], now: &Owners) -> Vec<Arc<Note>> {
    let sight = |owner: &Option<UserId>| TicketSight { owner: owner.map(Owner::user) };
    let sights: HashMap<_, _> = now.iter().map(|(ticket, owner)| (*ticket, sight(owner))).collect();
    let notes = told(log, Some(&sights)).unwrap();
    notes.into_iter().filter(|note| note.is_open_to(viewer)).collect()
}

fn message(note: &Note) -> serde_json::Value {
    let text = std::str::from_utf8(&note.frame).unwrap();
    let data = text.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
    serde_json::from_str(data).unwrap()
}

fn ticket_of(note: &Note) -> Option<TicketId> {
    message(note)["ticket_id"].as_str().map(|id| id.parse().unwrap())
}

proptest! {
    /// X03, P03: a client that asks for each ticket it is told of shows what a list would show, and hears of no other.
    #[test]
    fn a_list_kept_by_live_messages_is_the_list_that_a_reload_shows(
        acts in acts(),
        begin in any::<prop::sample::Index>(),
        at_once in any::<bool>(),
    ) {
        let (log, owners) = history(&acts);
        let begin = begin.index(log.len() + 1);
        let end = &owners[log.len()];
        for viewer in viewers() {
            let mut shown = listed(&viewer, &owners[begin]);
            for note in told_to(&viewer, &log[begin..], end) {
                let Some(ticket) = ticket_of(&note) else { continue };
                let position = usize::try_from(note.last.position.0).unwrap();
                let command = log[position - 1].command;
                let first = log.iter().position(|event| event.command == command).unwrap();
                let mut times = (first..=position).chain([log.len()]);
                let seen = times.any(|at| listed(&viewer, &owners[at]).contains(&ticket));
                prop_assert!(seen, "{viewer:?} {position}");
                let asked = if at_once { &owners[position] } else { end };
                match listed(&viewer, asked).contains(&ticket) {
                    true => shown.insert(ticket),
                    false => shown.remove(&ticket),
                };
            }
            prop_assert_eq!(shown, listed(&viewer, end));
        }
    }

    /// Nothing is told twice or left out, whatever piece of the log is told at once.
    #[test]
    fn every_event_that_somebody_may_know_is_told_once(acts in acts(), cut in any::<prop::sample::Index>()) {
        let (log, owners) = history(&acts);
        let (viewer, cut) = (viewers()[0], cut.index(log.len() + 1));
        let mut kinds = Vec::new();
        let mut before = 0;
        for piece in [&log[..cut], &log[cut..]] {
            for note in told_to(&viewer, piece, &owners[log.len()]) {
                prop_assert!(note.last.position.0 > before);
                before = note.last.position.0;
                kinds.push(message(&note)["kinds"].clone());
            }
        }
        for event in &log {
            let mine = match event.kind.as_str() {
                "draft" => event.actor == Actor::user(ANNA.0),
                "user" => event.stream == ANNA.0,
                _ => true,
            };
            if mine {
                let told = kinds.iter().flat_map(|kinds| kinds.as_array().unwrap());
                prop_assert!(told.clone().any(|kind| kind == &event.type_name), "{event:?}");
            }
        }
        let hidden = |event: &&Outline| {
            event.kind == "draft" && event.actor != Actor::user(ANNA.0)
                || event.kind == "user" && event.stream != ANNA.0
        };
        let drafts = log.iter().filter(hidden).map(|event| event.position.0);
        for position in drafts {
            let told = told_to(&viewer, &log, &owners[log.len()]);
            prop_assert!(told.iter().all(|note| note.last.position.0 != position));
        }
    }

    /// A place in the ring leads to the same notes however many are taken at a time.
    #[test]
    fn a_ring_is_read_without_holes_or_says_that_it_no_longer_has_them(
        acts in acts(), kept in 1..40usize, max in 1..8usize, from in 0..60u64, parts in 1..10usize,
    ) {
        let (log, _) = history(&acts);
        let mut ring = Ring::after_position(LogPosition(0), kept);
        let mut notes = Vec::new();
        for part in log.chunks(parts) {
            let new = told(part, None).unwrap();
            notes.extend(new.iter().map(|note| note.last));
            ring.push(new, part.last().unwrap().bookmark(), false);
        }
        let from = Bookmark::unmarked(LogPosition(from));
        prop_assert!(ring.after(from, true, max).is_none(), "nobody knows who sees them");
        let (mut place, mut read) = (from, Vec::new());
        let end = log.last().unwrap().bookmark();
        while place.position < end.position {
            let Some((next, reached)) = ring.after(place, false, max) else {
                let lost = notes.len().checked_sub(kept + 1).map(|last| notes[last]);
                prop_assert!(lost.is_some_and(|lost| place.position < lost.position));
                return Ok(());
            };
            prop_assert!(reached.position > place.position);
            // The mark is the one of the event at that position, whether a note or the end was reached.
            let at = usize::try_from(reached.position.0 - 1).unwrap();
            prop_assert_eq!(reached, log[at].bookmark());
            read.extend(next.iter().map(|note| note.last));
            place = reached;
        }
        if from.position >= end.position {
            // What lies further on than the ring is kept as it was.
            let stays = if from.position > end.position { from } else { end };
            prop_assert_eq!(ring.after(from, false, max).map(|(_, reached)| reached), Some(stays));
        }
        let wanted: Vec<_> =
            notes.into_iter().filter(|last| last.position > from.position).collect();
        prop_assert_eq!(read, wanted);
    }
}

#[test]
fn what_one_command_did_to_a_ticket_is_one_message() {
    let log = [
        outline(1, 1, "ticket", ticket(1).0, "TicketCreated"),
        outline(2, 1, "ticket", ticket(1).0, "TagsChanged"),
        outline(3, 1, "ticket", ticket(1).0, "TagsChanged"),
        outline(4, 2, "ticket", ticket(1).0, "CommentAdded"),
        outline(5, 2, "contact", Uuid::from_u128(9), "ContactCreated"),
    ];
    let notes = told(&log, None).unwrap();
    let text = std::str::from_utf8(&notes[0].frame).unwrap();
    let (id, mark) = (ticket(1), log[2].bookmark());
    assert_eq!(
        text,
        format!(
            "id: {mark}\ndata: {{\"position\":\"3\",\"ticket_id\":\"{id}\",\"kinds\":[\"TicketCreated\",\"TagsChanged\"]}}\n\n"
        )
    );
    let positions: Vec<u64> = notes.iter().map(|note| note.last.position.0).collect();
    assert_eq!(positions, [3, 4, 5]);
    let contact = message(&notes[2]);
    assert_eq!(
        (&contact["ticket_id"], &contact["stream"]["kind"]),
        (&serde_json::Value::Null, &"contact".into())
    );
}

#[test]
fn those_who_manage_users_are_told_how_somebody_signs_in_and_nobody_else_is() {
    let log = [
        outline(1, 1, "user", BEN.0, "PasswordSet"),
        outline(2, 2, "user", BEN.0, "TokenCreated"),
        outline(3, 3, "user", BEN.0, "UserRenamed"),
        outline(4, 4, "user", BEN.0, "SomethingNew"),
    ];
    let told = |user, role| {
        let viewer = Viewer { user, scope: Scope::of(role, user) };
        told_to(&viewer, &log, &Owners::new())
            .iter()
            .map(|note| note.last.position.0)
            .collect::<Vec<_>>()
    };
    assert_eq!(told(ANNA, Role::Agent), [3]);
    assert_eq!(told(BEN, Role::Agent), [1, 2, 3, 4]);
    assert_eq!(told(ANNA, Role::SuperAdmin), [1, 2, 3, 4]);
}

#[test]
fn what_this_program_does_not_know_is_told_to_nobody() {
    let log = [outline(1, 1, "spell", Uuid::nil(), "SpellCast")];
    for viewer in viewers() {
        assert!(told_to(&viewer, &log, &Owners::new()).is_empty());
    }
}
