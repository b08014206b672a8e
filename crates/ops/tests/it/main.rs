//! What operational state promises, on a real Postgres.

#![expect(clippy::unwrap_used, reason = "what the tests share may fail like a test")]

mod database;
mod drafts;
mod erasures;
mod files;
mod sessions;
mod sign_in;

use decider::{Timestamp, WorkspaceId};
use uuid::Uuid;

pub const WS: WorkspaceId = WorkspaceId(Uuid::from_u128(1));
pub const OTHER_WS: WorkspaceId = WorkspaceId(Uuid::from_u128(2));
pub const ANNA: Uuid = Uuid::from_u128(100);
pub const BEN: Uuid = Uuid::from_u128(101);

const DAY: i64 = 24 * 3600;

/// An instant: seconds after some start.
pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(1_700_000_000_000_000).plus_seconds(seconds)
}
