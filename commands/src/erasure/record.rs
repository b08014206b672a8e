//! The fact that keys were destroyed.

use access::Right;
use decider::{Changes, Command, Halt, World};
use events::ErasureId;
use events::erasure::{ErasureCounts, ErasureEvent, ErasureKeysDestroyed};
use uuid::Uuid;

use super::{Erasure, Progress};
use crate::desk::Desk;
use crate::refusal::Refusal;

/// One event names so many keys at most.
const KEYS_OF_ONE_EVENT: usize = 1000;

/// Says which keys of an erasure were destroyed. It is said once: a repeat changes nothing.
#[derive(Clone, Debug)]
pub struct RecordDestroyedKeys {
    /// The erasure.
    pub erasure_id: ErasureId,
    /// The keys.
    pub keys: Vec<Uuid>,
    /// How much they make unreadable.
    pub counts: ErasureCounts,
}

impl Command for RecordDestroyedKeys {
    fn name(&self) -> &'static str {
        "RecordDestroyedKeys"
    }

    fn decide(&self, world: &World<'_>) -> Result<Changes, Halt> {
        Desk::enter_with(world, Right::Erase)?;
        let erasure = world.state::<Erasure>(self.erasure_id)?;
        let erasure = erasure.known().ok_or(Refusal::NotFound("erasure"))?;
        let mut changes = Changes::none();
        if erasure.progress == Progress::Requested {
            // An erasure without any key is recorded as well: it has been carried out.
            let none: &[Uuid] = &[];
            let parts = self.keys.chunks(KEYS_OF_ONE_EVENT);
            let mut counts = Some(ErasureCounts { keys: self.keys.len() as u64, ..self.counts });
            for keys in parts.chain(self.keys.is_empty().then_some(none)) {
                let event = ErasureKeysDestroyed { keys: keys.to_vec(), counts: counts.take() };
                changes.on(self.erasure_id, ErasureEvent::from(event));
            }
        }
        Ok(changes)
    }
}
