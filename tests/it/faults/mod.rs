//! Faults of the whole program: killed, cut off from its database, asked twice, told to stop. What was acknowledged is
//! there exactly once, and nothing is there by halves.

mod act;
mod beside;
pub mod chance;
mod check;
mod clock;
mod crowded;
mod cuts;
mod dark;
mod desk;
mod disk;
mod drafts;
mod hit;
mod import_killed;
mod kill_points;
mod load;
mod poison;
mod postgres_away;
pub mod processes;
mod rows;
mod same_key;
mod send;
mod shim;
mod snapshot;
mod terminated;
mod two_at_once;
mod views_behind;
mod writer;
