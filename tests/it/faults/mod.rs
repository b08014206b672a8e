//! Faults of the whole program: killed, cut off from its database, asked twice, told to stop. What was acknowledged is
//! there exactly once, and nothing is there by halves.

mod act;
mod beside;
mod chance;
mod check;
mod desk;
mod drafts;
mod import_killed;
mod load;
mod postgres_away;
mod processes;
mod same_key;
mod send;
mod server_killed;
mod terminated;
mod two_at_once;
mod writer;
