//! The fold of the numbers.

use decider::{DecodeError, StoredEvent, Timestamp};
use event_store::projection::{ApplyError, Keys, Projection, Stored};
use event_store::row_set;
use events::value::Owner;
use events::{TicketEvent, decode_stored};
use uuid::Uuid;

use super::span::{SHIFTS, span};
use super::{ChangeRow, Dimension, SpanRow, TicketRow, priority_value, source_value};
use crate::effect::{Effect, happened_at, is_said};
use crate::kinds::passed_over;

row_set! {
    /// The tables of the numbers.
    pub struct TallyRows {
        tickets: TicketRow,
        changes: ChangeRow,
        spans: SpanRow,
    }
}

/// How many tickets there were.
pub struct Tally;

impl Projection for Tally {
    const NAME: &'static str = "tally";
    const VERSION: u32 = 2;
    const SCHEMA: &'static str = include_str!("schema.sql");
    const STOP_ON_ERROR: bool = true;
    const ACROSS_STREAMS: bool = true;
    type Event = TicketEvent;
    type Rows = TallyRows;

    fn decode(stored: &StoredEvent) -> Result<Option<TicketEvent>, DecodeError> {
        match stored.kind.as_str() {
            // What was said changes no number, whatever it is.
            "ticket" if is_said(stored) => Ok(None),
            "ticket" => decode_stored(stored).map(Some),
            _ => passed_over(stored),
        }
    }

    fn keys(event: &Stored<'_, TicketEvent>, keys: &mut Keys<'_>) {
        keys.row::<TicketRow>(event.stream);
        let change = Change::of(event.data);
        if change.is_empty() {
            return;
        }
        keys.row::<ChangeRow>(position(event));
        // It counts from one of the two; from which, only the ticket's row tells.
        let instants = [happened_at(event).as_micros(), event.at.as_micros()];
        for (dimension, value, _) in change.steps() {
            for instant in instants {
                spans(dimension, value, instant).for_each(|key| keys.row::<SpanRow>(key));
            }
        }
    }

    fn apply(event: &Stored<'_, TicketEvent>, rows: &mut TallyRows) -> Result<(), ApplyError> {
        let effect_at = follow(event, rows)?;
        let change = Change::of(event.data);
        if change.is_empty() {
            return Ok(());
        }
        for (dimension, value, delta) in change.steps() {
            for key in spans(dimension, value, effect_at) {
                add(rows, key, delta)?;
            }
        }
        rows.changes.insert(change.row(event, effect_at))
    }
}

/// From when the event counts.
fn follow(event: &StoredEvent, rows: &mut TallyRows) -> Result<i64, ApplyError> {
    let known = rows.tickets.get(&event.stream)?.map(|row| row.effect_at);
    let mut effect =
        known.map_or_else(Effect::default, |at| Effect::at(Timestamp::from_micros(at)));
    let effect_at = effect.follow(event).as_micros();
    match known {
        Some(_) => rows.tickets.get_mut(&event.stream)?.effect_at = effect_at,
        None => rows.tickets.insert(TicketRow { ticket: event.stream, effect_at })?,
    }
    Ok(effect_at)
}

type SpanKey = (i16, i16, i64, Uuid);

fn spans(dimension: Dimension, value: Uuid, instant: i64) -> impl Iterator<Item = SpanKey> {
    (0_i16..)
        .zip(0..SHIFTS.len())
        .map(move |(number, level)| (number, dimension.number(), span(level, instant), value))
}

fn add(rows: &mut TallyRows, key: SpanKey, delta: i64) -> Result<(), ApplyError> {
    if rows.spans.get(&key)?.is_none() {
        let (level, dimension, span, value) = key;
        return rows.spans.insert(SpanRow { level, dimension, span, value, delta });
    }
    let row = rows.spans.get_mut(&key)?;
    row.delta += delta;
    if row.delta == 0 {
        rows.spans.remove(&key)?;
    }
    Ok(())
}

/// From one value to another; none is no value.
type Pair = (Option<Uuid>, Option<Uuid>);

