//! Writing a batch of commands as one commit: the arrays that `es.append` takes, and what it answers.

use std::sync::OnceLock;

use decider::{CommandId, LogPosition, StoredEvent, Timestamp, Version, WorkspaceId};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use super::error::LogError;
use super::leaf::{ClaimRowInput, CommandRowInput, LeafInput, commit_content, leaf};
use super::reader::{ClaimRow, Head, hash_of, signed, unsigned};
use super::time::PgInstant;
use super::wire::WireEvent;

/// A batch in the form of the database: one array per column. Nothing in it is personal content in clear.
#[derive(Clone, Default)]
pub struct AppendBatch {
    pub(crate) commands: Vec<(Uuid, Vec<u8>, i32, i32)>,
    pub(crate) guards: Vec<(Uuid, i32)>,
    pub(crate) claim_guards: Vec<(&'static str, Vec<u8>, i32)>,
    pub(crate) events: Vec<EventRow>,
    pub(crate) claims: Vec<(&'static str, Vec<u8>, i32, Option<Uuid>)>,
    pub(crate) assignments: Vec<(Uuid, &'static str, Uuid)>,
    pub(crate) subjects: Vec<(Uuid, Uuid)>,
    pub(crate) numbers: i64,
    pub(crate) directory_offset: i32,
    /// The digest, once somebody has asked for it.
    content: OnceLock<[u8; 32]>,
}

/// One event ready to be written.
#[derive(Clone)]
pub struct PendingEvent {
    /// The event as it will stand in the log; its position and recording time are set once it is written.
    pub stored: StoredEvent,
    /// When the fact happened, where it differs from the recording time.
    pub occurred_at: Option<Timestamp>,
    /// Whether it belongs to the directory.
    pub directory: bool,
}

#[derive(Clone)]
pub(crate) struct EventRow {
    pub(crate) pending: PendingEvent,
    actor: String,
    meta: String,
    pub(crate) leaf: [u8; 32],
}

impl EventRow {
    fn on_the_wire(&self) -> WireEvent<'_> {
        let stored = &self.pending.stored;
        WireEvent {
            command: stored.command.0,
            stream: stored.stream,
            version: i32::try_from(stored.version).unwrap_or(i32::MAX),
            kind: &stored.kind,
            type_name: &stored.type_name,
            schema_version: i16::try_from(stored.schema_version).unwrap_or(i16::MAX),
            occurred_at: self.pending.occurred_at.map(Timestamp::as_micros),
            actor: &self.actor,
            meta: &self.meta,
            payload: &stored.payload,
        }
    }
}

impl AppendBatch {
    /// Begins the next command of the batch; its events follow.
    pub fn command(&mut self, id: CommandId, body_hash: [u8; 32]) {
        let offset = i32::try_from(self.events.len()).unwrap_or(i32::MAX);
        self.content = OnceLock::new();
        self.commands.push((id.0, body_hash.to_vec(), offset, 0));
    }

    /// Adds an event of the command begun last.
    ///
    /// # Errors
    /// When its context cannot be written as JSON.
    pub fn event(&mut self, pending: PendingEvent) -> Result<(), serde_json::Error> {
        let Some((_, _, _, n)) = self.commands.last_mut() else { return Ok(()) };
        let stored = &pending.stored;
        let (actor, meta) = (stored.actor.to_string(), serde_json::to_string(&stored.context)?);
        let leaf = leaf(
            stored.ws,
            &LeafInput {
                stream: stored.stream,
                version: stored.version,
                kind: stored.kind.as_bytes(),
                type_name: stored.type_name.as_bytes(),
                schema_version: stored.schema_version,
                command: stored.command.0,
                occurred_at: pending.occurred_at.map(Timestamp::as_micros),
                actor: actor.as_bytes(),
                meta: meta.as_bytes(),
                payload: &stored.payload,
            },
        );
        *n += 1;
        self.content = OnceLock::new();
        if pending.directory {
            self.directory_offset = i32::try_from(self.events.len() + 1).unwrap_or(i32::MAX);
        }
        self.events.push(EventRow { pending, actor, meta, leaf });
        Ok(())
    }

    /// The batch holds only while this stream has this version.
    pub fn guard(&mut self, stream: Uuid, version: Version) {
        self.guards.push((stream, i32::try_from(version).unwrap_or(i32::MAX)));
    }

    /// The batch holds only while this natural key has changed hands this often.
    pub fn guard_claim(&mut self, scope: &'static str, mac: [u8; 32], seq: i32) {
        self.claim_guards.push((scope, mac.to_vec(), seq));
    }

    /// A natural key changes hands.
    pub fn claim(&mut self, scope: &'static str, mac: [u8; 32], seq: i32, holder: Option<Uuid>) {
        self.content = OnceLock::new();
        self.claims.push((scope, mac.to_vec(), seq, holder));
    }

    /// A key from the pool is put to use.
    pub fn assign_key(&mut self, key: Uuid, kind: &'static str, scope: Uuid) {
        self.assignments.push((key, kind, scope));
    }

    /// The erasure of a person concerns a key.
    pub fn subject(&mut self, subject: Uuid, key: Uuid) {
        self.subjects.push((subject, key));
    }

    /// A command took ticket numbers.
    pub fn take_numbers(&mut self, count: u32) {
        self.numbers += i64::from(count);
    }

    /// Whether it holds no command.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }

    /// Number of events.
    #[must_use]
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// The events as far as they are known before the batch is written.
    pub fn pending(&self) -> impl Iterator<Item = &StoredEvent> {
        self.events.iter().map(|row| &row.pending.stored)
    }

    /// The events as they stand in the log now that the batch was written.
    #[must_use]
    pub fn into_written(self, head: &Head) -> Vec<StoredEvent> {
        let before = head.position.0 - self.events.len() as u64;
        (before + 1..)
            .zip(self.events)
            .map(|(position, row)| {
                let mut stored = row.pending.stored;
                stored.position = LogPosition(position);
                stored.at = head.at;
                stored.occurred_at = row.pending.occurred_at.unwrap_or(head.at);
                stored
            })
            .collect()
    }

    /// Digest of its commands and natural keys; computed once.
    #[must_use]
    pub fn content(&self) -> [u8; 32] {
        *self.content.get_or_init(|| self.digest())
    }

    fn digest(&self) -> [u8; 32] {
        let unsigned32 = |number: i32| u32::try_from(number).unwrap_or(0);
        let commands: Vec<_> = self
            .commands
            .iter()
            .map(|(command, body_hash, offset, n)| CommandRowInput {
                command: *command,
                offset: unsigned32(*offset),
                events: unsigned32(*n),
                body_hash,
            })
            .collect();
        let claims: Vec<_> = self
            .claims
            .iter()
            .map(|(scope, mac, seq, holder)| ClaimRowInput {
                scope,
                mac,
                seq: *seq,
                holder: *holder,
            })
            .collect();
        commit_content(&commands, &claims)
    }
}

/// A command of the batch that was accepted before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duplicate {
    /// Its place in the batch, from 0.
    pub index: usize,
    /// Its first event.
    pub first_pos: LogPosition,
    /// How many events it wrote then.
    pub events: u32,
    /// Whether its body was the same.
    pub same_body: bool,
}

/// A natural key of the batch that changed hands meanwhile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadClaim {
    /// Its place among the guarded keys, from 0.
    pub index: usize,
    /// What it is now.
    pub actual: ClaimRow,
}

