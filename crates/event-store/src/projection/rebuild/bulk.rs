//! The log folded into new tables by the ten thousand: the next events are read while the present ones are folded, rows that are
//! new go in by `copy`, and a checkpoint goes with them, so that what was cut off goes on from there. Memory is bounded by the
//! batch, however long the log.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use decider::{StoredEvent, WorkspaceId};
use sqlx::{PgConnection, PgPool};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::Workshop;
use super::error::RebuildError;
use super::keys::{self, Keyed};
use super::meter::Reached;
use crate::log::LogError;
use crate::projection::attempt::Attempt;
use crate::projection::checkpoint::{self, CHECKPOINTS_KEPT, Checkpoint};
use crate::projection::error::{StepError, StopReason};
use crate::projection::fold::{Fold, ProjectionType, Quarantine};
use crate::projection::log_batch::{LogBatch, LogSource};
use crate::projection::rows::TableDef;
use crate::projection::store::{EncodedRows, Store, WriteError};
use crate::projection::views::{PgViews, ViewStore};

/// How much is folded before it is written.
const BATCH_BYTES: usize = 16 << 20;
pub(super) const BATCH_EVENTS: usize = 40_000;
/// How much is read at once, and how many such parts wait to be folded.
const READ_EVENTS: usize = 5_000;
const READ_AHEAD: usize = 3;

/// One view of one workspace, folded in bulk.
pub(super) struct Bulk {
    workshop: Workshop,
    projection: ProjectionType,
    ws: WorkspaceId,
    store: Arc<Store>,
    /// What the present build leaves out too; anything else that cannot be folded stops the build.
    tolerated: Quarantine,
    /// The tables that have no key yet.
    unkeyed: Mutex<Vec<TableDef>>,
}

/// What one batch is folded from.
struct Batch {
    parts: Vec<LogBatch>,
    next: Checkpoint,
}

/// A batch that is decoded, opened where the view opens, and announced.
struct Decoded {
    events: Arc<[LogBatch]>,
    fold: Box<dyn Fold>,
    attempt: Attempt,
    next: Checkpoint,
}

impl Decoded {
    /// Whether it needs rows as the batches before it left them.
    fn looks_for_rows(&self) -> bool {
        self.fold.tables().iter().any(|rows| rows.looks_for_some())
    }
}

/// A batch that is folded, its rows encoded.
struct Folded {
    rows: Vec<EncodedRows>,
    attempt: Attempt,
    next: Checkpoint,
}

impl Bulk {
    pub(super) fn new(
        workshop: Workshop,
        projection: ProjectionType,
        ws: WorkspaceId,
        tolerated: Quarantine,
    ) -> Self {
        let store = Arc::new(Store::new(ws, &projection));
        Self { workshop, projection, ws, store, tolerated, unkeyed: Mutex::default() }
    }

    /// Folds what the log holds from where it stands; tells `reached` how far it is after each batch.
    pub(super) async fn run(&self, reached: &Reached<'_>) -> Result<Keyed, RebuildError> {
        let mut connection = self.pool().acquire().await?;
        let unkeyed = keys::missing(&mut connection, &self.projection).await?;
        drop(connection);
        *self.unkeyed() = unkeyed;
        let views = PgViews::new(self.pool().clone(), self.ws, &self.projection);
        loop {
            let (standing, quarantine) = views.standing().await?;
            // As in a projector: what follows is opened with keys that are read after the place it stands at.
            self.workshop.forget_keys(&self.projection);
            match self.run_from(standing, quarantine, reached).await {
                // Somebody was taken out of the view meanwhile: it goes on from there.
                Err(BulkError::Fenced) => {}
                Err(BulkError::Rebuild(error)) => return Err(error),
                Err(BulkError::Twice) => return Ok(Keyed::Twice),
                Ok(()) => return Ok(Keyed::Yes),
            }
        }
    }

    /// While one batch is written the one after it is folded and the one after that is read and decoded. Should somebody be taken
    /// out of the view in between, none of them is written: its place is another one then.
    async fn run_from(
        &self,
        standing: Checkpoint,
        quarantine: Quarantine,
        reached: &Reached<'_>,
    ) -> Result<(), BulkError> {
        let (source, batch_events) = (self.workshop.source.clone(), self.workshop.batch_events);
        let mut ahead = ReadAhead::start(source, (self.ws, standing), batch_events);
        let mut decoded = self.next(&mut ahead, (&standing, &quarantine)).await?;
        let mut folded: Option<Folded> = None;
        while decoded.is_some() || folded.is_some() {
            let (standing, written) =
                (decoded.as_ref().map(|it| it.next), folded.as_ref().map(|it| it.next));
            let next = async {
                match standing {
                    Some(place) => self.next(&mut ahead, (&place, &quarantine)).await,
                    None => Ok(None),
                }
            };
            let (done, next) = tokio::join!(self.write_and_fold(folded, decoded), next);
            let (left_out, after) = done?;
            if let Some(place) = written {
                reached.at(place.position).await.map_err(BulkError::Rebuild)?;
            }
            if left_out > 0 {
                // Those after it were decoded with the streams that are left out now.
                return Err(BulkError::Fenced);
            }
            (folded, decoded) = (after, next?);
        }
        Ok(())
    }

