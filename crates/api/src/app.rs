//! What every handler can reach.

use std::sync::Arc;

use axum::extract::FromRef;
use commands::Directory;
use decider::{Timestamp, WorkspaceId};
use erasure::Erasing;
use event_store::handler::CommandHandler;
use event_store::log::LogReader;
use event_store::projection::rebuild::Workshop;
use event_store::projection::{Checkpoints, LogSource, ProjectionStatus, ProjectionType};
use metrics_exporter_prometheus::PrometheusHandle;
use ops::Ops;
use projections::inbox::{FacetParts, Lists};
use sqlx::PgPool;
use tokio::sync::watch;
use vault::{SealedObjects, Vault};

use crate::error::ApiError;
use crate::export::Exports;
use crate::live::Live;
use crate::rebuilding::Rebuilding;
use crate::settings::{Limits, Settings};
use crate::travel::LongTickets;
use crate::verification::Verifications;

/// What every view is doing, as [`event_store::projection::EngineHandle::status`] tells it.
pub type ViewStatus = Arc<dyn Fn() -> Vec<ProjectionStatus> + Send + Sync>;

/// What the application is made of; the server puts it together.
pub struct AppParts {
    /// Takes commands.
    pub handler: CommandHandler,
    /// Reads the log.
    pub reader: LogReader,
    /// Reads the views: connections whose `search_path` names the schemas of the active versions.
    pub views: PgPool,
    /// Opens and seals.
    pub vault: Vault,
    /// Attachments and original messages.
    pub objects: SealedObjects,
    /// Operational state.
    pub ops: Ops,
    /// Carries erasures out.
    pub erasing: Erasing,
    /// How far the views are.
    pub checkpoints: Checkpoints,
    /// What the views are doing.
    pub view_status: ViewStatus,
    /// Builds views anew.
    pub workshop: Workshop,
    /// The views of this program.
    pub projections: Vec<ProjectionType>,
    /// Renders the metrics; none where nobody collects them.
    pub metrics: Option<PrometheusHandle>,
    /// Whether the process is about to end: it still answers, but whoever can should ask another one.
    pub ending: watch::Receiver<bool>,
    /// What operators may set.
    pub settings: Settings,
}

/// The application. Cheap to clone.
#[derive(Clone)]
pub struct App {
    parts: Arc<AppParts>,
    live: Live,
    lists: Lists,
    verifications: Arc<Verifications>,
    long_tickets: Arc<LongTickets>,
    rebuilding: Arc<Rebuilding>,
    exports: Exports,
}

impl App {
    /// An application of these parts.
    #[must_use]
    pub fn new(parts: AppParts) -> Self {
        let log = (parts.reader.clone(), parts.handler.recent().clone());
        let live = Live::new(log, parts.settings.limits.live_kept_max);
        let rebuilding = Rebuilding::new(parts.workshop.clone(), parts.projections.clone());
        let recent = parts.handler.recent().clone();
        let lists = Lists::new(FacetParts {
            pool: parts.views.clone(),
            source: LogSource::new(parts.reader.clone(), recent.clone()),
            recent,
            checkpoints: parts.checkpoints.clone(),
        });
        Self {
            parts: Arc::new(parts),
            live,
            lists,
            verifications: Arc::default(),
            long_tickets: Arc::default(),
            rebuilding: Arc::new(rebuilding),
            exports: Exports::default(),
        }
    }

    /// Takes commands. Routes use [`App::execute`], which adds what a request knows.
    #[must_use]
    pub fn handler(&self) -> &CommandHandler {
        &self.parts.handler
    }

    /// Reads the log.
    #[must_use]
    pub fn reader(&self) -> &LogReader {
        &self.parts.reader
    }

    /// Reads the views: for the queries of crate `projections`.
    #[must_use]
    pub fn views(&self) -> &PgPool {
        &self.parts.views
    }

    /// Opens and seals.
    #[must_use]
    pub fn vault(&self) -> &Vault {
        &self.parts.vault
    }

    /// Attachments and original messages.
    #[must_use]
    pub fn objects(&self) -> &SealedObjects {
        &self.parts.objects
    }

    /// Operational state.
    #[must_use]
    pub fn ops(&self) -> &Ops {
        &self.parts.ops
    }

    /// Carries erasures out.
    #[must_use]
    pub fn erasing(&self) -> &Erasing {
        &self.parts.erasing
    }

    /// How far the views are.
    #[must_use]
    pub fn checkpoints(&self) -> &Checkpoints {
        &self.parts.checkpoints
    }

    /// What the views are doing.
    #[must_use]
    pub fn view_status(&self) -> Vec<ProjectionStatus> {
        (self.parts.view_status)()
    }

    /// Who is told at once what happens.
    #[must_use]
    pub fn live(&self) -> &Live {
        &self.live
    }

    /// Lists of tickets and their counts.
    #[must_use]
    pub fn lists(&self) -> &Lists {
        &self.lists
    }

    /// The metrics as text.
    #[must_use]
    pub fn render_metrics(&self) -> String {
        self.parts.metrics.as_ref().map(PrometheusHandle::render).unwrap_or_default()
    }

    /// Whether the process is about to end.
    #[must_use]
    pub fn is_ending(&self) -> bool {
        *self.parts.ending.borrow()
    }

    /// What operators may set.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.parts.settings
    }

    /// The views as they are built anew in this process.
    pub(crate) fn rebuilding(&self) -> &Rebuilding {
        &self.rebuilding
    }

    /// Builds views that are not fit to be read yet in the background, and leads readers to them.
    pub fn build_missing_views(&self, building: &[ProjectionType]) {
        self.rebuilding.build_missing(building);
    }

    /// The verifications of logs in this process.
    pub(crate) fn verifications(&self) -> &Verifications {
        &self.verifications
    }

    /// Long tickets that were folded lately.
    pub(crate) fn long_tickets(&self) -> &LongTickets {
        &self.long_tickets
    }

    /// Places to write files.
    pub(crate) const fn exports(&self) -> &Exports {
        &self.exports
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.parts.settings.clock)()
    }

    /// The workspace's users, pipelines, properties and channels.
    ///
    /// # Errors
    /// 503 when they were never read and the database does not answer.
    pub async fn directory(&self, ws: WorkspaceId) -> Result<Arc<Directory>, ApiError> {
        self.parts.handler.ready(ws).await?;
        Ok(self.parts.handler.directory(ws))
    }

    /// The same; what is not known in it may have been written through another process a moment ago, and is looked for in the
    /// log before anybody is told that it does not exist.
    ///
    /// # Errors
    /// 503 when the database does not answer.
    pub async fn directory_where(
        &self,
        ws: WorkspaceId,
        is_known: impl FnOnce(&Directory) -> bool,
    ) -> Result<Arc<Directory>, ApiError> {
        let directory = self.directory(ws).await?;
        if is_known(&directory) { Ok(directory) } else { self.newest_directory(ws).await }
    }

    /// The same with everything that is in the log at this moment: for refusals, which must not rest on old knowledge.
    ///
    /// # Errors
    /// 503 when the database does not answer.
    pub async fn newest_directory(&self, ws: WorkspaceId) -> Result<Arc<Directory>, ApiError> {
        Ok(self.parts.handler.newest_directory(ws).await?)
    }
}

impl FromRef<App> for Limits {
    fn from_ref(app: &App) -> Self {
        app.parts.settings.limits
    }
}
