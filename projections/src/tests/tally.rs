//! Numbers of tickets against a count by hand: any instant, as known at any position (Z10).

use std::collections::BTreeMap;

use decider::{LogPosition, StoredEvent, Timestamp};
use event_store::projection::ProjectionType;
use events::ticket::{OwnerChanged, PriorityChanged, StatusChanged, TagsChanged};
use events::value::{Owner, OwnerChangeReason, Place, Priority, TicketSource};
use events::{ChannelId, TeamId, TicketEvent, TicketId, decode_stored};
use proptest::prelude::*;
use tokio::runtime::Runtime;
use tokio::sync::Mutex;
use uuid::Uuid;

use super::cases::on_postgres;
use super::database::Database;
use super::log::{ANNA, BERT, DAY, Log, created, id};
use crate::effect::{Effect, happened_at, is_said};
use crate::tally::{
    Asked, Count, Dimension, Restated, Tally, counts, priority_value, restated, source_value,
};

/// Which ticket, what becomes of it, and how many hours after the beginning that happened; past the present it is now.
type Step = (u8, u8, u16);

/// Hours after the beginning from which on everything is recorded as it happens.
const NOW: u16 = 20_000;

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let when = prop_oneof![2 => 0..NOW, 1 => Just(NOW)];
    prop::collection::vec((0..5_u8, 0..9_u8, when), 1..40)
}

#[derive(Clone, Copy)]
struct State {
    place: Place,
    owner: Option<Owner>,
    priority: Priority,
    channel: Option<ChannelId>,
}

/// Changes that follow from what is, at instants that may lie in any order.
fn play(log: &mut Log, steps: &[Step]) {
    let mut tickets: BTreeMap<u8, State> = BTreeMap::new();
    for (target, what, hours) in steps {
        let micros = match *hours {
            // A date that lies ahead counts as the present.
            NOW => i64::MAX / 2,
            hours => 18_000 * DAY + i64::from(hours) * 3_600_000_000,
        };
        let ticket = TicketId(id(u128::from(*target) + 1));
        let mut add = |event: TicketEvent| {
            log.add_at::<TicketEvent>(ticket, micros, event);
        };
        let Some(state) = tickets.get_mut(target) else {
            let place = Place { pipeline: id(100).into(), status: id(101).into() };
            tickets.insert(
                *target,
                State { place, owner: None, priority: Priority::None, channel: None },
            );
            add(created(u64::from(*target) + 1, (100, 101)).into());
            continue;
        };
        match what {
            0..=3 => {
                let (from, number) = (state.place, u128::from(*what));
                let pipeline = id(100 + number / 3).into();
                state.place = Place { pipeline, status: id(101 + number).into() };
                add(StatusChanged { from, to: state.place, with_reply: None }.into());
            }
            4..=6 => {
                let owners = [
                    None,
                    Some(Owner { user: Some(ANNA), team: None }),
                    Some(Owner { user: Some(BERT), team: Some(TeamId(id(9))) }),
                ];
                let (from, to) = (state.owner, owners[usize::from(what - 4)]);
                state.owner = to;
                let reason = OwnerChangeReason::Manual;
                add(OwnerChanged { from, to, reason, note: None }.into());
            }
            7 => {
                let from = state.priority;
                let to = if from == Priority::None { Priority::High } else { Priority::None };
                state.priority = to;
                add(PriorityChanged { from, to }.into());
            }
            // It changes no number, but what follows it cannot take effect before it.
            _ => add(TagsChanged { added: vec!["a".to_owned()], removed: Vec::new() }.into()),
        }
    }
}

/// What tickets are counted by, ticket by ticket.
#[expect(clippy::wildcard_enum_match_arm, reason = "only what this test plays")]
fn by_hand(events: &[StoredEvent], instant: Timestamp, known_at: LogPosition) -> Vec<Count> {
    let mut tickets: BTreeMap<Uuid, (Effect, State)> = BTreeMap::new();
    for stored in events.iter().filter(|event| event.position <= known_at) {
        let initial = State {
            place: Place { pipeline: Uuid::nil().into(), status: Uuid::nil().into() },
            owner: None,
            priority: Priority::None,
            channel: None,
        };
        let (effect, state) = tickets.entry(stored.stream).or_insert((Effect::default(), initial));
        assert!(!is_said(stored));
        if effect.follow(stored) > instant {
            continue;
        }
        match decode_stored::<TicketEvent>(stored).unwrap() {
            TicketEvent::Created(created) => {
                state.place = Place { pipeline: created.pipeline, status: created.status };
                state.channel = created.channel;
            }
            TicketEvent::StatusChanged(changed) => state.place = changed.to,
            TicketEvent::OwnerChanged(changed) => state.owner = changed.to,
            TicketEvent::PriorityChanged(changed) => state.priority = changed.to,
            _ => {}
        }
    }
    let mut sums: BTreeMap<(Dimension, Uuid), i64> = BTreeMap::new();
    for (_, state) in tickets.values().filter(|(_, state)| !state.place.pipeline.0.is_nil()) {
        let values = [
            (Dimension::Pipeline, Some(state.place.pipeline.0)),
            (Dimension::Status, Some(state.place.status.0)),
            (Dimension::Owner, state.owner.and_then(|owner| owner.user).map(|user| user.0)),
            (Dimension::Team, state.owner.and_then(|owner| owner.team).map(|team| team.0)),
            (Dimension::Priority, priority_value(state.priority)),
            (Dimension::Source, Some(source_value(TicketSource::Manual))),
            (Dimension::Channel, state.channel.map(|channel| channel.0)),
        ];
        for (dimension, value) in values {
            value.into_iter().for_each(|value| *sums.entry((dimension, value)).or_default() += 1);
        }
    }
    let count = |((dimension, value), tickets)| Count { dimension, value, tickets };
    sums.into_iter().map(count).collect()
}

