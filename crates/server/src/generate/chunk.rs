//! A told chunk becomes a batch of the log: every personal field sealed with its own key, every natural key claimed.

use std::collections::HashMap;

use decider::{
    CommandId, ErasedEvent, EventContext, KeyKind, LogPosition, SealId, StoredEvent, Timestamp,
    Version,
};
use event_store::log::{AppendBatch, PendingEvent};
use uuid::Uuid;
use vault::{SealingKey, Vault};

use super::GenerateError;
use super::stage::Stage;
use super::story::{Fact, Story, Told};

/// Everything a batch is sealed with.
pub struct Sealer<'a> {
    pub vault: &'a Vault,
    pub stage: &'a Stage,
    pub chunk: u64,
    pub body_hash: [u8; 32],
}

struct Work {
    batch: AppendBatch,
    versions: HashMap<Uuid, Version>,
    assigned: HashMap<(KeyKind, Uuid), SealingKey>,
    fresh: Vec<SealingKey>,
}

impl Sealer<'_> {
    pub fn seal(
        &self,
        story: Story<'_>,
        mut fresh: Vec<SealingKey>,
    ) -> Result<AppendBatch, GenerateError> {
        // They are taken from the end, and in the order of their ids: so the index of their assignments fills its pages.
        fresh.reverse();
        let mut work = Work {
            batch: AppendBatch::default(),
            versions: HashMap::new(),
            assigned: HashMap::with_capacity(fresh.len()),
            fresh,
        };
        let first = self.stage.plan.first_command(self.stage.ws, self.chunk);
        for (index, told) in story.told.into_iter().enumerate() {
            let command = self.stage.plan.command(first, self.chunk, index);
            self.command(&mut work, command, told)?;
        }
        Ok(work.batch)
    }

    fn command(
        &self,
        work: &mut Work,
        command: CommandId,
        told: Told,
    ) -> Result<(), GenerateError> {
        let ws = self.stage.ws;
        work.batch.command(command, self.body_hash);
        work.batch.take_numbers(told.numbers);
        for (scope, key, holder) in told.claims {
            let mac = self.vault.mac(ws, &format!("claim.{scope}"), key.as_bytes());
            work.batch.claim(scope, mac, 1, Some(holder));
        }
        for (ordinal, fact) in (0_u32..).zip(told.events) {
            let Fact { stream, at, mut event } = fact;
            self.seal_event(work, (stream, SealId::of(command, ordinal)), event.as_mut())?;
            let version = work.versions.entry(stream).or_default();
            *version += 1;
            let stored = StoredEvent {
                ws,
                position: LogPosition(0),
                at: Timestamp::default(),
                occurred_at: at,
                stream,
                version: *version,
                kind: event.kind().to_owned(),
                type_name: event.type_name().to_owned(),
                schema_version: event.schema_version(),
                command,
                actor: told.actor,
                context: EventContext { ordinal, ..EventContext::default() },
                payload: event.encode()?,
            };
            work.batch.event(PendingEvent { stored, occurred_at: Some(at), directory: false })?;
        }
        Ok(())
    }

    fn seal_event(
        &self,
        work: &mut Work,
        place: (Uuid, SealId),
        event: &mut dyn ErasedEvent,
    ) -> Result<(), GenerateError> {
        let mut failed = None;
        event.visit_sealed(&mut |field, slot| {
            let sealed = slot.clear_json().map_err(GenerateError::from).and_then(|clear| {
                let Some((json, scope)) = clear else { return Ok(None) };
                let name = (scope.kind, scope.id);
                if let std::collections::hash_map::Entry::Vacant(free) = work.assigned.entry(name) {
                    let key = work.fresh.pop().ok_or(vault::VaultError::Contended)?;
                    work.batch.assign_key(key.id, scope.kind.as_str(), scope.id);
                    let own = (scope.kind == KeyKind::Person).then_some(scope.id);
                    for subject in own.into_iter().chain(scope.subjects.iter().copied()) {
                        work.batch.subject(subject, key.id);
                    }
                    free.insert(key);
                }
                let Some(key) = work.assigned.get(&name) else { return Ok(None) };
                Ok(Some(self.vault.seal(self.stage.ws, key, place, field, &json)?))
            });
            match sealed {
                Ok(Some(cipher)) => slot.set_cipher(cipher),
                Ok(None) => {}
                Err(error) => failed = Some(error),
            }
        });
        failed.map_or(Ok(()), Err)
    }
}
