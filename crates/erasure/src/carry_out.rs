//! Carrying an erasure out, from wherever it stopped: destroy keys, delete what stood beside them, wait until every server has
//! dropped them, write clear storage anew, say that it is done.

use std::sync::Arc;

use commands::draft::ForgetDraft;
use commands::erasure::{CompleteErasure, KnownErasure, Progress, RecordDestroyedKeys};
use decider::{Actor, ActorKind, Command, CommandId, EventContext, WorkspaceId};
use event_store::handler::Request;
use events::erasure::{ErasureCompleted, ErasureCounts, ErasureRequested, ErasureSubject};
use events::{DraftId, ErasureId};
use ops::{DraftName, KEYS_RELATION, Standing};
use projections::lookup;
use uuid::Uuid;
use vault::{ObjectRef, Tombstone};

use crate::certificate::erasure_of;
use crate::gather::{about_contact, contents_of};
use crate::plan::Plan;
use crate::{Erasing, ErasureError};

/// The program's own part that carries erasures out.
const ACTOR: Actor = Actor {
    kind: ActorKind::Policy,
    id: Uuid::from_u128(0x6c64_0000_0000_7000_8000_0065_7261_7365),
};
/// So many of the contents that stay are named in the certificate.
const KEPT_MAX: usize = 1000;

/// How far it has come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Step {
    /// Servers have to drop keys first.
    Waits(Standing),
    /// It is done.
    Done,
}

/// Takes an erasure as far as it goes at this moment.
///
/// # Errors
/// When something broke; the next attempt goes on.
pub async fn carry_out(
    erasing: &Erasing,
    ws: WorkspaceId,
    id: ErasureId,
) -> Result<Step, ErasureError> {
    let work = Work { erasing, ws, id };
    let erasure = erasure_of(erasing, ws, id).await?.ok_or(ErasureError::Unknown)?;
    if matches!(erasure.progress, Progress::Completed { .. }) {
        erasing.ops.erasures.done(ws, id.0).await?;
        return Ok(Step::Done);
    }
    let plan = work.plan(&erasure.requested).await?;
    if erasure.progress == Progress::Requested {
        work.destroy(&erasure, &plan).await?;
    }
    work.clear_away(&plan).await?;
    let standing = erasing.ops.erasures.standing(ws, id.0).await?.unwrap_or_default();
    if !standing.is_settled() {
        return Ok(Step::Waits(standing));
    }
    work.rewrite(&erasure.requested).await?;
    work.complete(plan, standing).await?;
    erasing.ops.erasures.done(ws, id.0).await?;
    Ok(Step::Done)
}

struct Work<'a> {
    erasing: &'a Erasing,
    ws: WorkspaceId,
    id: ErasureId,
}

