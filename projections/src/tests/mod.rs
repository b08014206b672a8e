//! Tests of all views: what each shows, told as sentences; any split into batches; the statements on Postgres.

mod audit;
mod cases;
mod crashes;
pub(crate) mod database;
mod drafts;
mod forgetting;
mod forgotten;
pub(crate) mod history;
mod inbox;
mod lists;
pub(crate) mod log;
mod lookup;
mod plans;
mod rebuilt;
mod splits;
mod tally;
mod thread;
mod timeline;
