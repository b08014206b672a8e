//! What the vault promises, on a real Postgres.

#![expect(clippy::unwrap_used, reason = "what the tests share may fail like a test")]

mod assigning;
mod database;
mod objects;
mod sealing;

use decider::WorkspaceId;
use uuid::Uuid;

pub const WS: WorkspaceId = WorkspaceId(Uuid::from_u128(1));
pub const OTHER_WS: WorkspaceId = WorkspaceId(Uuid::from_u128(2));

/// For scopes that surely have no key yet.
pub fn new(_: &decider::KeyScope) -> bool {
    true
}

/// For scopes that may have one.
pub fn old(_: &decider::KeyScope) -> bool {
    false
}