fn asked(
    database: &Database,
    events: &[StoredEvent],
    instant: Timestamp,
    known_at: LogPosition,
) -> Asked {
    let known = events.iter().find(|event| event.position == known_at);
    let known_at_instant = known.map_or(Timestamp::from_micros(0), |event| event.at);
    Asked { ws: database.ws, instant, known_at, known_at_instant }
}

#[test]
fn numbers_are_those_of_a_count_by_hand_at_any_instant_and_position_z10() {
    let runtime = Runtime::new().unwrap();
    let database = Mutex::new(runtime.block_on(Database::new()));
    let place = (any::<prop::sample::Index>(), any::<prop::sample::Index>(), -1..2_i64);
    let told = (
        steps(),
        prop::collection::vec(1..6_usize, 1..8),
        prop::collection::vec(1..30_usize, 1..8),
        prop::collection::vec(place, 12),
    );
    let checked = on_postgres(24, file!()).run(&told, |(steps, commits, batches, places)| {
        runtime.block_on(async {
            let mut database = database.lock().await;
            database.new_workspace().await;
            let mut log = database.log(&[]).await;
            play(&mut log, &steps);
            let events = database.append(&log.events, &commits).await;
            fold(&database, &batches).await;
            for (instant, known_at, off) in places {
                let at = happened_at(instant.get(&events)).as_micros() + off;
                let (instant, known_at) =
                    (Timestamp::from_micros(at), known_at.get(&events).position);
                let asked = asked(&database, &events, instant, known_at);
                let found = counts(&database.pool, &asked, &Dimension::ALL).await.unwrap();
                prop_assert_eq!(found, by_hand(&events, instant, known_at), "{:?}", asked);
            }
            Ok(())
        })
    });
    checked.unwrap();
    runtime.block_on(database.into_inner().remove());
}

async fn fold(database: &Database, batches: &[usize]) {
    let mut projector = database.projector(ProjectionType::of::<Tally>());
    for size in batches.iter().cycle() {
        projector.set_batch_events(*size);
        if projector.step().await.unwrap().is_none() {
            return;
        }
    }
}

#[tokio::test]
async fn an_import_restates_the_past_and_the_numbers_known_before_it_stay_z10() {
    let database = Database::new().await;
    let mut log = database.log(&[]).await;
    for number in 1..=100_u64 {
        let at = if number <= 40 { i64::MAX / 2 } else { 18_000 * DAY };
        log.add_at::<TicketEvent>(id(number.into()), at, created(number, (100, 101)));
    }
    let mut events = database.append(&log.events[..40], &[7]).await;
    events.extend(database.append(&log.events[40..], &[10]).await);
    database.projector(ProjectionType::of::<Tally>()).catch_up().await.unwrap();
    let (before, after) = (events[39].position, events[99].position);
    let past = Timestamp::from_micros(18_001 * DAY);
    let tickets = async |instant, known_at| {
        let asked = asked(&database, &events, instant, known_at);
        let found = counts(&database.pool, &asked, &[Dimension::Pipeline]).await.unwrap();
        found.iter().map(|count| count.tickets).sum::<i64>()
    };
    assert_eq!((tickets(past, before).await, tickets(past, after).await), (0, 60));
    let now = events[39].at;
    assert_eq!((tickets(now, before).await, tickets(now, after).await), (40, 100));
    let asked = asked(&database, &events, past, after);
    let expected = Restated {
        created: 60,
        changed: 0,
        first: Some(LogPosition(before.0 + 1)),
        last: Some(after),
    };
    assert_eq!(restated(&database.pool, &asked, before).await.unwrap(), expected);
    database.remove().await;
}
