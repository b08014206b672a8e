//! Opening the sealed fields of many values in place: their keys with one query. What was erased stays sealed.

use std::collections::HashMap;

use decider::{Event, KeyKind, KeyScope, Opened, Sealed, SealedSlot, WorkspaceId};
use events::{AnyEvent, TicketEvent};
use uuid::Uuid;
use vault::{Tombstone, Vault, VaultError};

use crate::app::App;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::opened::{Erased, Shown};

/// Keys may be dropped from memory between loading and opening; then they are loaded again, at most so many times.
const LOADS_MAX: u32 = 8;

/// Takes a sealed field and its stable name.
pub type Visit<'a> = &'a mut dyn FnMut(&str, &mut dyn SealedSlot);

/// A value with sealed fields.
pub trait Slots {
    /// Shows every sealed field with its stable name.
    fn visit(&mut self, visit: Visit<'_>);
}

impl Slots for AnyEvent {
    fn visit(&mut self, visit: Visit<'_>) {
        self.visit_sealed(visit);
    }
}

impl Slots for TicketEvent {
    fn visit(&mut self, visit: Visit<'_>) {
        self.visit_sealed(visit);
    }
}

/// Which erasures destroyed the keys of what stayed sealed.
#[derive(Debug, Default)]
pub struct Tombs(HashMap<Uuid, Tombstone>);

impl Tombs {
    /// A value that was opened in place, or the note that it was erased.
    pub fn shown<T: Clone>(&self, sealed: &Sealed<T>) -> Shown<T> {
        sealed.clear().cloned().map_or_else(|| Shown::Erased(self.erased(sealed)), Shown::Open)
    }

    /// Adds those of another stream.
    pub fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// The note that a value was erased.
    pub fn erased<T>(&self, sealed: &Sealed<T>) -> Erased {
        Erased::by(sealed.cipher().and_then(|cipher| self.0.get(&cipher.key).copied()))
    }
}

/// Opens what came from events of one stream. What stays sealed was erased, by the erasures that are answered.
pub async fn open_all<T: Slots>(
    app: &App,
    caller: &Caller,
    stream: Uuid,
    values: &mut [T],
) -> Result<Tombs, ApiError> {
    open_all_in(app.vault(), caller.ws, stream, values).await
}

/// The same where nobody asks over HTTP.
pub async fn open_all_in<T: Slots>(
    vault: &Vault,
    ws: WorkspaceId,
    stream: Uuid,
    values: &mut [T],
) -> Result<Tombs, ApiError> {
    for _ in 0..LOADS_MAX {
        let mut keys: Vec<Uuid> = Vec::new();
        for value in values.iter_mut() {
            value.visit(&mut |_, slot| keys.extend(slot.cipher().map(|cipher| cipher.key)));
        }
        vault.load_keys(ws, &keys).await?;
        if let Some(tombs) = open_loaded(vault, ws, stream, values)? {
            return Ok(tombs);
        }
    }
    Err(VaultError::Contended.into())
}

/// None when not every key was in memory.
fn open_loaded<T: Slots>(
    vault: &Vault,
    ws: WorkspaceId,
    stream: Uuid,
    values: &mut [T],
) -> Result<Option<Tombs>, ApiError> {
    let (mut complete, mut broken, mut tombs) = (true, None, Tombs::default());
    for value in values {
        value.visit(&mut |field, slot| {
            let Some(cipher) = slot.cipher().cloned() else { return };
            match vault.open_cached(ws, stream, field, &cipher) {
                Ok(Some(Opened::Open(clear))) => {
                    // Nobody seals it again; the scope only has to be something.
                    let scope =
                        KeyScope { kind: KeyKind::Content, id: cipher.key, subjects: Vec::new() };
                    if slot.set_clear(&clear, scope).is_err() {
                        broken.get_or_insert(VaultError::Content);
                    }
                }
                Ok(Some(Opened::Forgotten)) => {
                    let tombstone = vault.tombstone_cached(ws, cipher.key);
                    tombs.0.extend(tombstone.map(|tombstone| (cipher.key, tombstone)));
                }
                Ok(None) => complete = false,
                Err(error) => {
                    broken.get_or_insert(error);
                }
            }
        });
    }
    broken.map_or(Ok(complete.then_some(tombs)), |error| Err(error.into()))
}
