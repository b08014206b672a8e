//! What the HTTP layer promises, on a real log.

#![expect(clippy::unwrap_used, reason = "what the tests share may fail like a test")]

mod access;
mod drafts;
mod events;
mod files;
mod listener;
mod live;
mod pages;
mod service;
mod users;
