//! Promises of the whole service, tested through its outside. One binary, one file per subject.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has to say so at once"
)]

mod audit;
mod backup;
mod bad_input;
mod cli;
mod comments;
mod contacts;
mod drafts;
mod erasure;
mod events;
mod exporting;
mod facets;
mod faults;
mod generate;
mod given_postgres;
mod import;
mod live;
mod log_verify;
mod nodes;
mod originals;
mod people;
mod plans;
mod rebuilding;
mod refusals;
mod replies;
mod reports;
mod rewound;
mod settings;
mod startup;
mod stored_databases;
mod tickets;
mod time_travel;
mod timeline;
mod undo;
mod views;
