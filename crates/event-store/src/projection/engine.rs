//! Runs the projections of all workspaces: one task per workspace and projection, woken by the log or by a poll.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use decider::WorkspaceId;
use sqlx::PgPool;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;
use vault::Vault;

use super::fold::ProjectionType;
use super::follower::{Follower, FollowerParts, signalled};
use super::lease::Leases;
use super::log_batch::LogSource;
use super::projector::{Projector, ProjectorParts};
use super::status::{ProjectionStatus, StatusCell};
use super::wait::Checkpoints;
use crate::log::{LogReader, RecentCommits};

/// How often new workspaces are looked for.
const SUPERVISE: Duration = Duration::from_secs(1);

/// What the engine works with.
pub struct EngineParts {
    /// The projections; their schemas must be there (see [`super::prepare`]).
    pub projections: Vec<ProjectionType>,
    /// The log.
    pub reader: LogReader,
    /// The newest commits of this process.
    pub recent: RecentCommits,
    /// Where rows are written.
    pub pool: PgPool,
    /// The key ring, for views that open sealed content.
    pub vault: Option<Vault>,
    /// Becomes true, or is dropped, when the program ends.
    pub shutdown: watch::Receiver<bool>,
}

/// The projection engine.
pub struct Engine {
    parts: EngineParts,
    checkpoints: Checkpoints,
    leases: Leases,
    statuses: Statuses,
    stop: watch::Receiver<bool>,
}

type Statuses = Arc<Mutex<Vec<StatusCell>>>;

/// A running engine.
pub struct EngineHandle {
    checkpoints: Checkpoints,
    statuses: Statuses,
    stop: watch::Sender<bool>,
    supervisor: JoinHandle<()>,
}

impl Engine {
    /// Starts it. It runs until the shutdown signal, or until [`EngineHandle::stop`].
    #[must_use]
    pub fn start(parts: EngineParts) -> EngineHandle {
        let checkpoints = Checkpoints::new(parts.pool.clone(), &parts.projections);
        let statuses = Statuses::default();
        let (stop, stopping) = watch::channel(false);
        let engine = Self {
            leases: Leases::new(parts.pool.clone()),
            checkpoints: checkpoints.clone(),
            statuses: Arc::clone(&statuses),
            stop: stopping,
            parts,
        };
        let supervisor = tokio::spawn(engine.supervise(stop.clone()));
        EngineHandle { checkpoints, statuses, stop, supervisor }
    }

    async fn supervise(mut self, stop: watch::Sender<bool>) {
        let (mut tasks, mut running) = (JoinSet::new(), HashSet::new());
        // On its own: a look for workspaces may take longer than a lease lasts.
        let leases = tokio::spawn(self.leases.clone().keep());
        while !*self.stop.borrow() {
            match self.parts.reader.workspaces().await {
                Ok(workspaces) => {
                    for ws in workspaces.into_iter().filter(|ws| running.insert(*ws)) {
                        self.spawn(ws, &mut tasks);
                    }
                }
                Err(error) => tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "cannot list the workspaces"
                ),
            }
            tokio::select! {
                () = sleep(SUPERVISE) => {}
                () = signalled(&mut self.parts.shutdown) => { stop.send_replace(true); }
                () = signalled(&mut self.stop) => {}
            }
        }
        while tasks.join_next().await.is_some() {}
        leases.abort();
    }

    fn spawn(&self, ws: WorkspaceId, tasks: &mut JoinSet<()>) {
        for projection in &self.parts.projections {
            let status = StatusCell::new(ws, projection);
            self.statuses.lock().unwrap_or_else(PoisonError::into_inner).push(status.clone());
            let projector = ProjectorParts {
                source: LogSource::new(self.parts.reader.clone(), self.parts.recent.clone()),
                pool: self.parts.pool.clone(),
                vault: self.parts.vault.clone(),
            };
            let parts = FollowerParts {
                checkpoints: self.checkpoints.clone(),
                leases: Arc::new(self.leases.clone()),
                status,
                stop: self.stop.clone(),
                recent: self.parts.recent.clone(),
            };
            tasks.spawn(follow((parts, projector), *projection, ws));
        }
    }
}

/// Keeps a follower running: a panic in it is a defect, but no reason for the view to stand still.
async fn follow(
    (parts, projector): (FollowerParts, ProjectorParts),
    projection: ProjectionType,
    ws: WorkspaceId,
) {
    loop {
        let projector = Projector::new(projector.clone(), projection, ws);
        let follower = Follower::new(parts.clone(), projector, projection, ws);
        let Err(error) = tokio::spawn(follower.run()).await else { return };
        tracing::error!(
            projection = projection.name,
            ws = %ws.0,
            error = &error as &dyn std::error::Error,
            "a view ended unexpectedly and begins again"
        );
        sleep(SUPERVISE).await;
    }
}

impl EngineHandle {
    /// For waiting until a view has folded a position.
    #[must_use]
    pub const fn checkpoints(&self) -> &Checkpoints {
        &self.checkpoints
    }

    /// What every view is doing.
    #[must_use]
    pub fn status(&self) -> Vec<ProjectionStatus> {
        let statuses = self.statuses.lock().unwrap_or_else(PoisonError::into_inner);
        statuses.iter().map(StatusCell::read).collect()
    }

    /// Ends it at the next batch boundary, and waits for that.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        // A panicked supervisor has nothing left to stop.
        let _ = self.supervisor.await;
    }
}
