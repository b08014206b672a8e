//! A service for the length of one command: beside a running server, or with the private Postgres started for it.

use std::future::Future;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use decider::WorkspaceId;
use event_store::projection::{self, Checkpoints, Engine, EngineParts, Freshness};
use tokio::sync::watch;

use super::{CliError, Common};
use crate::database::{PoolSizes, Starter};
use crate::seed;
use crate::service::Service;

/// How long views that are behind may take.
const VIEWS_WITHIN: Duration = Duration::from_secs(60);

/// Opens the service, does the work in the workspace asked for, and puts everything back, whatever came of it.
pub async fn with<W, F>(common: &Common, work: W) -> Result<ExitCode, CliError>
where
    W: FnOnce(Arc<Service>, WorkspaceId) -> F,
    F: Future<Output = Result<ExitCode, CliError>>,
{
    with_service(common, |service| async move {
        let ws = service.workspace()?;
        work(service, ws).await
    })
    .await
}

/// The same in each workspace: the one that was named, or all.
pub async fn with_each<W, F>(common: &Common, work: W) -> Result<ExitCode, CliError>
where
    W: FnOnce(Arc<Service>, Vec<WorkspaceId>) -> F,
    F: Future<Output = Result<ExitCode, CliError>>,
{
    with_service(common, |service| async move {
        let workspaces = match service.config.workspace {
            Some(_) => vec![service.workspace()?],
            None => service.workspaces.clone(),
        };
        work(service, workspaces).await
    })
    .await
}

/// The same for work that concerns the whole database.
pub async fn with_service<W, F>(common: &Common, work: W) -> Result<ExitCode, CliError>
where
    W: FnOnce(Arc<Service>) -> F,
    F: Future<Output = Result<ExitCode, CliError>>,
{
    opened_with(common, PoolSizes::COMMAND, work).await
}

async fn opened_with<W, F>(common: &Common, sizes: PoolSizes, work: W) -> Result<ExitCode, CliError>
where
    W: FnOnce(Arc<Service>) -> F,
    F: Future<Output = Result<ExitCode, CliError>>,
{
    let config = common.quiet_configuration()?;
    let service = Service::open(config, Starter::Command, sizes).await?;
    let service = Arc::new(service);
    let outcome = work(Arc::clone(&service)).await;
    if let Some(service) = Arc::into_inner(service) {
        service.stop().await;
    }
    outcome
}

/// The same for a command that writes: the workspace is set up first, should this be the first start.
pub async fn with_workspace<W, F>(common: &Common, work: W) -> Result<ExitCode, CliError>
where
    W: FnOnce(Arc<Service>, WorkspaceId) -> F,
    F: Future<Output = Result<ExitCode, CliError>>,
{
    with(common, |service, ws| async move {
        seed::workspace(&service, ws).await?;
        work(service, ws).await
    })
    .await
}

/// The same for a command that reads views: it folds them as far as no server does.
pub async fn with_views<W, F>(common: &Common, work: W) -> Result<ExitCode, CliError>
where
    W: FnOnce(Arc<Service>, WorkspaceId) -> F,
    F: Future<Output = Result<ExitCode, CliError>>,
{
    opened_with(common, PoolSizes::TEST, |service| async move {
        let ws = service.workspace()?;
        let projections = projections::registry();
        let places = projection::prepare_to_serve(&service.pools.project, &projections).await?;
        let readers = service.pools.search_path.clone();
        readers.set(places.search_path().as_str());
        // Dropping the sender would end the views.
        let (_views, shutdown) = watch::channel(false);
        let engine = Engine::start(EngineParts {
            projections: places.present,
            readers: Arc::new(move |path| readers.set(path.as_str())),
            reader: service.reader.clone(),
            recent: service.handler.recent().clone(),
            pool: service.pools.project.clone(),
            vault: Some(service.vault.clone()),
            shutdown,
        });
        let outcome = work(service, ws).await;
        engine.stop().await;
        outcome
    })
    .await
}

/// Waits until the views that erasure reads have reached the end of the log, whoever folds them.
pub async fn await_views(service: &Service, ws: WorkspaceId) -> Result<(), CliError> {
    await_each(service, ws, &["traces", "lookup"]).await
}

/// The same of these views.
pub async fn await_each(
    service: &Service,
    ws: WorkspaceId,
    views: &[&'static str],
) -> Result<(), CliError> {
    let head = service.reader.head(ws).await?.position;
    let pool = &service.pools.project;
    let places = projection::prepare_to_serve(pool, &projections::registry()).await?;
    let checkpoints = Checkpoints::new(pool.clone(), &places.present);
    for view in views.iter().copied() {
        match checkpoints.wait(ws, view, head, VIEWS_WITHIN).await {
            Freshness::Reached => {}
            Freshness::Stale => return Err(CliError::ViewBehind(view)),
        }
    }
    Ok(())
}
