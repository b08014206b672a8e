//! The HTTP layer: routes, request and response types, failure → status. No SQL, no rules.
//!
//! # Adding a route
//!
//! One file per resource in `routes/`, with `pub fn routes() -> OpenApiRouter<App>` and its line in
//! [`routes::protected`](crate::router) (`routes/mod.rs`). Everything there needs a session or a token; nobody has to think
//! of it again. `routes/users.rs` shows a write and a list. In short:
//!
//! ```text
//! #[derive(Deserialize, ToSchema)]
//! #[serde(deny_unknown_fields)]                       // a typo must not be lost
//! struct RenameBody { name: String }
//!
//! /// Gives a ticket another name.                    // the summary of the OpenAPI document
//! #[utoipa::path(patch, path = "/api/v1/tickets/{id}", tag = "tickets", params(("id" = Uuid, Path)),
//!     request_body = RenameBody, responses((status = 200, body = Written)))]   // refusals are added by `openapi.rs`
//! async fn rename_ticket(State(app): State<App>, Id(id): Id<TicketId>, write: Write<RenameBody>)
//!     -> Result<Answer, ApiError> {
//!     let command = RenameTicket { ticket_id: id, name: Personal(write.body.name.clone()) };
//!     Ok(Answer::ok(app.write(&write, target::<TicketEvent>(id), command).await?))
//! }
//! ```
//!
//! - A write takes [`Write<Body>`] (caller, idempotency key, `If-Match`, strict JSON) last; `Write<NoBody>` when there is
//!   nothing to say. New ids come from `write.meta.new_id("ticket")`, never from chance, so that a repeat makes the same
//!   ones. A second command of the same request takes `write.meta.part("…")`,
//!   but then the first may be written and the second refused.
//! - `app.write` answers [`Written`]; `app.execute` the events; [`Answer`] adds `Log-Position` and `ETag`. A body with more
//!   in it flattens `Written`: `Answer::with(StatusCode::CREATED, written, |written| Created { written, number })`.
//! - Several commands that belong together are one: `Several::new("ChangeUser").and(name.map(…)).and(role.map(…))`.
//! - PATCH bodies tell null from absent with `#[serde(default, deserialize_with = "nullable")]`.
//! - A read takes [`Caller`]; of a view also [`AtLeast`]: `let stale = app.await_view(&caller, at_least, "inbox").await?;`,
//!   then answers `(stale, Json(…))`. A single resource answers `(Etag(version), Json(…))`.
//! - A list takes `Params<PageQuery>` (or a struct of its own with `limit` and `cursor`, `deny_unknown_fields`), reads
//!   `app.read_cursor`, fetches `limit + 1` rows, and answers `Listed::cut(rows, limit, |last| app.cursor(…))`.
//! - Ids in addresses are [`Id<T>`]: garbage is 404. Missing and invisible are both [`ApiError::not_found`].
//! - `ApiError` converts from every failure below with `?`.

mod answer;
mod app;
mod audit;
mod body;
mod caller;
mod chain;
mod error;
mod export;
mod failures;
mod file_name;
mod filter;
mod hex;
mod json;
mod layers;
mod list;
mod live;
mod metrics;
mod objects;
mod openapi;
mod opened;
mod origin;
mod password;
mod problem;
mod read;
mod rebuilding;
mod recorded;
mod router;
mod routes;
mod settings;
mod several;
mod show;
pub mod travel;
mod verification;
mod write;

#[cfg(test)]
mod testing;

pub mod reports {
    //! Numbers of tickets, for the command line too.
    pub use crate::routes::reports::{TicketReport, TicketReportQuery, report};
}

pub use answer::{Answer, Etag, LOG_POSITION, LOG_STALE, Stale, Written};
pub use app::{App, AppParts, ViewStatus};
pub use audit::{AuditBook, AuditEntry, AuditKind, AuditTarget, Place as AuditPlace};
pub use caller::{Caller, SESSION_COOKIE};
pub use error::{ApiError, Kind, ProblemCode};
pub use export::{Line, table_of};
pub use filter::{ActorName, Kinds, Known};
pub use json::nullable;
pub use list::{Limit, Listed, PageQuery};
pub use live::Live;
pub use openapi::openapi;
pub use opened::{Erased, Shown, open};
pub use problem::{EventLine, FieldProblem, Problem};
pub use read::{AtLeast, Id, Params};
pub use recorded::Leaving;
pub use router::router;
pub use routes::drafts::{DraftSweep, sweep_finished_drafts};
pub use settings::{Clock, Limits, Settings, system_clock};
pub use several::Several;
pub use show::events::{EventShown, Unshown, whole_events};
pub use write::{Meta, NoBody, Write, target};
