//! What an appender remembers between batches: folded states and natural keys. An accepted append proves it was right.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use decider::{AnyState, CommandId, StreamRef, Version};
use uuid::Uuid;

use crate::log::ClaimRow;

/// How many natural keys are remembered.
const CLAIMS_MAX: usize = 65_536;
/// How many commands are remembered, so that a repeat is seen before it fails the insert of its batch.
const COMMANDS_MAX: usize = 16_384;
/// What an entry costs beside its state.
const ENTRY_BYTES: usize = 160;

/// A state and how far it is folded.
#[derive(Clone)]
pub struct Cached {
    /// What the stream is: the kind its events have, or nothing known.
    pub kind: &'static str,
    /// The version folded in.
    pub version: Version,
    /// The state, of the type of its kind.
    pub state: AnyState,
    /// In which epoch of the cache it was known to be the newest.
    pub epoch: u64,
    /// Whether somebody else is known to have written since: read on before use.
    pub stale: bool,
    size: usize,
    used: u64,
}

/// States by stream, bounded in bytes; natural keys, bounded in number.
pub struct Cache {
    states: HashMap<Uuid, Cached>,
    claims: HashMap<(&'static str, [u8; 32]), (ClaimRow, u64)>,
    commands: HashSet<CommandId>,
    commands_by_age: VecDeque<CommandId>,
    epoch: u64,
    bytes: usize,
    bytes_max: usize,
    clock: u64,
}

impl Cache {
    pub fn new(bytes_max: usize) -> Self {
        Self {
            states: HashMap::new(),
            claims: HashMap::new(),
            commands: HashSet::new(),
            commands_by_age: VecDeque::new(),
            epoch: 0,
            bytes: 0,
            bytes_max,
            clock: 0,
        }
    }

    /// The present epoch: since it began nobody else is known to have written.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Somebody else wrote: what was remembered before may be old.
    pub fn begin_epoch(&mut self) {
        self.epoch += 1;
    }

    pub fn get(&mut self, stream: Uuid) -> Option<&Cached> {
        self.clock += 1;
        let entry = self.states.get_mut(&stream)?;
        entry.used = self.clock;
        Some(entry)
    }

    pub fn take(&mut self, stream: Uuid) -> Option<Cached> {
        let entry = self.states.remove(&stream)?;
        self.bytes -= entry.size;
        Some(entry)
    }

    /// Remembers a state that was the newest in an epoch.
    pub fn put(
        &mut self,
        stream: StreamRef,
        version: Version,
        (state, size): (AnyState, usize),
        epoch: u64,
    ) {
        self.take(stream.id);
        self.clock += 1;
        let (kind, size, used) = (stream.kind, size + ENTRY_BYTES, self.clock);
        self.bytes += size;
        let entry = Cached { kind, version, state, epoch, stale: false, size, used };
        self.states.insert(stream.id, entry);
    }

    /// The log has another version of a stream than was assumed: it must be read, even if nothing of it is remembered.
    pub fn mark_stale(&mut self, stream: Uuid, actual: Version) {
        match self.states.get_mut(&stream) {
            Some(entry) if entry.version <= actual => entry.stale = true,
            Some(_) | None => {
                self.put(StreamRef { kind: "", id: stream }, 0, (Arc::new(()), 0), self.epoch);
                if let Some(entry) = self.states.get_mut(&stream) {
                    entry.stale = true;
                }
            }
        }
    }

    pub fn claim(&self, scope: &'static str, mac: [u8; 32]) -> Option<(ClaimRow, u64)> {
        self.claims.get(&(scope, mac)).copied()
    }

    /// Remembers a natural key as it was in an epoch, unless something newer is known: what was asked for before a batch was
    /// written may arrive after it.
    pub fn put_claim(&mut self, (scope, mac): (&'static str, [u8; 32]), row: ClaimRow, epoch: u64) {
        if self.claims.get(&(scope, mac)).is_some_and(|(known, _)| known.seq > row.seq) {
            return;
        }
        if self.claims.len() >= CLAIMS_MAX {
            // Rare and cheap to fill again; an order of use would cost more than it saves.
            self.claims.clear();
        }
        self.claims.insert((scope, mac), (row, epoch));
    }

    /// Whether a command was accepted lately, or may have been.
    pub fn knows_command(&self, id: CommandId) -> bool {
        self.commands.contains(&id)
    }

    /// Remembers that a command was accepted, or may have been.
    pub fn put_command(&mut self, id: CommandId) {
        if self.commands.insert(id) {
            self.commands_by_age.push_back(id);
        }
        if self.commands_by_age.len() > COMMANDS_MAX
            && let Some(oldest) = self.commands_by_age.pop_front()
        {
            self.commands.remove(&oldest);
        }
    }

    pub fn drop_claim(&mut self, scope: &'static str, mac: [u8; 32]) {
        self.claims.remove(&(scope, mac));
    }

    /// Drops states and natural keys, after an append whose outcome is open. Which commands were accepted stays true.
    pub fn clear(&mut self) {
        self.states.clear();
        self.claims.clear();
        self.bytes = 0;
    }

    /// Drops the least recently used states until a tenth of the bound is free again. While decisions wait for what they
    /// fetch, only beyond twice the bound: what was fetched first must still be there when the last has come.
    pub fn shrink(&mut self, decisions_wait: bool) {
        let factor = if decisions_wait { 2 } else { 1 };
        if self.bytes <= self.bytes_max.saturating_mul(factor) {
            return;
        }
        let mut ages: Vec<(u64, Uuid)> =
            self.states.iter().map(|(id, entry)| (entry.used, *id)).collect();
        ages.sort_unstable();
        for (_, id) in ages {
            if self.bytes <= self.bytes_max / 10 * 9 {
                break;
            }
            self.take(id);
        }
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(id: u128) -> StreamRef {
        StreamRef { kind: "thing", id: Uuid::from_u128(id) }
    }

    #[test]
    fn what_was_used_least_recently_goes_first() {
        let mut cache = Cache::new(10_000);
        for id in 0..10 {
            cache.put(stream(id), 1, (Arc::new(()), 1000), 0);
        }
        cache.get(Uuid::from_u128(0));
        cache.shrink(true);
        assert_eq!(cache.bytes(), 11_600, "decisions wait");
        cache.shrink(false);
        assert!(cache.bytes() <= 9000);
        assert!(cache.get(Uuid::from_u128(0)).is_some());
        assert!(cache.get(Uuid::from_u128(1)).is_none());
    }

    #[test]
    fn a_stream_known_to_be_different_is_read_again_whatever_is_remembered() {
        let mut cache = Cache::new(10_000);
        cache.put(stream(1), 5, (Arc::new(()), 0), 0);
        cache.mark_stale(Uuid::from_u128(1), 6);
        cache.mark_stale(Uuid::from_u128(2), 3);
        cache.put(stream(3), 5, (Arc::new(()), 0), 0);
        cache.mark_stale(Uuid::from_u128(3), 4);
        let seen = |cache: &mut Cache, id| {
            cache.get(Uuid::from_u128(id)).map(|entry| (entry.version, entry.stale))
        };
        assert_eq!(seen(&mut cache, 1), Some((5, true)), "read on");
        assert_eq!(seen(&mut cache, 2), Some((0, true)), "read from the start");
        assert_eq!(
            seen(&mut cache, 3),
            Some((0, true)),
            "more than the log has: read from the start"
        );
    }
}
