//! The end of an erasure.

use access::Right;
use decider::{Changes, Command, Halt, World};
use events::ErasureId;
use events::erasure::{ErasureCompleted, ErasureEvent};

use super::{Erasure, Progress};
use crate::desk::Desk;
use crate::refusal::{Fault, Refusal};

const TOO_EARLY: Fault =
    Fault { code: "keys_not_destroyed", message: "its keys were not destroyed yet" };

/// Says what came of an erasure. It is said once: a repeat changes nothing.
#[derive(Clone, Debug)]
pub struct CompleteErasure {
    /// The erasure.
    pub erasure_id: ErasureId,
    /// What came of it.
    pub outcome: ErasureCompleted,
}

impl Command for CompleteErasure {
    fn name(&self) -> &'static str {
        "CompleteErasure"
    }

    fn decide(&self, world: &World<'_>) -> Result<Changes, Halt> {
        Desk::enter_with(world, Right::Erase)?;
        let erasure = world.state::<Erasure>(self.erasure_id)?;
        let erasure = erasure.known().ok_or(Refusal::NotFound("erasure"))?;
        let mut changes = Changes::none();
        match erasure.progress {
            Progress::Requested => {
                return Err(Refusal::field("erasure_id", TOO_EARLY.code, TOO_EARLY.message).into());
            }
            Progress::Destroyed(_) => {
                changes.on(self.erasure_id, ErasureEvent::from(self.outcome.clone()));
            }
            Progress::Completed { .. } => {}
        }
        Ok(changes)
    }
}

#[cfg(test)]
mod tests {
    use events::ContactId;
    use events::erasure::{
        ErasureCounts, ErasureReason, ErasureRequested, ErasureSubject, SharedChoice,
    };
    use uuid::Uuid;

    use super::*;
    use crate::erasure::RecordDestroyedKeys;
    use crate::fixtures::{Office, id};

    const ERASURE: ErasureId = ErasureId(id(900));

    fn requested() -> ErasureEvent {
        ErasureRequested {
            subject: ErasureSubject::Contact(ContactId(id(7))),
            reason: ErasureReason::RequestOfPerson,
            shared: SharedChoice::Keep,
            also: Vec::new(),
            keys: Vec::new(),
        }
        .into()
    }

    fn destroyed(keys: &[Uuid], of: Option<u64>) -> ErasureEvent {
        let counts = of.map(|keys| ErasureCounts { keys, ..ErasureCounts::default() });
        events::erasure::ErasureKeysDestroyed { keys: keys.to_vec(), counts }.into()
    }

    fn record(keys: Vec<Uuid>) -> RecordDestroyedKeys {
        RecordDestroyedKeys { erasure_id: ERASURE, keys, counts: ErasureCounts::default() }
    }

    fn completed() -> ErasureCompleted {
        ErasureCompleted {
            counts: ErasureCounts::default(),
            kept: Vec::new(),
            kept_total: 0,
            objects: 0,
            nodes: 1,
            nodes_silent: 0,
        }
    }

    #[test]
    fn destroyed_keys_are_named_in_events_of_a_bounded_size_and_once_z06() {
        let keys: Vec<Uuid> = (0..1500).map(id).collect();
        let noted = record(keys.clone());
        let given = Office::new().given().events::<Erasure>(ERASURE.0, [requested()]);
        given.when(&noted).then::<ErasureEvent>(
            ERASURE,
            [destroyed(&keys[..1000], Some(1500)), destroyed(&keys[1000..], None)],
        );
        let known = Office::new()
            .given()
            .events::<Erasure>(ERASURE.0, [requested(), destroyed(&keys[..1], None)]);
        known.when(&noted).then_nothing();
        let none = record(Vec::new());
        let given = Office::new().given().events::<Erasure>(ERASURE.0, [requested()]);
        given.when(&none).then::<ErasureEvent>(ERASURE, [destroyed(&[], Some(0))]);
    }

    #[test]
    fn an_erasure_is_completed_once_and_not_before_its_keys_are_gone_z06() {
        let complete = CompleteErasure { erasure_id: ERASURE, outcome: completed() };
        let office = Office::new();
        office.given().when(&complete).then_rejected("not_found");
        let asked = office.given().events::<Erasure>(ERASURE.0, [requested()]);
        asked.when(&complete).then_rejected("keys_not_destroyed");
        let gone = office.given().events::<Erasure>(ERASURE.0, [requested(), destroyed(&[], None)]);
        gone.when(&complete).then::<ErasureEvent>(ERASURE, [completed().into()]);
        let done = [requested(), destroyed(&[], None), completed().into()];
        office.given().events::<Erasure>(ERASURE.0, done).when(&complete).then_nothing();
        let agent =
            office.as_agent().events::<Erasure>(ERASURE.0, [requested(), destroyed(&[], None)]);
        agent.when(&complete).then_rejected("forbidden");
    }
}
