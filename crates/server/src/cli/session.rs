//! A service for the length of one command: beside a running server, or with the private Postgres started for it.

use std::future::Future;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use decider::WorkspaceId;

use super::{CliError, Common};
use crate::database::{PoolSizes, Starter};
use crate::seed;
use crate::service::Service;

/// A running server looks at the log every second: after so long it knows who may sign in.
const SERVER_KNOWS_WITHIN: Duration = Duration::from_millis(1_500);

/// Opens the service, does the work in the workspace asked for, and puts everything back, whatever came of it.
pub async fn with<W, F>(common: &Common, work: W) -> Result<ExitCode, CliError>
where
    W: FnOnce(Arc<Service>, WorkspaceId) -> F,
    F: Future<Output = Result<ExitCode, CliError>>,
{
    let config = common.quiet_configuration()?;
    let service = Service::open(config, Starter::Command, PoolSizes::COMMAND).await?;
    let service = Arc::new(service);
    let outcome = match service.workspace() {
        Ok(ws) => work(Arc::clone(&service), ws).await,
        Err(error) => Err(error.into()),
    };
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

/// Waits until a server beside this command knows what it wrote about users; without one there is nothing to wait for.
pub async fn until_servers_know(service: &Service) {
    if !service.database().owns_private() {
        tokio::time::sleep(SERVER_KNOWS_WITHIN).await;
    }
}