/// What an event changes of what tickets are counted by.
#[derive(Default)]
struct Change {
    source: Option<Uuid>,
    channel: Option<Uuid>,
    pipeline: Pair,
    status: Pair,
    owner: Pair,
    team: Pair,
    priority: Pair,
}

impl Change {
    fn of(event: &TicketEvent) -> Self {
        match event {
            TicketEvent::Created(created) => Self {
                source: Some(source_value(created.source)),
                channel: created.channel.map(|channel| channel.0),
                pipeline: (None, Some(created.pipeline.0)),
                status: (None, Some(created.status.0)),
                ..Self::default()
            },
            TicketEvent::StatusChanged(changed) => Self {
                pipeline: pair(Some(changed.from.pipeline.0), Some(changed.to.pipeline.0)),
                status: pair(Some(changed.from.status.0), Some(changed.to.status.0)),
                ..Self::default()
            },
            TicketEvent::OwnerChanged(changed) => {
                let user =
                    |owner: &Option<Owner>| owner.and_then(|owner| owner.user).map(|id| id.0);
                let team =
                    |owner: &Option<Owner>| owner.and_then(|owner| owner.team).map(|id| id.0);
                Self {
                    owner: pair(user(&changed.from), user(&changed.to)),
                    team: pair(team(&changed.from), team(&changed.to)),
                    ..Self::default()
                }
            }
            TicketEvent::PriorityChanged(changed) => Self {
                priority: pair(priority_value(changed.from), priority_value(changed.to)),
                ..Self::default()
            },
            TicketEvent::Renamed(_)
            | TicketEvent::CategoryChanged(_)
            | TicketEvent::TagsChanged(_)
            | TicketEvent::PropertiesSet(_)
            | TicketEvent::ContactAssociated(_)
            | TicketEvent::ContactDissociated(_)
            | TicketEvent::PrimaryContactChanged(_)
            | TicketEvent::ConversationStarted(_)
            | TicketEvent::ConversationEnded(_)
            | TicketEvent::MessageReceived(_)
            | TicketEvent::ReplySubmitted(_)
            | TicketEvent::CommentAdded(_)
            | TicketEvent::MessageRedacted(_)
            | TicketEvent::CommentRedacted(_)
            | TicketEvent::MessageImported(_)
            | TicketEvent::MessageCopyKept(_)
            | TicketEvent::RawMessageKept(_)
            | TicketEvent::Linked(_)
            | TicketEvent::Unlinked(_) => Self::default(),
        }
    }

    fn is_empty(&self) -> bool {
        self.steps().next().is_none()
    }

    /// What it takes away and adds.
    fn steps(&self) -> impl Iterator<Item = (Dimension, Uuid, i64)> {
        let pairs = [
            (Dimension::Source, (None, self.source)),
            (Dimension::Channel, (None, self.channel)),
            (Dimension::Pipeline, self.pipeline),
            (Dimension::Status, self.status),
            (Dimension::Owner, self.owner),
            (Dimension::Team, self.team),
            (Dimension::Priority, self.priority),
        ];
        pairs.into_iter().flat_map(|(dimension, (from, to))| {
            let from = from.map(|value| (dimension, value, -1));
            from.into_iter().chain(to.map(|value| (dimension, value, 1)))
        })
    }

    fn row(&self, event: &StoredEvent, effect_at: i64) -> ChangeRow {
        ChangeRow {
            position: position(event),
            effect_at,
            late: effect_at < event.at.as_micros(),
            source: self.source,
            channel: self.channel,
            pipeline_from: self.pipeline.0,
            pipeline_to: self.pipeline.1,
            status_from: self.status.0,
            status_to: self.status.1,
            owner_from: self.owner.0,
            owner_to: self.owner.1,
            team_from: self.team.0,
            team_to: self.team.1,
            priority_from: self.priority.0,
            priority_to: self.priority.1,
        }
    }
}

/// A pair that does not differ is no change.
fn pair(from: Option<Uuid>, to: Option<Uuid>) -> Pair {
    if from == to { (None, None) } else { (from, to) }
}

fn position(event: &StoredEvent) -> i64 {
    i64::try_from(event.position.0).unwrap_or(i64::MAX)
}