    /// Writes one batch and folds the next: at once where no row of before is looked for. Answers how many streams the first
    /// left out.
    async fn write_and_fold(
        &self,
        folded: Option<Folded>,
        decoded: Option<Decoded>,
    ) -> Result<(usize, Option<Folded>), BulkError> {
        let write = async {
            match folded {
                Some(folded) => self.write(folded).await,
                None => Ok(0),
            }
        };
        let Some(decoded) = decoded else { return Ok((write.await?, None)) };
        if decoded.looks_for_rows() {
            let left_out = write.await?;
            let after = if left_out == 0 { Some(self.fold(decoded).await?) } else { None };
            return Ok((left_out, after));
        }
        let (left_out, after) = tokio::join!(write, self.fold(decoded));
        match left_out? {
            0 => Ok((0, Some(after?))),
            // What came of the second does not count: it was folded with what is left out now.
            left_out => Ok((left_out, None)),
        }
    }

    /// Reads and decodes what comes after a checkpoint; none at the end of the log.
    async fn next(
        &self,
        ahead: &mut ReadAhead,
        (standing, quarantine): (&Checkpoint, &Quarantine),
    ) -> Result<Option<Decoded>, BulkError> {
        let Some(batch) = ahead.batch(standing).await? else { return Ok(None) };
        let events: Arc<[LogBatch]> = batch.parts.into();
        let mut attempt = Attempt::new(self.projection, quarantine.clone());
        attempt.tolerate_only(self.tolerated.clone());
        let (mut fold, mut attempt) = self.decode(attempt, &events).await?;
        if self.projection.opens {
            let vault = self.workshop.vault.as_ref().ok_or(StopReason::NoVault);
            let vault = vault.map_err(StepError::from)?;
            attempt.open(vault, self.ws, &listed(&events), fold.as_mut()).await?;
        }
        let fold = self.announce(fold, &events).await?;
        Ok(Some(Decoded { events, fold, attempt, next: batch.next }))
    }

    /// Folds a batch and encodes its rows.
    async fn fold(&self, decoded: Decoded) -> Result<Folded, BulkError> {
        let looks = decoded.looks_for_rows();
        let Decoded { events, mut fold, mut attempt, next } = decoded;
        if looks {
            let mut connection = self.workshop.pool.acquire().await.map_err(StepError::of_sql)?;
            self.key(&mut connection, |table| {
                let mut tables = fold.tables().into_iter();
                tables.any(|rows| rows.looks_for_some() && rows.def().name == table.name)
            })
            .await?;
            self.store.prefetch(&mut connection, fold.as_mut()).await.map_err(StepError::of_sql)?;
        }
        let store = Arc::clone(&self.store);
        let folded = self.workshop.threads.run(move || {
            attempt.apply(&listed(&events), fold.as_mut())?;
            let rows = store.encode(fold.as_ref()).map_err(StepError::of_sql)?;
            Ok::<_, StepError>(Folded { rows, attempt, next })
        });
        Ok(folded.await.map_err(BulkError::Rebuild)??)
    }

    /// Answers how many streams it left out.
    async fn write(&self, folded: Folded) -> Result<usize, BulkError> {
        let Folded { rows, attempt, next } = folded;
        let mut connection = self.workshop.pool.acquire().await.map_err(StepError::of_sql)?;
        let what = (&next, attempt.faults.as_slice());
        match self.store.write_encoded(&mut connection, rows, what).await {
            Ok(()) => {}
            Err(WriteError::Fenced) => return Err(BulkError::Fenced),
            Err(WriteError::Step(error)) => return Err(error.into()),
            // One of its rows was there already, or cannot be stored: the way of the live view finds out whose it is.
            Err(WriteError::Refused(_)) => {
                drop(connection);
                return Err(self.step_by_step(next).await);
            }
        }
        if next.seq.is_multiple_of(CHECKPOINTS_KEPT) {
            let (ws, schema) = (self.ws, &self.store.schema);
            let pruned = checkpoint::prune(&mut connection, ws, schema, next.seq).await;
            pruned.map_err(StepError::of_sql)?;
        }
        Ok(attempt.faults.len())
    }

    /// Makes the keys of some tables, where they are missing.
    async fn key(
        &self,
        connection: &mut PgConnection,
        wanted: impl Fn(&TableDef) -> bool,
    ) -> Result<(), BulkError> {
        let tables: Vec<_> = self.unkeyed().extract_if(.., |table| wanted(table)).collect();
        for table in tables {
            let keyed = keys::make(connection, &self.projection, &table).await;
            if keyed.map_err(StepError::of_sql)? == Keyed::Twice {
                return Err(BulkError::Twice);
            }
        }
        Ok(())
    }

