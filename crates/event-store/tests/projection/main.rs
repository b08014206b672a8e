//! The projection engine against Postgres, with a toy view: batches, crashes, fencing, faults, following.

mod batches;
mod database;
mod faults;
mod following;
mod toy;
