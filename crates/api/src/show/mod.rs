//! How things are shown: names beside ids, sealed values opened, sentences about events. One batch of look-ups per answer.

pub mod diff;
pub mod erasure;
pub mod events;
pub mod facts;
pub mod fold;
pub mod list_row;
pub mod opening;
pub mod page;
pub mod people;
pub mod properties;
pub mod report;
pub mod sentences;
pub mod thread;
pub mod ticket;
pub mod timeline;
pub mod undo;
pub mod words;
pub mod written;
