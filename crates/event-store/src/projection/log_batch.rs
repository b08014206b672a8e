//! The next events for a projection, always up to the end of a commit, and the proof that the log still continues where it stood.

use std::sync::Arc;

use async_trait::async_trait;
use decider::{LogPosition, StoredEvent, Timestamp, WorkspaceId};

use super::checkpoint::Checkpoint;
use crate::log::{Commit, LogError, LogReader, RecentCommits};

/// At most so many commits are looked at for one batch.
const COMMITS_MAX: u32 = 1024;

/// A run of whole commits.
#[derive(Clone, Debug)]
pub struct LogBatch {
    parts: Vec<Arc<[StoredEvent]>>,
    /// The last position in it.
    pub position: LogPosition,
    /// The last commit in it.
    pub commit: u64,
    /// The hash of that commit.
    pub hash: [u8; 32],
    /// When the first of its commits was written.
    pub first_at: Timestamp,
    /// How many commits it holds.
    pub commits: usize,
    /// How many events it holds.
    pub len: usize,
}

impl LogBatch {
    /// Its events in order.
    pub fn events(&self) -> impl Iterator<Item = &StoredEvent> {
        self.parts.iter().flat_map(|part| part.iter())
    }

    /// The checkpoint after it.
    pub(super) const fn checkpoint(&self, seq: u64) -> Checkpoint {
        Checkpoint { seq, position: self.position, commit: self.commit, hash: self.hash }
    }
}

/// Where batches come from: the memory of this process as far as it reaches back, else the database.
#[derive(Clone)]
pub struct LogSource {
    reader: Arc<dyn ReadCommits>,
    recent: RecentCommits,
}

/// The commits in the log and their events.
#[async_trait]
pub(super) trait ReadCommits: Send + Sync {
    /// See [`LogReader::commits_from`].
    async fn commits_from(
        &self,
        ws: WorkspaceId,
        no: u64,
        limit: u32,
    ) -> Result<Vec<Commit>, LogError>;

    /// See [`LogReader::after`].
    async fn after(
        &self,
        ws: WorkspaceId,
        position: LogPosition,
        limit: u32,
    ) -> Result<Vec<StoredEvent>, LogError>;
}

#[async_trait]
impl ReadCommits for LogReader {
    async fn commits_from(
        &self,
        ws: WorkspaceId,
        no: u64,
        limit: u32,
    ) -> Result<Vec<Commit>, LogError> {
        Self::commits_from(self, ws, no, limit).await
    }

    async fn after(
        &self,
        ws: WorkspaceId,
        position: LogPosition,
        limit: u32,
    ) -> Result<Vec<StoredEvent>, LogError> {
        Self::after(self, ws, position, limit).await
    }
}

impl LogSource {
    /// A source over the database and the memory of this process.
    #[must_use]
    pub fn new(reader: LogReader, recent: RecentCommits) -> Self {
        Self::on(Arc::new(reader), recent)
    }

    /// The same on any log.
    pub(super) fn on(reader: Arc<dyn ReadCommits>, recent: RecentCommits) -> Self {
        Self { reader, recent }
    }

    /// The commits after a checkpoint: as many as fit in `events_max`, and at least one. None when there is none.
    ///
    /// # Errors
    /// [`LogError::Rewound`] when the commit at the checkpoint is gone or another one.
    pub async fn after(
        &self,
        ws: WorkspaceId,
        checkpoint: &Checkpoint,
        events_max: usize,
    ) -> Result<Option<LogBatch>, LogError> {
        if let Some(batch) = self.memory_after(ws, checkpoint, events_max)? {
            return Ok(Some(batch));
        }
        self.database_after(ws, checkpoint, events_max).await
    }

    fn memory_after(
        &self,
        ws: WorkspaceId,
        checkpoint: &Checkpoint,
        events_max: usize,
    ) -> Result<Option<LogBatch>, LogError> {
        // Asked from one commit earlier: the chain link must be in the memory, or nobody has compared it.
        let Some(known) = self.recent.after(ws, checkpoint.commit.saturating_sub(1)) else {
            return Ok(None);
        };
        let following = match known.first() {
            Some((first, _)) if checkpoint.commit > 0 => {
                check_link(first, checkpoint)?;
                &known[1..]
            }
            Some(_) => &known[..],
            None => return Ok(None),
        };
        let commits: Vec<&Commit> = following.iter().map(|(commit, _)| commit).collect();
        let taken = fitting(&commits, checkpoint.position, events_max);
        let parts = following.iter().take(taken).map(|(_, events)| Arc::clone(events)).collect();
        Ok(batch_of(&commits, taken, parts))
    }

    async fn database_after(
        &self,
        ws: WorkspaceId,
        checkpoint: &Checkpoint,
        events_max: usize,
    ) -> Result<Option<LogBatch>, LogError> {
        let wanted = u32::try_from(events_max).unwrap_or(u32::MAX).clamp(1, COMMITS_MAX);
        let found = self.reader.commits_from(ws, checkpoint.commit, wanted + 1).await?;
        let following = match found.first() {
            Some(first) if checkpoint.commit > 0 => {
                check_link(first, checkpoint)?;
                &found[1..]
            }
            None if checkpoint.commit > 0 => {
                return Err(LogError::Rewound { commit: checkpoint.commit });
            }
            Some(_) | None => &found[..],
        };
        let commits: Vec<&Commit> = following.iter().collect();
        let taken = fitting(&commits, checkpoint.position, events_max);
        let Some(mut batch) = batch_of(&commits, taken, Vec::new()) else { return Ok(None) };
        let count = batch.position.0 - checkpoint.position.0;
        let limit = u32::try_from(count).map_err(|_| LogError::Envelope {
            position: checkpoint.position.0,
            what: "a commit is larger than can be read",
        })?;
        if limit > 0 {
            let events = self.reader.after(ws, checkpoint.position, limit).await?;
            if events.last().map(|event| event.position) != Some(batch.position)
                || events.len() as u64 != count
            {
                return Err(LogError::Envelope {
                    position: batch.position.0,
                    what: "events of its commit are missing",
                });
            }
            batch.len = events.len();
            batch.parts.push(events.into());
        }
        Ok(Some(batch))
    }
}

fn check_link(commit: &Commit, checkpoint: &Checkpoint) -> Result<(), LogError> {
    if commit.no == checkpoint.commit && commit.hash == checkpoint.hash {
        Ok(())
    } else {
        Err(LogError::Rewound { commit: checkpoint.commit })
    }
}

/// How many commits fit in `events_max`; at least one, if there is one.
fn fitting(commits: &[&Commit], from: LogPosition, events_max: usize) -> usize {
    let limit = from.0.saturating_add(events_max as u64);
    let fit = commits.iter().take_while(|commit| commit.last_pos <= limit).count();
    fit.max(1).min(commits.len())
}

fn batch_of(commits: &[&Commit], taken: usize, parts: Vec<Arc<[StoredEvent]>>) -> Option<LogBatch> {
    let commits = &commits[..taken];
    let (first, last) = (commits.first()?, commits.last()?);
    Some(LogBatch {
        len: parts.iter().map(|part| part.len()).sum(),
        parts,
        position: LogPosition(last.last_pos),
        commit: last.no,
        hash: last.hash,
        first_at: first.at,
        commits: taken,
    })
}