/// What stood in the way of a batch; nothing was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems {
    /// Commands accepted before.
    pub duplicates: Vec<Duplicate>,
    /// Streams with another version than assumed, with the actual one.
    pub streams: Vec<(Uuid, Version)>,
    /// Natural keys that changed hands.
    pub claims: Vec<BadClaim>,
}

/// What came of an append.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Appended {
    /// Written: the new head. The batch's events end at its position.
    Written(Head),
    /// The directory or the ticket numbers moved on: catch up and decide again.
    Stale(Head),
    /// The commit that this batch counts on is not there yet.
    Early,
    /// Nothing was written.
    Refused(Problems),
}

/// What a batch counts on.
#[derive(Clone, Copy, Debug)]
pub struct Base {
    /// The newest commit known, and the directory and ticket numbers the batch was decided with.
    pub head: Head,
    /// How many batches of this node are on their way behind that commit, and the digest of the last: this one holds only
    /// directly behind it.
    pub behind: Option<(u64, [u8; 32])>,
    /// Whether everything its decisions read is folded up to there. Then the guards need no look while nobody else writes.
    pub sure: bool,
}

impl From<Head> for Base {
    fn from(head: Head) -> Self {
        Self { head, behind: None, sure: false }
    }
}

/// Appends a batch in one round trip that commits by itself.
///
/// # Errors
/// When the database fails (the outcome is then unknown: send the same batch again), or the workspace is closed.
pub async fn append(
    connection: &mut PgConnection,
    ws: WorkspaceId,
    node: Uuid,
    base: &Base,
    batch: &AppendBatch,
) -> Result<Appended, LogError> {
    let (mut c_cmd, mut c_hash, mut c_offset, mut c_n) = (vec![], vec![], vec![], vec![]);
    for (command, hash, offset, n) in &batch.commands {
        c_cmd.push(*command);
        c_hash.push(hash.as_slice());
        c_offset.push(*offset);
        c_n.push(*n);
    }
    let (g_stream, g_version): (Vec<Uuid>, Vec<i32>) = batch.guards.iter().copied().unzip();
    let row = sqlx::query(include_str!("sql/append.sql"))
        .bind(ws.0)
        .bind(node)
        .bind(signed(base.head.commit + base.behind.map_or(0, |(ahead, _)| ahead)))
        .bind(base.behind.is_none().then(|| base.head.hash.to_vec()))
        .bind(base.behind.map(|(_, content)| content.to_vec()))
        .bind(base.sure)
        .bind(signed(base.head.number))
        .bind(signed(base.head.directory.0))
        .bind(batch.numbers)
        .bind(batch.directory_offset)
        .bind(batch.content().to_vec())
        .bind(batch.events.iter().flat_map(|row| row.leaf).collect::<Vec<u8>>())
        .bind(c_cmd)
        .bind(c_hash)
        .bind(c_offset)
        .bind(c_n)
        .bind(g_stream)
        .bind(g_version)
        .bind(batch.claim_guards.iter().map(|guard| guard.0).collect::<Vec<_>>())
        .bind(batch.claim_guards.iter().map(|guard| guard.1.as_slice()).collect::<Vec<_>>())
        .bind(batch.claim_guards.iter().map(|guard| guard.2).collect::<Vec<_>>())
        .bind(batch.events.iter().map(EventRow::on_the_wire).collect::<Vec<_>>())
        .bind(batch.claims.iter().map(|claim| claim.0).collect::<Vec<_>>())
        .bind(batch.claims.iter().map(|claim| claim.1.as_slice()).collect::<Vec<_>>())
        .bind(batch.claims.iter().map(|claim| claim.2).collect::<Vec<_>>())
        .bind(batch.claims.iter().map(|claim| claim.3).collect::<Vec<_>>())
        .bind(batch.assignments.iter().map(|key| key.0).collect::<Vec<_>>())
        .bind(batch.assignments.iter().map(|key| key.1).collect::<Vec<_>>())
        .bind(batch.assignments.iter().map(|key| key.2).collect::<Vec<_>>())
        .bind(batch.subjects.iter().map(|subject| subject.0).collect::<Vec<_>>())
        .bind(batch.subjects.iter().map(|subject| subject.1).collect::<Vec<_>>())
        .fetch_one(connection)
        .await?;
    answer(&row)
}

