//! What an import has to do: which messages are new, and which conversation each belongs to. Pure.

use std::collections::{HashMap, HashSet};

use decider::Timestamp;
use uuid::Uuid;

use super::raw_store::RawMac;
use super::scan::Scanned;
use crate::email::grouping::{self, Entry, KnownGroup};

/// Messages and copies of one command.
const CHUNK_MAX: usize = commands::limits::IMPORT_MESSAGES_MAX;
/// Their raw bytes together, unless it is one alone.
const CHUNK_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// What earlier imports, and mail that came in, left in the log.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Ids of messages, and ids they refer to → their ticket.
    pub tickets: HashMap<String, KnownGroup<Uuid>>,
    /// Ids of messages that are there → the message.
    pub messages: HashMap<String, Uuid>,
    /// Raw bytes that are there.
    pub raws: HashSet<RawMac>,
}

/// New messages of one conversation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Conversation {
    /// The ticket they go to; none: a new one.
    pub joins: Option<Uuid>,
    /// Tickets that these messages show to belong together with it.
    pub links: Vec<Uuid>,
    pub chunks: Vec<Chunk>,
}

/// What goes into one command. Numbers are places among the scanned messages.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chunk {
    /// In the order in which they were sent.
    pub messages: Vec<usize>,
    pub copies: Vec<Copy>,
    /// A mail that cannot be read; it stands alone.
    pub unreadable: Option<usize>,
}

/// A copy of a message that differs from it in its bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Copy {
    pub copy: usize,
    pub of: Original,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Original {
    /// One of this import.
    Here(usize),
    /// One that is in the log.
    There(Uuid),
}

/// All there is to do, and what needs nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    pub conversations: Vec<Conversation>,
    /// Different messages, by their ids.
    pub distinct: usize,
    /// Messages, copies and unreadable mails that earlier imports brought, and bytes that occur twice.
    pub already_there: usize,
}

impl Chunk {
    pub fn len(&self) -> usize {
        self.messages.len() + self.copies.len() + usize::from(self.unreadable.is_some())
    }

    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The whole plan. A message is new if neither its id nor its bytes are known.
pub fn plan(scanned: &[Scanned], known: &Known) -> Plan {
    let entries: Vec<Entry> = scanned
        .iter()
        .map(|one| Entry { message_id: Some(one.id.clone()), refs: one.refs.clone() })
        .collect();
    let grouping = grouping::group(&entries, &known.tickets);
    let mut plan = Plan {
        distinct: grouping.copy_of.iter().filter(|of| of.is_none()).count(),
        ..Plan::default()
    };
    let mut met: HashSet<RawMac> = HashSet::new();
    for group in &grouping.groups {
        let mut chunk = Chunk::default();
        for &index in &group.members {
            let one = &scanned[index];
            if known.raws.contains(&one.mac) || !met.insert(one.mac) {
                plan.already_there += 1;
                continue;
            }
            let there = known.messages.get(&one.id).copied().map(Original::There);
            let here = grouping.copy_of[index].map(Original::Here);
            match there.or(here) {
                Some(of) => chunk.copies.push(Copy { copy: index, of }),
                None if one.parsed => chunk.messages.push(index),
                None => chunk.unreadable = Some(index),
            }
        }
        if chunk.is_empty() {
            continue;
        }
        let place = |index: &usize| (scanned[*index].date.unwrap_or(LAST), *index);
        chunk.messages.sort_by_key(place);
        plan.conversations.push(Conversation {
            joins: group.joins().map(|ticket| ticket.id),
            links: group.links().iter().map(|ticket| ticket.id).collect(),
            chunks: divided(chunk, scanned),
        });
    }
    let begins = |conversation: &Conversation| {
        let first = conversation.chunks.first().and_then(|chunk| chunk.messages.first());
        first.map_or(LAST, |index| scanned[*index].date.unwrap_or(LAST))
    };
    plan.conversations.sort_by_key(begins);
    plan
}

/// Messages without a date come after the others, in the order of the file.
const LAST: Timestamp = Timestamp::from_micros(i64::MAX);

/// Copies come after all messages, so that what they are copies of is there.
fn divided(whole: Chunk, scanned: &[Scanned]) -> Vec<Chunk> {
    let mut chunks = Chunks { scanned, list: Vec::new(), bytes: 0 };
    for index in whole.messages {
        chunks.with_room_for(index).messages.push(index);
    }
    if let Some(index) = whole.unreadable {
        chunks.with_room_for(index).unreadable = Some(index);
    }
    for copy in whole.copies {
        chunks.with_room_for(copy.copy).copies.push(copy);
    }
    chunks.list
}

struct Chunks<'a> {
    scanned: &'a [Scanned],
    list: Vec<Chunk>,
    /// Of the last one.
    bytes: u64,
}

impl Chunks<'_> {
    fn with_room_for(&mut self, index: usize) -> &mut Chunk {
        let bytes = self.scanned[index].object.size;
        let full = self.list.last().is_none_or(|last| {
            last.len() >= CHUNK_MAX || (!last.is_empty() && self.bytes + bytes > CHUNK_BYTES_MAX)
        });
        if full {
            self.list.push(Chunk::default());
            self.bytes = 0;
        }
        self.bytes += bytes;
        let last = self.list.len() - 1;
        &mut self.list[last]
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
