//! One projection of one workspace, batch by batch. What drives it is in `follower`; tests and the command line drive it by hand.

use std::time::Duration;

use decider::{StoredEvent, WorkspaceId};
use sqlx::PgPool;
use tokio::time::Instant;
use vault::Vault;

use super::attempt::Attempt;
use super::batch_size::BatchSize;
use super::checkpoint::{CHECKPOINTS_KEPT, Checkpoint};
use super::error::{Fault, FaultCause, StepError, StopReason};
use super::fold::{Fold, ProjectionType, Quarantine};
use super::log_batch::{LogBatch, LogSource};
use super::store::{CrashPoint, WriteError};
use super::views::{PgViews, ViewStore, ViewWriter};

/// A place in the log that was reached without changing a row is written down that much later at most. The readers of other
/// nodes wait for it so long.
const SAVED_WITHIN: Duration = Duration::from_millis(100);

/// What a projector works with.
#[derive(Clone)]
pub struct ProjectorParts {
    /// Where events come from.
    pub source: LogSource,
    /// Where rows go.
    pub pool: PgPool,
    /// The key ring, for views that open sealed content.
    pub vault: Option<Vault>,
}

/// What one step did.
#[derive(Clone, Debug)]
pub struct Applied {
    /// How many events it folded.
    pub events: usize,
    /// How long it took.
    pub took: Duration,
    /// When its first commit was written, in microseconds.
    pub first_at_micros: i64,
    /// Streams it had to leave out from now on.
    pub quarantined: usize,
}

/// One projection of one workspace.
pub struct Projector {
    source: LogSource,
    vault: Option<Vault>,
    projection: ProjectionType,
    ws: WorkspaceId,
    views: Box<dyn ViewStore>,
    checkpoint: Option<Checkpoint>,
    quarantine: Quarantine,
    tolerated: Option<Quarantine>,
    batch: BatchSize,
    /// Whether a place that changes no row may be written down later.
    saves_late: bool,
    /// Since when the place it stands at is not written down.
    unsaved: Option<Instant>,
}

impl Projector {
    /// A projector that has not read its checkpoint yet.
    #[must_use]
    pub fn new(parts: ProjectorParts, projection: ProjectionType, ws: WorkspaceId) -> Self {
        let views = Box::new(PgViews::new(parts.pool, ws, &projection));
        Self::on(views, (parts.source, parts.vault), projection, ws)
    }

    /// The same on any store.
    pub(super) fn on(
        views: Box<dyn ViewStore>,
        (source, vault): (LogSource, Option<Vault>),
        projection: ProjectionType,
        ws: WorkspaceId,
    ) -> Self {
        Self {
            source,
            vault,
            projection,
            ws,
            views,
            checkpoint: None,
            quarantine: Quarantine::default(),
            tolerated: None,
            batch: BatchSize::usual(),
            saves_late: false,
            unsaved: None,
        }
    }

    /// Where it stands, as far as it knows.
    #[must_use]
    pub const fn checkpoint(&self) -> Option<Checkpoint> {
        self.checkpoint
    }

    /// The streams it leaves out.
    #[must_use]
    pub const fn quarantine(&self) -> &Quarantine {
        &self.quarantine
    }

    /// From now on an event that cannot be folded stops it, unless its stream is left out from that position on here: for builds
    /// that are to take the place of another one.
    pub(super) fn tolerate_only(&mut self, tolerated: Quarantine) {
        self.tolerated = Some(tolerated);
    }

    /// Reads its checkpoint again before the next step: somebody else may have gone on.
    pub const fn reload(&mut self) {
        self.checkpoint = None;
        self.unsaved = None;
    }

    /// From now on a batch that concerns no row of the view writes nothing: most events concern few views, and a transaction for
    /// each of them would be most of the work. Its place is written down with the next rows, or a little later. Until then only
    /// this process knows that the rows are as new; what a crash takes away are events that changed none.
    pub(super) const fn save_late(&mut self) {
        self.saves_late = true;
    }

    /// How soon a step is due that writes the place down; none when it is written down.
    pub(super) fn saves_in(&self) -> Option<Duration> {
        self.unsaved.map(|since| SAVED_WITHIN.saturating_sub(since.elapsed()))
    }

