//! Taking back what happened to a ticket, by events that do the opposite (Z11). The rules of the way there hold on the way
//! back: it is the forward commands that decide.

mod past;
mod rejection;
mod way_back;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use access::Right;
use decider::{Aspects, Changes, Command, Event, Halt, LogPosition, World};
use events::{TicketEvent, TicketId};

pub use past::{History, Past, PastEvent, Standing, UNDO_EVENTS_MAX};
pub use rejection::UndoRejection;

use crate::desk::Desk;
use crate::refusal::Refusal;
use way_back::WayBack;

/// Takes back one event of a ticket, or the last action of who asks.
#[derive(Clone, Debug)]
pub struct UndoChange {
    /// The ticket.
    pub ticket_id: TicketId,
    /// The event; none means the last action of who asks that can be taken back.
    pub position: Option<LogPosition>,
    /// What happened to the ticket so far: its newest events.
    pub history: Arc<History>,
    /// Of events that link tickets: where the same stands at the other ticket.
    pub mirrors: BTreeMap<LogPosition, LogPosition>,
}

impl UndoChange {
    /// The events to be taken back.
    fn aim(&self, world: &World<'_>) -> Result<Vec<&PastEvent>, UndoRejection> {
        match self.position {
            Some(position) => self.history.aim_at(position).ok_or_else(|| {
                if self.history.reaches_back_to(position) {
                    UndoRejection::UnknownPosition
                } else {
                    UndoRejection::TooLongAgo
                }
            }),
            None => self.history.last_action_of(world.actor()).ok_or(UndoRejection::NothingToUndo),
        }
    }

    /// The event that one of the events of a command takes back.
    fn undone_by(
        &self,
        aim: &[&PastEvent],
        (own, new): (bool, &TicketEvent),
    ) -> Option<LogPosition> {
        let target = aim.iter().find(|past| {
            past.what.change().is_some_and(|change| way_back::reverses(new, change, own))
        })?;
        if own { Some(target.position) } else { self.mirrors.get(&target.position).copied() }
    }
}

impl Command for UndoChange {
    fn name(&self) -> &'static str {
        "UndoChange"
    }

    fn decide(&self, world: &World<'_>) -> Result<Changes, Halt> {
        let desk = Desk::enter(world, Right::TicketsEdit)?;
        let ticket = desk.ticket(self.ticket_id, Right::TicketsEdit)?;
        let live = ticket.live().ok_or(Refusal::NotFound("ticket"))?;
        if live.version != self.history.version() {
            return Err(UndoRejection::Outdated.into());
        }
        let aim = self.aim(world)?;
        match self.history.standing_of(&aim) {
            Standing::Undoable => {}
            Standing::Undone(by) => return Err(UndoRejection::AlreadyUndone(by).into()),
            Standing::Blocked(by) if self.history.has_message(&by) => {
                return Err(UndoRejection::SaidSince(by).into());
            }
            Standing::Blocked(by) => return Err(UndoRejection::TouchedSince(by).into()),
            Standing::NotReversible if aim.iter().any(|past| past.what == Past::Redacted) => {
                return Err(UndoRejection::Redacted.into());
            }
            Standing::NotReversible | Standing::Unknown => {
                return Err(UndoRejection::NotReversible.into());
            }
        }
        let mut way_back = WayBack::new(self.ticket_id, live);
        for past in aim.iter().rev() {
            if let Some(change) = past.what.change() {
                way_back.add(world, change)?;
            }
        }
        let mut changes = way_back.decide(world, &desk.directory)?;
        if changes.events.is_empty() {
            return Err(UndoRejection::NoDifference.into());
        }
        for new in &mut changes.events {
            let event = new.event.as_any().downcast_ref::<TicketEvent>();
            let own = new.stream == self.ticket_id.0;
            new.undoes = event.and_then(|event| self.undone_by(&aim, (own, event)));
        }
        Ok(changes)
    }

    fn touches(&self) -> Aspects {
        // Which event is meant, and what happened since, is in the history: a later event of the same thing is refused there.
        let Some(aim) = self.position.and_then(|position| self.history.aim_at(position)) else {
            return Aspects::All;
        };
        let changes = aim.iter().filter_map(|past| past.what.change());
        changes.fold(Aspects::none(), |aspects, change| match (aspects, change.touches()) {
            (Aspects::All, _) | (_, Aspects::All) => Aspects::All,
            (aspects, Aspects::Only(words)) => words.into_iter().fold(aspects, Aspects::and),
        })
    }
}
