//! What lies on the desk while one command is decided: cached states, what earlier commands of the batch changed, and a
//! note of everything that was read.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::Arc;

use decider::{AnyState, Cipher, Facts, StreamRef, Version, WorkspaceId};
use uuid::Uuid;
use vault::VaultError;

use super::Shared;
use super::cache::Cache;
use super::decide::{Needs, Round};
use crate::log::ClaimRow;

/// What the commands of a batch change.
#[derive(Default)]
pub struct Overlay {
    pub states: HashMap<Uuid, (&'static str, Version, AnyState)>,
    pub claims: HashMap<(&'static str, [u8; 32]), ClaimRow>,
}

/// What one decision read. Versions count what the batch itself adds.
#[derive(Clone, Default)]
pub struct Reads {
    pub streams: Vec<(StreamRef, Version)>,
    pub claims: Vec<(&'static str, [u8; 32], i32)>,
}

impl Reads {
    /// Leaves out what a batch that was written has proven: it held at that instant, or came about within the batch.
    pub fn drop_proven(&mut self, round: &Round, overlay: &Overlay) {
        self.streams.retain(|(stream, version)| {
            let Some(guarded) = round.guards.get(&stream.id) else { return true };
            let within = version > guarded && overlay.states.contains_key(&stream.id);
            version != guarded && !within
        });
        self.claims.retain(|(scope, mac, seq)| {
            let mut guards = round.claim_guards.iter();
            let Some((_, _, guarded)) = guards.find(|guard| guard.0 == *scope && guard.1 == *mac)
            else {
                return true;
            };
            let within = seq > guarded && overlay.claims.contains_key(&(*scope, *mac));
            seq != guarded && !within
        });
    }
}

/// A stream as a decision sees it.
pub struct Found {
    pub version: Version,
    pub state: AnyState,
    /// The id belongs to a stream of another kind. For this kind it does not exist, but nothing may be written to it.
    pub foreign: bool,
}

/// The facts for one decision.
pub struct Desk<'a> {
    pub shared: &'a Shared,
    pub ws: WorkspaceId,
    pub cache: RefCell<&'a mut Cache>,
    /// What the batch has changed so far.
    pub above: &'a Overlay,
    /// What the batches on their way change, the newest first.
    pub below: &'a [&'a Overlay],
    pub creates: Vec<StreamRef>,
    pub reads: RefCell<Reads>,
    /// Everything that was asked for and is not at hand, so that one fetch brings it all.
    pub missing: RefCell<Needs>,
    /// Whether something remembered from before another node wrote was used.
    pub unsure: Cell<bool>,
    pub broken: RefCell<Option<VaultError>>,
}

impl Desk<'_> {
    fn overlays(&self) -> impl Iterator<Item = &Overlay> {
        std::iter::once(self.above).chain(self.below.iter().copied())
    }

    /// A stream as this decision sees it; none when it must be read first.
    pub fn look_up(&self, stream: StreamRef) -> Option<Found> {
        if let Some((kind, version, state)) =
            self.overlays().find_map(|overlay| overlay.states.get(&stream.id))
        {
            return Some(self.found(stream, kind, *version, state));
        }
        let mut cache = self.cache.borrow_mut();
        let epoch = cache.epoch();
        if let Some(entry) = cache.get(stream.id) {
            self.note_epoch(entry.epoch == epoch);
            return (!entry.stale)
                .then(|| self.found(stream, entry.kind, entry.version, &entry.state));
        }
        self.creates
            .contains(&stream)
            .then(|| self.found(stream, stream.kind, 0, &self.initial("")))
    }

    fn found(&self, stream: StreamRef, kind: &str, version: Version, state: &AnyState) -> Found {
        let foreign = version > 0 && kind != stream.kind;
        let exists = version > 0 && !foreign;
        let state = if exists { AnyState::clone(state) } else { self.initial(stream.kind) };
        Found { version, state, foreign }
    }

    fn initial(&self, kind: &str) -> AnyState {
        self.shared
            .types
            .get(kind)
            .map_or_else(|| Arc::new(()) as AnyState, |kind| (kind.initial)())
    }

    /// A natural key as this decision sees it.
    pub fn look_up_claim(&self, scope: &'static str, mac: [u8; 32]) -> Option<ClaimRow> {
        let ours = self.overlays().find_map(|overlay| overlay.claims.get(&(scope, mac)).copied());
        ours.or_else(|| {
            let cache = self.cache.borrow();
            let (row, epoch) = cache.claim(scope, mac)?;
            self.note_epoch(epoch == cache.epoch());
            Some(row)
        })
    }

    fn note_epoch(&self, current: bool) {
        self.unsure.set(self.unsure.get() || !current);
    }

    pub fn mac(&self, scope: &'static str, key: &str) -> [u8; 32] {
        claim_mac(self.shared, self.ws, scope, key)
    }

    pub fn note_stream(&self, stream: StreamRef, version: Version) {
        let mut reads = self.reads.borrow_mut();
        if !reads.streams.iter().any(|(noted, _)| noted.id == stream.id) {
            reads.streams.push((stream, version));
        }
    }
}

/// The keyed MAC under which a natural key is stored.
pub fn claim_mac(shared: &Shared, ws: WorkspaceId, scope: &str, key: &str) -> [u8; 32] {
    shared.vault.mac(ws, &format!("claim.{scope}"), key.as_bytes())
}

impl Facts for Desk<'_> {
    fn state(&self, stream: StreamRef) -> Option<AnyState> {
        let Some(Found { version, state, .. }) = self.look_up(stream) else {
            self.missing.borrow_mut().streams.push(stream);
            return None;
        };
        self.note_stream(stream, version);
        Some(state)
    }

    fn claim(&self, scope: &'static str, key: &str) -> Option<Option<Uuid>> {
        let mac = self.mac(scope, key);
        let Some(row) = self.look_up_claim(scope, mac) else {
            self.missing.borrow_mut().claims.push((scope, mac));
            return None;
        };
        let mut reads = self.reads.borrow_mut();
        if !reads.claims.iter().any(|(noted, other, _)| *noted == scope && *other == mac) {
            reads.claims.push((scope, mac, row.seq));
        }
        Some(row.holder)
    }

    fn opened(&self, stream: Uuid, field: &str, cipher: &Cipher) -> Option<Option<Vec<u8>>> {
        match self.shared.vault.open_cached(self.ws, stream, field, cipher) {
            Ok(Some(opened)) => Some(opened.into_option()),
            Ok(None) => {
                self.missing.borrow_mut().keys.push(cipher.key);
                None
            }
            Err(error) => {
                // The decision goes on without the content; its outcome is thrown away.
                self.broken.borrow_mut().get_or_insert(error);
                Some(None)
            }
        }
    }
}