    /// Goes past a checkpoint as the live view would; the run then begins again from where that has come.
    async fn step_by_step(&self, until: Checkpoint) -> BulkError {
        let keyed = match self.workshop.pool.acquire().await {
            Ok(mut connection) => self.key(&mut connection, |_| true).await,
            Err(error) => Err(StepError::of_sql(error).into()),
        };
        if let Err(error) = keyed {
            return error;
        }
        let mut projector = self.workshop.projector(self.projection, self.ws);
        projector.tolerate_only(self.tolerated.clone());
        loop {
            match projector.step().await {
                Ok(Some(_)) => {}
                Ok(None) | Err(StepError::Fenced) => return BulkError::Fenced,
                Err(error) => return error.into(),
            }
            if projector.checkpoint().is_some_and(|standing| standing.position >= until.position) {
                return BulkError::Fenced;
            }
        }
    }

    async fn decode(
        &self,
        mut attempt: Attempt,
        events: &Arc<[LogBatch]>,
    ) -> Result<(Box<dyn Fold>, Attempt), BulkError> {
        let (projection, events) = (self.projection, Arc::clone(events));
        let decoded = self.workshop.threads.run(move || {
            let mut fold = (projection.fold)();
            attempt.decode(&listed(&events), fold.as_mut())?;
            Ok::<_, StepError>((fold, attempt))
        });
        Ok(decoded.await.map_err(BulkError::Rebuild)??)
    }

    async fn announce(
        &self,
        mut fold: Box<dyn Fold>,
        events: &Arc<[LogBatch]>,
    ) -> Result<Box<dyn Fold>, BulkError> {
        let events = Arc::clone(events);
        let announced = self.workshop.threads.run(move || {
            fold.announce_new(&listed(&events));
            fold
        });
        announced.await.map_err(BulkError::Rebuild)
    }

    fn unkeyed(&self) -> MutexGuard<'_, Vec<TableDef>> {
        // Nothing panics while holding the lock.
        self.unkeyed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    const fn pool(&self) -> &PgPool {
        &self.workshop.pool
    }
}

fn listed(parts: &[LogBatch]) -> Vec<&StoredEvent> {
    parts.iter().flat_map(LogBatch::events).collect()
}

/// Why a run in bulk ended before the end of the log.
enum BulkError {
    /// The checkpoint is another one by now: it goes on from there.
    Fenced,
    /// Two rows have the same key.
    Twice,
    Rebuild(RebuildError),
}

impl From<StepError> for BulkError {
    fn from(error: StepError) -> Self {
        Self::Rebuild(error.into())
    }
}

impl From<LogError> for BulkError {
    fn from(error: LogError) -> Self {
        Self::Rebuild(error.into())
    }
}

/// Reads on while the events before are folded.
struct ReadAhead {
    parts: mpsc::Receiver<Result<LogBatch, LogError>>,
    task: JoinHandle<()>,
    batch_events: usize,
}

impl ReadAhead {
    fn start(
        source: LogSource,
        (ws, from): (WorkspaceId, Checkpoint),
        batch_events: usize,
    ) -> Self {
        let (sender, parts) = mpsc::channel(READ_AHEAD);
        let at_once = READ_EVENTS.min(batch_events);
        let task = tokio::spawn(read(source, (ws, from), at_once, sender));
        Self { parts, task, batch_events }
    }

    /// The next events after a checkpoint, as many as are folded at once; none at the end of the log.
    async fn batch(&mut self, standing: &Checkpoint) -> Result<Option<Batch>, LogError> {
        let (mut parts, mut events, mut bytes) = (Vec::new(), 0, 0);
        while events < self.batch_events && bytes < BATCH_BYTES {
            let Some(part) = self.parts.recv().await else { break };
            let part = part?;
            events += part.len;
            bytes += part.events().map(|event| event.payload.len()).sum::<usize>();
            parts.push(part);
        }
        let Some(last) = parts.last() else { return Ok(None) };
        let next = last.checkpoint(standing.seq + 1);
        Ok(Some(Batch { parts, next }))
    }
}

impl Drop for ReadAhead {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn read(
    source: LogSource,
    (ws, mut standing): (WorkspaceId, Checkpoint),
    at_once: usize,
    parts: mpsc::Sender<Result<LogBatch, LogError>>,
) {
    loop {
        let part = match source.after(ws, &standing, at_once).await {
            Ok(None) => return,
            Ok(Some(part)) => Ok(part),
            Err(error) => Err(error),
        };
        if let Ok(part) = &part {
            standing = part.checkpoint(standing.seq);
        }
        let failed = part.is_err();
        // Nobody waits for it any more when the build ended.
        if parts.send(part).await.is_err() || failed {
            return;
        }
    }
}
