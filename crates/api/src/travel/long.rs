//! Long tickets that were folded lately: the next reader only takes in what is new.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use decider::WorkspaceId;
use uuid::Uuid;

use super::ticket::Fold;

/// So many are kept.
const KEPT_MAX: usize = 256;
/// So long must a ticket be: others are read with one query anyway.
pub(super) const LONG: u32 = 100;

type Kept = HashMap<(WorkspaceId, Uuid), (Arc<Fold>, u64)>;

/// Folds of long streams. The events of a stream never change, so the fold of its beginning is true for ever; what was
/// written since is read and taken in at each use. Nothing in it is open.
#[derive(Default)]
pub struct LongTickets(Mutex<(Kept, u64)>);

impl LongTickets {
    pub(super) fn get(&self, ws: WorkspaceId, ticket: Uuid) -> Option<Arc<Fold>> {
        // Held for a look-up only; nothing panics under it.
        let (kept, clock) = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *clock += 1;
        let (fold, used) = kept.get_mut(&(ws, ticket))?;
        *used = *clock;
        Some(Arc::clone(fold))
    }

    pub(super) fn put(&self, ws: WorkspaceId, ticket: Uuid, fold: &Fold) {
        if fold.version() < LONG {
            return;
        }
        let (kept, clock) = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *clock += 1;
        if kept.get(&(ws, ticket)).is_some_and(|(known, _)| known.version() >= fold.version()) {
            return;
        }
        if kept.len() >= KEPT_MAX
            && let Some(oldest) = kept.iter().min_by_key(|(_, (_, used))| *used)
        {
            let oldest = *oldest.0;
            kept.remove(&oldest);
        }
        kept.insert((ws, ticket), (Arc::new(fold.clone()), *clock));
    }
}
