//! Keys in memory: those handed out for sealing, and the cache of those known alive or destroyed.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use decider::{KeyKind, KeyScope, Timestamp, WorkspaceId};
use uuid::Uuid;

use crate::cache::BoundedCache;
use crate::seal::KeyBytes;

const KEYS_MAX: usize = 50_000;
const SCOPES_MAX: usize = 50_000;
/// A key destroyed on another node is noticed here after this time at the latest, whatever happens to this process.
pub const KEY_AGE_MAX: Duration = Duration::from_secs(120);

/// A key to seal with.
#[derive(Clone)]
pub struct SealingKey {
    /// Its id.
    pub id: Uuid,
    /// Whether the append that stores what it seals must also insert its assignment.
    pub newly_assigned: bool,
    pub(crate) bytes: Arc<KeyBytes>,
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealingKey({}, newly_assigned: {})", self.id, self.newly_assigned)
    }
}

/// The keys for a set of scopes: one per kind and id.
#[derive(Clone, Debug, Default)]
pub struct SealingKeys {
    by_scope: HashMap<(KeyKind, Uuid), SealingKey>,
    subjects: HashMap<(KeyKind, Uuid), Vec<Uuid>>,
}

/// A row of `vault.assignment`, and the subjects for `vault.subject`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assigned {
    /// The key.
    pub key_id: Uuid,
    /// What it belongs to: the stored word ([`KeyKind::as_str`]).
    pub kind: &'static str,
    /// The id of that content, person, ticket or draft.
    pub scope_id: Uuid,
    /// Persons whose erasure concerns the key; a person's own id included.
    pub subjects: Vec<Uuid>,
}

impl SealingKeys {
    /// The key of a scope that was asked for.
    #[must_use]
    pub fn get(&self, scope: &KeyScope) -> Option<&SealingKey> {
        self.by_scope.get(&(scope.kind, scope.id))
    }

    /// What the append must insert together with the events sealed with these keys.
    #[must_use]
    pub fn assigned(&self) -> Vec<Assigned> {
        let mut rows: Vec<Assigned> = self
            .by_scope
            .iter()
            .filter(|(_, key)| key.newly_assigned)
            .map(|(&(kind, scope_id), key)| Assigned {
                key_id: key.id,
                kind: kind.as_str(),
                scope_id,
                subjects: self.subjects.get(&(kind, scope_id)).cloned().unwrap_or_default(),
            })
            .collect();
        rows.sort_by_key(|row| row.key_id);
        rows
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_scope.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_scope.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (KeyKind, Uuid, &SealingKey)> {
        self.by_scope.iter().map(|(&(kind, id), key)| (kind, id, key))
    }

    pub(crate) fn contains(&self, scope: &(KeyKind, Uuid)) -> bool {
        self.by_scope.contains_key(scope)
    }

    pub(crate) fn insert(&mut self, scope: (KeyKind, Uuid), key: SealingKey) {
        self.by_scope.insert(scope, key);
    }

    pub(crate) fn add_subjects(&mut self, scope: &KeyScope) {
        for subject in subjects_of(scope) {
            let all = self.subjects.entry((scope.kind, scope.id)).or_default();
            if !all.contains(&subject) {
                all.push(subject);
            }
        }
    }
}

/// The persons a key of this scope concerns: a person's own id included.
pub fn subjects_of(scope: &KeyScope) -> impl Iterator<Item = Uuid> + '_ {
    let own = (scope.kind == KeyKind::Person).then_some(scope.id);
    own.into_iter().chain(scope.subjects.iter().copied())
}

/// The erasure that destroyed a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tombstone {
    /// Its id, which is that of its certificate.
    pub erasure: Uuid,
    /// When the key was destroyed.
    pub at: Timestamp,
}

/// What is known about a key.
#[derive(Clone)]
pub enum Known {
    Alive(Arc<KeyBytes>),
    /// It does not exist (any more); beside it the erasure, where one destroyed it.
    Destroyed(Option<Tombstone>),
}

/// Keys by id, and the key of each person and ticket.
pub struct KeyRing {
    pub keys: BoundedCache<(WorkspaceId, Uuid), Known>,
    pub scopes: BoundedCache<(WorkspaceId, KeyKind, Uuid), Uuid>,
}

impl KeyRing {
    pub fn new() -> Self {
        Self {
            keys: BoundedCache::new(KEYS_MAX, KEY_AGE_MAX),
            scopes: BoundedCache::new(SCOPES_MAX, KEY_AGE_MAX),
        }
    }

    /// The assigned key of a person or ticket, if both the assignment and the key are in memory.
    pub fn of_scope(&self, ws: WorkspaceId, kind: KeyKind, id: Uuid) -> Option<SealingKey> {
        let key_id = self.scopes.get(&(ws, kind, id))?;
        match self.keys.get(&(ws, key_id))? {
            Known::Alive(bytes) => Some(SealingKey { id: key_id, newly_assigned: false, bytes }),
            Known::Destroyed(_) => None,
        }
    }
}