    /// Writes down the place it stands at, if that is not written down.
    ///
    /// # Errors
    /// See [`StepError`]. After an error the checkpoint is read again.
    pub(super) async fn save(&mut self) -> Result<(), StepError> {
        let saved = self.try_save(&CrashPoint::never()).await;
        if saved.is_err() {
            self.reload();
        }
        saved
    }

    /// Fixes the size of the next batches in events; it adapts from there.
    pub const fn set_batch_events(&mut self, events: usize) {
        self.batch = BatchSize::of(events);
    }

    /// Folds the next batch; none when it stands at the end of the log.
    ///
    /// # Errors
    /// See [`StepError`]. After an error the checkpoint is read again.
    pub async fn step(&mut self) -> Result<Option<Applied>, StepError> {
        self.step_until(&CrashPoint::never()).await
    }

    /// The same, cut off somewhere: for tests.
    ///
    /// # Errors
    /// See [`StepError`].
    pub async fn step_until(&mut self, crash: &CrashPoint) -> Result<Option<Applied>, StepError> {
        let stepped = self.try_step(crash).await;
        if stepped.is_err() {
            self.reload();
        }
        stepped
    }

    /// Folds everything there is.
    ///
    /// # Errors
    /// See [`StepError`].
    pub async fn catch_up(&mut self) -> Result<(), StepError> {
        while self.step().await?.is_some() {}
        Ok(())
    }

    async fn try_step(&mut self, crash: &CrashPoint) -> Result<Option<Applied>, StepError> {
        let standing = match self.checkpoint {
            Some(standing) => standing,
            None => self.load().await?,
        };
        let found = self.source.after(self.ws, &standing, self.batch.events()).await;
        let Some(batch) = found.map_err(StepError::of_log)? else {
            if self.saves_in() == Some(Duration::ZERO) {
                self.try_save(crash).await?;
            }
            return Ok(None);
        };
        let started = Instant::now();
        let (checkpoint, faults) = self.fold_and_write(&standing, &batch, crash).await?;
        self.checkpoint = Some(checkpoint);
        let is_saved = checkpoint.seq > standing.seq;
        self.unsaved = if is_saved { None } else { self.unsaved.or(Some(started)) };
        for fault in &faults {
            self.quarantine.0.insert(fault.stream, fault.position);
        }
        let took = started.elapsed();
        self.batch = self.batch.after(batch.len, took);
        Ok(Some(Applied {
            events: batch.len,
            took,
            first_at_micros: batch.first_at.as_micros(),
            quarantined: faults.len(),
        }))
    }

    async fn try_save(&mut self, crash: &CrashPoint) -> Result<(), StepError> {
        let (Some(standing), Some(_)) = (self.checkpoint, self.unsaved) else { return Ok(()) };
        let next = Checkpoint { seq: standing.seq + 1, ..standing };
        let mut fold = (self.projection.fold)();
        let mut writer = self.views.prefetch(fold.as_mut()).await?;
        match writer.write(fold.as_ref(), (&next, &[]), crash).await {
            Ok(()) => {}
            Err(WriteError::Fenced) => return Err(StepError::Fenced),
            Err(WriteError::Step(error)) => return Err(error),
            Err(WriteError::Refused(error)) => return Err(StopReason::Tables(error).into()),
        }
        prune(writer.as_mut(), &next).await?;
        self.checkpoint = Some(next);
        self.unsaved = None;
        Ok(())
    }

    /// Whether a batch is passed over without writing anything.
    fn is_passed_over(&self, fold: &dyn Fold, attempt: &Attempt) -> bool {
        self.saves_late
            && self.saves_in() != Some(Duration::ZERO)
            && attempt.faults.is_empty()
            && fold.tables().iter().all(|table| table.announced() == 0)
    }

    /// Where it stands. A key in memory may have been destroyed before somebody was taken out of this view; what follows on this
    /// place is opened with keys that are read after it. Whoever takes somebody out moves the place on, so nothing older is written.
    async fn load(&mut self) -> Result<Checkpoint, StepError> {
        let (standing, quarantine) = self.views.standing().await?;
        if let (true, Some(vault)) = (self.projection.opens, &self.vault) {
            vault.forget_all_cached();
        }
        self.quarantine = quarantine;
        self.checkpoint = Some(standing);
        Ok(standing)
    }

