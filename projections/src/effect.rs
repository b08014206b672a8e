//! When a fact counts: what reports and time travel go by (decision 0020).

use decider::{StoredEvent, Timestamp};

/// Events of a ticket that only add something that was said or kept. They stand for themselves, each at its own instant; all
/// others change what the ticket is, one after the other.
pub const SAID: [&str; 6] = [
    "MessageReceived",
    "ReplySubmitted",
    "CommentAdded",
    "MessageImported",
    "MessageCopyKept",
    "RawMessageKept",
];

/// Those of them that are messages.
pub const MESSAGES: [&str; 3] = ["MessageReceived", "ReplySubmitted", "MessageImported"];

/// When a fact happened. Nothing happened after it was recorded: a date that lies ahead is a wrong clock.
#[must_use]
pub fn happened_at(event: &StoredEvent) -> Timestamp {
    event.occurred_at.min(event.at)
}

/// Whether an event only adds something that was said.
#[must_use]
pub fn is_said(event: &StoredEvent) -> bool {
    SAID.contains(&event.type_name.as_str())
}

/// When the changes of one stream take effect: when they happened. One that is older than the change it follows came too late for
/// the past: it takes effect when it was recorded. So no instant sees a state that the stream never had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effect(Timestamp);

impl Default for Effect {
    fn default() -> Self {
        Self(Timestamp::from_micros(i64::MIN))
    }
}

impl Effect {
    /// Where the changes so far have led.
    #[must_use]
    pub const fn at(instant: Timestamp) -> Self {
        Self(instant)
    }

    /// When the next change takes effect.
    pub fn follow(&mut self, change: &StoredEvent) -> Timestamp {
        let happened = happened_at(change);
        // What was recorded never runs backwards, so the effects of a stream never do either.
        self.0 = if happened >= self.0 { happened } else { change.at };
        self.0
    }
}

/// The events of one ticket that belong to a place, as rows are asked for them; all of them if nothing is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Until {
    /// Changes up to this position.
    pub changes: i64,
    /// What was said up to this position,
    pub said: i64,
    /// or by this instant, in microseconds.
    pub said_by: i64,
    /// The last position of all of them.
    pub newest: i64,
    /// The newest instant at which one of them happened, in microseconds.
    pub latest: i64,
}

impl Default for Until {
    fn default() -> Self {
        Self::PRESENT
    }
}

impl Until {
    /// Whatever there is.
    pub const PRESENT: Self = Self {
        changes: i64::MAX,
        said: i64::MAX,
        said_by: i64::MAX,
        newest: i64::MAX,
        latest: i64::MAX,
    };

    /// Whether an event belongs to it.
    #[must_use]
    pub fn includes(&self, event: &StoredEvent) -> bool {
        let position = i64::try_from(event.position.0).unwrap_or(i64::MAX);
        if is_said(event) {
            position <= self.said || event.occurred_at.as_micros() <= self.said_by
        } else {
            position <= self.changes
        }
    }
}

#[cfg(test)]
mod tests {
    use events::TicketEvent;

    use super::*;
    use crate::tests::log::{DAY, Log, created, id};

    #[test]
    fn a_change_older_than_the_one_it_follows_counts_from_when_it_was_recorded_z04() {
        let mut log = Log::new();
        for day in [3, 1, 5, 9] {
            log.add_at::<TicketEvent>(id(7), day * DAY, created(1, (100, 101)));
        }
        let recorded = [6, 7, 8, 9].map(|day| Timestamp::from_micros(day * DAY));
        log.events.iter_mut().zip(recorded).for_each(|(event, at)| event.at = at);
        let mut effect = Effect::default();
        let days = log.events.iter().map(|event| effect.follow(event).as_micros() / DAY);
        assert_eq!(days.collect::<Vec<_>>(), [3, 7, 8, 9]);
    }

    #[test]
    fn nothing_happened_after_it_was_recorded_z04() {
        let mut log = Log::new();
        log.add_at::<TicketEvent>(id(7), DAY, created(1, (100, 101)));
        let mut event = log.events.remove(0);
        event.occurred_at = Timestamp::from_micros(9 * DAY);
        assert_eq!(happened_at(&event), Timestamp::from_micros(DAY));
    }
}
