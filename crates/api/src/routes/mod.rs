//! Routes, one file per resource.

pub(crate) mod docs;
pub(crate) mod operation;
pub(crate) mod pages;
mod users;

use utoipa_axum::router::OpenApiRouter;

use crate::app::App;

/// Routes that need a session or a token.
pub(crate) fn protected() -> OpenApiRouter<App> {
    OpenApiRouter::default().merge(users::routes())
}

/// Routes that need neither.
pub(crate) fn public() -> OpenApiRouter<App> {
    OpenApiRouter::default()
}

/// Routes that take large bodies and more time; they need a session or a token too.
pub(crate) fn uploads() -> OpenApiRouter<App> {
    OpenApiRouter::default()
}