fn answer(row: &PgRow) -> Result<Appended, LogError> {
    match row.try_get::<i16, _>("status")? {
        0 => Ok(Appended::Written(head(row)?)),
        1 => Ok(Appended::Stale(head(row)?)),
        2 => Ok(Appended::Refused(problems(row)?)),
        4 => Ok(Appended::Early),
        _ => Err(LogError::WorkspaceClosed),
    }
}

fn head(row: &PgRow) -> Result<Head, LogError> {
    Ok(Head {
        commit: unsigned(row.try_get("head_no")?),
        position: LogPosition(unsigned(row.try_get("head_pos")?)),
        number: unsigned(row.try_get("head_number")?),
        directory: LogPosition(unsigned(row.try_get("head_directory")?)),
        hash: hash_of(row.try_get("head_hash")?),
        at: row
            .try_get::<Option<PgInstant>, _>("head_at")?
            .map_or(Timestamp::from_micros(0), |instant| instant.0),
    })
}

fn problems(row: &PgRow) -> Result<Problems, LogError> {
    let index = |ord: i32| usize::try_from(ord - 1).unwrap_or(usize::MAX);
    let ords: Vec<i32> = list(row, "dup_ord")?;
    let positions: Vec<i64> = list(row, "dup_pos")?;
    let counts: Vec<i32> = list(row, "dup_n")?;
    let same: Vec<bool> = list(row, "dup_same")?;
    let duplicates = ords
        .into_iter()
        .zip(positions)
        .zip(counts.into_iter().zip(same))
        .map(|((ord, pos), (n, same_body))| Duplicate {
            index: index(ord),
            first_pos: LogPosition(unsigned(pos)),
            events: u32::try_from(n).unwrap_or(0),
            same_body,
        })
        .collect();
    let streams: Vec<Uuid> = list(row, "bad_stream")?;
    let versions: Vec<i32> = list(row, "bad_version")?;
    let claim_ords: Vec<i32> = list(row, "bad_claim")?;
    let seqs: Vec<i32> = list(row, "bad_seq")?;
    let holders: Vec<Option<Uuid>> = list(row, "bad_holder")?;
    Ok(Problems {
        duplicates,
        streams: streams
            .into_iter()
            .zip(versions.into_iter().map(|v| u32::try_from(v).unwrap_or(0)))
            .collect(),
        claims: claim_ords
            .into_iter()
            .zip(seqs.into_iter().zip(holders))
            .map(|(ord, (seq, holder))| BadClaim {
                index: index(ord),
                actual: ClaimRow { seq, holder },
            })
            .collect(),
    })
}

fn list<'r, T>(row: &'r PgRow, column: &str) -> Result<Vec<T>, LogError>
where
    Vec<T>: sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
{
    Ok(row.try_get::<Option<Vec<T>>, _>(column)?.unwrap_or_default())
}
