//! The whole service inside a test: a database of its own from a template, the views, HTTP on a free port, an administrator.
//!
//! ```ignore
//! #[tokio::test(flavor = "multi_thread")]
//! async fn an_assigned_ticket_shows_in_the_owners_view() {
//!     let desk = Helpdesk::start().await;
//!     let ticket = desk.open_ticket("Printer on fire").await;
//!     desk.put(&format!("/api/v1/tickets/{}/owner", ticket.id), json!({ "user_id": desk.admin_id() })).await.ok();
//!     desk.catch_up().await;
//!     assert_eq!(desk.view("mine").await, ["Printer on fire"]);
//! }
//! ```
//!
//! Faults of the whole process are tested with [`Program`], which runs the real binary on a data folder of its own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a test that cannot go on has to say so at once"
)]

mod builders;
mod client;
mod database;
mod helpdesk;
mod listener;
mod own_postgres;
mod program;
mod proxy;
mod stored_database;
mod template;
mod wait;
mod wire;

pub use builders::{Colleague, Ticket};
pub use client::{Answer, Client};
pub use database::{GivenPostgres, TestDatabase};
pub use helpdesk::{ADMIN_EMAIL, ADMIN_PASSWORD, Helpdesk};
pub use listener::{Listener, Told};
pub use own_postgres::OwnPostgres;
pub use program::{Output, Program, Serving};
pub use proxy::{Harm, Proxy, Then};
pub use stored_database::StoredDatabase;
pub use wait::eventually;
pub use wire::Direction;

/// What the engine runs for each table of each view, with a name: for looking at plans.
#[must_use]
pub fn view_statements() -> Vec<(String, String)> {
    let all = projections::registry().into_iter().flat_map(|view| view.statements());
    all.map(|(name, sql)| (name, sql.to_string())).collect()
}
