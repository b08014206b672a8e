//! The newest version of each stream, in bounded memory: what was not met for long is forgotten, and looked up when it comes again.

use std::collections::HashMap;

use decider::WorkspaceId;
use foldhash::fast::RandomState;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use crate::log::error::LogError;

/// How many streams each of the two generations holds: about 30 MB together at most.
pub const STREAMS_MAX: usize = 1 << 19;

/// An event whose predecessor in its stream was forgotten.
struct Unproven {
    stream: Uuid,
    position: i64,
    version: i32,
    commit: i64,
}

/// The streams met so far.
pub(super) struct Versions {
    room: usize,
    young: Generation,
    old: Generation,
    forgot: bool,
    unproven: Vec<Unproven>,
}

type Generation = HashMap<Uuid, i32, RandomState>;

impl Versions {
    pub fn new(room: usize) -> Self {
        Self {
            room: room.max(1),
            young: Generation::default(),
            old: Generation::default(),
            forgot: false,
            unproven: Vec::new(),
        }
    }

    /// Of a log that begins earlier than what is judged: whatever was not met is looked up.
    pub fn amid(room: usize) -> Self {
        Self { forgot: true, ..Self::new(room) }
    }

    /// Whether an event follows the one before in its stream, as far as that is remembered.
    pub fn follows(&mut self, stream: Uuid, version: i32, (commit, position): (i64, i64)) -> bool {
        let known = self.young.get_mut(&stream).map(|known| std::mem::replace(known, version));
        let known = known.or_else(|| {
            let known = self.old.remove(&stream);
            self.remember(stream, version);
            known
        });
        match known {
            Some(before) => before.checked_add(1) == Some(version),
            None if self.forgot => {
                self.unproven.push(Unproven { stream, position, version, commit });
                true
            }
            None => version == 1,
        }
    }

    fn remember(&mut self, stream: Uuid, version: i32) {
        if self.young.len() >= self.room {
            self.forgot |= !self.old.is_empty();
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(stream, version);
    }

    /// Looks up what was forgotten: the events, as (commit, position), that do not follow the one before.
    pub async fn prove(
        &mut self,
        connection: &mut PgConnection,
        ws: WorkspaceId,
    ) -> Result<Vec<(i64, i64)>, LogError> {
        if self.unproven.is_empty() {
            return Ok(Vec::new());
        }
        let unproven = std::mem::take(&mut self.unproven);
        let (streams, positions): (Vec<Uuid>, Vec<i64>) =
            unproven.iter().map(|event| (event.stream, event.position)).unzip();
        let rows = sqlx::query(include_str!("../sql/verify_before.sql"))
            .bind(ws.0)
            .bind(streams)
            .bind(positions)
            .bind(unproven.iter().map(|event| i64::from(event.version)).collect::<Vec<_>>())
            .fetch_all(connection)
            .await?;
        let mut wrong = Vec::new();
        for (event, row) in unproven.iter().zip(rows) {
            if !row.try_get::<bool, _>(0)? {
                wrong.push((event.commit, event.position));
            }
        }
        Ok(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_is_compared_and_what_was_forgotten_is_put_down() {
        let mut versions = Versions::new(2);
        let id = Uuid::from_u128;
        assert!(versions.follows(id(1), 1, (1, 1)));
        assert!(!versions.follows(id(2), 2, (1, 2)), "nothing was before it");
        assert!(!versions.follows(id(1), 3, (2, 3)), "the second is missing");
        assert!(versions.follows(id(1), 4, (2, 4)));
        for stream in 3..7 {
            assert!(versions.follows(id(stream), 1, (3, 5)));
        }
        assert!(versions.forgot);
        let before = versions.unproven.len();
        assert!(versions.follows(id(1), 9, (4, 9)));
        assert_eq!(versions.unproven.len(), before + 1);
    }
}
