//! The hashes that make changes to history visible.
//!
//! `leaf` is SHA-256 over the length-prefixed envelope and payload of one event, without position and recording time: those
//! are covered by the hash of its commit, which chains the leaves of all its events, its command and claim rows and the hash
//! of the commit before it.

use decider::WorkspaceId;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// The hash before the first commit.
pub const ZERO_HASH: [u8; 32] = [0; 32];

/// One event as it is hashed and written.
pub struct LeafInput<'a> {
    /// The stream.
    pub stream: Uuid,
    /// Its place in the stream.
    pub version: u32,
    /// The stream kind.
    pub kind: &'a [u8],
    /// The stored type.
    pub type_name: &'a [u8],
    /// The stored shape version.
    pub schema_version: u16,
    /// The command.
    pub command: Uuid,
    /// When the fact happened, in microseconds, where it differs from the recording time.
    pub occurred_at: Option<i64>,
    /// Who.
    pub actor: &'a [u8],
    /// Why, as stored.
    pub meta: &'a [u8],
    /// The payload as stored.
    pub payload: &'a [u8],
}

/// SHA-256 of one event's envelope and payload.
#[must_use]
pub fn leaf(ws: WorkspaceId, event: &LeafInput<'_>) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(b"ledgerdesk.leaf.1");
    hash.update(ws.0.as_bytes());
    hash.update(event.stream.as_bytes());
    hash.update(event.version.to_be_bytes());
    hash.update(event.schema_version.to_be_bytes());
    hash.update(event.command.as_bytes());
    match event.occurred_at {
        Some(micros) => {
            hash.update([1]);
            hash.update(micros.to_be_bytes());
        }
        None => hash.update([0]),
    }
    for part in [event.kind, event.type_name, event.actor, event.meta, event.payload] {
        length_prefixed(&mut hash, part);
    }
    hash.finalize().into()
}

/// One row of `es.command` as its commit's digest sees it.
pub struct CommandRowInput<'a> {
    /// The command id.
    pub command: Uuid,
    /// How many events of the commit come before its own.
    pub offset: u32,
    /// How many events it wrote.
    pub events: u32,
    /// Keyed hash of its body.
    pub body_hash: &'a [u8],
}

/// One row of `es.claim` as its commit's digest sees it.
pub struct ClaimRowInput<'a> {
    /// The scope.
    pub scope: &'a str,
    /// Keyed MAC of the key.
    pub mac: &'a [u8],
    /// Which change of this key it is.
    pub seq: i32,
    /// The new holder; none gives it back.
    pub holder: Option<Uuid>,
}

/// Digest of a commit's command and claim rows, in their order.
#[must_use]
pub fn commit_content(commands: &[CommandRowInput<'_>], claims: &[ClaimRowInput<'_>]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(b"ledgerdesk.content.1");
    hash.update((commands.len() as u64).to_be_bytes());
    for row in commands {
        hash.update(row.command.as_bytes());
        hash.update(row.offset.to_be_bytes());
        hash.update(row.events.to_be_bytes());
        length_prefixed(&mut hash, row.body_hash);
    }
    hash.update((claims.len() as u64).to_be_bytes());
    for row in claims {
        length_prefixed(&mut hash, row.scope.as_bytes());
        length_prefixed(&mut hash, row.mac);
        hash.update(row.seq.to_be_bytes());
        match row.holder {
            Some(stream) => {
                hash.update([1]);
                hash.update(stream.as_bytes());
            }
            None => hash.update([0]),
        }
    }
    hash.finalize().into()
}

/// What the hash of a commit covers beside its leaves. `es.append` computes the same in SQL.
pub struct CommitInput<'a> {
    /// Number of the commit.
    pub no: i64,
    /// First position.
    pub first_pos: i64,
    /// Newest ticket number after it.
    pub last_number: i64,
    /// Newest directory position after it.
    pub last_directory: i64,
    /// The node that wrote it.
    pub node: Uuid,
    /// When, in microseconds.
    pub at: i64,
    /// Hash of the commit before.
    pub previous: &'a [u8],
    /// Digest of its command and claim rows.
    pub content: &'a [u8],
}

/// The chain hash of a commit.
#[must_use]
pub fn commit_hash(ws: WorkspaceId, commit: &CommitInput<'_>, leaves: &[Vec<u8>]) -> [u8; 32] {
    let mut hash = CommitHash::begin(ws, commit, leaves.len() as i64);
    for leaf in leaves {
        hash.leaf(leaf);
    }
    hash.finish()
}

/// The chain hash of a commit whose leaves come one by one.
#[derive(Clone)]
pub struct CommitHash(Sha256);

impl CommitHash {
    /// Begins it; so many leaves are to follow.
    #[must_use]
    pub fn begin(ws: WorkspaceId, commit: &CommitInput<'_>, leaves: i64) -> Self {
        let mut hash = Sha256::new();
        hash.update(ws.0.as_bytes());
        hash.update(commit.no.to_be_bytes());
        hash.update(commit.first_pos.to_be_bytes());
        hash.update(i32::try_from(leaves).unwrap_or(i32::MAX).to_be_bytes());
        hash.update(commit.last_number.to_be_bytes());
        hash.update(commit.last_directory.to_be_bytes());
        hash.update(commit.node.as_bytes());
        hash.update(commit.at.to_be_bytes());
        hash.update(commit.previous);
        hash.update(commit.content);
        Self(hash)
    }

    /// The next leaf.
    pub fn leaf(&mut self, leaf: &[u8]) {
        self.0.update(leaf);
    }

    /// The hash.
    #[must_use]
    pub fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

/// The seal of a workspace's own row. It is no part of the chain: it shows an edit that does not know of it.
#[must_use]
pub fn workspace_seal(ws: WorkspaceId, made_at: i64, closed_at: Option<i64>) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(b"ledgerdesk.workspace.1");
    hash.update(ws.0.as_bytes());
    hash.update(made_at.to_be_bytes());
    match closed_at {
        Some(micros) => {
            hash.update([1]);
            hash.update(micros.to_be_bytes());
        }
        None => hash.update([0]),
    }
    hash.finalize().into()
}

fn length_prefixed(hash: &mut Sha256, bytes: &[u8]) {
    hash.update((bytes.len() as u64).to_be_bytes());
    hash.update(bytes);
}
