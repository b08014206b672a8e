//! Routes, one file per resource.

mod addresses;
mod attachments;
mod audit;
mod channels;
mod comments;
mod contacts;
pub(crate) mod diff;
pub(crate) mod docs;
pub(crate) mod drafts;
mod erasures;
mod events;
mod live;
mod log_heads;
mod log_verification;
mod lookup;
pub(crate) mod operation;
mod owner;
pub(crate) mod pages;
mod pipelines;
mod projections;
mod properties;
mod redactions;
mod replies;
pub(crate) mod reports;
mod session;
mod setup;
mod status;
mod thread;
mod tickets;
mod timeline;
mod tokens;
mod undo;
pub(crate) mod uploads;
mod users;
mod views;
mod workspace;

use utoipa_axum::router::OpenApiRouter;

use crate::app::App;

/// Routes that need a session or a token.
pub(crate) fn protected() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .merge(session::routes())
        .merge(users::routes())
        .merge(tokens::routes())
        .merge(log_heads::routes())
        .merge(log_verification::routes())
        .merge(projections::routes())
        .merge(audit::routes())
        .merge(settings())
        .merge(desk())
}

/// What the workspace is made of.
fn settings() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .merge(workspace::routes())
        .merge(channels::routes())
        .merge(pipelines::routes())
        .merge(properties::routes())
}

/// What agents work with.
fn desk() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .merge(tickets::routes())
        .merge(status::routes())
        .merge(owner::routes())
        .merge(undo::routes())
        .merge(thread::routes())
        .merge(replies::routes())
        .merge(comments::routes())
        .merge(drafts::routes())
        .merge(views::routes())
        .merge(timeline::routes())
        .merge(diff::routes())
        .merge(attachments::routes())
        .merge(contacts::routes())
        .merge(erasures::routes())
        .merge(redactions::routes())
        .merge(lookup::routes())
        .merge(reports::routes())
        .merge(live::routes())
        .merge(events::routes())
}

/// Routes that need neither.
pub(crate) fn public() -> OpenApiRouter<App> {
    OpenApiRouter::default().merge(session::public()).merge(setup::routes())
}

/// Routes that take large bodies and more time; they need a session or a token too.
pub(crate) fn uploads() -> OpenApiRouter<App> {
    OpenApiRouter::default().merge(uploads::routes())
}
