//! Taking an accepted command into the batch: guards, versions, sealing, claims.

use std::collections::HashMap;

use decider::{
    AnyState, Changes, ErasedEvent, EventMeta, LogPosition, NewEvent, SealId, StoredEvent,
    StreamRef, Timestamp, Version,
};
use uuid::Uuid;
use vault::SealingKeys;

use super::Job;
use super::decide::{Base, Folded, Plan, Round};
use super::desk::Reads;
use super::error::Broken;
use crate::log::{ClaimRow, PendingEvent};

/// Whether a decision read something in another version than the batch already counts on: together they cannot hold.
pub fn clashes(round: &Round, reads: &Reads) -> bool {
    let stream = |(stream, version): &(StreamRef, Version)| {
        !round.overlay.states.contains_key(&stream.id)
            && round.guards.get(&stream.id).is_some_and(|guarded| guarded != version)
    };
    let claim = |(scope, mac, seq): &(&'static str, [u8; 32], i32)| {
        !round.overlay.claims.contains_key(&(scope, *mac))
            && round
                .claim_guards
                .iter()
                .any(|guard| guard.0 == *scope && guard.1 == *mac && guard.2 != *seq)
    };
    reads.streams.iter().any(stream) || reads.claims.iter().any(claim)
}

/// Takes an accepted command into the batch: the whole of it, or on an error nothing.
pub fn accept(
    base: &Base<'_>,
    round: &mut Round,
    job: &Job,
    (changes, plan, keys, reads): (Changes, Plan, SealingKeys, Reads),
) -> Result<(), Broken> {
    let mut states: HashMap<Uuid, (&'static str, Version, AnyState)> = plan
        .streams
        .into_iter()
        .map(|(stream, version, state)| (stream.id, (stream.kind, version, state)))
        .collect();
    let mut rows = Vec::with_capacity(changes.events.len());
    let mut folded = Vec::with_capacity(changes.events.len());
    let mut closes = false;
    for (ordinal, new) in (0u32..).zip(changes.events) {
        let NewEvent { stream, occurred_at, undoes, mut event } = new;
        let occurred_at = occurred_at.or(base.instead);
        seal(base, &keys, stream, SealId::of(job.request.id, ordinal), event.as_mut())?;
        let kind = event.kind();
        let stream_type = base.shared.types.get(kind).ok_or(Broken::UnknownKind(kind))?;
        let slot = states.entry(stream).or_insert_with(|| (kind, 0, (stream_type.initial)()));
        if slot.0 != kind {
            return Err(Broken::TwoKinds(slot.0, kind));
        }
        let version = slot.1 + 1;
        let meta = EventMeta {
            version,
            occurred_at: occurred_at.unwrap_or(base.now),
            actor: job.request.actor,
        };
        let state = std::mem::replace(&mut slot.2, (stream_type.initial)());
        *slot = (kind, version, (stream_type.evolve)(state, event.as_ref(), &meta));
        closes |= stream_type.directory;
        rows.push(pending(
            base,
            job,
            (stream, version, ordinal),
            (occurred_at, undoes),
            event.as_ref(),
            stream_type.directory,
        )?);
        folded.push(Folded { stream: StreamRef { kind, id: stream }, event });
    }
    // Nothing below fails: the batch takes the whole command or, above, nothing of it.
    round.batch.command(job.request.id, job.body_hash);
    for row in rows {
        round.bytes += row.stored.payload.len();
        round.batch.event(row).map_err(Broken::Context)?;
    }
    for (stream, version) in reads.streams {
        if !round.overlay.states.contains_key(&stream.id) {
            round.guards.entry(stream.id).or_insert(version);
        }
    }
    for (scope, mac, seq) in reads.claims {
        guard_claim(round, scope, mac, seq);
    }
    for ((scope, mac, row), change) in plan.claims.into_iter().zip(&changes.claims) {
        change_claim(round, (scope, mac, row), change.holder);
    }
    for assigned in keys.assigned() {
        if round.assigned.insert(assigned.key_id) {
            round.batch.assign_key(assigned.key_id, assigned.kind, assigned.scope_id);
            for subject in assigned.subjects {
                round.batch.subject(subject, assigned.key_id);
            }
        }
    }
    round.keys.push(keys);
    round.overlay.states.extend(states);
    round.folded.extend(folded);
    round.numbers += changes.numbers;
    round.batch.take_numbers(changes.numbers);
    round.closed |= closes;
    Ok(())
}

fn change_claim(
    round: &mut Round,
    (scope, mac, row): (&'static str, [u8; 32], ClaimRow),
    holder: Option<Uuid>,
) {
    guard_claim(round, scope, mac, row.seq);
    // The command itself may have changed it just before.
    let row = round.overlay.claims.get(&(scope, mac)).copied().unwrap_or(row);
    let next = ClaimRow { seq: row.seq + 1, holder };
    round.batch.claim(scope, mac, next.seq, next.holder);
    round.overlay.claims.insert((scope, mac), next);
}

fn guard_claim(round: &mut Round, scope: &'static str, mac: [u8; 32], seq: i32) {
    let ours = round.overlay.claims.contains_key(&(scope, mac));
    let known = round.claim_guards.iter().any(|(other, known, _)| *other == scope && *known == mac);
    if !ours && !known {
        round.claim_guards.push((scope, mac, seq));
    }
}

fn seal(
    base: &Base<'_>,
    keys: &SealingKeys,
    stream: Uuid,
    seal: SealId,
    event: &mut dyn ErasedEvent,
) -> Result<(), Broken> {
    let mut failed: Option<Broken> = None;
    event.visit_sealed(&mut |field, slot| {
        let sealed = (|| {
            let cipher = match slot.clear_json()? {
                None => return Ok(None),
                Some((json, scope)) => {
                    let Some(key) = keys.get(scope) else { return Ok(None) };
                    base.shared.vault.seal(base.ws, key, (stream, seal), field, &json)?
                }
            };
            Ok::<_, Broken>(Some(cipher))
        })();
        match sealed {
            Ok(Some(cipher)) => slot.set_cipher(cipher),
            Ok(None) => {}
            Err(error) => failed = Some(error),
        }
    });
    failed.map_or(Ok(()), Err)
}

fn pending(
    base: &Base<'_>,
    job: &Job,
    (stream, version, ordinal): (Uuid, Version, u32),
    (occurred_at, undoes): (Option<Timestamp>, Option<LogPosition>),
    event: &dyn ErasedEvent,
    directory: bool,
) -> Result<PendingEvent, Broken> {
    let mut context = job.request.context.clone();
    context.ordinal = ordinal;
    context.undoes = undoes;
    let stored = StoredEvent {
        ws: base.ws,
        position: LogPosition(0),
        at: base.now,
        occurred_at: occurred_at.unwrap_or(base.now),
        stream,
        version,
        kind: event.kind().to_owned(),
        type_name: event.type_name().to_owned(),
        schema_version: event.schema_version(),
        command: job.request.id,
        actor: job.request.actor,
        context,
        payload: event.encode()?,
    };
    Ok(PendingEvent { stored, occurred_at, directory })
}
