//! Asking as the HTTP interface does, without a server: the operator who holds the key file sees everything.

use api::{App, Caller};
use decider::WorkspaceId;
use event_store::projection::{Checkpoints, prepare};

use super::CliError;
use crate::running;
use crate::service::Service;

/// The application over a service, and the operator who asks. `reads_views` for what is not folded from the log alone.
pub async fn application(
    service: &Service,
    ws: WorkspaceId,
    reads_views: bool,
) -> Result<(App, Caller), CliError> {
    service.handler.ready(ws).await?;
    let projections = projections::registry();
    if reads_views {
        let path = prepare(&service.pools.project, &projections).await?;
        service.pools.search_path.set(path.as_str());
    }
    let checkpoints = Checkpoints::new(service.pools.read.clone(), &projections);
    Ok((running::application(service, checkpoints), Caller::operator(ws)))
}
