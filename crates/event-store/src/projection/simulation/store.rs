//! The rows of the view and its leases in a database that takes a while, fails, and after a crash has lost what it had not
//! written to its disk.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use decider::{LogPosition, StoredEvent, WorkspaceId};
use uuid::Uuid;

use super::view::{AccountRow, Rows};
use crate::handler::simulation::world::{Lost, Machine, World};
use crate::log::{Commit, LogError};
use crate::projection::checkpoint::Checkpoint;
use crate::projection::error::{Fault, StepError};
use crate::projection::fold::{Fold, Quarantine};
use crate::projection::lease::{KeepLeases, Lease};
use crate::projection::log_batch::ReadCommits;
use crate::projection::rows::RowSet;
use crate::projection::store::{CrashPoint, WriteError};
use crate::projection::views::{ViewStore, ViewWriter};

/// The rows, by key.
pub type Accounts = BTreeMap<Uuid, AccountRow>;

/// One transaction's worth of the tables.
#[derive(Clone)]
struct Image {
    checkpoint: Checkpoint,
    quarantine: Quarantine,
    rows: Arc<Accounts>,
}

/// The tables of the view, as every transaction left them, and who holds the lease.
pub struct Tables {
    images: Mutex<Vec<Image>>,
    /// The holder, and since which incarnation of the database.
    lease: Mutex<Option<(Uuid, u64)>>,
}

/// The tables as one machine reaches them.
#[derive(Clone)]
pub struct Reach {
    pub world: Arc<World>,
    pub machine: Machine,
    pub tables: Arc<Tables>,
}

impl Default for Tables {
    fn default() -> Self {
        let start = Image {
            checkpoint: Checkpoint::START,
            quarantine: Quarantine::default(),
            rows: Arc::default(),
        };
        Self { images: Mutex::new(vec![start]), lease: Mutex::default() }
    }
}

impl Tables {
    fn newest(&self) -> Image {
        self.images.lock().unwrap().last().cloned().unwrap()
    }

    pub fn position(&self) -> LogPosition {
        self.newest().checkpoint.position
    }

    pub fn rows(&self) -> Arc<Accounts> {
        self.newest().rows
    }

    pub fn quarantine(&self) -> Quarantine {
        self.newest().quarantine
    }

    /// The database went away: what was not on its disk is lost, the newest first. It never was acknowledged to be.
    pub fn crash(&self, world: &World) {
        let mut images = self.images.lock().unwrap();
        let lost = usize::try_from(world.below(4)).unwrap();
        let kept = images.len().saturating_sub(lost).max(1);
        images.truncate(kept);
    }

    pub fn end_leases_of_the_silent(&self, machines: &[Machine]) {
        machines.iter().filter(|machine| machine.is_silent()).for_each(|m| self.end_lease(m.id));
    }

    /// The holder has not been heard for too long.
    pub fn end_lease(&self, of: Uuid) {
        let mut lease = self.lease.lock().unwrap();
        if lease.is_some_and(|(holder, _)| holder == of) {
            *lease = None;
        }
    }
}

#[async_trait]
impl ViewStore for Reach {
    async fn standing(&self) -> Result<(Checkpoint, Quarantine), StepError> {
        self.world.trip(&self.machine).await?;
        let Image { checkpoint, quarantine, .. } = self.tables.newest();
        self.world.trip(&self.machine).await?;
        Ok((checkpoint, quarantine))
    }

    async fn prefetch(&self, fold: &mut dyn Fold) -> Result<Box<dyn ViewWriter>, StepError> {
        self.world.trip(&self.machine).await?;
        let rows = table_of(&self.tables.rows());
        for (table, stored) in fold.tables_mut().into_iter().zip(rows.tables()) {
            table.load_from(stored);
        }
        self.world.trip(&self.machine).await?;
        Ok(Box::new(self.clone()))
    }
}

#[async_trait]
impl ViewWriter for Reach {
    async fn write(
        &mut self,
        fold: &dyn Fold,
        (next, faults): (&Checkpoint, &[Fault]),
        _: &CrashPoint,
    ) -> Result<(), WriteError> {
        self.world.trip(&self.machine).await?;
        self.commit(fold, (next, faults))?;
        self.world.trip(&self.machine).await?;
        Ok(())
    }

