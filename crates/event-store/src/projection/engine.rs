//! Runs the projections of all workspaces: one task per workspace and projection, woken by the log or by a poll.

use std::collections::HashMap;
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
use super::rebuild::builds;
use super::schema::{Places, SearchPath};
use super::status::{ProjectionStatus, StatusCell};
use super::wait::Checkpoints;
use crate::log::{LogError, LogReader, RecentCommits, bounded};

/// How often new workspaces are looked for.
const SUPERVISE: Duration = Duration::from_secs(1);
/// How long readers are not led to a build that holds less than the one they look at.
const OVERTAKES_WITHIN: Duration = Duration::from_secs(2);

/// What the engine works with.
pub struct EngineParts {
    /// The projections; their schemas must be there (see [`super::prepare`]).
    pub projections: Vec<ProjectionType>,
    /// Told where readers have to look whenever that changes, and once at the beginning.
    pub readers: LeadReaders,
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

/// Leads readers to the schemas of a path.
pub type LeadReaders = Arc<dyn Fn(&SearchPath) + Send + Sync>;

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
        let (mut tasks, mut running) = (JoinSet::new(), Running::new());
        let mut path = None;
        // On its own: a look for workspaces may take longer than a lease lasts.
        let leases = tokio::spawn(self.leases.clone().keep());
        while !*self.stop.borrow() {
            match self.look().await {
                Ok((workspaces, places)) => {
                    self.lead_readers(&workspaces, &places, &mut path).await;
                    self.follow(&workspaces, &places, (&mut tasks, &mut running));
                }
                Err(error) => tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "cannot list the workspaces and the builds of their views"
                ),
            }
            tokio::select! {
                () = sleep(SUPERVISE) => {}
                () = signalled(&mut self.parts.shutdown) => { stop.send_replace(true); }
                () = signalled(&mut self.stop) => {}
            }
        }
        for follower in running.values() {
            follower.send_replace(true);
        }
        while tasks.join_next().await.is_some() {}
        leases.abort();
    }

    async fn look(&self) -> Result<(Vec<WorkspaceId>, Places), LogError> {
        let workspaces = self.parts.reader.workspaces().await?;
        let builds = bounded(builds(&self.parts.pool)).await?;
        Ok((workspaces, Places::among(&builds, &self.parts.projections)))
    }

    /// Both the build that readers come from and the one they are led to are kept up to date. Before and after they
    /// are led, they wait for both; whoever waited for the first alone before that must find as much in the other.
    async fn lead_readers(
        &self,
        workspaces: &[WorkspaceId],
        places: &Places,
        path: &mut Option<SearchPath>,
    ) {
        let present = places.search_path();
        let switches = path.as_ref().is_some_and(|known| *known != present);
        if switches {
            self.checkpoints.announce(places);
            self.checkpoints.overtaken(workspaces, OVERTAKES_WITHIN).await;
        }
        self.checkpoints.lead(places);
        if !switches {
            self.checkpoints.settled();
        }
        if path.as_ref() != Some(&present) {
            (self.parts.readers)(&present);
            *path = Some(present);
        }
    }

    fn follow(
        &self,
        workspaces: &[WorkspaceId],
        places: &Places,
        (tasks, running): (&mut JoinSet<()>, &mut Running),
    ) {
        running.retain(|(_, schema), follower| {
            let followed = places.followed.iter().any(|build| build.schema_name() == *schema);
            if !followed {
                follower.send_replace(true);
            }
            followed
        });
        let mut statuses = self.statuses.lock().unwrap_or_else(PoisonError::into_inner);
        statuses.retain(|cell| running.contains_key(&(cell.read().ws, cell.read().schema)));
        for build in &places.followed {
            for ws in workspaces {
                running.entry((*ws, build.schema_name())).or_insert_with(|| {
                    let (stop, stopping) = watch::channel(false);
                    let status = StatusCell::new(*ws, build);
                    statuses.push(status.clone());
                    self.spawn((*ws, *build), (status, stopping), tasks);
                    stop
                });
            }
        }
        let seen = |schema: &str| places.present.iter().any(|one| one.schema_name() == schema);
        statuses.iter().for_each(|cell| cell.active(seen(&cell.read().schema)));
    }

    fn spawn(
        &self,
        (ws, build): (WorkspaceId, ProjectionType),
        (status, stop): (StatusCell, watch::Receiver<bool>),
        tasks: &mut JoinSet<()>,
    ) {
        let projector = ProjectorParts {
            source: LogSource::new(self.parts.reader.clone(), self.parts.recent.clone()),
            pool: self.parts.pool.clone(),
            vault: self.parts.vault.clone(),
        };
        let parts = FollowerParts {
            checkpoints: self.checkpoints.clone(),
            leases: Arc::new(self.leases.clone()),
            status,
            stop,
            recent: self.parts.recent.clone(),
        };
        tasks.spawn(follow((parts, projector), build, ws));
    }
}

/// What is followed, each with what ends it.
type Running = HashMap<(WorkspaceId, String), watch::Sender<bool>>;

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
