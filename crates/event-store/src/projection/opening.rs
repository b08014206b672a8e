//! Opening sealed fields for the declared class of clear-text views: keys with one query per batch.

use decider::{Cipher, KeyKind, KeyScope, Opened, StoredEvent, WorkspaceId};
use uuid::Uuid;
use vault::{Vault, VaultError};

use super::error::{Fault, FaultCause, StepError, StopReason};
use super::fold::Fold;

/// Keys may be dropped from memory between loading and opening; then they are loaded again, at most so many times.
const LOADS_MAX: u32 = 8;

/// Why a batch could not be opened.
pub(super) enum OpenError {
    /// One event is at fault.
    Fault(Fault),
    /// The key ring is.
    Step(StepError),
}

/// Replaces ciphertexts by their clear content; those whose key was destroyed stay.
pub(super) async fn open(
    vault: &Vault,
    ws: WorkspaceId,
    events: &[&StoredEvent],
    fold: &mut dyn Fold,
) -> Result<(), OpenError> {
    for _ in 0..LOADS_MAX {
        let mut keys: Vec<Uuid> = Vec::new();
        fold.visit_sealed(&mut |_, _, slot| keys.extend(slot.cipher().map(|cipher| cipher.key)));
        if keys.is_empty() {
            return Ok(());
        }
        vault.load_keys(ws, &keys).await.map_err(|error| OpenError::Step(of_vault(error)))?;
        if open_loaded(vault, ws, events, fold)? {
            return Ok(());
        }
    }
    Err(OpenError::Step(of_vault(VaultError::Contended)))
}

/// Whether every key was in memory.
fn open_loaded(
    vault: &Vault,
    ws: WorkspaceId,
    events: &[&StoredEvent],
    fold: &mut dyn Fold,
) -> Result<bool, OpenError> {
    let (mut complete, mut fault) = (true, None);
    fold.visit_sealed(&mut |index, field, slot| {
        let (Some(event), Some(cipher)) = (events.get(index), slot.cipher().cloned()) else {
            return;
        };
        let opened = match vault.open_cached(ws, event.stream, field, &cipher) {
            Ok(Some(Opened::Open(clear))) => slot.set_clear(&clear, scope_of(&cipher)).is_ok(),
            Ok(Some(Opened::Forgotten)) => true,
            Ok(None) => {
                complete = false;
                true
            }
            Err(_) => false,
        };
        if !opened {
            fault.get_or_insert_with(|| Fault::new(event, FaultCause::Sealed));
        }
    });
    fault.map_or(Ok(complete), |fault| Err(OpenError::Fault(fault)))
}

/// Nobody seals this value again; the scope only has to be something.
fn scope_of(cipher: &Cipher) -> KeyScope {
    KeyScope { kind: KeyKind::Content, id: cipher.key, subjects: Vec::new() }
}

fn of_vault(error: VaultError) -> StepError {
    if error.is_unavailable() {
        StepError::Transient(Box::new(error))
    } else {
        StopReason::Vault(error).into()
    }
}
