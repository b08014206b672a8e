//! Asking as the HTTP interface does, without a server: the operator who holds the key file sees everything.

use api::{ApiError, App, Caller};
use decider::WorkspaceId;
use event_store::projection::{Checkpoints, Places};

use super::CliError;
use crate::running;
use crate::service::Service;

/// The application over a service, and the operator who asks. `view` is what is read beside the log.
pub async fn application(
    service: &Service,
    ws: WorkspaceId,
    view: Option<&str>,
) -> Result<(App, Caller), CliError> {
    service.handler.ready(ws).await?;
    let builds = running::workshop(service).builds().await?;
    let places = Places::among(&builds, &projections::registry());
    let is_there = |view: &str| {
        let made = builds.iter().any(|build| build.name == view);
        made && places.building.iter().all(|building| building.name != view)
    };
    if view.is_some_and(|view| !is_there(view)) {
        let detail =
            "the view is not built yet: start the server, or run ledgerdesk projection prepare";
        return Err(ApiError::unavailable("view_building", detail).into());
    }
    service.pools.search_path.set(places.search_path().as_str());
    let checkpoints = Checkpoints::new(service.pools.read.clone(), &places.present);
    Ok((running::application(service, checkpoints), Caller::operator(ws)))
}