impl Work<'_> {
    async fn plan(&self, requested: &ErasureRequested) -> Result<Plan, ErasureError> {
        let (erasing, ws) = (self.erasing, self.ws);
        let none = ErasureCounts::default();
        let (ticket, counts) = match requested.subject {
            ErasureSubject::Contact(contact) => {
                let gathered = about_contact(erasing, ws, contact).await?;
                return Ok(Plan::of_contact(&gathered, requested.shared, &requested.also));
            }
            ErasureSubject::Message { ticket, .. } => {
                (ticket, ErasureCounts { messages: 1, ..none })
            }
            ErasureSubject::Comment { ticket, .. } => {
                (ticket, ErasureCounts { comments: 1, ..none })
            }
            ErasureSubject::File { ticket, .. } => (ticket, ErasureCounts { files: 1, ..none }),
        };
        let contents = contents_of(erasing, ws, ticket).await?;
        let objects = contents.contents.values().flat_map(|content| &content.objects);
        let objects: Vec<_> =
            objects.filter(|object| requested.keys.contains(&object.key)).cloned().collect();
        let originals = (objects.len() as u64).saturating_sub(counts.files);
        let counts = ErasureCounts { originals, ..counts };
        Ok(Plan::of_keys(&requested.keys, objects, counts))
    }

    /// First the keys, in one transaction; then the fact. Between the two a crash is harmless: the keys of an erasure are found
    /// by its id.
    async fn destroy(&self, erasure: &KnownErasure, plan: &Plan) -> Result<(), ErasureError> {
        let mut relations = vec![KEYS_RELATION.to_owned()];
        if matches!(erasure.requested.subject, ErasureSubject::Contact(_)) {
            relations.extend(lookup::clear_tables(&self.erasing.projectors).await?);
        }
        let tombstone = Tombstone { erasure: self.id.0, at: jiff::Timestamp::now().into() };
        let keys: Vec<Uuid> = plan.keys.iter().copied().collect();
        let keys = self.erasing.ops.erasures.destroy(self.ws, tombstone, &keys, &relations).await?;
        let counts = plan.counts;
        self.send("keys", RecordDestroyedKeys { erasure_id: self.id, keys, counts }).await
    }

    /// Unsent words, files that waited, sealed bytes: nothing of them can be read any more, and now they are gone, too.
    async fn clear_away(&self, plan: &Plan) -> Result<(), ErasureError> {
        let (ws, ops) = (self.ws, &self.erasing.ops);
        for object in &plan.objects {
            let object =
                ObjectRef { key: object.key, hash: object.hash.clone(), size: object.size_bytes };
            self.erasing.objects.delete(ws, &object).await?;
        }
        if !plan.files.is_empty() {
            ops.uploads.forget(ws, &plan.files).await?;
        }
        // Last, since they lead to the files that they hold.
        let now = jiff::Timestamp::now().into();
        for (draft, user) in &plan.drafts {
            let ended = ForgetDraft { draft_id: DraftId(*draft) };
            self.send(&format!("draft {draft}"), ended).await?;
            ops.drafts.delete(&DraftName { ws, draft: *draft, user: *user }, now).await?;
        }
        Ok(())
    }

    /// Clear storage is written anew, once, after no server can bring anything back.
    async fn rewrite(&self, requested: &ErasureRequested) -> Result<(), ErasureError> {
        let erasures = &self.erasing.ops.erasures;
        let storage = erasures.storage(self.ws, self.id.0).await?;
        let waits = |keys: bool| {
            storage
                .iter()
                .any(|table| !table.rewritten && (table.relation == KEYS_RELATION) == keys)
        };
        if let ErasureSubject::Contact(contact) = requested.subject
            && waits(false)
        {
            let tables = lookup::forget(&self.erasing.projectors, self.ws, contact.0).await?;
            erasures.rewritten(self.ws, self.id.0, &tables).await?;
            // A build that was dropped meanwhile has taken its words along.
            let gone = storage.iter().filter(|table| table.relation != KEYS_RELATION);
            let gone: Vec<String> = gone.map(|table| table.relation.clone()).collect();
            erasures.rewritten(self.ws, self.id.0, &gone).await?;
        }
        if waits(true) {
            self.erasing.handler.vault().rewrite_keys().await?;
            erasures.rewritten(self.ws, self.id.0, &[KEYS_RELATION.to_owned()]).await?;
        }
        Ok(())
    }

    async fn complete(&self, mut plan: Plan, standing: Standing) -> Result<(), ErasureError> {
        let kept_total = plan.kept.len() as u64;
        plan.kept.truncate(KEPT_MAX);
        // Drafts are gone by now: what was destroyed is what was counted then.
        let erasure = erasure_of(self.erasing, self.ws, self.id).await?;
        let counts = erasure.ok_or(ErasureError::Unknown)?.counts;
        let outcome = ErasureCompleted {
            counts,
            kept: plan.kept,
            kept_total,
            objects: counts.files + counts.originals,
            nodes: standing.acknowledged,
            nodes_silent: standing.silent,
        };
        self.send("completed", CompleteErasure { erasure_id: self.id, outcome }).await
    }

    /// The id follows from the erasure: whoever sends it, and however often, it has one effect.
    async fn send(&self, what: &str, command: impl Command) -> Result<(), ErasureError> {
        let id = CommandId(Uuid::new_v5(&self.id.0, what.as_bytes()));
        let request = Request {
            ws: self.ws,
            id,
            body: what.as_bytes().to_vec(),
            actor: ACTOR,
            context: EventContext { causation: Some(self.id.0), ..EventContext::default() },
            expected: None,
            command: Arc::new(command),
        };
        self.erasing.handler.handle(request).await?;
        Ok(())
    }
}
