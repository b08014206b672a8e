//! Tests of all views: what each shows, told as sentences; any split into batches; the statements on Postgres.

mod crashes;
mod database;
mod drafts;
mod history;
mod inbox;
mod lists;
mod log;
mod lookup;
mod plans;
mod rebuilt;
mod splits;
mod thread;
mod timeline;
