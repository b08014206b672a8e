//! What an appender remembers between batches: folded states and natural keys. An accepted append proves it was right.

use std::collections::HashMap;

use decider::{AnyState, Version};
use uuid::Uuid;

use crate::log::ClaimRow;

/// How many natural keys are remembered.
const CLAIMS_MAX: usize = 65_536;
/// What an entry costs beside its state.
const ENTRY_BYTES: usize = 160;

/// A state and how far it is folded.
#[derive(Clone)]
pub struct Cached {
    /// The version folded in.
    pub version: Version,
    /// The state.
    pub state: AnyState,
    /// Whether somebody else is known to have written since: read on before use.
    pub stale: bool,
    size: usize,
    used: u64,
}

/// States by stream, bounded in bytes; natural keys, bounded in number.
pub struct Cache {
    states: HashMap<Uuid, Cached>,
    claims: HashMap<(&'static str, [u8; 32]), ClaimRow>,
    bytes: usize,
    bytes_max: usize,
    clock: u64,
}

impl Cache {
    pub fn new(bytes_max: usize) -> Self {
        Self { states: HashMap::new(), claims: HashMap::new(), bytes: 0, bytes_max, clock: 0 }
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

    pub fn put(&mut self, stream: Uuid, version: Version, state: AnyState, size: usize) {
        self.take(stream);
        self.clock += 1;
        let size = size + ENTRY_BYTES;
        self.bytes += size;
        self.states.insert(stream, Cached { version, state, stale: false, size, used: self.clock });
    }

    pub fn mark_stale(&mut self, stream: Uuid) {
        if let Some(entry) = self.states.get_mut(&stream) {
            entry.stale = true;
        }
    }

    pub fn claim(&self, scope: &'static str, mac: [u8; 32]) -> Option<ClaimRow> {
        self.claims.get(&(scope, mac)).copied()
    }

    pub fn put_claim(&mut self, scope: &'static str, mac: [u8; 32], row: ClaimRow) {
        if self.claims.len() >= CLAIMS_MAX {
            // Rare and cheap to fill again; an order of use would cost more than it saves.
            self.claims.clear();
        }
        self.claims.insert((scope, mac), row);
    }

    pub fn drop_claim(&mut self, scope: &'static str, mac: [u8; 32]) {
        self.claims.remove(&(scope, mac));
    }

    /// Drops everything: after an append whose outcome is open.
    pub fn clear(&mut self) {
        self.states.clear();
        self.claims.clear();
        self.bytes = 0;
    }

    /// Between batches: drops the least recently used states until a tenth of the bound is free again.
    pub fn shrink(&mut self) {
        if self.bytes <= self.bytes_max {
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