    async fn fold_and_write(
        &self,
        standing: &Checkpoint,
        batch: &LogBatch,
        crash: &CrashPoint,
    ) -> Result<(Checkpoint, Vec<Fault>), StepError> {
        let events: Vec<&StoredEvent> = batch.events().collect();
        let next = Checkpoint {
            seq: standing.seq + 1,
            position: batch.position,
            commit: batch.commit,
            hash: batch.hash,
        };
        let mut attempt = Attempt::new(self.projection, self.quarantine.clone());
        if let Some(tolerated) = &self.tolerated {
            attempt.tolerate_only(tolerated.clone());
        }
        loop {
            let fold = self.announce(&mut attempt, &events).await?;
            if self.is_passed_over(fold.as_ref(), &attempt) {
                return Ok((Checkpoint { seq: standing.seq, ..next }, Vec::new()));
            }
            let (fold, mut writer) = self.apply(&mut attempt, &events, fold).await?;
            match writer.write(fold.as_ref(), (&next, &attempt.faults), crash).await {
                Ok(()) => {
                    prune(writer.as_mut(), &next).await?;
                    return Ok((next, attempt.faults));
                }
                Err(WriteError::Fenced) => return Err(StepError::Fenced),
                Err(WriteError::Step(error)) => return Err(error),
                Err(WriteError::Refused(error)) => {
                    drop(writer);
                    let fault = self.culprit(&attempt, &events, &next).await?;
                    attempt.leave_out(fault.ok_or(StopReason::Tables(error))?)?;
                }
            }
        }
    }

    /// Reads the events and announces the rows that they may touch.
    async fn announce(
        &self,
        attempt: &mut Attempt,
        events: &[&StoredEvent],
    ) -> Result<Box<dyn Fold>, StepError> {
        let mut fold = (self.projection.fold)();
        attempt.decode(events, fold.as_mut())?;
        if self.projection.opens {
            let vault = self.vault.as_ref().ok_or(StopReason::NoVault)?;
            attempt.open(vault, self.ws, events, fold.as_mut()).await?;
        }
        fold.announce(events);
        Ok(fold)
    }

    /// Folds the events on top of the stored rows; answers with what writes them.
    async fn apply(
        &self,
        attempt: &mut Attempt,
        events: &[&StoredEvent],
        mut fold: Box<dyn Fold>,
    ) -> Result<(Box<dyn Fold>, Box<dyn ViewWriter>), StepError> {
        let writer = self.views.prefetch(fold.as_mut()).await?;
        attempt.apply(events, fold.as_mut())?;
        Ok((fold, writer))
    }

    /// The database refuses a value and does not say whose: the event with which the batch, cut off there, is refused, and
    /// without which it is not.
    async fn culprit(
        &self,
        attempt: &Attempt,
        events: &[&StoredEvent],
        next: &Checkpoint,
    ) -> Result<Option<Fault>, StepError> {
        let (mut accepted, mut refused) = (0, events.len());
        while refused > accepted + 1 {
            let middle = accepted.midpoint(refused);
            let (events, mut again) = (&events[..middle], attempt.again());
            let fold = self.announce(&mut again, events).await?;
            let (fold, mut writer) = self.apply(&mut again, events, fold).await?;
            match writer.try_write(fold.as_ref(), next).await {
                Ok(()) => accepted = middle,
                Err(WriteError::Refused(_)) => refused = middle,
                Err(WriteError::Fenced) => return Err(StepError::Fenced),
                Err(WriteError::Step(error)) => return Err(error),
            }
        }
        Ok(events.get(accepted).map(|event| Fault::new(event, FaultCause::Refused)))
    }
}

/// Takes old checkpoints away, now and then.
async fn prune(writer: &mut dyn ViewWriter, newest: &Checkpoint) -> Result<(), StepError> {
    if newest.seq.is_multiple_of(CHECKPOINTS_KEPT) {
        writer.prune(newest.seq).await?;
    }
    Ok(())
}
