//! What a ticket's state remembers of its messages: every id, and the addresses of the newest few.

use std::collections::VecDeque;
use std::sync::Arc;

use decider::{Sealed, Timestamp};
use events::message::{Direction, MessageContent, SealedAddresses};
use events::{ChannelId, MessageId};

use crate::limits::RECENT_MESSAGES_MAX;

const CHUNK_IDS: usize = 512;
const SUMMARY_BYTES: usize = 2 * 1024;

/// What a reply to a message needs of it. The sealed fields are opened as `message.from` and so on.
#[derive(Clone, Debug, PartialEq)]
pub struct MessageSummary {
    /// Its id.
    pub id: MessageId,
    /// Which way it went.
    pub direction: Direction,
    /// When it was written.
    pub at: Timestamp,
    /// The channel it came by or went out by.
    pub channel: Option<ChannelId>,
    /// From.
    pub from: SealedAddresses,
    /// Where answers are wished.
    pub reply_to: Option<SealedAddresses>,
    /// To.
    pub to: SealedAddresses,
    /// The subject.
    pub subject: Sealed<String>,
    /// The mail header's Message-ID.
    pub message_id: Option<Sealed<String>>,
    /// The mail header's References.
    pub references: Option<Sealed<Vec<String>>>,
}

impl MessageSummary {
    fn of(message: &MessageContent, direction: Direction, at: Timestamp) -> Self {
        Self {
            id: message.id,
            direction,
            at,
            channel: message.channel,
            from: message.from.clone(),
            reply_to: message.reply_to.clone(),
            to: message.to.clone(),
            subject: message.subject.clone(),
            message_id: message.message_id.clone(),
            references: message.references.clone(),
        }
    }
}

/// The messages of a ticket. Copies share what they have in common: a state is copied with every event it takes in.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct MessageLog {
    chunks: Vec<Arc<Vec<MessageId>>>,
    recent: VecDeque<Arc<MessageSummary>>,
}

impl MessageLog {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.len()).sum()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Whether a message is one of them.
    #[must_use]
    pub fn contains(&self, id: MessageId) -> bool {
        self.chunks.iter().rev().any(|chunk| chunk.contains(&id))
    }

    /// The newest by the time it was written.
    #[must_use]
    pub fn newest(&self) -> Option<&MessageSummary> {
        self.recent.back().map(Arc::as_ref)
    }

    /// What is remembered of one of the newest.
    #[must_use]
    pub fn summary(&self, id: MessageId) -> Option<&MessageSummary> {
        self.recent.iter().rev().find(|summary| summary.id == id).map(Arc::as_ref)
    }

    pub(super) fn push(&mut self, message: &MessageContent, direction: Direction, at: Timestamp) {
        match self.chunks.last_mut() {
            Some(chunk) if chunk.len() < CHUNK_IDS => Arc::make_mut(chunk).push(message.id),
            Some(_) | None => self.chunks.push(Arc::new(vec![message.id])),
        }
        // Imported history may come after newer messages.
        let place = self.recent.partition_point(|other| other.at <= at);
        self.recent.insert(place, Arc::new(MessageSummary::of(message, direction, at)));
        if self.recent.len() > RECENT_MESSAGES_MAX {
            self.recent.pop_front();
        }
    }

    /// What is remembered of a message is sealed anew.
    pub(super) fn replace(&mut self, message: &MessageContent) {
        if let Some(known) = self.recent.iter_mut().find(|known| known.id == message.id) {
            *known = Arc::new(MessageSummary::of(message, known.direction, known.at));
        }
    }

    pub(super) fn size_bytes(&self) -> usize {
        self.chunks.len() * CHUNK_IDS * size_of::<MessageId>() + self.recent.len() * SUMMARY_BYTES
    }
}
