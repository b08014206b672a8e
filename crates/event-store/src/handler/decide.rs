//! Deciding the commands of a batch one after the other, each on top of what the ones before it changed.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use decider::{
    AnyState, Aspects, Changes, ErasedEvent, EventMeta, Halt, KeyKind, KeyScope, NewEvent,
    Rejected, SealId, StoredEvent, StreamRef, Timestamp, Version, WorkspaceId, World,
};
use uuid::Uuid;
use vault::SealingKeys;

use super::cache::Cache;
use super::desk::{Desk, Overlay, Reads};
use super::error::Broken;
use super::{Job, Shared};
use crate::log::{AppendBatch, ClaimRow, PendingEvent};

/// A refusal that still has to be proven.
pub enum Refusal {
    Rejected(Rejected),
    VersionConflict { version: Version, events: Vec<StoredEvent> },
}

/// What a decision waits for.
#[derive(Default)]
pub struct Needs {
    pub streams: Vec<StreamRef>,
    pub claims: Vec<(&'static str, [u8; 32])>,
    pub keys: Vec<Uuid>,
    pub tail: Option<(StreamRef, Version)>,
    pub seal: Option<(Vec<KeyScope>, HashSet<Uuid>)>,
}

/// What deciding one command came to.
pub enum Step {
    Decided(Reads),
    Refused(Refusal, Reads),
    Needs(Box<Needs>),
    Broken(Broken),
}

/// What one job has fetched for itself while it waited.
#[derive(Default)]
pub struct OwnFacts {
    pub sealing: Option<SealingKeys>,
    pub tail: Option<Vec<StoredEvent>>,
}

/// An event of the batch, kept so that the cache can fold it with its true time once it is written.
pub struct Folded {
    pub stream: StreamRef,
    pub event: Box<dyn ErasedEvent>,
}

/// A batch in the making.
pub struct Round {
    pub batch: AppendBatch,
    pub overlay: Overlay,
    pub guards: HashMap<Uuid, Version>,
    pub claim_guards: Vec<(&'static str, [u8; 32], i32)>,
    pub folded: Vec<Folded>,
    pub keys: Vec<SealingKeys>,
    pub numbers: u32,
    pub bytes: usize,
    /// A directory command was decided: later ones must see its effect first.
    pub closed: bool,
    assigned: HashSet<Uuid>,
}

impl Round {
    pub fn new() -> Self {
        Self {
            batch: AppendBatch::default(),
            overlay: Overlay::default(),
            guards: HashMap::new(),
            claim_guards: Vec::new(),
            folded: Vec::new(),
            keys: Vec::new(),
            numbers: 0,
            bytes: 0,
            closed: false,
            assigned: HashSet::new(),
        }
    }
}

/// What every decision of a batch shares.
pub struct Base<'a> {
    pub shared: &'a Shared,
    pub ws: WorkspaceId,
    /// The newest ticket number before this batch.
    pub number: u64,
    /// What the batch on its way changes, if there is one.
    pub below: Option<&'a Overlay>,
    pub directory: &'a AnyState,
    pub now: Timestamp,
}

/// Decides one job; when it is accepted, its events join the batch.
pub fn decide(
    base: &Base<'_>,
    cache: &mut Cache,
    round: &mut Round,
    job: &Job,
    fetched: &OwnFacts,
) -> Step {
    let command = job.request.command.as_ref();
    let desk = Desk {
        shared: base.shared,
        ws: base.ws,
        cache: RefCell::new(cache),
        overlays: [Some(&round.overlay), base.below],
        creates: command.creates(),
        reads: RefCell::default(),
        missing: RefCell::default(),
        broken: RefCell::default(),
    };
    let world = World::new(
        &desk,
        AnyState::clone(base.directory),
        job.request.actor,
        base.now,
        base.number + u64::from(round.numbers) + 1,
    );
    let Ok(decided) = catch_unwind(AssertUnwindSafe(|| command.decide(&world))) else {
        return Step::Broken(Broken::Panicked(command.name()));
    };
    if let Some(error) = desk.broken.take() {
        return Step::Broken(error.into());
    }
    let changes = match decided {
        Ok(changes) => changes,
        Err(Halt::Rejected(rejected)) => {
            return Step::Refused(Refusal::Rejected(*rejected), desk.reads.take());
        }
        // The desk has noted everything the decision asked for, not only what it stopped at.
        Err(Halt::Need(_)) => return Step::Needs(Box::new(desk.missing.take())),
    };
    // Only now: who may not see or do it must not learn from a conflict what happened meanwhile.
    if let Some((stream, expected)) = job.request.expected
        && let Some(step) = check_expected(&desk, job, (stream, expected), fetched, round)
    {
        return step;
    }
    let plan = match plan(&desk, &changes) {
        Ok(plan) => plan,
        Err(step) => return *step,
    };
    let Some(keys) = sealing_keys(base, &plan, fetched) else {
        let fresh = plan.fresh.clone();
        return Step::Needs(Box::new(Needs {
            seal: Some((plan.scopes, fresh)),
            ..Needs::default()
        }));
    };
    let reads = desk.reads.take();
    match accept(base, round, job, (changes, plan, keys, reads.clone())) {
        Ok(()) => Step::Decided(reads),
        Err(broken) => Step::Broken(broken),
    }
}

/// W03: a stale expected version is merged when nothing since touched what the command touches.
fn check_expected(
    desk: &Desk<'_>,
    job: &Job,
    (stream, expected): (StreamRef, Version),
    fetched: &OwnFacts,
    round: &Round,
) -> Option<Step> {
    let Some((actual, _)) = desk.look_up(stream) else {
        return Some(Step::Needs(Box::new(Needs { streams: vec![stream], ..Needs::default() })));
    };
    desk.note_stream(stream, actual);
    if actual == expected || actual == 0 {
        return None;
    }
    let needs_tail =
        || Step::Needs(Box::new(Needs { tail: Some((stream, expected)), ..Needs::default() }));
    let Some(tail) = &fetched.tail else { return Some(needs_tail()) };
    let touches = job.request.command.touches();
    let stored = tail.iter().filter(|event| event.version > expected);
    let since: Vec<StoredEvent> = stored
        .chain(round.batch.pending().filter(|event| event.stream == stream.id))
        .cloned()
        .collect();
    if actual > expected && since.last().is_none_or(|event| event.version < actual) {
        return Some(needs_tail()); // more was written after the tail was read
    }
    let stream_type = desk.shared.types.get(stream.kind)?;
    let touched = |event: &StoredEvent| {
        // An event this program cannot read may have touched anything.
        (stream_type.touches)(event).unwrap_or(Aspects::All).meets(&touches)
    };
    if actual > expected && !since.iter().any(touched) {
        return None;
    }
    Some(Step::Refused(
        Refusal::VersionConflict { version: actual, events: since },
        desk.reads.take(),
    ))
}

/// Where the events of a command go, and which keys seal them.
struct Plan {
    streams: Vec<(StreamRef, Version, AnyState)>,
    claims: Vec<(&'static str, [u8; 32], ClaimRow)>,
    scopes: Vec<KeyScope>,
    /// Ids of streams that do not exist yet: their keys cannot exist either.
    fresh: HashSet<Uuid>,
}

fn plan(desk: &Desk<'_>, changes: &Changes) -> Result<Plan, Box<Step>> {
    let mut streams: Vec<(StreamRef, Version, AnyState)> = Vec::new();
    let mut scopes = Vec::new();
    for new in &changes.events {
        let stream = StreamRef { kind: new.event.kind(), id: new.stream };
        if !streams.iter().any(|(known, _, _)| known.id == stream.id) {
            let Some((version, state)) = desk.look_up(stream) else {
                let needs = Needs { streams: vec![stream], ..Needs::default() };
                return Err(Box::new(Step::Needs(Box::new(needs))));
            };
            desk.note_stream(stream, version);
            streams.push((stream, version, state));
        }
        let mut event = new.event.boxed_clone();
        let mut failed = None;
        event.visit_sealed(&mut |_, slot| match slot.clear_json() {
            Ok(Some((_, scope))) if !scopes.contains(scope) => scopes.push(scope.clone()),
            Ok(_) => {}
            Err(error) => failed = Some(error),
        });
        if let Some(error) = failed {
            return Err(Box::new(Step::Broken(error.into())));
        }
    }
    let mut claims = Vec::new();
    for change in &changes.claims {
        let mac = desk.mac(change.scope, &change.key);
        // A key that the decision did not read is taken as never used; the append proves it.
        let row = desk.look_up_claim(change.scope, mac).unwrap_or_default();
        claims.push((change.scope, mac, row));
    }
    let fresh = streams
        .iter()
        .filter(|(_, version, _)| *version == 0)
        .map(|(stream, _, _)| stream.id)
        .collect();
    Ok(Plan { streams, claims, scopes, fresh })
}

fn sealing_keys(base: &Base<'_>, plan: &Plan, fetched: &OwnFacts) -> Option<SealingKeys> {
    let has_all = |keys: &&SealingKeys| plan.scopes.iter().all(|scope| keys.get(scope).is_some());
    if let Some(keys) = fetched.sealing.as_ref().filter(has_all) {
        return Some(keys.clone());
    }
    base.shared.vault.try_keys_for(base.ws, &plan.scopes, &|scope| is_fresh(scope, &plan.fresh))
}

/// Whether no key can have been assigned to a scope yet.
pub fn is_fresh(scope: &KeyScope, new_streams: &HashSet<Uuid>) -> bool {
    match scope.kind {
        KeyKind::Content | KeyKind::Draft => true,
        KeyKind::Person | KeyKind::Ticket => new_streams.contains(&scope.id),
    }
}

fn accept(
    base: &Base<'_>,
    round: &mut Round,
    job: &Job,
    (changes, plan, keys, reads): (Changes, Plan, SealingKeys, Reads),
) -> Result<(), Broken> {
    let mut states: HashMap<Uuid, (Version, AnyState)> = plan
        .streams
        .into_iter()
        .map(|(stream, version, state)| (stream.id, (version, state)))
        .collect();
    let mut rows = Vec::with_capacity(changes.events.len());
    let mut folded = Vec::with_capacity(changes.events.len());
    let mut closes = false;
    for (ordinal, new) in (0u32..).zip(changes.events) {
        let NewEvent { stream, occurred_at, mut event } = new;
        seal(base, &keys, stream, SealId::of(job.request.id, ordinal), event.as_mut())?;
        let kind = event.kind();
        let stream_type = base.shared.types.get(kind).ok_or(Broken::UnknownKind(kind))?;
        let slot = states.entry(stream).or_insert_with(|| (0, (stream_type.initial)()));
        let version = slot.0 + 1;
        let meta = EventMeta {
            version,
            occurred_at: occurred_at.unwrap_or(base.now),
            actor: job.request.actor,
        };
        let state = std::mem::replace(&mut slot.1, (stream_type.initial)());
        *slot = (version, (stream_type.evolve)(state, event.as_ref(), &meta));
        closes |= stream_type.directory;
        rows.push(pending(
            base,
            job,
            (stream, version, ordinal),
            occurred_at,
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
        guard_claim(round, scope, mac, row.seq);
        let next = ClaimRow { seq: row.seq + 1, holder: change.holder };
        round.batch.claim(scope, mac, next.seq, next.holder);
        round.overlay.claims.insert((scope, mac), next);
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
    occurred_at: Option<Timestamp>,
    event: &dyn ErasedEvent,
    directory: bool,
) -> Result<PendingEvent, Broken> {
    let mut context = job.request.context.clone();
    context.ordinal = ordinal;
    let stored = StoredEvent {
        ws: base.ws,
        position: decider::LogPosition(0),
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
