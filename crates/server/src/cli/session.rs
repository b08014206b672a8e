//! A service for the length of one command: beside a running server, or with the private Postgres started for it.

use std::future::Future;
use std::process::ExitCode;
use std::sync::Arc;

use decider::WorkspaceId;

use super::{CliError, Common};
use crate::database::{PoolSizes, Starter};
use crate::seed;
use crate::service::Service;

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
    let config = common.quiet_configuration()?;
    let service = Service::open(config, Starter::Command, PoolSizes::COMMAND).await?;
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
