//! Routes, one file per resource.

mod admin;
pub(crate) mod docs;
pub(crate) mod operation;
pub(crate) mod pages;
mod session;
mod setup;
mod tokens;
pub(crate) mod uploads;
mod users;

use utoipa_axum::router::OpenApiRouter;

use crate::app::App;

/// Routes that need a session or a token.
pub(crate) fn protected() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .merge(session::routes())
        .merge(users::routes())
        .merge(tokens::routes())
        .merge(admin::routes())
}

/// Routes that need neither.
pub(crate) fn public() -> OpenApiRouter<App> {
    OpenApiRouter::default().merge(session::public()).merge(setup::routes())
}

/// Routes that take large bodies and more time; they need a session or a token too.
pub(crate) fn uploads() -> OpenApiRouter<App> {
    OpenApiRouter::default().merge(uploads::routes())
}
