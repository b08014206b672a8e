//! Long tickets that were walked through lately, up to the present or to an earlier place: the next reader only looks at what is
//! new.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use decider::WorkspaceId;
use uuid::Uuid;

use super::at::At;
use super::ticket::Walk;

/// So many are kept.
const KEPT_MAX: usize = 256;
/// So long must a ticket be: others are read with one query anyway.
pub(super) const LONG: u32 = 100;

/// A ticket, and the place up to which it was walked through.
pub(super) type Name = (WorkspaceId, Uuid, At);
type Kept = HashMap<Name, (Arc<Walk>, u64)>;

/// Walks through long streams. The events of a stream never change, so what was found in its beginning is true for ever; what
/// was written since is looked at each time. Nothing in it is open.
#[derive(Default)]
pub struct LongTickets(Mutex<(Kept, u64)>);

impl LongTickets {
    pub(super) fn get(&self, name: &Name) -> Option<Arc<Walk>> {
        // Held for a look-up only; nothing panics under it.
        let (kept, clock) = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *clock += 1;
        let (walk, used) = kept.get_mut(name)?;
        *used = *clock;
        Some(Arc::clone(walk))
    }

    pub(super) fn put(&self, name: Name, walk: &Walk) {
        if walk.read() < LONG {
            return;
        }
        let (kept, clock) = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *clock += 1;
        if kept.get(&name).is_some_and(|(known, _)| known.read() >= walk.read()) {
            return;
        }
        if kept.len() >= KEPT_MAX
            && let Some(oldest) = kept.iter().min_by_key(|(_, (_, used))| *used)
        {
            let oldest = *oldest.0;
            kept.remove(&oldest);
        }
        kept.insert(name, (Arc::new(walk.clone()), *clock));
    }
}
