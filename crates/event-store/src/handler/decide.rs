//! Deciding the commands of a batch one after the other, each on top of what the ones before it changed.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use decider::{
    AnyState, Aspects, Changes, ErasedEvent, Halt, KeyKind, KeyScope, Rejected, RejectionKind,
    StoredEvent, StreamRef, Timestamp, Version, WorkspaceId, World,
};
use uuid::Uuid;
use vault::SealingKeys;

use super::accept;
use super::cache::Cache;
use super::desk::{Desk, Found, Overlay, Reads};
use super::error::Broken;
use super::{Job, Shared};
use crate::log::{AppendBatch, ClaimRow};

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
    /// What it read is newer or older than what the batch counts on: it is for the next batch.
    Later,
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
    /// Whether everything read is as the newest commit known left it.
    pub sure: bool,
    /// A directory command was decided: later ones must see its effect first.
    pub closed: bool,
    pub assigned: HashSet<Uuid>,
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
            sure: true,
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
    /// What the batches on their way change, the newest first.
    pub below: &'a [&'a Overlay],
    pub directory: &'a AnyState,
    pub now: Timestamp,
    /// When what happens now is said to have happened, where the log's own times are of no use.
    pub instead: Option<Timestamp>,
}

/// Decides one job; when it is accepted, its events join the batch. A rule or a fold that panics fails this job alone.
pub fn decide(
    base: &Base<'_>,
    cache: &mut Cache,
    round: &mut Round,
    job: &Job,
    fetched: &OwnFacts,
) -> Step {
    // Rules and folds run before the batch is touched, so a panic leaves it whole.
    catch_unwind(AssertUnwindSafe(|| decide_guarded(base, cache, round, job, fetched)))
        .unwrap_or_else(|_| Step::Broken(Broken::Panicked(job.request.command.name())))
}

fn decide_guarded(
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
        above: &round.overlay,
        below: base.below,
        creates: command.creates(),
        reads: RefCell::default(),
        missing: RefCell::default(),
        unsure: Cell::new(false),
        broken: RefCell::default(),
    };
    let world = World::new(
        &desk,
        AnyState::clone(base.directory),
        job.request.actor,
        base.now,
        base.number + u64::from(round.numbers) + 1,
    );
    let decided = command.decide(&world);
    if let Some(error) = desk.broken.take() {
        return Step::Broken(error.into());
    }
    let mut changes = match decided {
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
    let plan = match plan(&desk, &mut changes) {
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
    if accept::clashes(round, &reads) {
        return Step::Later;
    }
    let sure = !desk.unsure.get() && !desk.cache.borrow().knows_command(job.request.id);
    match accept::accept(base, round, job, (changes, plan, keys, reads.clone())) {
        Ok(()) => {
            round.sure &= sure;
            Step::Decided(reads)
        }
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
    let Some(Found { version: actual, .. }) = desk.look_up(stream) else {
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
    if !is_whole(since.iter().map(|event| event.version), (expected, actual)) {
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

/// Whether these versions, in order, leave out none between the expected and the actual one. What was written after the tail
/// was read may be missing in the middle: behind it come the events of the batch in the making.
fn is_whole(since: impl Iterator<Item = Version>, (expected, actual): (Version, Version)) -> bool {
    let next = |last: Version, version| {
        if last.checked_add(1) == Some(version) { version } else { last }
    };
    let reached = since.fold(expected, next);
    reached >= actual
}

/// Where the events of a command go, and which keys seal them.
pub struct Plan {
    pub streams: Vec<(StreamRef, Version, AnyState)>,
    pub claims: Vec<(&'static str, [u8; 32], ClaimRow)>,
    scopes: Vec<KeyScope>,
    /// Ids of streams that do not exist yet: their keys cannot exist either.
    fresh: HashSet<Uuid>,
}

fn plan(desk: &Desk<'_>, changes: &mut Changes) -> Result<Plan, Box<Step>> {
    let mut streams: Vec<(StreamRef, Version, AnyState)> = Vec::new();
    let mut scopes = Vec::new();
    for new in &mut changes.events {
        let stream = StreamRef { kind: new.event.kind(), id: new.stream };
        if !streams.iter().any(|(known, _, _)| known.id == stream.id) {
            let Some(Found { version, state, foreign }) = desk.look_up(stream) else {
                let needs = Needs { streams: vec![stream], ..Needs::default() };
                return Err(Box::new(Step::Needs(Box::new(needs))));
            };
            desk.note_stream(stream, version);
            if foreign {
                let refusal = Refusal::Rejected(id_taken());
                return Err(Box::new(Step::Refused(refusal, desk.reads.take())));
            }
            streams.push((stream, version, state));
        }
        new.event.visit_sealed(&mut |_, slot| {
            if let Some(scope) = slot.scope()
                && !scopes.contains(scope)
            {
                scopes.push(scope.clone());
            }
        });
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

/// An event of another kind would make the stream unreadable for ever.
fn id_taken() -> Rejected {
    Rejected {
        code: "id_taken",
        kind: RejectionKind::Conflict,
        detail: "the id belongs to something of another kind".to_owned(),
        fields: Vec::new(),
        missing_right: None,
        positions: Vec::new(),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happened_since_has_no_hole_between_what_was_read_and_what_is_pending() {
        let whole = |since: &[Version], bounds| is_whole(since.iter().copied(), bounds);
        assert!(whole(&[14, 15, 16, 17], (13, 17)));
        assert!(whole(&[14, 15, 16], (13, 15)), "more than was asked for is no hole");
        assert!(whole(&[], (13, 13)) && whole(&[], (13, 12)));
        assert!(!whole(&[14, 15], (13, 16)));
        // Read up to 15, 16 landed meanwhile, 17 is in the same batch: who looks at the last alone overlooks 16.
        assert!(!whole(&[14, 15, 17], (13, 17)));
        assert!(!whole(&[15], (13, 15)));
        assert!(whole(&[14], (Version::MAX, 14)), "nobody has seen that far");
    }
}