    async fn try_write(&mut self, _: &dyn Fold, _: &Checkpoint) -> Result<(), WriteError> {
        Ok(())
    }

    async fn prune(&mut self, _: u64) -> Result<(), StepError> {
        Ok(())
    }
}

impl Reach {
    /// One transaction: the checkpoint goes in only on top of the one before it.
    fn commit(
        &self,
        fold: &dyn Fold,
        (next, faults): (&Checkpoint, &[Fault]),
    ) -> Result<(), WriteError> {
        let mut images = self.tables.images.lock().unwrap();
        let newest = images.last().unwrap();
        if newest.checkpoint.seq + 1 != next.seq {
            return Err(WriteError::Fenced);
        }
        let mut rows = table_of(&newest.rows);
        for (table, stored) in fold.tables().into_iter().zip(rows.tables_mut()) {
            table.merge_into(stored);
        }
        let mut quarantine = newest.quarantine.clone();
        quarantine.0.extend(faults.iter().map(|fault| (fault.stream, fault.position)));
        let rows = rows.accounts.rows().into_iter().map(|row| (row.id, row.clone())).collect();
        images.push(Image { checkpoint: *next, quarantine, rows: Arc::new(rows) });
        Ok(())
    }
}

#[async_trait]
impl KeepLeases for Reach {
    async fn take(&self, _: WorkspaceId, _: &str) -> Result<Lease, sqlx::Error> {
        self.world.trip(&self.machine).await.map_err(|_| lost())?;
        let incarnation = self.world.incarnation.load(Ordering::Relaxed);
        let granted = {
            let mut lease = self.tables.lease.lock().unwrap();
            match *lease {
                // A lease ends with the connection, and so with the database.
                Some((holder, since)) if since == incarnation && holder == self.machine.id => {
                    Lease::Held
                }
                Some((_, since)) if since == incarnation => Lease::Elsewhere,
                Some(_) | None => {
                    *lease = Some((self.machine.id, incarnation));
                    Lease::Taken
                }
            }
        };
        self.world.trip(&self.machine).await.map_err(|_| lost())?;
        Ok(granted)
    }

    async fn give_back(&self, _: WorkspaceId, _: &str) {
        self.tables.end_lease(self.machine.id);
    }
}

#[async_trait]
impl ReadCommits for Reach {
    async fn commits_from(
        &self,
        _: WorkspaceId,
        no: u64,
        limit: u32,
    ) -> Result<Vec<Commit>, LogError> {
        self.world.trip(&self.machine).await?;
        let commits = {
            let log = self.world.log();
            let mut before = 0;
            let all = log.commits.iter().map(|written| {
                let first_pos = before + 1;
                before = written.head.position.0;
                let (no, at, hash) = (written.head.commit, written.head.at, written.head.hash);
                Commit { no, first_pos, last_pos: before, at, hash }
            });
            all.filter(|commit| commit.no >= no).take(limit as usize).collect()
        };
        self.world.trip(&self.machine).await?;
        Ok(commits)
    }

    async fn after(
        &self,
        _: WorkspaceId,
        position: LogPosition,
        limit: u32,
    ) -> Result<Vec<StoredEvent>, LogError> {
        self.world.trip(&self.machine).await?;
        let skip = usize::try_from(position.0).unwrap();
        let events =
            self.world.log().events.iter().skip(skip).take(limit as usize).cloned().collect();
        self.world.trip(&self.machine).await?;
        Ok(events)
    }
}

fn table_of(accounts: &Accounts) -> Rows {
    let mut rows = Rows::default();
    for (id, account) in accounts {
        rows.accounts.want(*id, true);
        rows.accounts.put(account.clone()).unwrap();
    }
    rows
}

fn lost() -> sqlx::Error {
    sqlx::Error::Io(std::io::ErrorKind::ConnectionReset.into())
}

impl From<Lost> for StepError {
    fn from(_: Lost) -> Self {
        Self::of_sql(lost())
    }
}

impl From<Lost> for WriteError {
    fn from(_: Lost) -> Self {
        Self::Step(StepError::of_sql(lost()))
    }
}
